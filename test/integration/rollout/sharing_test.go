package rollout

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

// another is a Rollout by pods, by its name and labels in YAML.
func another(name, image, labels, selector string) string {
	manifest := byPods(image, "[]")
	for from, to := range map[string]string{
		"metadata: {name: web}":               "metadata: {name: " + name + "}",
		"labels: {app: web}":                  "labels: {" + labels + "}",
		"selector: {matchLabels: {app: web}}": "selector: {" + selector + "}",
	} {
		if !strings.Contains(manifest, from) {
			panic(from + " is not in the manifest")
		}
		manifest = strings.Replace(manifest, from, to, 1)
	}
	return manifest
}

// Two Rollouts that select each other's pods: the older one goes on, the other one says whose pods they are, and makes
// none.
func TestOverlappingSelectors(t *testing.T) {
	for name, c := range map[string]struct{ labels, selector string }{
		"the same":      {"app: web", "matchLabels: {app: web}"},
		"a narrower":    {"app: web, tier: front", "matchLabels: {app: web, tier: front}"},
		"a wider":       {"app: web, all: pods", "matchExpressions: [{key: app, operator: Exists}]"},
		"by other keys": {"app: web, all: pods", "matchLabels: {all: pods}"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Apply(service, byPods("app:1", "[]"))
			first := w.UntilHealthy()
			uid := w.uid(first.Status.StableRevision)
			w.Apply(another("zweb", "app:1", c.labels, c.selector))
			w.UntilNamed("zweb", "refused", func(ro *v1alpha1.Rollout) bool {
				return ro.Status.Phase == v1alpha1.RolloutDegraded && strings.Contains(ro.Status.Message, `Rollout "web" selects its pods by`)
			})
			w.quiet()
			w.untouched(first.Status.StableRevision, uid)
			// The older one releases as if nothing were there.
			w.Apply(byPods("app:2", "[]"))
			w.becomes(first)
			var sets appsv1.ReplicaSetList
			w.List(&sets)
			for _, set := range sets.Items {
				if owner := metav1.GetControllerOf(&set); owner == nil || owner.Name != "web" {
					t.Errorf("ReplicaSet %s is of %v", set.Name, owner)
				}
			}
			// Without the older one it goes on by itself.
			w.Expect(direct.Delete(t.Context(), w.Rollout(), client.PropagationPolicy(metav1.DeletePropagationBackground))).To(gomega.Succeed())
			// Nobody collects a Rollout's garbage here.
			w.Expect(direct.DeleteAllOf(t.Context(), &appsv1.ReplicaSet{}, client.InNamespace(w.Namespace),
				client.PropagationPolicy(metav1.DeletePropagationBackground))).To(gomega.Succeed())
			w.scaledToZero = true
			w.UntilNamed("zweb", "Healthy", worlds.Healthy)
		})
	}
}

// Made at the same moment, before a controller runs, one of two Rollouts wins, always the same one, and no ReplicaSet is
// fought over.
func TestOverlappingSelectorsAtOnce(t *testing.T) {
	for name, c := range map[string]struct{ first, second string }{
		"same template":  {"app:1", "app:1"},
		"other template": {"app:1", "app:2"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newIdleWorld(t)
			w.Apply(service, another("zweb", c.second, "app: web", "matchLabels: {app: web}"), byPods(c.first, "[]"))
			first, second := w.Rollout(), w.RolloutNamed("zweb")
			winner, loser := "web", "zweb"
			if second.CreationTimestamp.Before(&first.CreationTimestamp) {
				winner, loser = loser, winner
			}
			w.start()
			w.UntilNamed(winner, "Healthy", worlds.Healthy)
			w.UntilNamed(loser, "refused", func(ro *v1alpha1.Rollout) bool {
				return ro.Status.Phase == v1alpha1.RolloutDegraded && strings.Contains(ro.Status.Message, `Rollout "`+winner+`" selects its pods by`)
			})
			w.quiet()
			var sets appsv1.ReplicaSetList
			w.List(&sets)
			if len(sets.Items) != 1 || metav1.GetControllerOf(&sets.Items[0]).Name != winner {
				t.Errorf("ReplicaSets: %v", sets.Items)
			}
		})
	}
}

// Rollouts with labels of their own do not mind each other.
func TestSelectorsApart(t *testing.T) {
	w := newWorld(t)
	w.Apply(service, byPods("app:1", "[]"), another("shop", "app:1", "app: shop, team: web", "matchLabels: {app: shop}"),
		another("till", "app:1", "app: till, team: web", "matchLabels: {app: till, team: web}"))
	for _, name := range []string{"web", "shop", "till"} {
		w.UntilNamed(name, "Healthy", worlds.Healthy)
	}
}

// Made one right after the other under a controller that runs, they end the same way or both say what is wrong, and each
// ReplicaSet stays with who made it.
func TestOverlappingSelectorsInARace(t *testing.T) {
	w := newWorld(t)
	w.scaledToZero = true // as far as nobody may have won
	w.Apply(service)
	w.Apply(another("zweb", "app:2", "app: web", "matchLabels: {app: web}"))
	w.Apply(byPods("app:1", "[]"))
	ended := func(ro *v1alpha1.Rollout) bool {
		return worlds.Healthy(ro) || meta.IsStatusConditionTrue(ro.Status.Conditions, v1alpha1.ConditionInvalid)
	}
	w.UntilNamed("zweb", "an end", ended)
	w.UntilNamed("web", "an end", ended)
	w.quiet()
	healthy := 0
	for _, name := range []string{"web", "zweb"} {
		switch ro := w.RolloutNamed(name); {
		case worlds.Healthy(ro):
			healthy++
		case !strings.Contains(ro.Status.Message, "spec.selector"):
			t.Errorf("%s says %q", name, ro.Status.Message)
		}
	}
	if healthy > 1 {
		t.Error("both go on")
	}
	var sets appsv1.ReplicaSetList
	w.List(&sets)
	for _, set := range sets.Items {
		if owner := metav1.GetControllerOf(&set); owner == nil || !strings.HasPrefix(set.Name, owner.Name+"-") {
			t.Errorf("ReplicaSet %s is of %v", set.Name, owner)
		}
	}
}

// foreignSet is a ReplicaSet of somebody else with a pod that has the Rollout's label.
func (w *world) foreignSet(image string) *appsv1.ReplicaSet {
	w.Helper()
	labels := map[string]string{"app": "web", "pod-template-hash": "abc"}
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "other-abc"},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}}},
			},
		},
	}
	w.Expect(direct.Create(w.Context(), set)).To(gomega.Succeed())
	w.Eventually(func() int32 {
		w.Get(set, set.Name)
		return set.Status.AvailableReplicas
	}, patience, pace).Should(gomega.BeEquivalentTo(1))
	return set
}

// A selector that catches the pods of a Deployment is refused.
func TestForeignPods(t *testing.T) {
	w := newWorld(t)
	w.foreignSet("other:1")
	w.Apply(services, route, rolloutOf("app:1", "[]"))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonSelectorOverlap, `ReplicaSet "other-abc"`)
	w.quiet()
}

// Foreign pods that come under the selector while a revision runs stop the next release, and not what runs.
func TestForeignPodsLater(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable("[]")
	uid := w.uid(first.Status.StableRevision)
	set := w.foreignSet("other:1")
	w.UntilHealthy()
	w.Apply(rolloutOf("app:2", "[]"))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonSelectorOverlap, `ReplicaSet "other-abc"`)
	w.quiet()
	w.untouched(first.Status.StableRevision, uid)
	w.Expect(direct.Delete(t.Context(), set)).To(gomega.Succeed())
	w.becomes(first)
	w.atRest(before)
}

// An older Rollout that is changed to name the Services of a release that is under way takes nothing from it: it is told
// whose they are, writes nothing, and the release goes on. At rest age decides.
func TestServicesClaimedInMidRelease(t *testing.T) {
	w := newWorld(t)
	older := another("older", "app:1", "app: older", "matchLabels: {app: older}")
	w.Apply(older)
	w.UntilNamed("older", "Healthy", worlds.Healthy)
	first, before := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	w.Apply(strings.Replace(older, "{canary: {maxSurge: 1, maxUnavailable: 0, ", `{canary: {stableService: web, canaryService: web-canary,
    trafficRouting: {gatewayAPI: {httpRoutes: [{name: web}]}}, `, 1))
	w.UntilNamed("older", "refused", func(ro *v1alpha1.Rollout) bool {
		return strings.Contains(ro.Status.Message, `Service "web" belongs to Rollout "web"`)
	})
	w.quiet()
	if got := []string{w.pinned("web"), w.pinned("web-canary")}; got[0] != first.Status.StableRevision || got[1] != ro.Status.Release.Revision {
		t.Errorf("pinned to %q", got)
	}
	w.Promote(ro)
	w.Until("promoted", func(now *v1alpha1.Rollout) bool { return now.Status.StableRevision == ro.Status.Release.Revision })
	w.atRest(before)
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, `belongs to Rollout "older"`)
	w.UntilNamed("older", "its turn, with pods of other labels", func(ro *v1alpha1.Rollout) bool {
		return strings.Contains(ro.Status.Message, `Service "web" selects app=web, which is not among the labels`)
	})
	w.quiet()
	w.atRest(before)
}
