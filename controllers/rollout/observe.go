package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
	"github.com/sluicehq/sluice/trafficrouting"
)

// observation is what the engine decides on, and the objects that it was taken from, with their resourceVersions. The
// objects may be the cache's own: they are replaced, and never changed.
type observation struct {
	rollout  *v1alpha1.Rollout
	source   podSource
	revision wanted.Revision
	// effective is the digest of what the API server makes of the template of a revision without a ReplicaSet.
	effective string
	selector  labels.Selector
	release   wanted.Release
	// drives is what traffic is moved by: what a release that is under way began with, else what the strategy says.
	drives v1alpha1.ReleaseDrives
	spec   plan.Spec
	seen   plan.Observed

	sets map[string]*appsv1.ReplicaSet
	// orphans are ReplicaSets that nobody controls; duplicates are further ones of a revision that has one.
	orphans, duplicates []*appsv1.ReplicaSet
	services            map[plan.ServiceRole]*corev1.Service
	runs                []*v1alpha1.AnalysisRun
	target              trafficrouting.Target
	routes              []trafficrouting.Route

	// later is after what time something that was put off is due, such as a refused eviction; 0 means nothing was.
	later time.Duration
	// podTrouble is what is wrong with the pods of the wanted revision; only a message.
	podTrouble string
	// taken says whose the Services are that another Rollout has; nil where they are its own.
	taken *plan.Problem
	// foreignCanary says that the canary Service that the Rollout would make is somebody else's.
	foreignCanary bool
	// unreadable is why the pods of the spec cannot be read; nil where they can.
	unreadable *plan.Problem
}

// podSource is where the pods of a Rollout come from.
type podSource struct {
	template v1alpha1.PodTemplate
	selector metav1.LabelSelector
	// workload is that of spec.workloadRef; nil without one.
	workload *workload
}

// unreadableError says that a spec cannot be understood at all, so that nothing can be planned.
type unreadableError struct{ cause error }

func (e *unreadableError) Error() string { return e.cause.Error() }

// observe reads all that a decision rests on, from the cache or live. It returns an unreadableError for a spec that
// cannot be understood, and otherwise only errors of reading.
func (r *Reconciler) observe(ctx context.Context, from view, ro *v1alpha1.Rollout) (*observation, error) {
	o, err := r.read(ctx, from, ro)
	if err != nil {
		return nil, err
	}
	o.seen.State = readState(ro.Name, ro.Status)
	o.seen.Request = readRequest(ro.Status.Request)

	if err := r.readReplicaSets(ctx, from, o); err != nil {
		return nil, err
	}
	if err := r.adopt(ctx, o); err != nil {
		return nil, err
	}
	if err := r.findStable(ctx, o); err != nil {
		return nil, err
	}
	if o.unreadable == nil {
		if err := r.takeOver(ctx, o); err != nil {
			return nil, err
		}
		if err := r.recognize(ctx, o); err != nil {
			return nil, err
		}
	}
	pods, err := r.readPods(ctx, from, o)
	if err != nil {
		return nil, err
	}
	o.countPods(pods)
	if err := r.findOwner(ctx, o); err != nil {
		return nil, err
	}
	if err := o.readServices(ctx, from, revisionsOf(pods)); err != nil {
		return nil, err
	}
	o.readWorkload()
	if err := r.readRuns(ctx, from, o); err != nil {
		return nil, err
	}
	if err := r.readRoutes(ctx, from, o); err != nil {
		return nil, err
	}
	o.spec.Problem, err = r.problem(ctx, from, o)
	return o, err
}

// read reads the spec. Where its pods cannot be read any more, since a workload is gone for instance, it makes do with
// what the status says of them: what is under way can be aborted then, and keeps its size.
func (r *Reconciler) read(ctx context.Context, from view, ro *v1alpha1.Rollout) (*observation, error) {
	source, err := r.podSource(ctx, from, ro)
	if err == nil {
		var o *observation
		if o, err = understand(ro, source, r.revisions); err == nil {
			return o, nil
		}
		err = &unreadableError{err}
	}
	unreadable, ok := errors.AsType[*unreadableError](err)
	if !ok {
		return nil, err
	}
	return makeDo(ro, unreadable)
}

// makeDo is what is known of a Rollout whose pods cannot be read; it returns the error where that is too little.
func makeDo(ro *v1alpha1.Rollout, cause *unreadableError) (*observation, error) {
	selector, err := labels.Parse(ro.Status.Selector)
	if err != nil || ro.Status.StableRevision == "" || ro.Status.CurrentRevision == "" {
		return nil, cause
	}
	o, err := newObservation(ro, podSource{}, wanted.Revision{Name: ro.Status.CurrentRevision}, selector)
	if err != nil {
		return nil, cause
	}
	o.unreadable = problemf(reasonInvalidSpec, "%v", cause)
	return o, nil
}

func (r *Reconciler) podSource(ctx context.Context, from view, ro *v1alpha1.Rollout) (podSource, error) {
	if ro.Spec.WorkloadRef != nil {
		return r.workloadSource(ctx, from, ro)
	}
	return podSource{template: ro.Spec.Template, selector: ro.Spec.Selector}, nil
}

// understand reads the spec, and what a release that is under way began with.
func understand(ro *v1alpha1.Rollout, source podSource, known *revisions) (*observation, error) {
	revision, err := known.of(client.ObjectKeyFromObject(ro), source.template)
	if err != nil {
		return nil, err
	}
	selector, err := metav1.LabelSelectorAsSelector(&source.selector)
	if err != nil {
		return nil, fmt.Errorf("spec.selector: %w", err)
	}
	return newObservation(ro, source, revision, selector)
}

func newObservation(ro *v1alpha1.Rollout, source podSource, revision wanted.Revision, selector labels.Selector) (*observation, error) {
	release, err := wanted.Of(ro.Spec, revision.Name)
	if err != nil {
		return nil, err
	}
	o := &observation{
		rollout: ro, source: source, revision: revision, selector: selector, release: release, spec: release.Spec,
		drives: release.Drives,
		sets:   map[string]*appsv1.ReplicaSet{}, services: map[plan.ServiceRole]*corev1.Service{},
	}
	if begun, ok := recordedDrives(ro.Status); ok && !sameDrives(begun, release.Drives) {
		o.withdraw(begun)
	}
	o.target = targetOf(ro, o.drives)
	return o, nil
}

// withdraw lets what a release began with come to rest before the strategy that the spec has now counts.
func (o *observation) withdraw(begun v1alpha1.ReleaseDrives) {
	o.drives, o.spec.Withdraw = begun, true
	o.spec.Mover = wanted.MoverOf(begun)
	switch {
	case o.spec.Mover != plan.ByReplicas:
		o.spec.Surge = plan.Unbounded
	case o.spec.Surge == plan.Unbounded: // which pods that carry the weight themselves do not know
		o.spec.Surge = wanted.DefaultSurge(o.spec.Replicas)
	}
}

// want makes another revision the wanted one: that of an adopted ReplicaSet whose template is the same in effect.
func (o *observation) want(revision wanted.Revision) {
	o.revision, o.spec.Revision = revision, revision.Name
}

// recordedDrives is what a release that is under way began with.
func recordedDrives(status v1alpha1.RolloutStatus) (v1alpha1.ReleaseDrives, bool) {
	if status.Release == nil || status.Release.Drives == nil {
		return v1alpha1.ReleaseDrives{}, false
	}
	return *status.Release.Drives, true
}

func sameDrives(a, b v1alpha1.ReleaseDrives) bool {
	if a.By != b.By || a.StableService != b.StableService || a.CanaryService != b.CanaryService ||
		a.OwnCanaryService != b.OwnCanaryService {
		return false
	}
	return sameSet(a.Routes, b.Routes) && sameSet(a.RouteSelectors, b.RouteSelectors)
}

func sameSet[T comparable](a, b []T) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(one T) bool { return !slices.Contains(b, one) })
}

func (o *observation) inNamespace() client.ListOption { return client.InNamespace(o.rollout.Namespace) }

func (o *observation) serviceName(role plan.ServiceRole) string {
	if role == plan.CanaryService {
		return o.drives.CanaryService
	}
	return o.drives.StableService
}

// instant is a time with the precision that is stored, so that what is read back is what was written.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
