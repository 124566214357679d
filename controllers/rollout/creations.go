package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// A ReplicaSet may be refused though the dry run of it was not: a quota or a webhook came later, or something else has its
// name. Then it is tried again as seldom as a problem is looked at, and the status says why until it succeeds.

const (
	// reasonCreationRefused is the reason of a Problem with a ReplicaSet that the API server does not take.
	reasonCreationRefused = "ReplicaSetRefused"
	// reasonNameTaken is the reason of a Problem with something else that has the ReplicaSet's name.
	reasonNameTaken = "ReplicaSetNameTaken"
)

// creations remember the last refusal for each Rollout.
type creations struct{ remembered[refusedCreation] }

type refusedCreation struct {
	revision string
	problem  *plan.Problem
	at       time.Time
}

func newCreations() *creations { return &creations{} }

func (c *creations) get(rollout types.NamespacedName, revision string) (refusedCreation, bool) {
	known, ok := c.remembered.get(rollout)
	return known, ok && known.revision == revision
}

// holdBack lets a plan that makes a ReplicaSet which was refused say so, and leaves the creation out, with what comes after
// it, until it is time to try again. It is for the status alone: the engine goes on deciding as if it would succeed.
func (r *Reconciler) holdBack(o *observation, p *plan.Plan, now time.Time) {
	key := client.ObjectKeyFromObject(o.rollout)
	at := slices.IndexFunc(p.Actions, func(a plan.Action) bool {
		_, creates := a.(plan.CreateReplicaSet)
		return creates
	})
	if at < 0 {
		r.creations.forget(key)
		return
	}
	refused, ok := r.creations.get(key, o.revision.Name)
	if !ok {
		refused.problem = saidOfCreation(o)
	}
	if refused.problem == nil {
		return
	}
	o.spec.Problem = refused.problem
	p.Summary = plan.Summary{Phase: plan.Degraded, Reason: refused.problem.Reason, Message: refused.problem.Message}
	if wait := refused.at.Add(recheckAfter).Sub(now); wait > 0 {
		p.Actions = p.Actions[:at]
		o.later = earliest(o.later, wait)
	}
}

// saidOfCreation is what the status says of the wanted ReplicaSet: a controller that has just begun does not take it back
// before it has tried.
func saidOfCreation(o *observation) *plan.Problem {
	said := meta.FindStatusCondition(o.rollout.Status.Conditions, v1alpha1.ConditionInvalid)
	if said == nil || said.Reason != reasonCreationRefused && said.Reason != reasonNameTaken ||
		!strings.Contains(said.Message, setName(o.rollout, o.revision.Name)) {
		return nil
	}
	return &plan.Problem{Reason: said.Reason, Message: said.Message}
}

// notCreated makes sense of a ReplicaSet that could not be made. It returns errLookAgain where there is something to say
// or something was mended, and the error itself where another look is all it takes.
func (r *Reconciler) notCreated(ctx context.Context, o *observation, name string, cause error) error {
	if ctx.Err() != nil || apierrors.IsConflict(cause) || apierrors.IsNotFound(cause) {
		return fmt.Errorf("create ReplicaSet %s: %w", name, cause)
	}
	problem := problemf(reasonCreationRefused, "the API server refuses ReplicaSet %q: %s", name, fieldErrors(cause))
	switch {
	case apierrors.IsAlreadyExists(cause):
		var err error
		if problem, err = r.whatHasTheName(ctx, o, name); err != nil || problem == nil {
			return errors.Join(err, fmt.Errorf("create ReplicaSet %s: %w", name, cause))
		}
	case !isVerdict(cause):
		problem = problemf(reasonUnverified, "ReplicaSet %q could not be made: %v", name, cause)
	}
	r.creations.put(client.ObjectKeyFromObject(o.rollout), refusedCreation{o.revision.Name, problem, r.clock.Now()})
	log.FromContext(ctx).Info("A ReplicaSet was not made", "cause", cause.Error())
	return errLookAgain
}

// whatHasTheName says what has the name that a ReplicaSet is to get; nil where that is the Rollout's own, of which the
// cache does not know yet. One of its own that has lost its label gets it back, and then it is errLookAgain.
func (r *Reconciler) whatHasTheName(ctx context.Context, o *observation, name string) (*plan.Problem, error) {
	set := &appsv1.ReplicaSet{}
	err := r.live.Get(ctx, types.NamespacedName{Namespace: o.rollout.Namespace, Name: name}, set)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	owner := metav1.GetControllerOfNoCopy(set)
	switch {
	case set.DeletionTimestamp != nil:
		return problemf(reasonNameTaken, "ReplicaSet %q is being deleted; waiting until it is gone", name), nil
	case owner == nil:
		return problemf(reasonNameTaken, "ReplicaSet %q is there already and nobody's; delete it, or give it the labels that "+
			"spec.selector asks for and %s=%s", name, v1alpha1.LabelPodTemplateHash, o.revision.Name), nil
	case owner.UID != o.rollout.UID:
		return problemf(reasonNameTaken, "ReplicaSet %q is there already and belongs to %s %q; delete it", name, owner.Kind, owner.Name), nil
	}
	return nil, r.labelAgain(ctx, o, set)
}

// labelAgain gives a ReplicaSet of the Rollout the labels by which it is found, where somebody has taken them off, and
// returns errLookAgain when it did.
func (r *Reconciler) labelAgain(ctx context.Context, o *observation, set *appsv1.ReplicaSet) error {
	labels := map[string]any{}
	for key, value := range selectedLabels(set) {
		if set.Labels[key] != value {
			labels[key] = value
		}
	}
	if len(labels) == 0 {
		return nil
	}
	change := map[string]any{"metadata": map[string]any{"labels": labels}}
	if err := r.patch(ctx, o, kindReplicaSet, set, &appsv1.ReplicaSet{}, change); err != nil {
		return fmt.Errorf("label ReplicaSet %s again: %w", set.Name, err)
	}
	r.event(o.rollout, corev1.EventTypeWarning, eventRelabelled, fmt.Sprintf("ReplicaSet %q had lost the labels by which it is "+
		"found and has them again", set.Name))
	return errLookAgain
}

// selectedLabels are the labels by which a ReplicaSet finds its pods, which it has itself.
func selectedLabels(set *appsv1.ReplicaSet) map[string]string {
	if set.Spec.Selector == nil {
		return nil
	}
	return set.Spec.Selector.MatchLabels
}

// findStable looks for the ReplicaSet of the stable revision where it is missing and would not be made again. It returns
// errLookAgain when that was there without its labels.
func (r *Reconciler) findStable(ctx context.Context, o *observation) error {
	stable := o.seen.State.Stable
	if stable == "" || stable == o.revision.Name || o.sets[stable] != nil {
		return nil
	}
	set := &appsv1.ReplicaSet{}
	err := r.live.Get(ctx, types.NamespacedName{Namespace: o.rollout.Namespace, Name: setName(o.rollout, stable)}, set)
	if err != nil || set.DeletionTimestamp != nil || !metav1.IsControlledBy(set, o.rollout) {
		return client.IgnoreNotFound(err)
	}
	return r.labelAgain(ctx, o, set)
}
