package gitsync_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// edit changes a ConfigMap past Git.
func (f *fixture) edit(name, patch string) {
	f.t.Helper()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	f.must(admin.Patch(f.t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner("somebody")))
}

func TestHeal(t *testing.T) {
	f := newFixture(t)
	f.push(good)
	gs := f.sync(func(gs *v1alpha1.GitSync) { gs.Spec.Interval = new(v1alpha1.Duration("1h")) })
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	f.edit("a", `{"data":{"v":"by hand"}}`)
	f.awaitData("a", "1")
	f.must(admin.Delete(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "b"}}))
	f.awaitData("b", "1")
	f.edit("a", `{"metadata":{"labels":null}}`)
	f.eventually(func() error {
		found := &corev1.ConfigMap{}
		if err := admin.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "a"}, found); err != nil {
			return err
		}
		if found.Labels[v1alpha1.LabelGitSync] == "" {
			return fmt.Errorf("labels = %v", found.Labels)
		}
		return nil
	})
	// What Git says nothing of is nobody's drift.
	f.edit("a", `{"data":{"other":"x"}}`)
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	f.edit("a", `{"data":{"v":"again"}}`)
	f.awaitData("a", "1")
	found := &corev1.ConfigMap{}
	f.must(admin.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "a"}, found))
	if found.Data["other"] != "x" {
		t.Errorf("data = %v", found.Data)
	}
}

func TestNoHeal(t *testing.T) {
	f := newFixture(t)
	f.push(good)
	gs := f.sync(func(gs *v1alpha1.GitSync) { gs.Spec.SyncPolicy.Automated.SelfHeal = false })
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	f.edit("a", `{"data":{"v":"by hand"}}`)
	message := f.await(gs, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonOutOfSync)
	if !strings.Contains(message, "ConfigMap/"+f.namespace+"/a") || !strings.Contains(message, "selfHeal") {
		t.Errorf("message = %q", message)
	}
	if got, _ := f.data("a"); got != "by hand" {
		t.Errorf("a holds %q", got)
	}
	f.edit("a", `{"data":{"v":"1"}}`)
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	f.edit("a", `{"data":{"v":"by hand"}}`)
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonOutOfSync)
	f.ask(gs, "1")
	f.awaitData("a", "1")
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
}

// ask asks for a sync and waits until it was handled.
func (f *fixture) ask(gs *v1alpha1.GitSync, value string) {
	f.t.Helper()
	f.change(gs, func(gs *v1alpha1.GitSync) {
		metav1.SetMetaDataAnnotation(&gs.ObjectMeta, v1alpha1.AnnotationSyncRequestedAt, value)
	})
	f.eventually(func() error {
		if got := f.status(gs).LastHandledSyncRequest; got != value {
			return fmt.Errorf("handled %q, want %q", got, value)
		}
		return nil
	})
}

func TestOnlyWhenAsked(t *testing.T) {
	f := newFixture(t)
	f.push(good)
	gs := f.sync(func(gs *v1alpha1.GitSync) {
		gs.Spec.SyncPolicy = nil
		gs.Spec.Interval = new(v1alpha1.Duration("1h"))
	})
	message := f.await(gs, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonOutOfSync)
	if !strings.Contains(message, "2 objects differ") {
		t.Errorf("message = %q", message)
	}
	if _, err := f.data("a"); err == nil {
		t.Error("it was applied without being asked for")
	}
	f.ask(gs, "one")
	f.awaitData("a", "1")
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	second := f.push(map[string]string{"app/a.yaml": configMap("a", "2")})
	f.ask(gs, "two")
	f.awaitRevision(gs, second)
	f.awaitData("a", "2")
}
