package adoption

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/playing"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

// Of two Rollouts that adopt one Deployment the older one gets it, whether they are made at one moment, or the other one
// comes while it is being taken over or afterwards. No pod is touched, and the other one makes none.
func TestAdoptedByTwo(t *testing.T) {
	const byPods = "canary: {steps: [{setWeight: 34}, {pause: {}}]}"
	of := func(name string) string {
		upToStrategy, _, _ := strings.Cut(rolloutOf("app:1", adopt, ""), "  strategy:")
		return replaceOnce(upToStrategy, "metadata: {name: web}", "metadata: {name: "+name+"}") + "  strategy: {" + byPods + "}\n"
	}
	for name, begin := range map[string]func(w *world){
		"at one moment": func(w *world) {
			w.Stop()
			w.Apply(of("web"), of("zweb"))
			w.StartAs(cluster.Controller)
		},
		"in the middle": func(w *world) {
			cluster.SlowGarbageCollector(w.Namespace, true)
			w.Apply(of("web"))
			w.UntilSays(v1alpha1.RolloutProgressing, "waiting until it is gone")
			w.Apply(of("zweb"))
			w.UntilNamed("zweb", "refused", refusedFor("web"))
			cluster.SlowGarbageCollector(w.Namespace, false)
		},
		"afterwards": func(w *world) {
			w.Apply(of("web"))
			w.UntilHealthy()
			w.Apply(of("zweb"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before := w.running("app:1")
			begin(w)
			w.UntilNamed("zweb", "refused", refusedFor("web"))
			w.adopted(before, w.UntilHealthy(), "web-"+playing.HashOf("app:1"))
			w.samePods(before)
			ro := w.RolloutNamed("zweb")
			w.Consistently(func() string { return w.RolloutNamed("zweb").ResourceVersion }, patience/2, pace).
				Should(gomega.Equal(ro.ResourceVersion), "it is written again and again")
			for _, set := range w.sets() {
				if owner := metav1.GetControllerOf(&set); owner == nil || owner.Name != "web" {
					t.Errorf("ReplicaSet %s is of %v", set.Name, owner)
				}
			}
		})
	}
}

func refusedFor(older string) func(*v1alpha1.Rollout) bool {
	return func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Phase == v1alpha1.RolloutDegraded && strings.Contains(ro.Status.Message, `Rollout "`+older+`" adopts Deployment "web"`)
	}
}

// A Rollout that has adopted goes on, whoever names its Deployment afterwards and however old that one is.
func TestAdoptedByAnOlderOneAfterwards(t *testing.T) {
	w := newWorld(t)
	w.Apply(network)
	// Older, and of other pods, until it is changed to adopt as well.
	older := replaceOnce(rolloutOf("app:1", "replicas: 1", ""), "metadata: {name: web}", "metadata: {name: older}")
	older, _, _ = strings.Cut(older, "  strategy:")
	older = strings.NewReplacer("app: web", "app: older").Replace(older) + "  strategy: {canary: {steps: [{setWeight: 34}]}}\n"
	w.Apply(older)
	w.UntilNamed("older", "Healthy", worlds.Healthy)
	w.Apply(deploymentOf("app:1"))
	w.Eventually(func() int32 {
		d := &appsv1.Deployment{}
		w.Get(d, "web")
		return d.Status.AvailableReplicas
	}, patience, pace).Should(gomega.BeEquivalentTo(3))
	w.Apply(rolloutOf("app:1", adopt, ""))
	first := w.UntilHealthy()
	w.Expect(direct.Patch(t.Context(), w.RolloutNamed("older"), client.RawPatch("application/merge-patch+json",
		[]byte(`{"spec":{"adopt":{"name":"web"}}}`)))).To(gomega.Succeed())
	w.Stop()
	w.StartAs(cluster.Controller)
	w.Apply(rolloutOf("app:2", adopt, ""))
	paused := w.untilPaused()
	if paused.Status.StableRevision != first.Status.StableRevision {
		t.Errorf("stable is %s", paused.Status.StableRevision)
	}
}

// A Deployment has one Rollout: of two that refer to it the younger one is refused, and so is one that would take it from
// under another.
func TestWorkloadOfTwo(t *testing.T) {
	for name, c := range map[string]struct{ manifest, text string }{
		"referred to": {
			replaceOnce(beside("never"), "metadata: {name: web}", "metadata: {name: zweb}"), `Deployment "web" is the workload of Rollout "web"`,
		},
		"adopted": {
			replaceOnce(rolloutOf("app:1", adopt, ""), "metadata: {name: web}", "metadata: {name: zweb}"), `Deployment "web" is the workload of Rollout "web"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.running("app:1")
			w.Apply(beside("never"))
			w.UntilHealthy()
			before := w.pods()
			// Services of its own do not help.
			manifest := strings.NewReplacer("      stableService: web\n", "", "      canaryService: web-canary\n", "",
				"      scaleDownDelaySeconds: 0\n", "", "      abortScaleDownDelaySeconds: 0\n", "",
				"      trafficRouting: {settleSeconds: 0, gatewayAPI: {httpRoutes: [{name: web}]}}\n", "").Replace(c.manifest)
			w.Apply(manifest)
			w.UntilNamed("zweb", "refused", func(ro *v1alpha1.Rollout) bool {
				return ro.Status.Phase == v1alpha1.RolloutDegraded && strings.Contains(ro.Status.Message, c.text)
			})
			w.samePods(before)
			w.UntilHealthy()
		})
	}
}

// A template of the workload that this Rollout cannot use is refused as one in the spec is, and nothing moves.
func TestWorkloadTemplateRefused(t *testing.T) {
	w := newWorld(t)
	w.running("app:1")
	w.Apply(beside("never"))
	first := w.UntilHealthy()
	before := w.podsOf(first.Status.StableRevision)
	w.Patch(&corev1.Service{}, "web-canary", `{"spec":{"selector":{"team":"shop"}}}`)
	w.Patch(&appsv1.Deployment{}, "web", `{"spec":{"template":{"metadata":{"labels":{"team":"till"}}}}}`)
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, `Service "web-canary" selects team=shop`)
	for _, pod := range before {
		if w.pods()[pod.UID].Name == "" {
			t.Errorf("pod %s is gone", pod.Name)
		}
	}
	w.Patch(&appsv1.Deployment{}, "web", `{"spec":{"template":{"metadata":{"labels":{"team":"shop"}}}}}`)
	w.UntilHealthy()
}
