package rollout

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// What an update of a Rollout without routes may write at most.
const (
	mostWrites = 18
	mostEvents = 4
)

// An ordinary update is cheap: few writes, few events, and when it is over nothing at all.
func TestWriteBudget(t *testing.T) {
	const steps = "[{setWeight: 20}, {pause: {duration: 2s}}, {setWeight: 60}, {pause: {duration: 2s}}]"
	five := "  replicas: 5\n"
	of := func(image string) string {
		return strings.ReplaceAll(byPods(image, steps), "  replicas: 4\n", five)
	}
	w := newWorld(t)
	w.Apply(of("app:1"))
	first := w.UntilHealthy()
	w.settles()
	_, before := w.sent.since(nil)
	w.Apply(of("app:2"))
	w.becomes(first)
	w.settles()
	sent, before := w.sent.since(before)
	objects, events := writes(sent)
	t.Logf("%d writes, %d events:\n%s", objects, events, listed(sent))
	if objects > mostWrites || events > mostEvents {
		t.Errorf("%d writes and %d events, at most %d and %d are allowed:\n%s", objects, events, mostWrites, mostEvents, listed(sent))
	}
	w.Consistently(func() string { sent, _ := w.sent.since(before); return listed(sent) }, 3*patience/20, pace).
		Should(gomega.BeEmpty(), "a world without changes asks for nothing")
}

// settles waits until the numbers in the status are those of the pods.
func (w *world) settles() {
	w.Helper()
	w.Until("counted", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Replicas == *ro.Spec.Replicas && ro.Status.AvailableReplicas == *ro.Spec.Replicas &&
			ro.Status.UpdatedReplicas == *ro.Spec.Replicas && ro.Status.ReadyReplicas == *ro.Spec.Replicas
	})
}
