package rollout

import (
	"errors"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestOrderOfEvictions(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	pod := func(name string, age time.Duration, ready corev1.ConditionStatus) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(at.Add(-age))},
			Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
		}
	}
	pods := []corev1.Pod{
		pod("young", time.Minute, corev1.ConditionTrue), pod("old", time.Hour, corev1.ConditionTrue),
		pod("b", time.Minute, corev1.ConditionFalse), pod("a", time.Minute, corev1.ConditionFalse),
	}
	slices.SortFunc(pods, evictedFirst)
	var got []string
	for _, p := range pods {
		got = append(got, p.Name)
	}
	if want := []string{"a", "b", "old", "young"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A refusal is said once for each restart, and tried again later each time, up to a bound.
func TestRefusals(t *testing.T) {
	f, rollout := newRefusals(), types.NamespacedName{Namespace: "team", Name: "web"}
	now := time.Unix(1_700_000_000, 0)
	restart := now.Add(-time.Minute)
	if f.resting(rollout, restart, now) != 0 {
		t.Error("nothing was refused yet")
	}
	for i, want := range []string{"2s", "4s", "8s", "16s", "30s", "30s"} {
		first, wait := f.refused(rollout, restart, now)
		if first != (i == 0) || wait.String() != want {
			t.Errorf("refusal %d: first %v, wait %s; want %s", i, first, wait, want)
		}
		if rest := f.resting(rollout, restart, now.Add(time.Second)); rest != wait-time.Second {
			t.Errorf("refusal %d rests for %s", i, rest)
		}
		now = now.Add(wait)
		if f.resting(rollout, restart, now) != 0 {
			t.Errorf("refusal %d rests too long", i)
		}
	}
	f.granted(rollout)
	if first, wait := f.refused(rollout, restart, now); first || wait != 4*time.Second {
		t.Errorf("after one was granted: first %v, wait %s", first, wait)
	}
	later := restart.Add(time.Second)
	if first, _ := f.refused(rollout, later, now); !first || f.resting(rollout, restart, now) != 0 {
		t.Error("another restart is not told apart")
	}
	f.forget(rollout)
	if f.resting(rollout, later, now) != 0 {
		t.Error("it was forgotten")
	}
}

func TestIsRefusal(t *testing.T) {
	for err, want := range map[error]bool{
		apierrors.NewTooManyRequests("budget", 0):          true,
		apierrors.NewInternalError(errors.New("two")):      true,
		apierrors.NewNotFound(corev1.Resource("pods"), ""): false,
		errors.New("else"): false,
	} {
		if got := isRefusal(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
