package rollout

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// A running Deployment is taken over in this order, so that its pods go on untouched, no Service selects others than
// before, and a crash between any two steps is made good by looking again:
//
//  1. The Deployment is checked: nothing may make it again, and it must not be in the middle of a rollout of its own.
//  2. Its size is written into spec.replicas, where that is absent.
//  3. It is deleted with the policy Orphan. The garbage collector lets go of its ReplicaSets, and then of it.
//  4. A ReplicaSet that nobody controls and that bears the name that the Deployment gave it becomes the Rollout's, and its
//     template gets the revision's label (adopt_sets.go).
//  5. When the controller of ReplicaSets has seen that, so that further pods come with the label, the pods that are there
//     get it.
//  6. The ReplicaSet itself gets it, and with it the stable mark. From here on it is in the cache, and counts.
//
// Until then the Rollout plans nothing, so that it makes nothing. The Deployment and its ReplicaSets are read live: the
// cache holds neither.

const (
	// eventAdopting and eventAdopted are the reasons of the events of an adoption.
	eventAdopting = "Adopting"
	eventAdopted  = "Adopted"
	// reasonAdopting is the reason of a Rollout's conditions while it waits to adopt.
	reasonAdopting = "Adopting"
	// reasonAdoptionRefused is the reason of a Problem with spec.adopt.
	reasonAdoptionRefused = "AdoptionRefused"
	// settleDelay is how soon a Deployment that is not ready to be taken over is looked at again, and handOverDelay how
	// soon another controller is expected to have done its part.
	settleDelay, handOverDelay = 2 * time.Second, 100 * time.Millisecond
	// indexAdopts finds Rollouts by the Deployment that they adopt.
	indexAdopts = "adopts"
)

func adoptedBy(o client.Object) []string {
	if ro, ok := o.(*v1alpha1.Rollout); ok && ro.Spec.Adopt != nil {
		return []string{ro.Spec.Adopt.Name}
	}
	return nil
}

// heldError says that nothing may be planned yet.
type heldError struct {
	// problem is what a person has to mend; nil where it passes by itself.
	problem *plan.Problem
	message string
	after   time.Duration
}

func (e *heldError) Error() string { return e.message }

func waitFor(after time.Duration, format string, args ...any) error {
	return &heldError{message: fmt.Sprintf(format, args...), after: after}
}

func refuse(problem *plan.Problem) error {
	return &heldError{problem: problem, message: problem.Message, after: problemDelay}
}

func refusef(format string, args ...any) error {
	return refuse(problemf(reasonAdoptionRefused, format, args...))
}

// adoptions remember which Rollouts have nothing left to adopt, so that nothing is read for it again.
type adoptions struct{ remembered[adoptionDone] }

type adoptionDone struct {
	uid        types.UID
	deployment string
}

func newAdoptions() *adoptions { return &adoptions{} }

func (a *adoptions) done(ro *v1alpha1.Rollout) bool {
	last, _ := a.get(client.ObjectKeyFromObject(ro))
	return last == adoptionDone{ro.UID, ro.Spec.Adopt.Name}
}

func (a *adoptions) put(ro *v1alpha1.Rollout) {
	a.remembered.put(client.ObjectKeyFromObject(ro), adoptionDone{ro.UID, ro.Spec.Adopt.Name})
}

// takeOver takes over the Deployment of spec.adopt, and sees to it that spec.replicas is there. It returns a heldError
// while nothing may be planned, and errLookAgain when it has changed something that plans are made of.
func (r *Reconciler) takeOver(ctx context.Context, o *observation) error {
	if o.rollout.Spec.Adopt == nil || r.adoptions.done(o.rollout) {
		return r.writeSize(ctx, o, sizeOf(o))
	}
	seen, err := r.lookForDeployment(ctx, o)
	if err != nil {
		return err
	}
	if err := r.checkAdopters(ctx, o, seen); err != nil {
		return err
	}
	name := o.rollout.Spec.Adopt.Name
	switch d := seen.deployment; {
	case len(seen.sets) > 0 && seen.begun:
		return r.takeSets(ctx, o, seen.sets)
	case seen.own:
		if d != nil {
			r.event(o.rollout, corev1.EventTypeWarning, eventAdopting, fmt.Sprintf("Deployment %q is not taken over, since this "+
				"Rollout has pods of its own; delete one of them, or take spec.adopt out", name))
		}
	case d != nil && d.DeletionTimestamp == nil:
		return r.beginAdoption(ctx, o, d, seen.sets)
	case d != nil:
		return waitFor(handOverDelay, "Deployment %q is being deleted without its pods; waiting until it is gone (finalizers: %s)",
			name, strings.Join(d.Finalizers, ", "))
	case seen.dangling != "":
		return waitFor(handOverDelay, "waiting for the garbage collector to let go of ReplicaSet %q of Deployment %q",
			seen.dangling, name)
	case len(seen.sets) > 0:
		return r.takeSets(ctx, o, seen.sets)
	}
	r.adoptions.put(o.rollout)
	return r.writeSize(ctx, o, sizeOf(o))
}

// adoption is what is seen of a Deployment that is to be taken over.
type adoption struct {
	// deployment is nil when it is gone.
	deployment *appsv1.Deployment
	// own says that the Rollout has a ReplicaSet that counts, other than the Deployment's history; begun that it has one
	// that does not count yet.
	own, begun bool
	// sets are to be taken over. Their content is not decoded into Kubernetes' types.
	sets []*unstructured.Unstructured
	// dangling is a ReplicaSet whose controller, the Deployment, is gone.
	dangling string
}

func (r *Reconciler) lookForDeployment(ctx context.Context, o *observation) (*adoption, error) {
	seen := &adoption{}
	name := o.rollout.Spec.Adopt.Name
	d := &appsv1.Deployment{}
	err := r.live.Get(ctx, types.NamespacedName{Namespace: o.rollout.Namespace, Name: name}, d)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("get Deployment %s: %w", name, err)
	}
	if err == nil {
		seen.deployment = d
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSetList"))
	err = r.live.List(ctx, list, o.inNamespace(), client.MatchingLabelsSelector{Selector: o.selector})
	if err != nil {
		return nil, fmt.Errorf("list ReplicaSets: %w", err)
	}
	for i := range list.Items {
		if set := &list.Items[i]; set.GetDeletionTimestamp() == nil {
			seen.add(set, o.rollout)
		}
	}
	sortByRevision(seen.sets)
	return seen, nil
}

// add tells whose a ReplicaSet is.
func (a *adoption) add(set *unstructured.Unstructured, ro *v1alpha1.Rollout) {
	counts := set.GetLabels()[v1alpha1.LabelPodTemplateHash] != ""
	had := set.GetAnnotations()
	history := had[v1alpha1.AnnotationAdoptedFrom] == ro.Spec.Adopt.Name && had[v1alpha1.AnnotationRole] == ""
	hash := set.GetLabels()[appsv1.DefaultDeploymentUniqueLabelKey]
	switch owner := metav1.GetControllerOf(set); {
	case owner == nil:
		if !counts && hash != "" && set.GetName() == ro.Spec.Adopt.Name+"-"+hash {
			a.sets = append(a.sets, set)
		}
	case owner.UID == ro.UID && counts:
		a.own = a.own || !history
	case owner.UID == ro.UID:
		a.begun = true
		a.sets = append(a.sets, set)
	case a.deployment != nil && owner.UID == a.deployment.UID:
		a.sets = append(a.sets, set)
	case owner.Kind == deploymentKind.Kind && owner.Name == ro.Spec.Adopt.Name:
		a.dangling = set.GetName()
	}
}

// beginAdoption deletes the Deployment without its pods, if nothing speaks against it.
func (r *Reconciler) beginAdoption(ctx context.Context, o *observation, d *appsv1.Deployment, sets []*unstructured.Unstructured) error {
	if err := r.checkAdoption(ctx, o, d, sets); err != nil {
		return err
	}
	if err := r.stillWanted(ctx, o); err != nil {
		return err
	}
	if o.rollout.Spec.Replicas == nil {
		return r.writeSize(ctx, o, or(d.Spec.Replicas, 1))
	}
	err := r.client.Delete(ctx, d, client.PropagationPolicy(metav1.DeletePropagationOrphan),
		client.Preconditions{UID: new(d.UID), ResourceVersion: new(d.ResourceVersion)})
	if err != nil {
		return fmt.Errorf("delete Deployment %s without its pods: %w", d.Name, err)
	}
	r.event(o.rollout, corev1.EventTypeNormal, eventAdopting, fmt.Sprintf("Deployment %q is deleted without its pods, which "+
		"become the stable revision", d.Name))
	return waitFor(handOverDelay, "Deployment %q is being deleted without its pods; waiting until it is gone", d.Name)
}

// stillWanted asks, live, whether the Rollout is what was seen. What is deleted here is somebody's running application,
// and what belonged to a Rollout that is gone would be deleted with its pods.
func (r *Reconciler) stillWanted(ctx context.Context, o *observation) error {
	live := &v1alpha1.Rollout{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(o.rollout), live); err != nil {
		return fmt.Errorf("get Rollout: %w", err)
	}
	if live.UID != o.rollout.UID || live.DeletionTimestamp != nil || live.Generation != o.rollout.Generation {
		return errLookAgain
	}
	return nil
}

// sizeOf is the number of pods where the spec does not say it: as many as there are, so that nothing is lost when somebody
// leaves it to an autoscaler; as many as a workload has; or one.
func sizeOf(o *observation) int32 {
	size := int32(0)
	for _, set := range o.sets {
		size = max(size, or(set.Spec.Replicas, 1))
	}
	if w := o.source.workload; w != nil && size == 0 {
		size = max(w.desired, or(w.original, 0))
	}
	return max(size, 1)
}

// writeSize writes spec.replicas where it is absent, so that an autoscaler finds it. It returns errLookAgain when it has.
func (r *Reconciler) writeSize(ctx context.Context, o *observation, size int32) error {
	if o.rollout.Spec.Replicas != nil {
		return nil
	}
	stored := &v1alpha1.Rollout{}
	err := r.patch(ctx, o, kindRollout, o.rollout, stored, map[string]any{"spec": map[string]any{"replicas": size}})
	return lookAgain(err)
}

// checkAdoption says why a Deployment cannot be taken over, or not yet.
func (r *Reconciler) checkAdoption(ctx context.Context, o *observation, d *appsv1.Deployment, sets []*unstructured.Unstructured) error {
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil || selector.String() != o.selector.String() {
		return refusef("spec.adopt: Deployment %q selects its pods by %q and this Rollout by %q; give spec.selector what the "+
			"Deployment has", d.Name, metav1.FormatLabelSelector(d.Spec.Selector), o.selector)
	}
	if owners := d.OwnerReferences; len(owners) > 0 {
		return refusef("spec.adopt: Deployment %q belongs to %s %q, which would make it again; take it out of there first",
			d.Name, owners[0].Kind, owners[0].Name)
	}
	if theirs := d.Labels[v1alpha1.LabelGitSync]; theirs != "" && theirs != o.rollout.Labels[v1alpha1.LabelGitSync] {
		return refusef("spec.adopt: GitSync %q applied Deployment %q and would make it again; replace the Deployment by the "+
			"Rollout in its repository, or take it out there and its label %s off", theirs, d.Name, v1alpha1.LabelGitSync)
	}
	if problem, err := r.otherProblem(ctx, o); err != nil || problem != nil {
		if problem != nil {
			return refuse(problem)
		}
		return err
	}
	return checkSettled(d, sets)
}

// checkAdopters refuses the younger of two Rollouts that adopt one Deployment, also when the Deployment is gone already:
// what it has left is the older one's. One that another Rollout refers to is refused whoever is the older.
func (r *Reconciler) checkAdopters(ctx context.Context, o *observation, seen *adoption) error {
	if seen.own || seen.begun {
		return nil
	}
	name := o.rollout.Spec.Adopt.Name
	others, err := r.rolloutsBy(ctx, indexAdopts, o.rollout.Namespace, name)
	if err != nil {
		return err
	}
	for i := range others {
		if other := &others[i]; other.UID != o.rollout.UID && older(other, o.rollout) {
			return refusef("spec.adopt: Rollout %q adopts Deployment %q; take spec.adopt out of this one, and give it a label and "+
				"Services of its own", other.Name, name)
		}
	}
	if others, err = r.rolloutsBy(ctx, indexWorkloads, o.rollout.Namespace, name); err != nil || len(others) == 0 {
		return err
	}
	return refusef("spec.adopt: Deployment %q is the workload of Rollout %q, which would be without one; take one of them out", name,
		others[0].Name)
}

// otherProblem is what else is wrong with the Rollout: one that could not release anything is no better place for the pods.
func (r *Reconciler) otherProblem(ctx context.Context, o *observation) (*plan.Problem, error) {
	from := r.fromCache()
	if err := r.findOwner(ctx, o); err != nil {
		return nil, err
	}
	if err := o.readServices(ctx, from, nil); err != nil {
		return nil, err
	}
	if err := r.readRoutes(ctx, from, o); err != nil {
		return nil, err
	}
	return r.problem(ctx, from, o)
}

// checkSettled waits for a Deployment that is in the middle of something.
func checkSettled(d *appsv1.Deployment, sets []*unstructured.Unstructured) error {
	size, s := or(d.Spec.Replicas, 1), d.Status
	if s.ObservedGeneration < d.Generation || s.Replicas != size || s.UpdatedReplicas != size || s.AvailableReplicas != size {
		why := ""
		if d.Spec.Paused {
			why = "; it is paused: resume it"
		}
		return waitFor(settleDelay, "waiting to adopt Deployment %q, which is in the middle of a rollout of its own: of %d pods "+
			"%d are up to date and %d available%s", d.Name, size, s.UpdatedReplicas, s.AvailableReplicas, why)
	}
	var running []string
	for _, set := range sets {
		if hasPods(set) {
			running = append(running, set.GetName())
		}
	}
	if len(running) > 1 || len(running) == 0 && size > 0 {
		return waitFor(settleDelay, "waiting to adopt Deployment %q: %d of its ReplicaSets have pods (%s), where one should",
			d.Name, len(running), strings.Join(running, ", "))
	}
	return nil
}
