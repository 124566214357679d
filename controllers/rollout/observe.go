package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/trafficrouting"
)

// observation is what the engine decides on, and the objects that it was taken from, with their resourceVersions.
type observation struct {
	rollout  *v1alpha1.Rollout
	revision revision
	selector labels.Selector
	spec     plan.Spec
	seen     plan.Observed

	sets     map[string]*appsv1.ReplicaSet
	orphans  []*appsv1.ReplicaSet
	services map[plan.ServiceRole]*corev1.Service
	runs     []*v1alpha1.AnalysisRun
	target   trafficrouting.Target
	routes   []trafficrouting.Route

	// podTrouble is what is wrong with the pods of the wanted revision; only a message.
	podTrouble string
}

// unreadableError says that a spec cannot be understood at all, so that nothing can be planned.
type unreadableError struct{ cause error }

func (e *unreadableError) Error() string { return e.cause.Error() }

// observe reads all that a decision rests on, from a cache or live. It returns an unreadableError for a spec that
// cannot be understood, and otherwise only errors of reading.
func (r *Reconciler) observe(ctx context.Context, reader client.Reader, ro *v1alpha1.Rollout) (*observation, error) {
	o, err := understand(ro)
	if err != nil {
		return nil, &unreadableError{err}
	}
	o.seen.State = readState(ro.Name, ro.Status)
	o.seen.Request = readRequest(ro.Status.Request)

	pods, err := o.readPods(ctx, reader)
	if err != nil {
		return nil, err
	}
	if err := o.readReplicaSets(ctx, reader, pods); err != nil {
		return nil, err
	}
	if err := r.adopt(ctx, o); err != nil {
		return nil, err
	}
	if err := o.readServices(ctx, reader, pods); err != nil {
		return nil, err
	}
	if err := o.readRuns(ctx, reader); err != nil {
		return nil, err
	}
	if err := o.readRoutes(ctx, reader, r.router); err != nil {
		return nil, err
	}
	o.spec.Problem, err = r.problem(ctx, reader, o)
	return o, err
}

// understand reads the spec.
func understand(ro *v1alpha1.Rollout) (*observation, error) {
	rev, err := revisionOf(ro.Spec.Template)
	if err != nil {
		return nil, err
	}
	spec, err := planSpec(ro.Spec, rev.Name)
	if err != nil {
		return nil, err
	}
	selector, err := metav1.LabelSelectorAsSelector(&ro.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("spec.selector: %w", err)
	}
	canary := ro.Spec.Strategy.Canary
	o := &observation{
		rollout: ro, revision: rev, selector: selector, spec: spec,
		sets: map[string]*appsv1.ReplicaSet{}, services: map[plan.ServiceRole]*corev1.Service{},
		target: trafficrouting.Target{
			Namespace: ro.Namespace, StableService: canary.StableService, CanaryService: canary.CanaryService,
			Originals: map[string]string{},
		},
	}
	for _, route := range canary.TrafficRouting.GatewayAPI.HTTPRoutes {
		o.target.Routes = append(o.target.Routes, route.Name)
	}
	return o, nil
}

// ours selects what carries both the Rollout's labels and the hash of a template.
func (o *observation) ours() client.ListOption {
	hashed, _ := ofRevisions().Requirements()
	return client.MatchingLabelsSelector{Selector: o.selector.Add(hashed...)}
}

func (o *observation) inNamespace() client.ListOption { return client.InNamespace(o.rollout.Namespace) }

func (o *observation) readPods(ctx context.Context, reader client.Reader) ([]*corev1.Pod, error) {
	var list corev1.PodList
	if err := reader.List(ctx, &list, o.inNamespace(), o.ours(), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	pods := make([]*corev1.Pod, len(list.Items))
	for i := range list.Items {
		pods[i] = &list.Items[i]
	}
	return pods, nil
}

// readReplicaSets takes the ReplicaSets that the Rollout controls and that bear the name that it gives, so that there
// is one for each revision, and those that nobody controls.
func (o *observation) readReplicaSets(ctx context.Context, reader client.Reader, pods []*corev1.Pod) error {
	var list appsv1.ReplicaSetList
	if err := reader.List(ctx, &list, o.inNamespace(), o.ours()); err != nil {
		return fmt.Errorf("list ReplicaSets: %w", err)
	}
	byOwner := map[types.UID][]*corev1.Pod{}
	for _, pod := range pods {
		if owner := metav1.GetControllerOfNoCopy(pod); owner != nil {
			byOwner[owner.UID] = append(byOwner[owner.UID], pod)
		}
	}
	for i := range list.Items {
		set := &list.Items[i]
		name := set.Labels[v1alpha1.LabelPodTemplateHash]
		if set.DeletionTimestamp != nil || set.Name != setName(o.rollout, name) {
			continue
		}
		if metav1.GetControllerOfNoCopy(set) == nil {
			o.orphans = append(o.orphans, set)
			continue
		}
		if !metav1.IsControlledBy(set, o.rollout) {
			continue
		}
		o.sets[name] = set
		o.seen.ReplicaSets = append(o.seen.ReplicaSets, planReplicaSet(set, name, byOwner[set.UID]))
		if name == o.revision.Name {
			o.podTrouble = podTrouble(byOwner[set.UID])
		}
	}
	slices.SortFunc(o.seen.ReplicaSets, func(a, b plan.ReplicaSet) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Revision, b.Revision))
	})
	return nil
}

func podTrouble(pods []*corev1.Pod) string {
	if u := unhealthy(pods); u.Reason != "" {
		return u.Reason + ": " + u.Message
	}
	return unschedulable(pods)
}

func planReplicaSet(set *appsv1.ReplicaSet, name string, pods []*corev1.Pod) plan.ReplicaSet {
	var running int32
	for _, pod := range pods {
		if counts(pod) {
			running++
		}
	}
	return plan.ReplicaSet{
		Revision: name,
		Number:   revisionNumber(set),
		Desired:  or(set.Spec.Replicas, 1),
		// Either source may be behind the other; what is there counts until both say that it is gone.
		Pods:      max(running, set.Status.Replicas),
		Available: set.Status.AvailableReplicas,
		Settled:   set.Status.ObservedGeneration >= set.Generation,
		Role:      plan.Role(set.Annotations[v1alpha1.AnnotationRole]),
		Unhealthy: unhealthy(pods),
	}
}

// revisionNumber is 0 where the annotation cannot be read.
func revisionNumber(set *appsv1.ReplicaSet) int64 {
	n, err := strconv.ParseInt(set.Annotations[v1alpha1.AnnotationRevision], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (o *observation) readServices(ctx context.Context, reader client.Reader, pods []*corev1.Pod) error {
	revisions := make(map[string]string, len(pods))
	for _, pod := range pods {
		revisions[pod.Name] = pod.Labels[v1alpha1.LabelPodTemplateHash]
	}
	for role, view := range map[plan.ServiceRole]*plan.Service{
		plan.StableService: &o.seen.Stable, plan.CanaryService: &o.seen.Canary,
	} {
		service := &corev1.Service{}
		key := types.NamespacedName{Namespace: o.rollout.Namespace, Name: o.serviceName(role)}
		err := reader.Get(ctx, key, service)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("get Service %s: %w", key.Name, err)
		}
		o.services[role] = service
		view.Pinned = service.Spec.Selector[v1alpha1.LabelPodTemplateHash]
		view.Endpoints, err = readEndpoints(ctx, reader, key, revisions)
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *observation) serviceName(role plan.ServiceRole) string {
	if role == plan.CanaryService {
		return o.target.CanaryService
	}
	return o.target.StableService
}

func (o *observation) readRuns(ctx context.Context, reader client.Reader) error {
	var list v1alpha1.AnalysisRunList
	labelled := client.MatchingLabels{v1alpha1.LabelRollout: o.rollout.Name}
	if err := reader.List(ctx, &list, o.inNamespace(), labelled); err != nil {
		return fmt.Errorf("list AnalysisRuns: %w", err)
	}
	for i := range list.Items {
		run := &list.Items[i]
		key := runKey(o.rollout.Name, run.Name)
		if run.DeletionTimestamp != nil || !metav1.IsControlledBy(run, o.rollout) || key == "" {
			continue
		}
		o.runs = append(o.runs, run)
		if !run.Status.Phase.Completed() || key == plan.RunKey(o.seen.State) {
			o.seen.Runs = append(o.seen.Runs, plan.Run{
				Key: key, Phase: runPhase(run.Status.Phase), Message: shorten(run.Status.Message, maxDetail),
			})
		}
	}
	slices.SortFunc(o.seen.Runs, func(a, b plan.Run) int { return cmp.Compare(a.Key, b.Key) })
	return nil
}

func runPhase(phase v1alpha1.AnalysisPhase) plan.RunPhase {
	switch phase {
	case v1alpha1.AnalysisSuccessful:
		return plan.RunSuccessful
	case v1alpha1.AnalysisFailed, v1alpha1.AnalysisError:
		return plan.RunFailed
	case v1alpha1.AnalysisInconclusive:
		return plan.RunInconclusive
	case v1alpha1.AnalysisPending, v1alpha1.AnalysisRunning:
		return plan.RunRunning
	}
	return plan.RunRunning
}

// readRoutes asks the router. A route that does not exist has no share, so it is only a problem and none of the routes
// that the engine moves.
func (o *observation) readRoutes(ctx context.Context, reader client.Reader, router trafficrouting.Router) error {
	for _, original := range o.seen.State.Originals {
		o.target.Originals[original.Name] = original.Rules
	}
	routes, err := router.Observe(ctx, reader, o.target)
	if err != nil {
		return fmt.Errorf("read routes: %w", err)
	}
	o.routes = routes
	for _, route := range routes {
		if missing(route) {
			continue
		}
		o.seen.Routes = append(o.seen.Routes, plan.Route{
			Name: route.Name, Low: route.Low, High: route.High, AtRest: route.AtRest,
			Acknowledged: route.Acknowledged, Waiting: route.Waiting, Original: route.Original,
		})
	}
	return nil
}

func missing(route trafficrouting.Route) bool {
	return route.ProblemReason == trafficrouting.ReasonRouteNotFound ||
		route.ProblemReason == trafficrouting.ReasonAPINotServed
}

// instant is a time with the precision that is stored, so that what is read back is what was written.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
