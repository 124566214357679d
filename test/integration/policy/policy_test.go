package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	applyv1alpha1 "github.com/sluicehq/sluice/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/people"
)

const (
	stableHash = "aaaaaaaaaa"
	canaryHash = "bbbbbbbbbb"
)

// world is a namespace with a Rollout that pauses in its second step, and the controller's account.
type world struct {
	controller *people.Person
	namespace  string
	key        client.ObjectKey
}

func newWorld(t *testing.T) *world {
	t.Helper()
	g := NewWithT(t)
	ctx := t.Context()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "policy-"}}
	g.Expect(admin.Create(ctx, namespace)).To(Succeed())
	w := &world{
		controller: newUser(t, controllerAccount),
		namespace:  namespace.Name,
		key:        client.ObjectKey{Namespace: namespace.Name, Name: "web"},
	}
	w.grant(t, controllerAccount, "cluster-admin")
	labels := map[string]string{"app": "web"}
	ro := &v1alpha1.Rollout{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "web"},
		Spec: v1alpha1.RolloutSpec{
			Selector: metav1.LabelSelector{MatchLabels: labels},
			Template: v1alpha1.PodTemplate{
				Metadata: v1alpha1.TemplateMetadata{Labels: labels},
				Spec:     runtime.RawExtension{Raw: []byte(`{"containers":[{"name":"web","image":"web:2"}]}`)},
			},
			Strategy: v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{
				StableService: "web", CanaryService: "web-canary",
				Steps: []v1alpha1.CanaryStep{{SetWeight: new(int32(20))}, {Pause: &v1alpha1.RolloutPause{}}},
				TrafficRouting: &v1alpha1.TrafficRouting{GatewayAPI: &v1alpha1.GatewayAPIRouting{
					HTTPRoutes: []v1alpha1.RouteRef{{Name: "web"}},
				}},
			}},
		},
	}
	g.Expect(admin.Create(ctx, ro)).To(Succeed())
	w.observe(t, ro.Generation)
	w.awaitPolicy(t)
	return w
}

// observe writes the status of a Rollout that pauses in its second step, as the controller would.
func (w *world) observe(t *testing.T, generation int64) {
	t.Helper()
	status := applyv1alpha1.RolloutStatus().
		WithObservedGeneration(generation).
		WithPhase(v1alpha1.RolloutPaused).
		WithMessage("paused in step 2 until promoted").
		WithCurrentRevision(canaryHash).
		WithStableRevision(stableHash).
		WithRelease(applyv1alpha1.ReleaseStatus().WithRevision(canaryHash).WithStepIndex(1).
			WithWeights(applyv1alpha1.ReleaseWeights().WithAsked(20).WithLow(20).WithHigh(20)))
	NewWithT(t).Expect(w.controller.Status().Apply(t.Context(), applyv1alpha1.Rollout(w.key.Name, w.key.Namespace).WithStatus(status),
		client.FieldOwner(v1alpha1.ManagerController), client.ForceOwnership)).To(Succeed())
}

// awaitPolicy waits until the API server enforces the policy: it learns of it a moment after it was written.
func (w *world) awaitPolicy(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	g.Eventually(func() error {
		return admin.Status().Patch(t.Context(), w.rollout(), merge(`{"status":{"message":"forged"}}`), client.DryRunAll)
	}, 30*time.Second, 50*time.Millisecond).Should(MatchError(ContainSubstring("may change only status.request")))
}

func (w *world) rollout() *v1alpha1.Rollout {
	return &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: w.key.Name}}
}

func (w *world) read(t *testing.T) *v1alpha1.Rollout {
	t.Helper()
	ro := &v1alpha1.Rollout{}
	NewWithT(t).Expect(admin.Get(t.Context(), w.key, ro)).To(Succeed())
	return ro
}

// grant binds a ClusterRole to a user in the namespace.
func (w *world) grant(t *testing.T, name, clusterRole string) {
	t.Helper()
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, GenerateName: "grant-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: clusterRole},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
	}
	NewWithT(t).Expect(admin.Create(t.Context(), binding)).To(Succeed())
}

// person makes a user who holds a ClusterRole in the namespace, and waits until the API server knows it.
func (w *world) person(t *testing.T, name, clusterRole string) *people.Person {
	t.Helper()
	name = name + "@" + w.namespace
	u := newUser(t, name)
	w.grant(t, name, clusterRole)
	NewWithT(t).Eventually(func() error { return u.Get(t.Context(), w.key, &v1alpha1.Rollout{}) }, 30*time.Second, 20*time.Millisecond).
		Should(Succeed())
	return u
}

// answer plays the controller: it watches for a request and says what became of it.
func (w *world) answer(t *testing.T, accepted bool, message string) {
	t.Helper()
	watcher, err := w.controller.Watch(t.Context(), &v1alpha1.RolloutList{}, client.InNamespace(w.namespace))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		watcher.Stop()
		<-ended
	})
	go func() {
		defer close(ended)
		for event := range watcher.ResultChan() {
			ro, ok := event.Object.(*v1alpha1.Rollout)
			if !ok || ro.Status.Request == nil || (ro.Status.LastRequest != nil && ro.Status.LastRequest.ID == ro.Status.Request.ID) {
				continue
			}
			outcome := applyv1alpha1.RolloutRequestOutcome().
				WithID(ro.Status.Request.ID).WithVerb(ro.Status.Request.Verb).WithBy(ro.Status.Request.By).
				WithAccepted(accepted).WithMessage(message).WithAt(metav1.NowMicro())
			config := applyv1alpha1.Rollout(ro.Name, ro.Namespace).WithStatus(applyv1alpha1.RolloutStatus().WithLastRequest(outcome))
			// A manager of its own, so that the rest of status, which the test wrote before, stays.
			err := w.controller.Status().Apply(t.Context(), config, client.FieldOwner("sluice-controller-answers"), client.ForceOwnership)
			// The test may have seen the outcome, and ended, before the server's answer is here.
			if err != nil && t.Context().Err() == nil {
				t.Errorf("the controller's account must be able to write status.lastRequest: %v", err)
			}
			return
		}
	}()
}

func merge(patch string) client.Patch { return client.RawPatch(types.MergePatchType, []byte(patch)) }

func TestPromoterPromotes(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	pat := w.person(t, "pat", "sluice-promoter")
	w.answer(t, true, "the pause in step 2 is ended")

	code, out := pat.Sluice(t, "promote", "web", "-n", w.namespace, "--reason", "looks good", "--timeout", "30s")

	g.Expect(out).To(ContainSubstring("accepted: the pause in step 2 is ended"))
	g.Expect(code).To(Equal(0))
	ro := w.read(t)
	g.Expect(ro.Status.Request).To(HaveValue(Equal(v1alpha1.RolloutRequest{
		ID: ro.Status.LastRequest.ID, Verb: v1alpha1.VerbPromote, Revision: canaryHash, StepIndex: new(int32(1)),
		By: pat.Name, Reason: "looks good",
	})))
	g.Expect(ro.Status.StableRevision).To(Equal(stableHash), "the rest of status is the controller's")
	for _, entry := range ro.ManagedFields {
		if entry.Manager == v1alpha1.ManagerCLI {
			g.Expect(entry.Operation).To(Equal(metav1.ManagedFieldsOperationApply))
			g.Expect(string(entry.FieldsV1.GetRawBytes())).To(HavePrefix(`{"f:status":{"f:request":{`))
		}
	}
}

func TestPromoterMayNotAbort(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	pat := w.person(t, "pat", "sluice-promoter")

	code, out := pat.Sluice(t, "abort", "web", "-n", w.namespace)

	g.Expect(code).To(Equal(2))
	g.Expect(out).To(ContainSubstring(fmt.Sprintf(`user "%s" may not abort Rollout %s`, pat.Name, w.key)))
	g.Expect(out).To(ContainSubstring(`the right "update" on "rollouts/abort" in API group "sluice.dev" is missing`))
	g.Expect(w.read(t).Status.Request).To(BeNil())
}

func TestAborterAbortsAndMayNotPromote(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	ada := w.person(t, "ada", "sluice-aborter")

	code, out := ada.Sluice(t, "promote", "web", "-n", w.namespace)
	g.Expect(code).To(Equal(2))
	g.Expect(out).To(ContainSubstring(`"rollouts/promote"`))

	w.answer(t, true, "")
	code, out = ada.Sluice(t, "abort", "rollout/web", "-n", w.namespace, "--timeout", "30s")
	g.Expect(out).To(ContainSubstring("abort of revision " + canaryHash))
	g.Expect(code).To(Equal(0))
}

func TestControllerRefusesAndRequestIsReplaced(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	opal := w.person(t, "opal", "sluice-operator")
	w.answer(t, false, "the release has moved on to step 3")

	code, out := opal.Sluice(t, "promote", "rollout", "web", "-n", w.namespace, "--timeout", "30s")
	g.Expect(out).To(ContainSubstring("was refused by the controller: the release has moved on to step 3"))
	g.Expect(code).To(Equal(1))

	code, out = opal.Sluice(t, "abort", "web", "-n", w.namespace, "--no-wait")
	g.Expect(code).To(Equal(0), out)
	request := w.read(t).Status.Request
	g.Expect(request.Verb).To(Equal(v1alpha1.VerbAbort))
	g.Expect(request.StepIndex).To(BeNil(), "what the former request had and this one has not is gone")

	code, out = opal.Sluice(t, "promote", "web", "-n", w.namespace, "--no-wait")
	g.Expect(code).To(Equal(1))
	g.Expect(out).To(ContainSubstring("is waiting for the controller"), "a promotion must not put an abort aside")
}

func TestNobodyAnswers(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	opal := w.person(t, "opal", "sluice-operator")
	code, out := opal.Sluice(t, "promote", "web", "-n", w.namespace, "--timeout", "200ms")
	g.Expect(out).To(ContainSubstring("the controller has not answered in 200ms"))
	g.Expect(code).To(Equal(3))
}

func TestViewerMayOnlyLook(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	vic := w.person(t, "vic", "sluice-view")

	code, out := vic.Sluice(t, "promote", "web", "-n", w.namespace)
	g.Expect(code).To(Equal(2))
	g.Expect(out).To(ContainSubstring(`cannot patch resource "rollouts/status"`))
	g.Expect(out).To(ContainSubstring("sluice-operator"))

	code, out = vic.Sluice(t, "get", "ro", "web", "-n", w.namespace)
	g.Expect(code).To(Equal(0), out)
	g.Expect(out).To(ContainSubstring("paused in step 2 until promoted"))
	g.Expect(out).To(ContainSubstring("asked 20 %"))
}

func TestPromoterSeesNoPods(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	pat := w.person(t, "pat", "sluice-promoter")
	code, out := pat.Sluice(t, "get", "rollout", "web", "-n", w.namespace)
	g.Expect(code).To(Equal(0), out)
	g.Expect(out).To(ContainSubstring("pods are not shown: you may not list them here"))
}

// request is the JSON of a request of pat's that the policy lets pass, with some of it changed.
func request(changes map[string]any) string {
	fields := map[string]any{"id": "id-1", "verb": "promote", "revision": canaryHash, "stepIndex": 1}
	maps.Copy(fields, changes)
	raw, err := json.Marshal(map[string]any{"status": map[string]any{"request": fields}})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// TestForgery sends patches by hand, as somebody with the right to write rollouts/status may.
func TestForgery(t *testing.T) {
	w := newWorld(t)
	opal := w.person(t, "opal", "sluice-operator")
	own := map[string]any{"by": opal.Name}
	// A first request of opal's own, so that there is one to change.
	NewWithT(t).Expect(opal.Status().Patch(t.Context(), w.rollout(), merge(request(map[string]any{"by": opal.Name, "id": "id-0"})))).To(Succeed())

	cases := map[string]struct {
		patch string
		want  string // empty: allowed
	}{
		"own request":           {request(own), ""},
		"nothing changed":       {`{"status":{"phase":"Paused"}}`, ""},
		"phase":                 {`{"status":{"phase":"Healthy"}}`, "not status.phase:"},
		"stable revision":       {`{"status":{"stableRevision":"` + canaryHash + `"}}`, "not status.stableRevision:"},
		"stable revision gone":  {`{"status":{"stableRevision":null}}`, "not status.stableRevision:"},
		"outcome of a request":  {`{"status":{"lastRequest":{"id":"id-0","accepted":true}}}`, "not status.lastRequest:"},
		"step":                  {`{"status":{"release":{"stepIndex":2}}}`, "not status.release:"},
		"weights":               {`{"status":{"release":{"weights":{"asked":100}}}}`, "not status.release:"},
		"rejected":              {`{"status":{"rejected":[{"revision":"cccccccccc","at":"2026-01-01T00:00:00.000000Z"}]}}`, "not status.rejected:"},
		"conditions":            {`{"status":{"conditions":[{"type":"Ready","status":"True","reason":"X","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`, "not status.conditions:"},
		"all of it":             {`{"status":null}`, "may change only status.request"},
		"with an own request":   {strings.TrimSuffix(request(own), "}}") + `,"phase":"Healthy"}}`, "not status.phase:"},
		"in another's name":     {request(map[string]any{"by": "system:admin"}), "may ask only in their own name"},
		"in nobody's name":      {request(map[string]any{"by": nil}), "may ask only in their own name"},
		"removed":               {`{"status":{"request":null}}`, "may not remove status.request"},
		"under a used id":       {request(map[string]any{"by": opal.Name, "id": "id-0", "verb": "abort"}), "was used before"},
		"unknown verb":          {request(map[string]any{"by": opal.Name, "verb": "delete"}), "Unsupported value"},
		"in full":               {request(map[string]any{"by": opal.Name, "full": true}), ""},
		"without analysis":      {request(map[string]any{"by": opal.Name, "full": true, "skipAnalysis": true}), `the right "update" on "rollouts/skip-analysis"`},
		"analysis, not in full": {request(map[string]any{"by": opal.Name, "skipAnalysis": true}), "skipAnalysis is for a full promote alone"},
		"not without analysis":  {request(map[string]any{"by": opal.Name, "full": true, "skipAnalysis": false}), ""},
		"abort in full":         {request(map[string]any{"by": opal.Name, "verb": "abort", "full": true}), "full is for promote alone"},
		"abort past analysis":   {request(map[string]any{"by": opal.Name, "verb": "abort", "full": true, "skipAnalysis": true}), "full is for promote alone"},
		"jump":                  {request(map[string]any{"by": opal.Name, "verb": "jump", "toStep": 0}), `the right "update" on "rollouts/jump"`},
		"jump, to nowhere":      {request(map[string]any{"by": opal.Name, "verb": "jump"}), "toStep must be set for jump"},
		"promote to a step":     {request(map[string]any{"by": opal.Name, "toStep": 2}), "toStep must be set for jump"},
		"pause":                 {request(map[string]any{"by": opal.Name, "verb": "pause"}), ""},
		"resume":                {request(map[string]any{"by": opal.Name, "verb": "resume"}), ""},
		"resume to a step":      {request(map[string]any{"by": opal.Name, "verb": "resume", "toStep": 2}), "toStep must be set for jump"},
		"more, under a used id": {request(map[string]any{"by": opal.Name, "id": "id-0", "full": true}), "was used before"},
		"an unknown field":      {request(map[string]any{"by": opal.Name, "force": true}), ""},
		"history":               {`{"status":{"history":[{"revision":"cccccccccc","outcome":"Promoted"}]}}`, "not status.history:"},
		"a pause by hand":       {`{"status":{"release":{"paused":true}}}`, "not status.release:"},
		"a mode by hand":        {`{"status":{"release":{"mode":"FullSkipAnalysis"}}}`, "not status.release:"},
		"ownership given up":    {`{"metadata":{"managedFields":[{}]}}`, ""},
		"ownership taken":       {`{"metadata":{"managedFields":[{"manager":"me","operation":"Update","apiVersion":"sluice.dev/v1alpha1","fieldsType":"FieldsV1","fieldsV1":{"f:status":{"f:phase":{}}},"subresource":"status"}]}}`, ""},
		"labels change nothing": {`{"metadata":{"labels":{"a":"b"}}}`, ""},
		"spec changes nothing":  {`{"spec":{"replicas":7}}`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			patched := w.rollout()
			err := opal.Status().Patch(t.Context(), patched, merge(c.patch), client.DryRunAll)
			if c.want != "" {
				g.Expect(err).To(MatchError(ContainSubstring(c.want)))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(patched.Labels).To(BeEmpty())
			g.Expect(patched.ManagedFields).To(ContainElement(HaveField("Manager", v1alpha1.ManagerController)))
			g.Expect(patched.Spec.Replicas).To(BeNil())
		})
	}
}

// TestRightsBeyondTheVerb: what a request asks for beyond its verb is a right of its own, and each role has what its
// comment says.
func TestRightsBeyondTheVerb(t *testing.T) {
	w := newWorld(t)
	held := map[string]*people.Person{
		"sluice-view":     w.person(t, "vic", "sluice-view"),
		"sluice-promoter": w.person(t, "pat", "sluice-promoter"),
		"sluice-aborter":  w.person(t, "ada", "sluice-aborter"),
		"sluice-operator": w.person(t, "opal", "sluice-operator"),
		"sluice-override": w.person(t, "otis", "sluice-override"),
	}
	const all = "sluice-view sluice-promoter sluice-aborter sluice-operator sluice-override"
	for name, c := range map[string]struct {
		fields map[string]any
		// may are those who may ask for it; the others may not.
		may string
	}{
		"promote":       {map[string]any{"verb": "promote"}, "sluice-promoter sluice-operator sluice-override"},
		"promote full":  {map[string]any{"verb": "promote", "full": true}, "sluice-operator sluice-override"},
		"skip analysis": {map[string]any{"verb": "promote", "full": true, "skipAnalysis": true}, "sluice-override"},
		"abort":         {map[string]any{"verb": "abort"}, "sluice-aborter sluice-operator"},
		"retry":         {map[string]any{"verb": "retry"}, "sluice-operator"},
		"pause":         {map[string]any{"verb": "pause"}, "sluice-operator"},
		"resume":        {map[string]any{"verb": "resume"}, "sluice-operator"},
		"jump":          {map[string]any{"verb": "jump", "toStep": 0}, "sluice-override"},
	} {
		for role := range strings.FieldsSeq(all) {
			t.Run(name+" as "+role, func(t *testing.T) {
				fields := map[string]any{"by": held[role].Name}
				maps.Copy(fields, c.fields)
				err := held[role].Status().Patch(t.Context(), w.rollout(), merge(request(fields)), client.DryRunAll)
				if may := slices.Contains(strings.Fields(c.may), role); may != (err == nil) || (!may && !apierrors.IsForbidden(err)) {
					t.Errorf("may: want %v, got %v", may, err)
				}
			})
		}
	}
}

// TestSkippingTakesEveryRight: each right that a full promotion past analysis needs is named where it is missing.
func TestSkippingTakesEveryRight(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	pat := w.person(t, "pat", "sluice-promoter")
	code, out := pat.Sluice(t, "promote", "web", "-n", w.namespace, "--full", "--skip-analysis")
	g.Expect(code).To(Equal(2))
	g.Expect(out).To(ContainSubstring(`may not promote in full and past analysis Rollout ` + w.key.String() +
		`: the right "update" on "rollouts/promote-full" in API group "sluice.dev" is missing`))
	g.Expect(w.read(t).Status.Request).To(BeNil())

	code, out = pat.Sluice(t, "promote", "web", "-n", w.namespace, "--full")
	g.Expect(code).To(Equal(2))
	g.Expect(out).To(ContainSubstring(`"rollouts/promote-full" in API group`))
	g.Expect(out).To(ContainSubstring("the ClusterRole sluice-operator gives it"))

	opal := w.person(t, "opal", "sluice-operator")
	code, out = opal.Sluice(t, "promote", "web", "-n", w.namespace, "--full", "--skip-analysis")
	g.Expect(code).To(Equal(2))
	g.Expect(out).To(ContainSubstring(`"rollouts/skip-analysis" in API group`))
	g.Expect(out).To(ContainSubstring("the ClusterRole sluice-override gives it"))

	otis := w.person(t, "otis", "sluice-override")
	code, out = otis.Sluice(t, "promote", "web", "-n", w.namespace, "--full", "--skip-analysis", "--no-wait")
	g.Expect(out).To(ContainSubstring("asked for promote --full --skip-analysis of revision " + canaryHash))
	g.Expect(code).To(Equal(0))
	g.Expect(w.read(t).Status.Request).To(HaveValue(And(HaveField("Full", true), HaveField("SkipAnalysis", true), HaveField("StepIndex", BeNil()))))
}

// TestJump: a jump is made for the step that is seen, and leaves nothing of itself in the next request.
func TestJump(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	otis := w.person(t, "otis", "sluice-override")
	code, out := otis.Sluice(t, "jump", "web", "end", "-n", w.namespace, "--no-wait")
	g.Expect(code).To(Equal(0), out)
	g.Expect(w.read(t).Status.Request).To(HaveValue(And(HaveField("StepIndex", HaveValue(Equal(int32(1)))), HaveField("ToStep", HaveValue(Equal(int32(2)))))))

	code, out = otis.Sluice(t, "jump", "web", "4", "-n", w.namespace)
	g.Expect(code).To(Equal(1))
	g.Expect(out).To(ContainSubstring("there is no step 4"))

	opal := w.person(t, "opal", "sluice-operator")
	code, out = opal.Sluice(t, "pause", "web", "-n", w.namespace, "--no-wait")
	g.Expect(code).To(Equal(0), out)
	g.Expect(w.read(t).Status.Request).To(HaveValue(And(HaveField("Verb", v1alpha1.VerbPause), HaveField("StepIndex", BeNil()), HaveField("ToStep", BeNil()))))
}

// TestSpecIsAnotherRight: who steers releases does not change what is released, and the other way round.
func TestSpecIsAnotherRight(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	opal := w.person(t, "opal", "sluice-operator")
	for _, args := range [][]string{{"restart", "web"}, {"set", "image", "web", "web=web:3"}} {
		code, out := opal.Sluice(t, append(args, "-n", w.namespace)...)
		g.Expect(code).To(Equal(2), out)
		g.Expect(out).To(ContainSubstring(`cannot patch resource "rollouts"`))
		g.Expect(out).To(ContainSubstring("sluice-edit"))
	}

	eve := w.person(t, "eve", "sluice-operator")
	w.grant(t, eve.Name, "sluice-edit")
	g.Eventually(func() error { return eve.Patch(t.Context(), w.rollout(), merge(`{}`), client.DryRunAll) }, 30*time.Second, 20*time.Millisecond).Should(Succeed())
	code, out := eve.Sluice(t, "set", "image", "web", "web=web:3", "-n", w.namespace)
	g.Expect(code).To(Equal(0), out)
	g.Expect(string(w.read(t).Spec.Template.Spec.Raw)).To(ContainSubstring("web:3"))
	g.Expect(w.read(t).Status.CurrentRevision).To(Equal(canaryHash))
}

// TestLargestStatus: the policy costs the API server more the larger the status is, and must never cost so much that an
// abort does not get through.
func TestLargestStatus(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	opal := w.person(t, "opal", "sluice-operator")
	ro := w.read(t)
	long, at := strings.Repeat("x", 2000), metav1.NowMicro()
	ro.Status.Message = long
	for i := range 50 {
		name := fmt.Sprintf("%010d", i)
		ro.Status.Release.Retiring = append(ro.Status.Release.Retiring, v1alpha1.RetiringRevision{Revision: name, At: at})
		if i >= 20 {
			continue
		}
		record := v1alpha1.ReleaseRecord{Revision: name, Message: long, Outcome: v1alpha1.OutcomeAborted, StartedAt: at, FinishedAt: at}
		for j := range 10 {
			record.Verdicts = append(record.Verdicts, v1alpha1.ReleaseVerdict{AnalysisRun: fmt.Sprint(name, j), Phase: v1alpha1.AnalysisFailed})
		}
		ro.Status.History = append(ro.Status.History, record)
		ro.Status.Rejected = append(ro.Status.Rejected, v1alpha1.RejectedRevision{Revision: name, Message: long, At: at})
		if i < 16 {
			ro.Status.Release.Routes = append(ro.Status.Release.Routes, v1alpha1.RouteOriginal{Name: name, Rules: strings.Repeat("r", 30000)})
		}
	}
	g.Expect(w.controller.Status().Update(t.Context(), ro)).To(Succeed())

	g.Expect(opal.Status().Patch(t.Context(), w.rollout(), merge(`{"status":{"phase":"Healthy"}}`))).
		To(MatchError(ContainSubstring("not status.phase:")))
	code, out := opal.Sluice(t, "abort", "web", "-n", w.namespace, "--no-wait")
	g.Expect(code).To(Equal(0), out)
}

// TestAdministratorForgesNothing: no RBAC right, however wide, goes past the policy.
func TestAdministratorForgesNothing(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	ro := w.read(t)
	ro.Status.Phase = v1alpha1.RolloutHealthy
	err := admin.Status().Update(t.Context(), ro)
	g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "got %v", err)
}

// TestNoStatusYet: a Rollout that the controller has not looked at has no status to compare with.
func TestNoStatusYet(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	opal := w.person(t, "opal", "sluice-operator")
	fresh := w.read(t)
	fresh.ObjectMeta = metav1.ObjectMeta{Namespace: w.namespace, Name: "fresh"}
	fresh.Status = v1alpha1.RolloutStatus{}
	g.Expect(admin.Create(t.Context(), fresh)).To(Succeed())
	target := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "fresh"}}

	g.Expect(opal.Status().Patch(t.Context(), target, merge(`{"status":{"phase":"Healthy"}}`))).
		To(MatchError(ContainSubstring("not status.phase:")))
	g.Expect(opal.Status().Patch(t.Context(), target, merge(request(map[string]any{"by": opal.Name})))).To(Succeed())

	code, out := opal.Sluice(t, "promote", "fresh", "-n", w.namespace)
	g.Expect(code).To(Equal(1))
	g.Expect(out).To(ContainSubstring("the controller has not looked at"))
}

// TestControllerWritesEverything: the account that the policy names is held by RBAC alone.
func TestControllerWritesEverything(t *testing.T) {
	g, w := NewWithT(t), newWorld(t)
	ro := w.read(t)
	ro.Status.Phase = v1alpha1.RolloutHealthy
	ro.Status.StableRevision = canaryHash
	ro.Status.Release = nil
	ro.Status.Request = nil
	ro.Status.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: "id-9", Accepted: true, At: metav1.NowMicro()}
	g.Expect(w.controller.Status().Update(t.Context(), ro)).To(Succeed())

	opal := w.person(t, "opal", "sluice-operator")
	code, out := opal.Sluice(t, "status", "web", "-n", w.namespace)
	g.Expect(code).To(Equal(0), out)
	code, out = opal.Sluice(t, "abort", "web", "-n", w.namespace)
	g.Expect(code).To(Equal(1))
	g.Expect(out).To(ContainSubstring("nothing to abort: no release of Rollout " + w.key.String() + " is under way"))
}
