package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// countsDelay is how long the numbers and texts in a status may be behind. Every pod that comes or goes changes them, and
// each write is one that the API server, its store and all who watch pay for; an autoscaler, which reads the numbers,
// looks every 15 seconds. When nothing but them changes for long, as with a thousand pods on their way, they are written
// more and more seldom.
const (
	countsDelay     = 10 * time.Second
	mostCountsDelay = 40 * time.Second
)

// statusWrites remembers when the status of each Rollout was written last. Without it, as after a start, a write is due.
type statusWrites struct {
	mu sync.Mutex
	by map[types.NamespacedName]statusWrite
}

type statusWrite struct {
	at time.Time
	// delay is after what time numbers and texts alone may be written again.
	delay time.Duration
}

func newStatusWrites() *statusWrites {
	return &statusWrites{by: map[types.NamespacedName]statusWrite{}}
}

// wrote remembers a write, and whether it was one of numbers and texts alone.
func (w *statusWrites) wrote(rollout types.NamespacedName, now time.Time, countsAlone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := statusWrite{at: now, delay: countsDelay}
	if last, ok := w.by[rollout]; ok && countsAlone && now.Sub(last.at) < 2*last.delay {
		next.delay = min(2*last.delay, mostCountsDelay)
	}
	w.by[rollout] = next
}

// due is how long it is until numbers may be written again; 0 means now. A clock that went backwards holds nothing up.
func (w *statusWrites) due(rollout types.NamespacedName, now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, ok := w.by[rollout]
	if !ok || now.Before(last.at) {
		return 0
	}
	return max(0, last.at.Add(last.delay).Sub(now))
}

func (w *statusWrites) forget(rollout types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.by, rollout)
}

// writeStatus writes the status if it differs, on the condition that the Rollout is the one that the plan was made for,
// and leaves what is stored in ro. Where numbers or texts alone differ it may put the write off, and then says for how long.
func (r *Reconciler) writeStatus(ctx context.Context, ro *v1alpha1.Rollout, status v1alpha1.RolloutStatus) (wrote bool, due time.Duration, err error) {
	if equality.Semantic.DeepEqual(ro.Status, status) {
		return false, 0, nil
	}
	key, now := client.ObjectKeyFromObject(ro), r.clock.Now()
	countsAlone := equality.Semantic.DeepEqual(urgent(ro.Status), urgent(status))
	if due := r.statuses.due(key, now); due > 0 && countsAlone {
		return false, due, nil
	}
	content, err := statusPatch(ro, status)
	if err != nil {
		return false, 0, err
	}
	// Only the metadata of what is stored is asked for: the rest is known.
	stored := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: ro.Namespace, Name: ro.Name}}
	stored.SetGroupVersionKind(rolloutKind)
	err = r.client.Status().Patch(ctx, stored, client.RawPatch(types.ApplyPatchType, content),
		client.FieldOwner(v1alpha1.ManagerController), client.ForceOwnership)
	if err != nil {
		return false, 0, fmt.Errorf("write status: %w", err)
	}
	ro.Status, ro.ResourceVersion = status, stored.ResourceVersion
	r.written.remember(key, kindRollout, ro, now)
	r.statuses.wrote(key, now, countsAlone)
	return true, 0, nil
}

// statusPatch is the status as this controller owns it: all of it but the request, which is others' to write.
func statusPatch(ro *v1alpha1.Rollout, status v1alpha1.RolloutStatus) ([]byte, error) {
	status.Request = nil
	content, err := json.Marshal(map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": rolloutKind.Kind,
		"metadata": map[string]any{
			"name": ro.Name, "namespace": ro.Namespace, "uid": ro.UID, "resourceVersion": ro.ResourceVersion,
		},
		"status": status,
	})
	if err != nil {
		return nil, fmt.Errorf("encode status: %w", err)
	}
	return content, nil
}

// urgent is what of a status is written at once: all but the counts of pods, the wording of messages, and the high-water
// mark of available pods, which is found again when it is lost.
func urgent(in v1alpha1.RolloutStatus) v1alpha1.RolloutStatus {
	out := in
	out.Replicas, out.UpdatedReplicas, out.ReadyReplicas, out.AvailableReplicas = 0, 0, 0, 0
	out.Message = ""
	out.Conditions = make([]metav1.Condition, len(in.Conditions))
	for i, condition := range in.Conditions {
		condition.Message = ""
		out.Conditions[i] = condition
	}
	if in.Release != nil {
		release := *in.Release
		release.MostAvailable, release.ProgressedAt = 0, nil
		out.Release = &release
	}
	return out
}
