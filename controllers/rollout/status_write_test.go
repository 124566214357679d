package rollout

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Numbers and texts may wait; nothing else may.
func TestUrgent(t *testing.T) {
	status := func() v1alpha1.RolloutStatus {
		return v1alpha1.RolloutStatus{
			Conditions: []metav1.Condition{{Type: "Ready", Message: "1 of 2"}}, Release: &v1alpha1.ReleaseStatus{Revision: "a"},
		}
	}
	at := new(metav1.NewMicroTime(time.Unix(1, 0)))
	for name, change := range map[string]func(*v1alpha1.RolloutStatus){
		"counts": func(s *v1alpha1.RolloutStatus) {
			s.Replicas, s.UpdatedReplicas, s.ReadyReplicas, s.AvailableReplicas = 1, 2, 3, 4
		},
		"message":           func(s *v1alpha1.RolloutStatus) { s.Message = "more" },
		"condition message": func(s *v1alpha1.RolloutStatus) { s.Conditions[0].Message = "2 of 2" },
		"high-water mark":   func(s *v1alpha1.RolloutStatus) { s.Release.MostAvailable, s.Release.ProgressedAt = 3, at },
	} {
		changed := status()
		change(&changed)
		if !equality.Semantic.DeepEqual(urgent(status()), urgent(changed)) {
			t.Errorf("%s must not be urgent", name)
		}
		if equality.Semantic.DeepEqual(changed, status()) {
			t.Errorf("%s: what is urgent was changed in place", name)
		}
	}
	for name, change := range map[string]func(*v1alpha1.RolloutStatus){
		"phase":            func(s *v1alpha1.RolloutStatus) { s.Phase = v1alpha1.RolloutPaused },
		"condition":        func(s *v1alpha1.RolloutStatus) { s.Conditions[0].Status = "True" },
		"condition reason": func(s *v1alpha1.RolloutStatus) { s.Conditions[0].Reason = "Other" },
		"generation":       func(s *v1alpha1.RolloutStatus) { s.ObservedGeneration = 2 },
		"step":             func(s *v1alpha1.RolloutStatus) { s.Release.StepIndex = 2 },
		"served":           func(s *v1alpha1.RolloutStatus) { s.Release.StableServedAt = at },
		"history":          func(s *v1alpha1.RolloutStatus) { s.History = []v1alpha1.ReleaseRecord{{}} },
		"request":          func(s *v1alpha1.RolloutStatus) { s.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: "1"} },
		"selector":         func(s *v1alpha1.RolloutStatus) { s.Selector = "a=b" },
	} {
		changed := status()
		change(&changed)
		if equality.Semantic.DeepEqual(urgent(status()), urgent(changed)) {
			t.Errorf("%s must be urgent", name)
		}
	}
	was, is := status(), status()
	was.Conditions[0].Type, is.Conditions[0].Type = v1alpha1.ConditionInvalid, v1alpha1.ConditionInvalid
	is.Conditions[0].Message = "create the route"
	if equality.Semantic.DeepEqual(urgent(was), urgent(is)) {
		t.Error("what has to be mended must be urgent")
	}
}

func TestStatusWritesAreDue(t *testing.T) {
	w, now := newStatusWrites(), time.Unix(1000, 0)
	key := types.NamespacedName{Name: "web"}
	if got := w.due(key, now, false); got != 0 {
		t.Errorf("before the first write: %s", got)
	}
	w.wrote(key, now, false)
	for after, want := range map[time.Duration]time.Duration{
		0: countsDelay, time.Second: countsDelay - time.Second, countsDelay: 0, time.Hour: 0, -time.Second: 0,
	} {
		if got := w.due(key, now.Add(after), false); got != want {
			t.Errorf("%s later: %s, want %s", after, got, want)
		}
	}
	if got := w.due(key, now.Add(countsDelay), true); got != mostCountsDelay-countsDelay {
		t.Errorf("while they change: %s", got)
	}
	for i, want := range []time.Duration{2 * countsDelay, mostCountsDelay, mostCountsDelay} {
		now = now.Add(w.due(key, now, false))
		w.wrote(key, now, true)
		if got := w.due(key, now, false); got != want {
			t.Errorf("after %d writes of numbers alone: %s, want %s", i+1, got, want)
		}
	}
	w.wrote(key, now.Add(time.Hour), true)
	if got := w.due(key, now.Add(time.Hour), false); got != countsDelay {
		t.Errorf("after a quiet time: %s", got)
	}
	w.wrote(key, now, true)
	w.wrote(key, now, false)
	if got := w.due(key, now, false); got != countsDelay {
		t.Errorf("after an urgent write: %s", got)
	}
	w.forget(key)
	if got := w.due(key, now, false); got != 0 {
		t.Errorf("of one that is gone: %s", got)
	}
}

// A status is replaced as a whole, whatever is in it, but for the request.
func TestStatusPatch(t *testing.T) {
	ro := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{UID: "u", ResourceVersion: "7"}, Status: v1alpha1.RolloutStatus{
		Phase: v1alpha1.RolloutPaused, Message: "same", Replicas: 3,
		Release:    &v1alpha1.ReleaseStatus{Revision: "a", StepIndex: 1, Mode: "Full", Weights: &v1alpha1.ReleaseWeights{Asked: 20}},
		Conditions: []metav1.Condition{{Type: "Ready", Status: "True"}},
		Request:    &v1alpha1.RolloutRequest{ID: "1"},
	}}
	status := *ro.Status.DeepCopy()
	status.Phase, status.Replicas, status.StableRevision, status.Request = v1alpha1.RolloutHealthy, 0, "a", nil
	status.Release.StepIndex, status.Release.Mode, status.Release.Weights.Asked = 2, "", 40
	status.Conditions[0].Status = "False"
	got, err := statusPatch(ro, status)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"metadata":{"resourceVersion":"7","uid":"u"},"status":{` +
		`"conditions":[{"type":"Ready","status":"False","lastTransitionTime":null,"reason":"","message":""}],` +
		`"phase":"Healthy","release":{"mode":null,"stepIndex":2,"weights":{"asked":40}},"replicas":null,"stableRevision":"a"}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	status = *ro.Status.DeepCopy()
	status.Release = nil
	if got, err = statusPatch(ro, status); err != nil || !strings.Contains(string(got), `"status":{"release":null}`) {
		t.Errorf("%s, %v", got, err)
	}
}

// What the patch makes of the one is the other.
func TestStatusPatchMakesTheStatus(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		status := func(label string) v1alpha1.RolloutStatus {
			o := &observation{rollout: &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Name: "web"}}}
			var s v1alpha1.RolloutStatus
			writeState(&s, states().Draw(t, label), o, time.Unix(1, 0))
			return s
		}
		ro, wanted := &v1alpha1.Rollout{Status: status("before")}, status("after")
		patch, err := statusPatch(ro, wanted)
		if err != nil {
			t.Fatal(err)
		}
		var change map[string]any
		if err := json.Unmarshal(patch, &change); err != nil {
			t.Fatal(err)
		}
		stored := func(object any) v1alpha1.Rollout {
			content, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			var out v1alpha1.Rollout
			if err := json.Unmarshal(content, &out); err != nil {
				t.Fatal(err)
			}
			return out
		}
		content, err := json.Marshal(map[string]any{"status": ro.Status})
		if err != nil {
			t.Fatal(err)
		}
		var before map[string]any
		if err := json.Unmarshal(content, &before); err != nil {
			t.Fatal(err)
		}
		got, want := stored(merged(before, change)), stored(map[string]any{"status": wanted}).Status
		if diff := cmp.Diff(want, got.Status); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// merged is a JSON merge patch carried out, as RFC 7396 has it.
func merged(object, patch map[string]any) map[string]any {
	out := maps.Clone(object)
	if out == nil {
		out = map[string]any{}
	}
	for name, value := range patch {
		switch v := value.(type) {
		case nil:
			delete(out, name)
		case map[string]any:
			was, _ := out[name].(map[string]any)
			out[name] = merged(was, v)
		default:
			out[name] = v
		}
	}
	return out
}
