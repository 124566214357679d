package rollout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

// untouched holds that a revision has all pods, and the very ReplicaSet that it had.
func (w *world) untouched(revision string, uid types.UID) {
	w.Helper()
	set := &appsv1.ReplicaSet{}
	w.Get(set, "web-"+revision)
	if set.UID != uid || *set.Spec.Replicas != 4 || set.Status.AvailableReplicas != 4 {
		w.Errorf("stable is %s with %d of %d pods, and was %s", set.UID, set.Status.AvailableReplicas, *set.Spec.Replicas, uid)
	}
}

func (w *world) uid(revision string) types.UID {
	w.Helper()
	set := &appsv1.ReplicaSet{}
	w.Get(set, "web-"+revision)
	return set.UID
}

// refuseReplicaSets has the API server refuse new ReplicaSets of the namespace, though no dry run of one, until the
// returned function is called.
func (w *world) refuseReplicaSets() (mend func()) {
	w.Helper()
	policy := fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [replicasets]}]
  matchConditions: [{name: not-a-dry-run, expression: "!request.dryRun"}]
  validations: [{expression: "false", message: "the freeze lasts until monday", reason: Forbidden}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
`, w.Namespace)
	objects := worlds.Decode(w.T, policy)
	for _, object := range objects {
		w.Expect(direct.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(worlds.User))).To(gomega.Succeed())
	}
	probe := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, GenerateName: "probe-"},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32(0)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "probe"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "probe"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:0"}}},
			},
		},
	}
	// The API server learns of a policy a moment after it was written.
	w.Eventually(func() error { return direct.Create(w.Context(), probe.DeepCopy()) }, patience, pace).ShouldNot(gomega.Succeed())
	return func() {
		w.Helper()
		for _, object := range objects {
			w.Expect(direct.Delete(w.Context(), object)).To(gomega.Succeed())
		}
	}
}

// A ReplicaSet that is refused although its dry run was not is what the status says, it is tried again now and then, and
// the release goes on by itself when it is taken.
func TestRefusedReplicaSet(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable("[{setWeight: 50}]")
	uid := w.uid(first.Status.StableRevision)
	mend := w.refuseReplicaSets()
	w.Apply(rolloutOf("app:2", "[{setWeight: 50}]"))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, "ReplicaSetRefused", "the freeze lasts until monday")
	w.UntilSays(v1alpha1.RolloutDegraded, "the freeze lasts until monday")
	w.UntilEvent("ReplicaSetRefused", "the freeze lasts until monday")
	w.quiet()
	w.untouched(first.Status.StableRevision, uid)
	mend()
	w.UntilEvent("Mended", "the freeze lasts until monday")
	w.becomes(first)
	w.atRest(before)
}

// The very first one may be refused as well, and a Rollout whose release is refused can be taken back.
func TestRefusedFirstReplicaSet(t *testing.T) {
	w := newWorld(t)
	mend := w.refuseReplicaSets()
	w.Apply(services, route, rolloutOf("app:1", "[{setWeight: 50}]"))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, "ReplicaSetRefused", "the freeze lasts until monday")
	w.quiet()
	mend()
	first := w.UntilHealthy()
	before, uid := w.owned(), w.uid(first.Status.StableRevision)

	mend = w.refuseReplicaSets()
	w.Apply(rolloutOf("app:2", "[{setWeight: 50}]"))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, "ReplicaSetRefused", "the freeze lasts until monday")
	w.Apply(rolloutOf("app:1", "[{setWeight: 50}]"))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionFalse, "Valid", "")
	w.UntilHealthy()
	w.atRest(before)
	w.untouched(first.Status.StableRevision, uid)
	mend()
}

// What has the name of the ReplicaSet that is to be made is named, and left alone.
func TestReplicaSetNameTaken(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable("[{setWeight: 50}]")
	uid := w.uid(first.Status.StableRevision)
	mend := w.refuseReplicaSets()
	w.Apply(rolloutOf("app:2", "[{setWeight: 50}]"))
	next := w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, "ReplicaSetRefused", "").Status.CurrentRevision
	mend()
	labels := map[string]string{"app": "other"}
	foreign := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "web-" + next},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32(0)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "other:1"}}},
			},
		},
	}
	w.Eventually(func() error { return direct.Create(t.Context(), foreign.DeepCopy()) }, patience, pace).Should(gomega.Succeed())
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, "ReplicaSetNameTaken", `ReplicaSet "web-`+next+`" is there already`)
	w.quiet()
	w.untouched(first.Status.StableRevision, uid)
	w.Expect(direct.Delete(t.Context(), foreign)).To(gomega.Succeed())
	w.becomes(first)
	w.atRest(before)
}

// A ReplicaSet whose label somebody takes off gets it back, at rest and in mid-release, and keeps its pods.
func TestLabelTakenOff(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	stable := first.Status.StableRevision
	uid := w.uid(stable)
	takeOff := func(revision, label string) {
		t.Helper()
		w.ceases() // an own write that the cache will never show is waited for longer than a test is
		w.Patch(&appsv1.ReplicaSet{}, "web-"+revision, `{"metadata":{"labels":{"`+label+`":null}}}`)
		w.Until("the label "+label+" of "+revision, func(*v1alpha1.Rollout) bool {
			set := &appsv1.ReplicaSet{}
			w.Get(set, "web-"+revision)
			return set.Labels[label] != ""
		})
	}
	takeOff(stable, v1alpha1.LabelPodTemplateHash)
	w.UntilEvent("Relabelled", "web-"+stable)
	w.UntilHealthy()
	w.quiet()
	w.untouched(stable, uid)

	w.Apply(rolloutOf("app:2", untilPromoted))
	next := w.untilStep("2/5", v1alpha1.RolloutPaused).Status.Release.Revision
	nextUID := w.uid(next)
	takeOff(stable, v1alpha1.LabelPodTemplateHash)
	takeOff(next, v1alpha1.LabelPodTemplateHash)
	w.Until("at the step again", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Step == "2/5" && ro.Status.Phase == v1alpha1.RolloutPaused && ro.Status.Release.Weights.Asked == 20
	})
	w.untouched(stable, uid)
	if got := w.uid(next); got != nextUID {
		t.Errorf("the canary's ReplicaSet is %s and was %s", got, nextUID)
	}
	w.Promote(w.Rollout())
	w.becomes(first)
	w.atRest(before)
}

// Pods that are refused, by the security of pods for instance, are what the status says they are, and the deadline counts.
func TestRefusedPods(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable("[{setWeight: 50}]")
	uid := w.uid(first.Status.StableRevision)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.Namespace}}
	enforce := []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"baseline"}}}`)
	w.Expect(direct.Patch(t.Context(), namespace, client.RawPatch(types.MergePatchType, enforce))).To(gomega.Succeed())
	w.Apply(strings.Replace(rolloutOf("app:2", "[{setWeight: 50}]"), "image:", "securityContext: {privileged: true}, image:", 1))
	w.UntilSays(v1alpha1.RolloutProgressing, "violates PodSecurity")
	w.quiet()
	w.untouched(first.Status.StableRevision, uid)
	bad := w.Rollout().Status.Release.Revision
	w.request(v1alpha1.VerbAbort, "abort", bad, nil)
	w.Eventually(func() int32 { return w.size(bad) }, patience, pace).Should(gomega.BeZero())
	w.atRest(before)
	w.Apply(rolloutOf("app:3", "[{setWeight: 50}]"))
	w.becomes(first)
}

// A check that could not be made is no verdict: the release waits and says so, and nothing else moves.
func TestUnverifiedTemplate(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable("[{setWeight: 50}]")
	uid := w.uid(first.Status.StableRevision)
	webhook := worlds.Decode(t, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: %[1]s}
webhooks:
- name: down.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  timeoutSeconds: 1
  clientConfig: {url: "https://127.0.0.1:1/"}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
  rules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [replicasets]}]
`, w.Namespace))[0]
	w.Expect(direct.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(webhook), client.FieldOwner(worlds.User))).To(gomega.Succeed())
	w.Eventually(func() error {
		set := &appsv1.ReplicaSet{}
		w.Get(set, "web-"+first.Status.StableRevision)
		set.ObjectMeta = metav1.ObjectMeta{Namespace: w.Namespace, GenerateName: "probe-", Labels: set.Labels}
		return direct.Create(t.Context(), set, client.DryRunAll)
	}, patience, pace).ShouldNot(gomega.Succeed())
	w.Apply(rolloutOf("app:2", "[{setWeight: 50}]"))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionUnknown, "Unverified", "down.example.com")
	w.quiet()
	w.untouched(first.Status.StableRevision, uid)
	w.Expect(direct.Delete(t.Context(), webhook)).To(gomega.Succeed())
	w.becomes(first)
	w.atRest(before)
}
