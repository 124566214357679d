package change

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/request"
	"github.com/sluicehq/sluice/controllers/rollout/extras"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

var web = client.ObjectKey{Namespace: "demo", Name: "web"}

// podSpec is a pod's spec as a person writes it: with some of what would be filled in, and without the rest.
func podSpec(image string) string {
	return `{"containers":[{"name":"web","image":"` + image + `","ports":[{"containerPort":80,"protocol":"TCP"}]}],` +
		`"initContainers":[{"name":"migrate","image":"shop/migrate:1"}],"restartPolicy":"Always"}`
}

func template(image string) v1alpha1.PodTemplate {
	return v1alpha1.PodTemplate{
		Metadata: v1alpha1.TemplateMetadata{Labels: map[string]string{"app": "web"}},
		Spec:     runtime.RawExtension{Raw: []byte(podSpec(image))},
	}
}

// rollout is demo/web that wants that image, with the revision of shop/web:1 as the stable one.
func rollout(t *testing.T, image string, change ...func(*v1alpha1.Rollout)) *v1alpha1.Rollout {
	t.Helper()
	ro := &v1alpha1.Rollout{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "web", UID: "rollout"},
		Spec: v1alpha1.RolloutSpec{
			Template: template(image),
			Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Strategy: v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{Steps: []v1alpha1.CanaryStep{{SetWeight: new(int32(20))}}}},
		},
		Status: v1alpha1.RolloutStatus{
			Phase: v1alpha1.RolloutHealthy, Selector: "app=web", CurrentRevision: hashOf(t, template(image)), StableRevision: hashOf(t, template("shop/web:1")),
		},
	}
	for _, c := range change {
		c(ro)
	}
	return ro
}

func hashOf(t *testing.T, template v1alpha1.PodTemplate) string {
	t.Helper()
	revision, err := wanted.RevisionOf(template)
	if err != nil {
		t.Fatal(err)
	}
	return revision.Name
}

// replicaSet is the ReplicaSet of an image, as the API server has filled in its defaults; role may be empty.
func replicaSet(t *testing.T, image, number, role string) *unstructured.Unstructured {
	t.Helper()
	revision, err := wanted.RevisionOf(template(image))
	if err != nil {
		t.Fatal(err)
	}
	var spec map[string]any
	if err := json.Unmarshal([]byte(podSpec(image)), &spec); err != nil {
		t.Fatal(err)
	}
	for _, c := range containers(map[string]any{"spec": spec}) {
		c["terminationMessagePath"], c["terminationMessagePolicy"] = "/dev/termination-log", "File"
		c["imagePullPolicy"], c["resources"] = "IfNotPresent", map[string]any{}
	}
	spec["dnsPolicy"], spec["schedulerName"], spec["terminationGracePeriodSeconds"] = "ClusterFirst", "default-scheduler", int64(30)
	spec["securityContext"] = map[string]any{}
	set := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "ReplicaSet",
		"spec": map[string]any{"template": map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"app": "web", v1alpha1.LabelPodTemplateHash: revision.Name}},
			"spec":     spec,
		}},
	}}
	set.SetNamespace("demo")
	set.SetName("web-" + revision.Name)
	set.SetLabels(map[string]string{"app": "web", v1alpha1.LabelPodTemplateHash: revision.Name})
	annotations := map[string]string{
		v1alpha1.AnnotationRevision: number, v1alpha1.AnnotationTemplateDigest: revision.Digest, v1alpha1.AnnotationEffectiveDigest: effective(t, set),
	}
	if role != "" {
		annotations[v1alpha1.AnnotationRole] = role
	}
	set.SetAnnotations(annotations)
	set.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "sluice.dev/v1alpha1", Kind: "Rollout", Name: "web", UID: "rollout", Controller: new(true)}})
	return set
}

// effective is the digest of a ReplicaSet's template as it is.
func effective(t *testing.T, set *unstructured.Unstructured) string {
	t.Helper()
	bare, err := extras.Bare(set.Object)
	if err != nil {
		t.Fatal(err)
	}
	revision, err := wanted.RevisionOf(bare)
	if err != nil {
		t.Fatal(err)
	}
	return revision.Digest
}

// expectTemplate checks that the Rollout's template is that of the ReplicaSet, without what is not the user's.
func expectTemplate(t *testing.T, c client.Client, set *unstructured.Unstructured) {
	t.Helper()
	ro := read1(t, c)
	revision, err := wanted.RevisionOf(ro.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	if want := set.GetAnnotations()[v1alpha1.AnnotationEffectiveDigest]; revision.Digest != want {
		t.Errorf("the template is not the one that was: digest %s, want %s\n%v %s", revision.Digest, want, ro.Spec.Template.Metadata, ro.Spec.Template.Spec.Raw)
	}
}

func newClient(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(funcs).Build()
}

func read1(t *testing.T, c client.Client) *v1alpha1.Rollout {
	t.Helper()
	ro := &v1alpha1.Rollout{}
	if err := c.Get(t.Context(), web, ro); err != nil {
		t.Fatal(err)
	}
	return ro
}

func TestUndo(t *testing.T) {
	releasing := func(ro *v1alpha1.Rollout) {
		ro.Status.Release = &v1alpha1.ReleaseStatus{Revision: ro.Status.CurrentRevision}
	}
	stable := func(image string) func(*v1alpha1.Rollout) {
		return func(ro *v1alpha1.Rollout) { ro.Status.StableRevision = hashOf(t, template(image)) }
	}
	window := func(n int32) func(*v1alpha1.Rollout) {
		return func(ro *v1alpha1.Rollout) { ro.Spec.RollbackWindow = &v1alpha1.RollbackWindow{Revisions: n} }
	}
	rejected := func(image string) func(*v1alpha1.Rollout) {
		return func(ro *v1alpha1.Rollout) {
			ro.Status.Rejected = []v1alpha1.RejectedRevision{{Revision: hashOf(t, template(image)), Reason: "AnalysisFailed", Message: "success-rate"}}
		}
	}
	three := []client.Object{
		replicaSet(t, "shop/web:1", "1", "former"), replicaSet(t, "shop/web:2", "2", ""), replicaSet(t, "shop/web:3", "3", "stable"),
	}
	cases := map[string]struct {
		ro     *v1alpha1.Rollout
		sets   []client.Object
		number int64
		// image that is wanted afterwards, and what comes of it; or why it is refused.
		image, effect, refused string
	}{
		"to the stable one in a release": {
			ro: rollout(t, "shop/web:2", releasing), sets: three[:2], image: "shop/web:1",
			effect: "it is the stable revision: the release of " + hashOf(t, template("shop/web:2")) + " ends and all traffic goes back to it",
		},
		"to the stable one after an abort": {
			ro: rollout(t, "shop/web:2"), sets: three[:2], image: "shop/web:1", effect: "which serves already",
		},
		"to the one that was stable before, past one that never was": {
			ro: rollout(t, "shop/web:3", stable("shop/web:3")), sets: three, image: "shop/web:1", effect: "its steps run again, from the first",
		},
		"inside of the window": {
			ro: rollout(t, "shop/web:3", stable("shop/web:3"), window(2)), sets: three, image: "shop/web:1",
			effect: "it is inside of the rollback window of 2: its steps are skipped",
		},
		"outside of the window": {
			ro: rollout(t, "shop/web:3", stable("shop/web:3"), window(1)), sets: three, image: "shop/web:1", effect: "its steps run again",
		},
		"in the window, but never stable": {
			ro: rollout(t, "shop/web:3", stable("shop/web:3"), window(1)), sets: three, number: 2, image: "shop/web:2", effect: "its steps run again",
		},
		"where no mark tells": {
			ro: rollout(t, "shop/web:3", stable("shop/web:3")), sets: three[1:], image: "shop/web:2", effect: "its steps run again",
		},
		"past a rejected one": {
			ro:    rollout(t, "shop/web:3", stable("shop/web:3"), rejected("shop/web:2")),
			sets:  []client.Object{replicaSet(t, "shop/web:1", "1", ""), three[1], three[2]},
			image: "shop/web:1", effect: "its steps run again",
		},
		"to a rejected one by number": {
			ro: rollout(t, "shop/web:3", stable("shop/web:3"), rejected("shop/web:2")), sets: three, number: 2, image: "shop/web:2",
			effect: "this revision was rejected (AnalysisFailed: success-rate) and is held until: kubectl sluice retry web -n demo",
		},
		"to what is wanted already": {ro: rollout(t, "shop/web:3"), sets: three, number: 3, refused: "wants revision #3 "},
		"to what is not kept":       {ro: rollout(t, "shop/web:3"), sets: three, number: 9, refused: "revision 9 of Rollout demo/web is not kept; there are: 3, 2, 1;"},
		"to nothing":                {ro: rollout(t, "shop/web:3"), sets: three[2:], refused: "no revision is kept that is neither wanted now nor was rejected"},
		"of another's ReplicaSets": {
			ro: rollout(t, "shop/web:3", func(ro *v1alpha1.Rollout) { ro.UID = "another" }), sets: three, refused: "no revision is kept",
		},
		"in Git, in a release": {
			ro:   rollout(t, "shop/web:2", releasing, func(ro *v1alpha1.Rollout) { ro.Labels = map[string]string{v1alpha1.LabelGitSync: "ops.unknown"} }),
			sets: three, refused: "revert the commit; to take the traffic back at once: kubectl sluice abort web -n demo",
		},
		"in Git": {
			ro:   rollout(t, "shop/web:2", func(ro *v1alpha1.Rollout) { ro.Labels = map[string]string{v1alpha1.LabelGitSync: "ops.shop.eu"} }),
			sets: three, refused: "cannot undo: GitSync ops/shop.eu keeps Rollout demo/web as it is in Git and would put that back; revert the commit in https://git.example.com/shop.git, path prod",
		},
	}
	gs := &v1alpha1.GitSync{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ops", Name: "shop.eu"},
		Spec:       v1alpha1.GitSyncSpec{Source: v1alpha1.GitSource{RepoURL: "https://git.example.com/shop.git", Path: "prod"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cl := newClient(t, interceptor.Funcs{}, append([]client.Object{c.ro, gs.DeepCopy()}, copies(c.sets)...)...)
			got, err := Undo(t.Context(), cl, web, c.number)
			if c.refused != "" {
				expectRefusal(t, err, c.refused)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got.Effect, c.effect) || got.On != "Rollout demo/web" {
				t.Errorf("got %+v, want the effect %q", got, c.effect)
			}
			expectTemplate(t, cl, replicaSet(t, c.image, "", ""))
		})
	}
}

func copies(in []client.Object) []client.Object {
	var out []client.Object
	for _, o := range in {
		out = append(out, o.DeepCopyObject().(client.Object))
	}
	return out
}

func expectRefusal(t *testing.T, err error, text string) {
	t.Helper()
	if _, ok := errors.AsType[*request.RefusedError](err); !ok || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want a refusal that says %q", err, text)
	}
}

// TestUndoTakesOutWhatTheControllerPutIn: labels and annotations of a role, and the anti-affinity between revisions.
func TestUndoTakesOutWhatTheControllerPutIn(t *testing.T) {
	set := replicaSet(t, "shop/web:1", "1", "stable")
	extras.PutAffinity(set.Object, extras.Affinity{Against: "another", Weight: 1})
	err := extras.PutMetadata(set.Object, extras.Metadata{Labels: map[string]string{"role": "stable"}, Annotations: map[string]string{"team": "shop"}})
	if err != nil {
		t.Fatal(err)
	}
	cl := newClient(t, interceptor.Funcs{}, rollout(t, "shop/web:2"), set, replicaSet(t, "shop/web:2", "2", ""))
	got, err := Undo(t.Context(), cl, web, 0)
	if err != nil {
		t.Fatal(err)
	}
	expectTemplate(t, cl, replicaSet(t, "shop/web:1", "", ""))
	if diff := cmp.Diff([]Image{{Container: "web", Image: "shop/web:1", Before: "shop/web:2"}}, got.Images); diff != "" {
		t.Error(diff)
	}
}

// TestUndoOfWhatIsNotCertain: what the controller will not know again is a new revision, and is said to be.
func TestUndoOfWhatIsNotCertain(t *testing.T) {
	set := replicaSet(t, "shop/web:1", "1", "stable")
	set.SetAnnotations(map[string]string{v1alpha1.AnnotationRevision: "1", v1alpha1.AnnotationTemplateDigest: "another"})
	cl := newClient(t, interceptor.Funcs{}, rollout(t, "shop/web:2"), set)
	got, err := Undo(t.Context(), cl, web, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.Effect, "counts as a new one: its steps run again") {
		t.Errorf("got %q", got.Effect)
	}
	expectTemplate(t, cl, replicaSet(t, "shop/web:1", "", ""))
}

// borrowing is a Rollout whose template is a Deployment's, and that Deployment.
func borrowing(t *testing.T) (*v1alpha1.Rollout, *appsv1.Deployment) {
	t.Helper()
	ro := rollout(t, "shop/web:2", func(ro *v1alpha1.Rollout) {
		ro.Spec.Template, ro.Spec.WorkloadRef = v1alpha1.PodTemplate{}, &v1alpha1.WorkloadRef{Name: "app"}
	})
	labels := map[string]string{"app": "web"}
	return ro, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "app"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "shop/web:2"}}},
			},
		},
	}
}

func TestDeploymentHoldsTheTemplate(t *testing.T) {
	ro, deployment := borrowing(t)
	cl := newClient(t, interceptor.Funcs{}, ro, deployment, replicaSet(t, "shop/web:1", "1", "stable"))
	got, err := Undo(t.Context(), cl, web, 0)
	if err != nil || got.On != "Deployment demo/app" {
		t.Fatalf("got %+v, %v", got, err)
	}
	changes, on, err := SetImages(t.Context(), cl, web, []Image{{Container: "web", Image: "shop/web:5"}})
	if err != nil || on != "Deployment demo/app" {
		t.Fatalf("got %s, %v", on, err)
	}
	if diff := cmp.Diff([]Image{{Container: "web", Image: "shop/web:5", Before: "shop/web:1"}}, changes); diff != "" {
		t.Error(diff)
	}
	if err := Restart(t.Context(), cl, web, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	after := &appsv1.Deployment{}
	if err := cl.Get(t.Context(), client.ObjectKey{Namespace: "demo", Name: "app"}, after); err != nil || after.Spec.Template.Spec.Containers[0].Image != "shop/web:5" {
		t.Errorf("got %v, %v", after.Spec.Template.Spec, err)
	}
	if ro := read1(t, cl); ro.Spec.RestartAt == nil || ro.Spec.RestartAt.Unix() != 1e9 || len(ro.Spec.Template.Spec.Raw) != 0 {
		t.Errorf("got %+v", ro.Spec)
	}
}

func TestDeploymentIsKeptInGit(t *testing.T) {
	ro, deployment := borrowing(t)
	deployment.Labels = map[string]string{v1alpha1.LabelGitSync: "ops.shop"}
	cl := newClient(t, interceptor.Funcs{}, ro, deployment)
	_, _, err := SetImages(t.Context(), cl, web, []Image{{Container: "web", Image: "x"}})
	expectRefusal(t, err, "cannot set an image: GitSync ops/shop keeps Deployment demo/app as it is in Git and would put that back; change the image")
	if err := Restart(t.Context(), cl, web, time.Unix(1e9, 0)); err != nil {
		t.Errorf("the Rollout is not kept in Git: %v", err)
	}
	ro.Spec.WorkloadRef.Name = "gone"
	cl = newClient(t, interceptor.Funcs{}, ro)
	_, err = Undo(t.Context(), cl, web, 0)
	expectRefusal(t, err, "Deployment demo/gone, which spec.workloadRef of Rollout demo/web names, is not there")
}

func TestSetImages(t *testing.T) {
	for name, c := range map[string]struct {
		images  []Image
		want    []Image
		refused string
	}{
		"one":          {images: []Image{{Container: "web", Image: "shop/web:9"}}, want: []Image{{Container: "web", Image: "shop/web:9", Before: "shop/web:1"}}},
		"an init one":  {images: []Image{{Container: "migrate", Image: "m:2"}}, want: []Image{{Container: "migrate", Image: "m:2", Before: "shop/migrate:1"}}},
		"one of two":   {images: []Image{{Container: "web", Image: "shop/web:1"}, {Container: "migrate", Image: "m:2"}}, want: []Image{{Container: "migrate", Image: "m:2", Before: "shop/migrate:1"}}},
		"nothing new":  {images: []Image{{Container: "web", Image: "shop/web:1"}}, refused: "has these images already"},
		"no container": {images: []Image{{Container: "wbe", Image: "x"}}, refused: `Rollout demo/web has no container "wbe"; it has migrate, web`},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newClient(t, interceptor.Funcs{}, rollout(t, "shop/web:1", func(ro *v1alpha1.Rollout) {
				raw := strings.Replace(podSpec("shop/web:1"), `"name":"web"`, `"name":"web","newField":{"a":1}`, 1)
				ro.Spec.Template.Spec.Raw = []byte(raw)
			}))
			got, _, err := SetImages(t.Context(), cl, web, c.images)
			if c.refused != "" {
				expectRefusal(t, err, c.refused)
				return
			}
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%v %s", err, diff)
			}
			if raw := string(read1(t, cl).Spec.Template.Spec.Raw); !strings.Contains(raw, `"newField":{"a":1}`) {
				t.Errorf("a field that no library knows is lost: %s", raw)
			}
		})
	}
}

func TestRestartRefused(t *testing.T) {
	cl := newClient(t, interceptor.Funcs{}, rollout(t, "shop/web:1", func(ro *v1alpha1.Rollout) { ro.Spec.Replicas = new(int32(0)) }))
	expectRefusal(t, Restart(t.Context(), cl, web, time.Unix(1e9, 0)), "nothing to restart: spec.replicas of Rollout demo/web is 0")
	cl = newClient(t, interceptor.Funcs{}, rollout(t, "shop/web:1", func(ro *v1alpha1.Rollout) {
		ro.DeletionTimestamp, ro.Finalizers = new(metav1.NewTime(time.Unix(1, 0))), []string{"x"}
	}))
	expectRefusal(t, Restart(t.Context(), cl, web, time.Unix(1e9, 0)), "cannot restart: Rollout demo/web is being deleted")
}

// TestChangesAreMadeOntoWhatWasRead: whoever changes the object meanwhile is not overwritten, and it is tried again.
func TestChangesAreMadeOntoWhatWasRead(t *testing.T) {
	patches := 0
	cl := newClient(t, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			if patches++; patches == 1 {
				other := &v1alpha1.Rollout{}
				if err := c.Get(ctx, web, other); err != nil {
					return err
				}
				other.Spec.Template = template("shop/web:2")
				if err := c.Update(ctx, other); err != nil {
					return err
				}
			}
			err := c.Patch(ctx, obj, patch, opts...)
			if patches == 1 && !apierrors.IsConflict(err) {
				t.Errorf("the first patch must not fit: %v", err)
			}
			return err
		},
	}, rollout(t, "shop/web:1"))
	changes, _, err := SetImages(t.Context(), cl, web, []Image{{Container: "migrate", Image: "m:2"}})
	if err != nil || len(changes) != 1 {
		t.Fatalf("got %v, %v", changes, err)
	}
	raw := string(read1(t, cl).Spec.Template.Spec.Raw)
	if patches != 2 || !strings.Contains(raw, `"shop/web:2"`) || !strings.Contains(raw, `"m:2"`) {
		t.Errorf("%d patches, %s", patches, raw)
	}
}
