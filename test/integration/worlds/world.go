package worlds

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// User is the field manager of the person whose manifests these are.
const User = "team"

// Patience is how long a test waits for what should take a moment, Pace how often it looks.
const (
	Patience = 20 * time.Second
	Pace     = 20 * time.Millisecond
)

// RolloutName is the name of the Rollout of a World.
const RolloutName = "web"

// World is a namespace of a cluster, with a Rollout and a controller. Its methods fail the test that they are called in.
type World struct {
	*testing.T
	gomega.Gomega
	Namespace string
	// Stop ends the controller, as when its process ends.
	Stop    func()
	cluster *Cluster
}

// New makes a namespace, whose controller has yet to be started. The controller ends with the test.
func New(t *testing.T, cluster *Cluster, prefix string) *World {
	t.Helper()
	w := &World{T: t, Gomega: gomega.NewWithT(t), cluster: cluster, Stop: func() {}}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix}}
	w.Expect(cluster.Admin.Create(t.Context(), namespace)).To(gomega.Succeed())
	w.Namespace = namespace.Name
	t.Cleanup(func() { w.Stop() })
	return w
}

// StartAs starts the controller, and others beside it.
func (w *World) StartAs(config *rest.Config, others ...func(ctrl.Manager) error) {
	w.Helper()
	w.Stop = StartController(w.T, config, w.cluster.Admin.Scheme(), w.Namespace, others...)
}

// Apply applies manifests as the user does.
func (w *World) Apply(manifests ...string) {
	w.Helper()
	w.apply(manifests)
}

// Force applies manifests over what the controller has written in mid-release.
func (w *World) Force(manifests ...string) {
	w.Helper()
	w.apply(manifests, client.ForceOwnership)
}

func (w *World) apply(manifests []string, options ...client.ApplyOption) {
	w.Helper()
	for _, text := range manifests {
		for _, object := range Decode(w.T, text) {
			object.SetNamespace(w.Namespace)
			err := w.cluster.Admin.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(object),
				append(options, client.FieldOwner(User))...)
			w.Expect(err).NotTo(gomega.HaveOccurred(), text)
		}
	}
}

// Decode reads the documents of a manifest.
func Decode(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for document := range strings.SplitSeq(text, "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatalf("%v in:\n%s", err, document)
		}
		out = append(out, object)
	}
	return out
}

// Key names an object of the namespace.
func (w *World) Key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: w.Namespace, Name: name}
}

// Get reads an object that must be there.
func (w *World) Get(object client.Object, name string) {
	w.Helper()
	w.Expect(w.cluster.Admin.Get(w.Context(), w.Key(name), object)).To(gomega.Succeed())
}

// List lists the objects of the namespace.
func (w *World) List(list client.ObjectList) {
	w.Helper()
	w.Expect(w.cluster.Admin.List(w.Context(), list, client.InNamespace(w.Namespace))).To(gomega.Succeed())
}

// Patch changes an object by a merge patch.
func (w *World) Patch(object client.Object, name, patch string) {
	w.Helper()
	object.SetNamespace(w.Namespace)
	object.SetName(name)
	w.Expect(w.cluster.Admin.Patch(w.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch)))).To(gomega.Succeed())
}

// PatchStatus changes the status of an object by a merge patch.
func (w *World) PatchStatus(object client.Object, name, patch string) {
	w.Helper()
	object.SetNamespace(w.Namespace)
	object.SetName(name)
	w.Expect(w.cluster.Admin.Status().Patch(w.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch)))).To(gomega.Succeed())
}

// Rollout reads the Rollout.
func (w *World) Rollout() *v1alpha1.Rollout {
	w.Helper()
	return w.RolloutNamed(RolloutName)
}

// RolloutNamed reads another Rollout.
func (w *World) RolloutNamed(name string) *v1alpha1.Rollout {
	w.Helper()
	ro := &v1alpha1.Rollout{}
	w.Get(ro, name)
	return ro
}

// Until waits for a Rollout of which a thing is true.
func (w *World) Until(what string, is func(*v1alpha1.Rollout) bool) *v1alpha1.Rollout {
	w.Helper()
	return w.UntilNamed(RolloutName, what, is)
}

// UntilNamed waits for another Rollout of which a thing is true.
func (w *World) UntilNamed(name, what string, is func(*v1alpha1.Rollout) bool) *v1alpha1.Rollout {
	w.Helper()
	var ro *v1alpha1.Rollout
	w.Eventually(func() bool { ro = w.RolloutNamed(name); return is(ro) }, Patience, Pace).Should(gomega.BeTrue(), func() string {
		text, _ := yaml.Marshal(ro.Status)
		return "waited for: " + what + "; status is\n" + string(text)
	})
	return ro
}

// Healthy says that a Rollout is at rest with what its spec says.
func Healthy(ro *v1alpha1.Rollout) bool {
	return ro.Status.Phase == v1alpha1.RolloutHealthy && ro.Status.ObservedGeneration == ro.Generation &&
		meta.IsStatusConditionTrue(ro.Status.Conditions, v1alpha1.ConditionReady)
}

// UntilHealthy waits until the Rollout is at rest with what its spec says.
func (w *World) UntilHealthy() *v1alpha1.Rollout {
	w.Helper()
	return w.Until("Healthy", Healthy)
}

// UntilSays waits for a message of the Rollout.
func (w *World) UntilSays(phase v1alpha1.RolloutPhase, text string) *v1alpha1.Rollout {
	w.Helper()
	return w.Until(fmt.Sprintf("%s %q", phase, text), func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Phase == phase && strings.Contains(ro.Status.Message, text)
	})
}

// UntilCondition waits for a condition of the Rollout.
func (w *World) UntilCondition(kind string, status metav1.ConditionStatus, reason, text string) *v1alpha1.Rollout {
	w.Helper()
	return w.Until(fmt.Sprintf("%s %s %s %q", kind, status, reason, text), func(ro *v1alpha1.Rollout) bool {
		c := meta.FindStatusCondition(ro.Status.Conditions, kind)
		return c != nil && c.Status == status && c.Reason == reason && strings.Contains(c.Message, text)
	})
}

// Ask asks the Rollout for something, as the plugin does.
func (w *World) Ask(request v1alpha1.RolloutRequest) {
	w.Helper()
	request.By = "somebody"
	content, err := json.Marshal(map[string]any{"status": map[string]any{"request": request}})
	w.Expect(err).NotTo(gomega.HaveOccurred())
	ro := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: RolloutName}}
	w.Expect(w.cluster.Admin.Status().Patch(w.Context(), ro, client.RawPatch(types.MergePatchType, content),
		client.FieldOwner(v1alpha1.ManagerCLI))).To(gomega.Succeed())
}

// Promote passes the step that the release is in.
func (w *World) Promote(ro *v1alpha1.Rollout) {
	w.Helper()
	release := ro.Status.Release
	w.Ask(v1alpha1.RolloutRequest{
		ID: fmt.Sprintf("promote-%s-%d", release.Revision, release.StepIndex), Verb: v1alpha1.VerbPromote,
		Revision: release.Revision, StepIndex: &release.StepIndex,
	})
}

// UntilEvent waits for an event.
func (w *World) UntilEvent(reason, text string) {
	w.Helper()
	w.Eventually(func() int { return w.CountEvents(reason, text) }, Patience, Pace).
		Should(gomega.BeNumerically(">", 0), "waited for an event %s with %q", reason, text)
}

// CountEvents counts the events with a reason and a part of their note.
func (w *World) CountEvents(reason, text string) int {
	w.Helper()
	var list eventsv1.EventList
	w.List(&list)
	count := 0
	for _, e := range list.Items {
		if e.Reason == reason && strings.Contains(e.Note, text) {
			count++
		}
	}
	return count
}
