package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
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
// more and more seldom; and with a plan that goes on to change them, as seldom as can be.
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

// due is how long it is until numbers may be written again, of a Rollout whose plan changes them or not; 0 means now. A
// clock that went backwards holds nothing up.
func (w *statusWrites) due(rollout types.NamespacedName, now time.Time, changing bool) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, ok := w.by[rollout]
	if !ok || now.Before(last.at) {
		return 0
	}
	delay := last.delay
	if changing {
		delay = mostCountsDelay
	}
	return max(0, last.at.Add(delay).Sub(now))
}

func (w *statusWrites) forget(rollout types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.by, rollout)
}

// writeStatus writes the status if it differs, on the condition that the Rollout is the one that the plan was made for,
// and leaves what is stored in ro. Where numbers or texts alone differ it may put the write off, the longer if the plan has
// actions and they change again, and then says for how long.
func (r *Reconciler) writeStatus(
	ctx context.Context, ro *v1alpha1.Rollout, status v1alpha1.RolloutStatus, actions int,
) (wrote bool, due time.Duration, err error) {
	if equality.Semantic.DeepEqual(ro.Status, status) {
		return false, 0, nil
	}
	key, now := client.ObjectKeyFromObject(ro), r.clock.Now()
	countsAlone := equality.Semantic.DeepEqual(urgent(ro.Status), urgent(status))
	if due := r.statuses.due(key, now, actions > 0); due > 0 && countsAlone {
		return false, due, nil
	}
	content, err := statusPatch(ro, status)
	if err != nil {
		return false, 0, err
	}
	// Only the metadata of what is stored is asked for: the rest is known.
	stored := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: ro.Namespace, Name: ro.Name}}
	stored.SetGroupVersionKind(rolloutKind)
	err = r.client.Status().Patch(ctx, stored, client.RawPatch(types.MergePatchType, content), client.FieldOwner(v1alpha1.ManagerController))
	if err != nil {
		return false, 0, fmt.Errorf("write status: %w", err)
	}
	ro.Status, ro.ResourceVersion = status, stored.ResourceVersion
	r.written.remember(key, kindRollout, ro, now)
	r.sightings.put(key, ro.ResourceVersion, now)
	r.statuses.wrote(key, now, countsAlone)
	return true, 0, nil
}

// statusPatch is what makes the status that was observed the wanted one: all of it, whoever wrote it, but for the request,
// which is others' to write. Server-side apply would leave what somebody has written by hand.
func statusPatch(ro *v1alpha1.Rollout, status v1alpha1.RolloutStatus) ([]byte, error) {
	was := ro.Status
	was.Request, status.Request = nil, nil
	leaveOutEqual(&was, &status)
	before, err := fieldsOf(was)
	if err != nil {
		return nil, err
	}
	after, err := fieldsOf(status)
	if err != nil {
		return nil, err
	}
	change, err := mergePatchOf(before, after)
	if err != nil {
		return nil, err
	}
	content, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": ro.UID, "resourceVersion": ro.ResourceVersion},
		"status":   change,
	})
	if err != nil {
		return nil, fmt.Errorf("encode status: %w", err)
	}
	return content, nil
}

// leaveOutEqual empties the fields that are the same in both, which are most of them: what is not there is not encoded.
func leaveOutEqual(a, b *v1alpha1.RolloutStatus) {
	of, with := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range of.NumField() {
		if equality.Semantic.DeepEqual(of.Field(i).Interface(), with.Field(i).Interface()) {
			of.Field(i).SetZero()
			with.Field(i).SetZero()
		}
	}
}

// fieldsOf is an object's JSON, field by field.
func fieldsOf(object any) (map[string]json.RawMessage, error) {
	content, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode status: %w", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(content, &fields); err != nil {
		return nil, fmt.Errorf("encode status: %w", err)
	}
	return fields, nil
}

// mergePatchOf is the JSON merge patch that makes one object of another. Lists are values.
func mergePatchOf(before, after map[string]json.RawMessage) (map[string]any, error) {
	patch := map[string]any{}
	for name := range before {
		if _, kept := after[name]; !kept {
			patch[name] = nil
		}
	}
	for name, value := range after {
		was, known := before[name]
		switch {
		case known && bytes.Equal(was, value):
		case known && was[0] == '{' && value[0] == '{':
			change, err := changeOf(was, value)
			if err != nil {
				return nil, err
			}
			patch[name] = change
		default:
			patch[name] = value
		}
	}
	return patch, nil
}

func changeOf(before, after json.RawMessage) (map[string]any, error) {
	was, err := fieldsOf(before)
	if err != nil {
		return nil, err
	}
	is, err := fieldsOf(after)
	if err != nil {
		return nil, err
	}
	return mergePatchOf(was, is)
}

// urgent is what of a status is written at once: all but the counts of pods, the wording of messages other than what has to
// be mended, and the high-water mark of available pods, which is found again when it is lost.
func urgent(in v1alpha1.RolloutStatus) v1alpha1.RolloutStatus {
	out := in
	out.Replicas, out.UpdatedReplicas, out.ReadyReplicas, out.AvailableReplicas = 0, 0, 0, 0
	out.Message = ""
	out.Conditions = make([]metav1.Condition, len(in.Conditions))
	for i, condition := range in.Conditions {
		if condition.Type != v1alpha1.ConditionInvalid {
			condition.Message = ""
		}
		out.Conditions[i] = condition
	}
	if in.Release != nil {
		release := *in.Release
		release.MostAvailable, release.ProgressedAt = 0, nil
		out.Release = &release
	}
	return out
}
