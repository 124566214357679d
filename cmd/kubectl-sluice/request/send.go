package request

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	applyv1alpha1 "github.com/sluicehq/sluice/api/v1alpha1/applyconfiguration/api/v1alpha1"
)

// MaxReason is the greatest length of a reason in characters, as the schema has it.
const MaxReason = 1024

// Ask is what a person asks of a Rollout.
type Ask struct {
	Wish

	// Rollout is the Rollout.
	Rollout client.ObjectKey
	// ID is an identity that no other request has or had.
	ID string
	// By is the caller as the API server knows them; see Caller.
	By string
	// Reason says why; it may be empty.
	Reason string
}

// Caller returns the user name under which the API server knows the client.
func Caller(ctx context.Context, c client.Client) (string, error) {
	review := &authenticationv1.SelfSubjectReview{}
	if err := c.Create(ctx, review); err != nil {
		return "", fmt.Errorf("ask the API server who you are: %w", err)
	}
	return review.Status.UserInfo.Username, nil
}

// Send reads the Rollout, makes the request for its present revision and step, and writes it to status.request alone.
// It returns what it was made for. The error is a RefusedError where there is nothing to ask for, and the API server's
// where the Rollout is missing or the caller may not ask.
//
// An abort is written whatever else happens to the Rollout meanwhile; the other verbs only onto the state that was
// judged, and are judged anew where it has changed.
func Send(ctx context.Context, c client.Client, ask Ask) (Target, error) {
	var target Target
	err := retry.OnError(retry.DefaultRetry, apierrors.IsConflict, func() error {
		ro := &v1alpha1.Rollout{}
		if err := c.Get(ctx, ask.Rollout, ro); err != nil {
			return err
		}
		var err error
		if target, err = Judge(ask.Wish, ro); err != nil {
			return err
		}
		return apply(ctx, c, ro, ask, target)
	})
	return target, err
}

func apply(ctx context.Context, c client.Client, ro *v1alpha1.Rollout, ask Ask, target Target) error {
	request := applyv1alpha1.RolloutRequest().
		WithID(ask.ID).
		WithVerb(ask.Verb).
		WithRevision(target.Revision).
		WithBy(ask.By)
	if target.StepIndex != nil {
		request.WithStepIndex(*target.StepIndex)
	}
	if target.ToStep != nil {
		request.WithToStep(*target.ToStep)
	}
	if ask.Full {
		request.WithFull(true)
	}
	if ask.SkipAnalysis {
		request.WithSkipAnalysis(true)
	}
	if ask.Reason != "" {
		request.WithReason(ask.Reason)
	}
	config := applyv1alpha1.Rollout(ro.Name, ro.Namespace).
		WithUID(ro.UID).
		WithStatus(applyv1alpha1.RolloutStatus().WithRequest(request))
	if ask.Verb != v1alpha1.VerbAbort {
		config.WithResourceVersion(ro.ResourceVersion)
	}
	// Forced, since a request that somebody wrote by other means must not block this one; only status.request is in it.
	return c.Status().Apply(ctx, config, client.FieldOwner(v1alpha1.ManagerCLI), client.ForceOwnership)
}
