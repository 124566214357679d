package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

// Reconciler carries out what the engine decides.
type Reconciler struct {
	client client.Client
	// cached reads from memory, live from the API server.
	cached, live client.Reader
	router       trafficrouting.Router
	recorder     events.EventRecorder
	clock        clock.PassiveClock
	metrics      *meters
	kinds        *gatewayapi.Kinds
	routes       *routeWatch
	deployments  *deploymentWatch
	memory
}

// memory is what is lost, without harm, when the process ends.
type memory struct {
	written    *expectations
	statuses   *statusWrites
	departures *departures
	restored   *departures
	revisions  *revisions
	sightings  *sightings
	verdicts   *templateVerdicts
	creations  *creations
	analyses   *analysisVerdicts
	// Of the metadata of pods, of referenced workloads, and of evictions.
	podsSettled *settledPods
	workloads   *workloads
	adoptions   *adoptions
	refusals    *refusals
	retries     workqueue.TypedRateLimiter[ctrl.Request]
}

func newMemory() memory {
	return memory{
		written: newExpectations(), statuses: newStatusWrites(), departures: newDepartures(), restored: newDepartures(), revisions: newRevisions(), sightings: newSightings(),
		verdicts: newTemplateVerdicts(), creations: newCreations(), analyses: newAnalysisVerdicts(),
		podsSettled: newSettledPods(), workloads: newWorkloads(), adoptions: newAdoptions(), refusals: newRefusals(),
		retries: workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](firstRetry, lastRetry),
	}
}

// How long until a Rollout is looked at again where no watch tells when.
const (
	// ownWriteDelay is only for what no watch reports: a write is followed by its own event, which comes much sooner.
	ownWriteDelay = time.Second
	problemDelay  = recheckAfter
	firstRetry    = 20 * time.Millisecond
	lastRetry     = 10 * time.Second
)

// Reconcile makes one plan for a Rollout and carries it out.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	// The Rollout shares what its fields point to with the cache: fields are replaced, and nothing behind them is changed.
	ro := &v1alpha1.Rollout{}
	if err := r.cached.Get(ctx, request.NamespacedName, ro, client.UnsafeDisableDeepCopy); apierrors.IsNotFound(err) {
		r.forget(request)
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("get Rollout: %w", err)
	}
	if met, err := r.written.met(ctx, r.cached, request.NamespacedName, r.clock.Now()); err != nil {
		return ctrl.Result{}, err
	} else if !met {
		return ctrl.Result{RequeueAfter: ownWriteDelay}, nil
	}

	wake, err := r.step(ctx, ro)
	if moved(err) {
		// Somebody else has written meanwhile, or something is gone: look again, later each time.
		log.FromContext(ctx).V(1).Info("Dropped the rest of the plan", "cause", err.Error())
		return ctrl.Result{RequeueAfter: r.retries.When(request)}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	r.retries.Forget(request)
	return ctrl.Result{RequeueAfter: wake}, nil
}

// step plans, writes the status, and acts. It returns after what time to come back; 0 means when something changes.
func (r *Reconciler) step(ctx context.Context, ro *v1alpha1.Rollout) (time.Duration, error) {
	if ro.DeletionTimestamp != nil {
		return 0, r.finalize(ctx, ro)
	}
	// Where a kind of route is missing the API server is asked for it now and then, so that only those ask who need it.
	if err := r.routes.ensure(routeKindsOf(ro)); err != nil {
		return 0, err
	}
	now := instant(r.clock.Now())
	o, p, err := r.plan(ctx, ro, now)
	if unreadable, ok := errors.AsType[*unreadableError](err); ok {
		return problemDelay, r.reportUnreadable(ctx, ro, unreadable, now)
	}
	if held, ok := errors.AsType[*heldError](err); ok {
		return held.after, r.reportHeld(ctx, ro, held, now)
	}
	if err != nil {
		return 0, err
	}
	r.holdBack(o, &p, r.clock.Now())
	log.FromContext(ctx).V(1).Info("Planned", "phase", p.Summary.Phase, "message", p.Summary.Message, "actions", len(p.Actions))
	if err := r.ensureFinalizer(ctx, o, r.holds(o, p)); err != nil {
		return 0, err
	}
	before := o.rollout.Status.Conditions
	wrote, due, err := r.writeStatus(ctx, o.rollout, newStatus(o, p, now), len(p.Actions))
	if err != nil {
		return 0, err
	}
	if wrote {
		r.announce(ctx, o.rollout, before, p.Notes)
		r.metrics.ended(o.rollout, p.Ended)
	}
	r.metrics.show(o.rollout, o.spec.Replicas, int32(len(o.spec.Steps)))
	o.seen.State = p.Status
	if err := r.execute(ctx, o, p.Actions); err != nil {
		if !moved(err) {
			r.event(o.rollout, corev1.EventTypeWarning, eventFailed, err.Error())
		}
		return 0, err
	}
	if err := r.tend(ctx, o, p.Engaged); err != nil {
		return 0, err
	}
	return earliest(earliest(due, o.later), wakeAfter(o, p, r.clock.Now())), nil
}

// plan makes a plan from the cache, and once more from live reads where it takes something away or gives traffic.
func (r *Reconciler) plan(ctx context.Context, ro *v1alpha1.Rollout, now time.Time) (*observation, plan.Plan, error) {
	o, err := r.observe(ctx, r.fromCache(), ro)
	if err != nil {
		return nil, plan.Plan{}, err
	}
	p, needsLive := decide(o.spec, o.seen, now)
	if !needsLive {
		return o, p, nil
	}
	if ro, err = r.present(ctx, ro); err != nil {
		return nil, plan.Plan{}, err
	}
	if o, err = r.observe(ctx, r.fromLive(), ro); err != nil {
		return nil, plan.Plan{}, err
	}
	p, _ = decide(o.spec, o.seen, now)
	return o, p, nil
}

// maxDecisions bounds how many plans are joined into one.
const maxDecisions = 8

// decide makes a plan, and where that plan changes nothing but the state and asks for the next one at once, joins that
// to it: nobody could have done anything between the two. Their states are written once, before the first action. It says
// whether any of them needs live reads.
func decide(spec plan.Spec, seen plan.Observed, now time.Time) (p plan.Plan, needsLive bool) {
	p = plan.Next(spec, seen, now)
	needsLive = p.NeedsLive()
	for range maxDecisions - 1 {
		if len(p.Actions) > 0 || p.WakeAt.IsZero() || p.WakeAt.After(now) {
			break
		}
		seen.State = p.Status
		next := plan.Next(spec, seen, now)
		next.Notes = slices.Concat(p.Notes, next.Notes)
		next.Ended = slices.Concat(p.Ended, next.Ended)
		needsLive = needsLive || next.NeedsLive()
		p = next
	}
	return p, needsLive
}

// tend does what the engine need not know of.
func (r *Reconciler) tend(ctx context.Context, o *observation, engaged bool) error {
	if err := r.tendReplicaSets(ctx, o); err != nil {
		return err
	}
	if err := r.tidyServices(ctx, o); err != nil {
		return err
	}
	if err := r.tendOwnService(ctx, o, engaged); err != nil {
		return err
	}
	if err := r.tendPodMetadata(ctx, o); err != nil {
		return err
	}
	return r.collectRuns(ctx, o, o.seen.State)
}

func (r *Reconciler) reportUnreadable(ctx context.Context, ro *v1alpha1.Rollout, cause error, now time.Time) error {
	before := ro.Status.Conditions
	wrote, _, err := r.writeStatus(ctx, ro, unusable(ro, reasonInvalidSpec, cause.Error(), now), 0)
	if wrote {
		r.announce(ctx, ro, before, nil)
	}
	r.metrics.show(ro, or(ro.Spec.Replicas, 1), 0)
	return err
}

// reasonInvalidSpec is the reason of Invalid where the spec cannot be understood at all.
const reasonInvalidSpec = "InvalidSpec"

// forget drops what is remembered of a Rollout that is gone.
func (r *Reconciler) forget(request ctrl.Request) {
	r.written.forget(request.NamespacedName)
	r.metrics.forget(request.NamespacedName)
	r.statuses.forget(request.NamespacedName)
	r.departures.forget(request.NamespacedName)
	r.restored.forget(request.NamespacedName)
	r.revisions.forget(request.NamespacedName)
	r.sightings.forget(request.NamespacedName)
	r.verdicts.forget(request.NamespacedName)
	r.creations.forget(request.NamespacedName)
	r.analyses.forget(request.NamespacedName)
	r.podsSettled.forget(request.NamespacedName)
	r.workloads.forget(request.NamespacedName)
	r.adoptions.forget(request.NamespacedName)
	r.refusals.forget(request.NamespacedName)
	r.retries.Forget(request)
}

// errLookAgain says that what was done beside the plan changes what the plan is made of.
var errLookAgain = errors.New("look again")

// moved says that an action failed since the world is not as it was observed.
func moved(err error) bool {
	return errors.Is(err, errLookAgain) || apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err)
}

// wakeAfter is how long until the plan's time comes, or until a problem is looked at again, since not all that mends one
// is watched; 0 where it waits for a change alone.
func wakeAfter(o *observation, p plan.Plan, now time.Time) time.Duration {
	wake := time.Duration(0)
	if o.spec.Problem != nil {
		wake = problemDelay
	}
	if p.WakeAt.IsZero() {
		return wake
	}
	due := max(p.WakeAt.Sub(now), time.Millisecond)
	return earliest(wake, due)
}

// earliest is the smaller of two waits, of which 0 is none.
func earliest(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
