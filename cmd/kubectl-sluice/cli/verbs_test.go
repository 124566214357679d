package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// request returns the request of demo/web.
func (cl *cluster) request(t *testing.T) *v1alpha1.RolloutRequest {
	t.Helper()
	return cl.rollout(t).Status.Request
}

func (cl *cluster) rollout(t *testing.T) *v1alpha1.Rollout {
	t.Helper()
	ro := &v1alpha1.Rollout{}
	if err := cl.client.Get(t.Context(), client.ObjectKey{Namespace: "demo", Name: "web"}, ro); err != nil {
		t.Fatal(err)
	}
	return ro
}

// stepping is demo/web with hash2 on its way, in the second of its three steps.
func stepping() *v1alpha1.Rollout {
	ro := pausing()
	ro.Status.Phase, ro.Status.Release.StepIndex = v1alpha1.RolloutProgressing, 1
	ro.Spec.Strategy.Canary.Steps = []v1alpha1.CanaryStep{{Pause: &v1alpha1.RolloutPause{}}, {SetWeight: new(int32(20))}, {Pause: &v1alpha1.RolloutPause{}}}
	return ro
}

func TestVerbs(t *testing.T) {
	held := stepping()
	held.Status.Release.Paused = true
	cases := map[string]struct {
		ro   *v1alpha1.Rollout
		args string
		want v1alpha1.RolloutRequest
		said string
	}{
		"promote --full": {
			stepping(), "promote web --full",
			v1alpha1.RolloutRequest{Verb: v1alpha1.VerbPromote, Full: true},
			"asked for promote --full of revision 2222222222",
		},
		"promote --full --skip-analysis": {
			stepping(), "promote rollout web --full --skip-analysis --reason broken",
			v1alpha1.RolloutRequest{Verb: v1alpha1.VerbPromote, Full: true, SkipAnalysis: true, Reason: "broken"},
			"promote --full --skip-analysis of",
		},
		"pause":          {stepping(), "pause web", v1alpha1.RolloutRequest{Verb: v1alpha1.VerbPause}, "asked for pause of"},
		"resume":         {held, "resume ro/web", v1alpha1.RolloutRequest{Verb: v1alpha1.VerbResume}, "asked for resume of"},
		"promote a hold": {held, "promote web", v1alpha1.RolloutRequest{Verb: v1alpha1.VerbPromote, StepIndex: new(int32(1))}, "asked for promote of"},
		"jump back":      {stepping(), "jump web 1", v1alpha1.RolloutRequest{Verb: v1alpha1.VerbJump, StepIndex: new(int32(1)), ToStep: new(int32(0))}, "asked for jump of"},
		"jump on":        {stepping(), "jump rollout web 3", v1alpha1.RolloutRequest{Verb: v1alpha1.VerbJump, StepIndex: new(int32(1)), ToStep: new(int32(2))}, "asked for jump of"},
		"jump to end":    {stepping(), "jump ro/web End", v1alpha1.RolloutRequest{Verb: v1alpha1.VerbJump, StepIndex: new(int32(1)), ToStep: new(int32(3))}, "asked for jump of"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cl := newCluster(t, c.ro.DeepCopy())
			cl.expect(t, cl.run(t.Context(), append(strings.Fields(c.args), "--no-wait")...), ExitDone, c.said)
			c.want.ID, c.want.Revision, c.want.By = "id-1", hash2, "alice"
			if diff := cmp.Diff(&c.want, cl.request(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVerbUsage(t *testing.T) {
	for args, want := range map[string]string{
		"promote web --skip-analysis": "--skip-analysis is for a full promotion: say --full --skip-analysis",
		"jump web":                    "say where to go: the number of a step, or end",
		"jump web 0":                  `"0" is no step: give its number, from 1, or end`,
		"jump web last":               `"last" is no step`,
		"jump web 99999999999":        `is no step`,
		"undo web --to-revision 0":    "--to-revision 0 is no number of a revision",
		"undo api":                    "Rollout demo/api not found",
		"restart web --in -1s":        "--in -1s must be between 0s and 24h0m0s",
		"restart web --in 48h":        "must be between",
		"set":                         "say what to set",
		"set image web":               "say which image: CONTAINER=IMAGE",
		"set image web=x":             "the name of a Rollout is missing",
		"set image web web=":          `"web=" is no CONTAINER=IMAGE`,
		"set image web web=a web=b":   "the image of container web is given twice",
		"history web -o yaml":         `--output "yaml": want one of [wide json]`,
		"history api":                 "Rollout demo/api not found",
		"adopt deployment/api":        "Deployment demo/api not found: is --namespace right, and --context? kubectl get deployments.apps -A shows all there are",
		"adopt rollout/web":           `"rollout" is not a Deployment`,
		"adopt web --route web":       "--route needs --stable-service and --canary-service",
		"adopt web --stable-service a --canary-service a": "must be two Services",
		"adopt web --dry-run=yes":                         `--dry-run "yes": want one of [none client server]`,
	} {
		t.Run(args, func(t *testing.T) {
			cl := newCluster(t, pausing())
			cl.expect(t, cl.run(t.Context(), strings.Fields(args)...), ExitUnanswered, want)
		})
	}
}

// revisions is demo/web that was changed from shop/web:1, with the ReplicaSet of both.
func revisions(t *testing.T) []client.Object {
	t.Helper()
	ro := pausing()
	template := func(image string) v1alpha1.PodTemplate {
		return v1alpha1.PodTemplate{
			Metadata: v1alpha1.TemplateMetadata{Labels: map[string]string{"app": "web"}},
			Spec:     runtime.RawExtension{Raw: []byte(`{"containers":[{"name":"web","image":"` + image + `"}]}`)},
		}
	}
	ro.Spec.Template = template("shop/web:2")
	objects := []client.Object{ro}
	for i, image := range []string{"shop/web:1", "shop/web:2"} {
		revision, err := wanted.RevisionOf(template(image))
		if err != nil {
			t.Fatal(err)
		}
		labels := map[string]string{"app": "web", v1alpha1.LabelPodTemplateHash: revision.Name}
		objects = append(objects, &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "demo", Name: "web-" + revision.Name, Labels: labels,
				Annotations:     map[string]string{v1alpha1.AnnotationRevision: string(rune('1' + i)), v1alpha1.AnnotationTemplateDigest: revision.Digest},
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(ro, v1alpha1.GroupVersion.WithKind("Rollout"))},
			},
			Spec: appsv1.ReplicaSetSpec{Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: image}}},
			}},
		})
		if i == 0 {
			ro.Status.StableRevision = revision.Name
		} else {
			ro.Status.CurrentRevision, ro.Status.Release.Revision = revision.Name, revision.Name
		}
	}
	return objects
}

func TestUndo(t *testing.T) {
	cl := newCluster(t, revisions(t)...)
	cl.expect(t, cl.run(t.Context(), "undo", "web"), ExitDone,
		"Rollout demo/web: the template of revision #1 ", "is back (web: shop/web:2 -> shop/web:1); it is the stable revision: the release of ")
	if got := string(cl.rollout(t).Spec.Template.Spec.Raw); got != `{"containers":[{"image":"shop/web:1","name":"web","resources":{}}]}` {
		t.Errorf("got %s", got)
	}
	cl = newCluster(t, revisions(t)...)
	cl.expect(t, cl.run(t.Context(), "undo", "web", "--to-revision", "7"), ExitFailed, "revision 7 of Rollout demo/web is not kept; there are: 2, 1;")
}

func TestRestart(t *testing.T) {
	cl := newCluster(t, pausing())
	cl.expect(t, cl.run(t.Context(), "restart", "rollout/web"), ExitDone, "pods made before 2026-03-01T12:00:01Z are replaced, beginning now;")
	if at := cl.rollout(t).Spec.RestartAt; at == nil || !at.Equal(new(metav1.NewTime(now.Add(time.Second)))) {
		t.Errorf("got %v", at)
	}
	cl.expect(t, cl.run(t.Context(), "restart", "web", "--in", "10s"), ExitDone, "pods made before 2026-03-01T12:00:11Z are replaced, beginning in 10s;")
}

func TestSetImage(t *testing.T) {
	cl := newCluster(t, revisions(t)...)
	cl.expect(t, cl.run(t.Context(), "set", "image", "rollout", "web", "web=shop/web:3@sha256:abc"), ExitDone,
		"Rollout demo/web: web: shop/web:2 -> shop/web:3@sha256:abc; see: kubectl sluice status web -n demo --wait")
	cl.expect(t, cl.run(t.Context(), "set", "image", "web", "app=x"), ExitFailed, `has no container "app"; it has web`)
}

func TestManagedByGitSync(t *testing.T) {
	for _, args := range []string{"undo web", "restart web", "set image web web=x"} {
		objects := revisions(t)
		objects[0].SetLabels(map[string]string{v1alpha1.LabelGitSync: "demo.shop"})
		cl := newCluster(t, append(objects, gitSync())...)
		cl.expect(t, cl.run(t.Context(), strings.Fields(args)...), ExitFailed,
			"GitSync demo/shop keeps Rollout demo/web as it is in Git and would put that back", "https://git.example.com/shop.git")
	}
}

func TestHistory(t *testing.T) {
	ro := pausing()
	ro.Status.History = []v1alpha1.ReleaseRecord{{Revision: hash1, Number: 4, Outcome: v1alpha1.OutcomePromoted}}
	cl := newCluster(t, ro)
	cl.expect(t, cl.run(t.Context(), "history", "web"), ExitDone, "under way", "4   1111111111  -       Promoted")
	cl = newCluster(t, ro)
	cl.expect(t, cl.run(t.Context(), "history", "web", "-o", "wide"), ExitDone, "ANALYSIS")
	cl = newCluster(t, ro)
	cl.expect(t, cl.run(t.Context(), "history", "web", "-o", "json"), ExitDone)
	var records []v1alpha1.ReleaseRecord
	NewWithT(t).Expect(json.Unmarshal([]byte(cl.out.String()), &records)).To(Succeed())
	NewWithT(t).Expect(records).To(HaveLen(1))
	cl = newCluster(t, pausing())
	cl.expect(t, cl.run(t.Context(), "history", "web", "-o", "json"), ExitDone, "[]")
}

func TestCompletion(t *testing.T) {
	for args, want := range map[string][]string{
		"undo ":                       {"web\tPaused"},
		"jump ":                       {"web\tPaused"},
		"jump web ":                   {"1\tpause until promoted", "end\tbehind the last one"},
		"jump rollout web ":           {"1\tpause until promoted"},
		"set image web ":              {"web="},
		"undo web --to-revision ":     {"1\t#1 "},
		"history web -o ":             {"wide", "json"},
		"adopt ":                      {"app"},
		"adopt deployment ":           {"app"},
		"adopt app --stable-service ": {"front"},
		"adopt app --dry-run ":        {"client"},
		"promote web --skip":          {"--skip-analysis"},
	} {
		t.Run(args, func(t *testing.T) {
			objects := append(revisions(t),
				&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "app"}},
				&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "front"}})
			cl := newCluster(t, objects...)
			cl.expect(t, cl.run(t.Context(), append([]string{"__complete"}, strings.Split(args, " ")...)...), ExitDone, want...)
		})
	}
}

// TestGetWithoutASelector: a Rollout with a workloadRef may have none of its own.
func TestGetWithoutASelector(t *testing.T) {
	for name, selector := range map[string]string{"in status": "app=web", "nowhere": ""} {
		t.Run(name, func(t *testing.T) {
			objects := revisions(t)
			ro := objects[0].(*v1alpha1.Rollout)
			ro.Spec.Selector, ro.Status.Selector = metav1.LabelSelector{}, selector
			ro.Spec.WorkloadRef = &v1alpha1.WorkloadRef{Name: "app"}
			cl := newCluster(t, objects...)
			cl.expect(t, cl.run(t.Context(), "get", "ro", "web"), ExitDone, "of Deployment demo/app", "replicaset web-"+ro.Status.StableRevision)
		})
	}
}
