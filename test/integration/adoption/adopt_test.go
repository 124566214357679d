package adoption

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/playing"
)

// adopted holds that the Rollout has what the Deployment had, all of whose pods run on.
func (w *world) adopted(before map[types.UID]corev1.Pod, ro *v1alpha1.Rollout, set string) {
	w.Helper()
	w.untouched()
	if err := direct.Get(w.Context(), w.Key("web"), &appsv1.Deployment{}); !apierrors.IsNotFound(err) {
		w.Errorf("the Deployment is still there: %v", err)
	}
	taken := w.set(set)
	revision := ro.Status.StableRevision
	if !metav1.IsControlledBy(taken, ro) || len(taken.OwnerReferences) != 1 ||
		taken.Annotations[v1alpha1.AnnotationRole] != "stable" || revision == "" ||
		taken.Labels[v1alpha1.LabelPodTemplateHash] != revision {
		w.Errorf("ReplicaSet is not the stable one: %+v", taken.ObjectMeta)
	}
	if got := taken.Spec.Template.Labels[v1alpha1.LabelPodTemplateHash]; got != revision {
		w.Errorf("new pods get revision %q, want %q", got, revision)
	}
	now := w.pods()
	for uid, pod := range before {
		if got := now[uid].Labels[v1alpha1.LabelPodTemplateHash]; got != revision {
			w.Errorf("pod %s is gone or of revision %q, want %q", pod.Name, got, revision)
		}
		if diff := cmp.Diff(pod.Spec, now[uid].Spec); diff != "" {
			w.Errorf("pod %s (-before +now):\n%s", pod.Name, diff)
		}
	}
}

// With the same template nothing happens but that the owner is another: no pod is touched, and no release follows.
func TestAdopt(t *testing.T) {
	w := newWorld(t)
	before := w.running("app:1")
	w.Apply(rolloutOf("app:1", adopt, ""))
	ro := w.UntilHealthy()
	w.adopted(before, ro, "web-"+playing.HashOf("app:1"))
	w.samePods(before)
	if *ro.Spec.Replicas != 3 || len(w.sets()) != 1 || ro.Status.CurrentRevision != ro.Status.StableRevision {
		t.Errorf("replicas %d, %d ReplicaSets, current %s, stable %s", *ro.Spec.Replicas, len(w.sets()),
			ro.Status.CurrentRevision, ro.Status.StableRevision)
	}
	if n := w.CountEvents("StatusRecovered", ""); n != 0 {
		t.Error("an adoption is taken for a status that was lost")
	}
	w.UntilEvent("Adopting", "without its pods")
	w.UntilEvent("Adopted", "web-"+playing.HashOf("app:1"))

	// What comes next is an ordinary release, over the adopted pods.
	w.Apply(rolloutOf("app:2", adopt, ""))
	paused := w.untilPaused()
	w.adopted(before, paused, "web-"+playing.HashOf("app:1"))
	service := &corev1.Service{}
	w.Get(service, "web")
	if got := service.Spec.Selector[v1alpha1.LabelPodTemplateHash]; got != ro.Status.StableRevision {
		t.Errorf("the stable Service is pinned to %q", got)
	}
	w.Promote(paused)
	w.Until("promoted", func(now *v1alpha1.Rollout) bool {
		return now.Status.StableRevision == paused.Status.CurrentRevision && now.Status.Phase == v1alpha1.RolloutHealthy
	})
	w.untouched()
}

// With another template the adopted pods are what it is released from, and what an abort goes back to.
func TestAdoptAndRelease(t *testing.T) {
	w := newWorld(t)
	before := w.running("app:1")
	w.Apply(rolloutOf("app:2", adopt, ""))
	ro := w.untilPaused()
	w.adopted(before, ro, "web-"+playing.HashOf("app:1"))
	if ro.Status.CurrentRevision == ro.Status.StableRevision || len(w.podsOf(ro.Status.CurrentRevision)) != 1 {
		t.Errorf("the canary is %s with %d pods, stable is %s", ro.Status.CurrentRevision,
			len(w.podsOf(ro.Status.CurrentRevision)), ro.Status.StableRevision)
	}
	w.UntilEvent("Adopted", "from which the wanted one is released")
	w.Apply(rolloutOf("app:1", adopt, ""))
	if back := w.UntilHealthy(); back.Status.CurrentRevision != ro.Status.StableRevision {
		t.Errorf("what was adopted is not recognized: current is %s", back.Status.CurrentRevision)
	}
	w.Eventually(func() int { return len(w.pods()) }, patience, pace).Should(gomega.Equal(3))
	w.samePods(before)
}

// A Deployment in the middle of a rollout is waited for.
func TestAdoptWaits(t *testing.T) {
	w := newWorld(t)
	w.running("app:1")
	w.Apply(deploymentOf(playing.ImageStuck))
	w.Eventually(func() int { return len(w.sets()) }, patience, pace).Should(gomega.Equal(2))
	w.Apply(rolloutOf("app:3", adopt, ""))
	w.UntilSays(v1alpha1.RolloutProgressing, "in the middle of a rollout of its own")
	w.UntilEvent("Adopting", "in the middle of a rollout of its own")
	if sets := w.sets(); len(sets) != 2 {
		t.Errorf("%d ReplicaSets", len(sets))
	}
	w.Apply(deploymentOf("app:3"))
	w.settled(3)
	before := w.pods()
	ro := w.UntilHealthy()
	w.adopted(before, ro, "web-"+playing.HashOf("app:3"))
	w.samePods(before)
}

// What the Deployment ran before is the Rollout's history, by which it can go back.
func TestAdoptHistory(t *testing.T) {
	w := newWorld(t)
	w.running("app:1")
	w.Apply(deploymentOf("app:2"))
	w.settled(3)
	before := w.pods()
	w.Apply(rolloutOf("app:2", adopt, ""))
	ro := w.UntilHealthy()
	w.adopted(before, ro, "web-"+playing.HashOf("app:2"))
	old := w.set("web-" + playing.HashOf("app:1"))
	if !metav1.IsControlledBy(old, ro) || old.Annotations[v1alpha1.AnnotationRevision] != "1" ||
		old.Annotations[v1alpha1.AnnotationRole] != "" || old.Labels[v1alpha1.LabelPodTemplateHash] == "" {
		t.Errorf("the old ReplicaSet is no history: %+v", old.ObjectMeta)
	}
	if got := w.set("web-" + playing.HashOf("app:2")).Annotations[v1alpha1.AnnotationRevision]; got != "2" {
		t.Errorf("the stable revision has number %q", got)
	}
}

// A restart of the Deployment is no content: the Rollout's template is still the same, and a release back to it is known.
func TestAdoptARestartedDeployment(t *testing.T) {
	w := newWorld(t)
	w.running("app:0")
	w.Apply(replaceOnce(deploymentOf("app:1"), "labels: {app: web, team: shop}",
		`labels: {app: web, team: shop}, annotations: {kubectl.kubernetes.io/restartedAt: "2026-01-01T00:00:00Z"}`))
	w.settled(3)
	before := w.pods()
	w.Apply(rolloutOf("app:1", adopt, ""))
	ro := w.UntilHealthy()
	w.adopted(before, ro, "web-"+playing.HashOf("app:1"))
	w.samePods(before)
	if ro.Status.CurrentRevision != ro.Status.StableRevision {
		t.Errorf("current %s, stable %s", ro.Status.CurrentRevision, ro.Status.StableRevision)
	}
}

// What was deleted without its pods by hand is taken over as well.
func TestAdoptOrphans(t *testing.T) {
	w := newWorld(t)
	before := w.running("app:1")
	d := &appsv1.Deployment{}
	w.Get(d, "web")
	w.Expect(direct.Delete(t.Context(), d, client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(gomega.Succeed())
	w.Eventually(func() error { return direct.Get(t.Context(), w.Key("web"), d) }, patience, pace).ShouldNot(gomega.Succeed())
	w.Apply(rolloutOf("app:1", adopt, ""))
	ro := w.UntilHealthy()
	w.adopted(before, ro, "web-"+playing.HashOf("app:1"))
	w.samePods(before)
	if *ro.Spec.Replicas != 3 {
		t.Errorf("replicas = %d", *ro.Spec.Replicas)
	}
}

// Where there is nothing to adopt, a Rollout is a plain one.
func TestNothingToAdopt(t *testing.T) {
	w := newWorld(t)
	w.Apply(network, rolloutOf("app:1", adopt, ""))
	ro := w.UntilHealthy()
	if *ro.Spec.Replicas != 1 || len(w.pods()) != 1 {
		t.Errorf("replicas = %d with %d pods", *ro.Spec.Replicas, len(w.pods()))
	}
}

// An adopted Rollout that is deleted without its pods, and made again, goes on with them.
func TestOrphanAnAdoptedRollout(t *testing.T) {
	w := newWorld(t)
	before := w.running("app:1")
	w.Apply(rolloutOf("app:1", adopt, ""))
	ro := w.UntilHealthy()
	w.Stop()
	w.Patch(&appsv1.ReplicaSet{}, "web-"+playing.HashOf("app:1"), `{"metadata":{"ownerReferences":null}}`) // As the garbage collector does it.
	w.Expect(direct.Delete(t.Context(), ro)).To(gomega.Succeed())
	w.StartAs(cluster.Controller)
	w.Apply(rolloutOf("app:1", adopt, ""))
	w.adopted(before, w.UntilHealthy(), "web-"+playing.HashOf("app:1"))
	w.samePods(before)
}

// What speaks against it is said, and the Deployment stays as it is.
func TestAdoptRefused(t *testing.T) {
	const owned = `{"metadata":{"ownerReferences":[{"apiVersion":"example.com/v1","kind":"App","name":"shop","uid":"1"}]}}`
	for name, test := range map[string]struct {
		deployment, image, from, to, text string
	}{
		"owned":        {owned, "app:1", "", "", `belongs to App "shop"`},
		"of a GitSync": {`{"metadata":{"labels":{"sluice.dev/gitsync":"team.shop"}}}`, "app:1", "", "", `GitSync "team.shop" applied`},
		"other selector": {
			"{}", "app:1", "selector: {matchLabels: {app: web}}", "selector: {matchLabels: {app: web, team: shop}}", "selects its pods by",
		},
		"bad template": {"{}", "", "", "", "spec.template.spec.containers[0].image"},
		"no Service":   {"{}", "app:1", "stableService: web\n", "stableService: missing\n", `Service "missing" does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before := w.running("app:1")
			w.Patch(&appsv1.Deployment{}, "web", test.deployment)
			manifest := rolloutOf(test.image, adopt, "")
			if test.from != "" {
				manifest = replaceOnce(manifest, test.from, test.to)
			}
			w.Apply(manifest)
			w.UntilSays(v1alpha1.RolloutDegraded, test.text)
			w.samePods(before)
			d := &appsv1.Deployment{}
			w.Get(d, "web")
			if sets := w.sets(); d.DeletionTimestamp != nil || len(sets) != 1 || !metav1.IsControlledBy(&sets[0], d) {
				t.Errorf("something was done: %v", sets)
			}
		})
	}
}

// While the garbage collector is busy the Rollout waits, whatever happens to it.
func TestAdoptWithASlowGarbageCollector(t *testing.T) {
	w := newWorld(t)
	before := w.running("app:1")
	cluster.SlowGarbageCollector(w.Namespace, true)
	w.Apply(rolloutOf("app:2", adopt, ""))
	w.UntilSays(v1alpha1.RolloutProgressing, "waiting until it is gone")
	w.Stop()
	w.StartAs(cluster.Controller)
	w.UntilSays(v1alpha1.RolloutProgressing, "finalizers: orphan")
	w.samePods(before)
	cluster.SlowGarbageCollector(w.Namespace, false)
	ro := w.untilPaused()
	w.adopted(before, ro, "web-"+playing.HashOf("app:1"))
}

// A Rollout that is deleted while it adopts leaves the pods alone, and the next one takes them.
func TestDeletedWhileAdopting(t *testing.T) {
	w := newWorld(t)
	before := w.running("app:1")
	cluster.SlowGarbageCollector(w.Namespace, true)
	w.Apply(rolloutOf("app:1", adopt, ""))
	w.UntilSays(v1alpha1.RolloutProgressing, "waiting until it is gone")
	w.Expect(direct.Delete(t.Context(), w.Rollout())).To(gomega.Succeed())
	cluster.SlowGarbageCollector(w.Namespace, false)
	w.Eventually(func() error { return direct.Get(t.Context(), w.Key("web"), &appsv1.Deployment{}) }, patience, pace).
		ShouldNot(gomega.Succeed())
	w.samePods(before)
	w.Apply(rolloutOf("app:1", adopt, ""))
	w.adopted(before, w.UntilHealthy(), "web-"+playing.HashOf("app:1"))
	w.samePods(before)
}

// Whatever moves the traffic, an adoption is the same.
func TestAdoptByOtherMeans(t *testing.T) {
	for name, strategy := range map[string]string{
		"by replicas":             "canary: {steps: [{setWeight: 34}, {pause: {}}]}",
		"by selector":             "blueGreen: {activeService: web, previewService: web-canary, autoPromotionEnabled: false, scaleDownDelaySeconds: 0, abortScaleDownDelaySeconds: 0}",
		"by selector, no preview": "blueGreen: {activeService: web, scaleDownDelaySeconds: 0, autoPromotionEnabled: false, abortScaleDownDelaySeconds: 0}",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before := w.running("app:1")
			of := func(image string) string {
				upToStrategy, _, _ := strings.Cut(rolloutOf(image, adopt, ""), "  strategy:")
				return upToStrategy + "  strategy: {" + strategy + "}\n"
			}
			w.Apply(of("app:1"))
			w.adopted(before, w.UntilHealthy(), "web-"+playing.HashOf("app:1"))
			w.samePods(before)
			w.Apply(of("app:2"))
			ro := w.untilPaused()
			if got := len(w.podsOf(ro.Status.CurrentRevision)); got == 0 {
				t.Error("the new revision has no pods")
			}
			w.Apply(of("app:1"))
			if back := w.UntilHealthy(); back.Status.CurrentRevision != ro.Status.StableRevision {
				t.Errorf("stable is %s, current %s", ro.Status.StableRevision, back.Status.CurrentRevision)
			}
			w.Eventually(func() int { return len(w.podsOf(ro.Status.StableRevision)) }, patience, pace).Should(gomega.Equal(3))
			w.untouched()
		})
	}
}

func replaceOnce(text, from, to string) string {
	if !strings.Contains(text, from) {
		panic(fmt.Sprintf("%q is not in the manifest", from))
	}
	return strings.Replace(text, from, to, 1)
}
