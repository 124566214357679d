package gitsync_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

func TestNothingLeft(t *testing.T) {
	f := newFixture(t)
	f.push(good)
	gs := f.sync(nil)
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	f.push(map[string]string{"app/a.yaml": "", "app/b.yaml": "", "app/README.md": "empty"})
	f.expect(gs, v1alpha1.ReasonPruneBlocked, true, "all 2 objects", "allowEmpty")
	f.change(gs, func(gs *v1alpha1.GitSync) { gs.Spec.SyncPolicy.Automated.AllowEmpty = true })
	f.awaitGone("a")
	f.awaitGone("b")
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
}

func TestTooMuchAtOnce(t *testing.T) {
	f := newFixture(t)
	files, fewer := map[string]string{}, map[string]string{}
	for i := range 12 {
		name := fmt.Sprintf("app/m%02d.yaml", i)
		files[name] = configMap(fmt.Sprintf("m%02d", i), "1")
		if i >= 5 {
			fewer[name] = ""
		}
	}
	f.push(files)
	gs := f.sync(nil)
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	f.push(fewer)
	message := f.await(gs, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPruneBlocked)
	approval := regexp.MustCompile(`sluice\.dev/approve-prune=([0-9a-f]+)`).FindStringSubmatch(message)
	if !strings.Contains(message, "7 of 12 objects") || approval == nil {
		t.Fatalf("message = %q", message)
	}
	if got, err := f.data("m11"); err != nil || got != "1" {
		t.Errorf("m11 holds %q, %v", got, err)
	}
	annotate := func(value string) {
		f.change(gs, func(gs *v1alpha1.GitSync) {
			metav1.SetMetaDataAnnotation(&gs.ObjectMeta, v1alpha1.AnnotationApprovePrune, value)
		})
	}
	annotate("0123456789abcdef")
	f.await(gs, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPruneBlocked)
	annotate(approval[1])
	f.awaitGone("m11")
	f.awaitGone("m05")
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	if _, err := f.data("m04"); err != nil {
		t.Errorf("m04: %v", err)
	}
}

// TestWhatIsNotPruned: kinds that hold data, annotated objects, objects that are not ours any more.
func TestWhatIsNotPruned(t *testing.T) {
	f := newFixture(t)
	files := map[string]string{
		"app/stays.yaml": configMap("stays", "1"),
		"app/goes.yaml":  configMap("goes", "1"),
		"app/kept.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept, annotations: {sluice.dev/prune: disabled}}\ndata: {v: '1'}",
		"app/given.yaml": configMap("given", "1"),
		"app/anew.yaml":  configMap("anew", "1"),
		"app/pvc.yaml":   "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: claim}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}",
	}
	f.push(files)
	gs := f.sync(nil)
	f.awaitData("anew", "1")
	// No one binds the claim here; prune waits for health, so make it look bound.
	claim := &corev1.PersistentVolumeClaim{}
	f.eventually(func() error {
		return admin.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "claim"}, claim)
	})
	claim.Status.Phase = corev1.ClaimBound
	f.must(admin.Status().Update(t.Context(), claim))
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")

	f.change(gs, func(gs *v1alpha1.GitSync) { gs.Spec.Suspend = true })
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)
	given := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "given"}}
	f.must(admin.Patch(t.Context(), given, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"sluice.dev/gitsync":null}}}`))))
	anew := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "anew"}}
	f.must(admin.Delete(t.Context(), anew))
	anew.Labels = map[string]string{v1alpha1.LabelGitSync: f.namespace + ".app"}
	anew.Data = map[string]string{"v": "by hand"}
	f.must(admin.Create(t.Context(), anew))
	removed := map[string]string{}
	for name := range files {
		if name != "app/stays.yaml" {
			removed[name] = ""
		}
	}
	f.push(removed)
	f.change(gs, func(gs *v1alpha1.GitSync) { gs.Spec.Suspend = false })
	f.awaitGone("goes")
	message := f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
	f.eventually(func() error {
		message = f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
		if !strings.Contains(message, "3 that left Git stay") {
			return fmt.Errorf("message = %q", message)
		}
		return nil
	})
	for name, want := range map[string]string{"kept": "1", "given": "1", "anew": "by hand", "stays": "1"} {
		if got, err := f.data(name); err != nil || got != want {
			t.Errorf("%s holds %q, %v; want %q", name, got, err, want)
		}
	}
	f.must(admin.Get(t.Context(), client.ObjectKeyFromObject(claim), claim))
	if claim.DeletionTimestamp != nil {
		t.Error("the claim is being deleted")
	}
}

func TestPruneOff(t *testing.T) {
	f := newFixture(t)
	f.push(good)
	gs := f.sync(func(gs *v1alpha1.GitSync) { gs.Spec.SyncPolicy.Automated.Prune = false })
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	f.push(map[string]string{"app/b.yaml": ""})
	f.eventually(func() error {
		if message := f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, ""); !strings.Contains(message, "prune is not set") {
			return fmt.Errorf("message = %q", message)
		}
		return nil
	})
	if _, err := f.data("b"); err != nil {
		t.Error(err)
	}
	f.change(gs, func(gs *v1alpha1.GitSync) { gs.Spec.SyncPolicy.Automated.Prune = true })
	f.awaitGone("b")
}

// TestRemoval: a deleted GitSync prunes what it applied; a suspended one, or one that may not prune, lets go of it.
func TestRemoval(t *testing.T) {
	f := newFixture(t)
	f.push(good)
	gs := f.sync(nil)
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	f.remove(gs)
	f.awaitGone("a")
	f.awaitGone("b")
	for name, change := range map[string]func(*v1alpha1.GitSync){
		"suspended":  func(gs *v1alpha1.GitSync) { gs.Spec.Suspend = true },
		"may not":    func(gs *v1alpha1.GitSync) { gs.Spec.SyncPolicy = nil },
		"no account": func(gs *v1alpha1.GitSync) { gs.Spec.ServiceAccountName = "gone" },
	} {
		gs := f.sync(nil)
		f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
		f.change(gs, change)
		f.remove(gs)
		if got, err := f.data("a"); err != nil || got != "1" {
			t.Errorf("%s: a holds %q, %v", name, got, err)
		}
	}
}

// TestNamespaceGoes: a namespace that is being deleted with all that is in it does not wait for the GitSync.
func TestNamespaceGoes(t *testing.T) {
	f := newFixture(t)
	f.push(good)
	gs := f.sync(nil)
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	f.must(admin.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}}))
	for _, object := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "deployer"}},
	} {
		f.must(admin.Delete(t.Context(), object))
	}
	f.remove(gs)
}
