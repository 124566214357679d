package rollout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// reasonUnverified is the reason of a Problem that is no verdict: the check itself could not be made.
const reasonUnverified = "Unverified"

// recheckAfter is when a revision that was refused, or could not be checked, is looked at again. What mends it, such as
// an admission policy or a quota, is not watched.
const recheckAfter = 10 * time.Second

// templateVerdict is what was found of one revision of a Rollout.
type templateVerdict struct {
	digest string
	// effective is the digest of what the API server makes of the template; empty where that is not known.
	effective string
	problem   *plan.Problem
	at        time.Time
}

// templateVerdicts remember the last verdict for each Rollout, so that a revision is checked once.
type templateVerdicts struct{ remembered[templateVerdict] }

func newTemplateVerdicts() *templateVerdicts { return &templateVerdicts{} }

func (v *templateVerdicts) get(rollout types.NamespacedName, digest string, now time.Time) (templateVerdict, bool) {
	known, ok := v.remembered.get(rollout)
	if !ok || known.digest != digest || (known.problem != nil && now.Sub(known.at) >= recheckAfter) {
		return templateVerdict{}, false
	}
	return known, true
}

// checkNewRevision checks a revision that has no ReplicaSet yet: the API server's own validation of the pod template,
// and that the pods would be the Rollout's alone.
func (r *Reconciler) checkNewRevision(ctx context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	if o.sets[o.revision.Name] != nil {
		return nil, nil
	}
	verdict, err := r.verdictOn(ctx, o)
	return verdict.problem, err
}

// verdictOn checks the wanted revision, or remembers what came of it. An error is only that of a process that ends.
func (r *Reconciler) verdictOn(ctx context.Context, o *observation) (templateVerdict, error) {
	now := r.clock.Now()
	if known, ok := r.verdicts.get(client.ObjectKeyFromObject(o.rollout), o.revision.Digest, now); ok {
		return known, nil
	}
	effective, problem, err := r.dryRun(ctx, o)
	if err == nil && problem == nil {
		problem, err = r.foreignPods(ctx, o)
	}
	if ctx.Err() != nil {
		return templateVerdict{}, ctx.Err()
	}
	if err != nil {
		problem = problemf(reasonUnverified, "revision %s could not be checked and waits: %v", o.revision.Name, err)
	}
	verdict := templateVerdict{digest: o.revision.Digest, effective: effective, problem: problem, at: now}
	r.verdicts.put(client.ObjectKeyFromObject(o.rollout), verdict)
	return verdict, nil
}

// dryRun asks the API server to make the ReplicaSet, with strict fields, without making it, and gives the digest of what
// it makes of the template. An error means that there is no verdict.
func (r *Reconciler) dryRun(ctx context.Context, o *observation) (effective string, problem *plan.Problem, err error) {
	set, err := newReplicaSet(o, 0, plan.RoleNone)
	if err != nil {
		return "", nil, err
	}
	err = r.client.Create(ctx, set, client.DryRunAll, client.FieldOwner(v1alpha1.ManagerController),
		client.FieldValidation(metav1.FieldValidationStrict))
	switch {
	case err == nil:
		effective, err = effectiveDigest(set)
		return effective, nil, err
	case apierrors.IsAlreadyExists(err):
		return "", nil, nil
	case isVerdict(err):
		return "", problemf(v1alpha1.ReasonInvalidTemplate, "the API server refuses the pod template: %s", fieldErrors(err)), nil
	}
	return "", nil, err
}

// isVerdict says whether the API server refused the content, and not only this attempt.
func isVerdict(err error) bool {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		return false
	}
	switch status.Status().Code {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return true
	default:
		return false
	}
}

// fieldErrors names the fields of a refusal where it has some.
func fieldErrors(err error) string {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || status.Status().Details == nil {
		return err.Error()
	}
	var fields []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Field != "" {
			fields = append(fields, cause.Field+": "+cause.Message)
		}
	}
	if len(fields) == 0 {
		return err.Error()
	}
	return strings.Join(fields, "; ")
}

// maxForeign is how many pods are looked through for another controller's. The request is bounded, not the cluster.
const maxForeign = 500

// foreignPods refuses a selector that catches another controller's pods: the Services would send them traffic and the
// counts would be wrong. It asks the API server, since the cache holds only pods of Rollouts, and is content with what that
// has in memory: where few pods change, waiting until its memory is sure to be current takes longer than all else.
func (r *Reconciler) foreignPods(ctx context.Context, o *observation) (*plan.Problem, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	inMemory := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: "0"}}
	err := r.live.List(ctx, list, inMemory, o.inNamespace(), client.MatchingLabelsSelector{Selector: o.selector}, client.Limit(maxForeign))
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	for i := range list.Items {
		pod := &list.Items[i]
		owner := metav1.GetControllerOfNoCopy(pod)
		if pod.DeletionTimestamp != nil || owner == nil || o.owns(owner) || r.expected(o, pod) {
			continue
		}
		return problemf(v1alpha1.ReasonSelectorOverlap,
			"spec.selector catches pod %q of %s %q; delete that or give this Rollout a label of its own",
			pod.Name, owner.Kind, owner.Name), nil
	}
	return nil, nil
}

// owns says whether a ReplicaSet is, or was a moment ago, the Rollout's own.
func (o *observation) owns(set *metav1.OwnerReference) bool {
	for _, own := range o.sets {
		if own.UID == set.UID {
			return true
		}
	}
	hash, ours := strings.CutPrefix(set.Name, o.rollout.Name+"-")
	return ours && len(hash) == wanted.RevisionLength
}
