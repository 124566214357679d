package gitsync_test

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/gitserver"
)

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.%[1]s.example.com}
spec:
  group: %[1]s.example.com
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// TestDefinitionAndObject: a kind and an object of it in one commit.
func TestDefinitionAndObject(t *testing.T) {
	f := newFixture(t)
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: f.namespace},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}},
	}
	f.must(admin.Create(t.Context(), role))
	f.must(admin.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: f.namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: f.namespace, Name: "deployer"}},
	}))
	commit := f.push(map[string]string{
		"app/a-widget.yaml": fmt.Sprintf("apiVersion: %s.example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {n: 1}\n", f.namespace),
		"app/z-crd.yaml":    fmt.Sprintf(definition, f.namespace),
	})
	gs := f.sync(nil)
	f.awaitRevision(gs, commit)
	if _, err := f.object(f.namespace+".example.com", "v1", "Widget", "w"); err != nil {
		t.Error(err)
	}
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
}

// TestTakeOver: fields that kubectl applied client-side, and Git does not have, go.
func TestTakeOver(t *testing.T) {
	f := newFixture(t)
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "a", Annotations: map[string]string{
			"kubectl.kubernetes.io/last-applied-configuration": `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"v":"0","old":"x"}}`,
		}},
		Data: map[string]string{"v": "0", "old": "x"},
	}
	f.must(admin.Create(t.Context(), object, client.FieldOwner("kubectl-client-side-apply")))
	commit := f.push(good)
	gs := f.sync(nil)
	f.awaitRevision(gs, commit)
	f.must(admin.Get(t.Context(), client.ObjectKeyFromObject(object), object))
	if object.Data["v"] != "1" || object.Data["old"] != "" || len(object.Annotations) != 0 {
		t.Errorf("data = %v, annotations = %v", object.Data, object.Annotations)
	}
}

// TestTwoHolders: an object that two GitSyncs hold stays with the one that has it; it moves when the first gives it up.
func TestTwoHolders(t *testing.T) {
	f := newFixture(t)
	f.push(map[string]string{
		"app/a.yaml": configMap("a", "1"), "app/b.yaml": configMap("b", "1"), "other/a.yaml": configMap("a", "2"),
	})
	one := f.sync(nil)
	f.await(one, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	found := &corev1.ConfigMap{}
	f.must(admin.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "a"}, found))
	two := f.sync(func(gs *v1alpha1.GitSync) { gs.Name, gs.Spec.Source.Path = "other", "other" })
	message := f.await(two, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed)
	if !strings.Contains(message, f.namespace+"/app") {
		t.Errorf("message = %q", message)
	}
	if got, _ := f.data("a"); got != "1" {
		t.Errorf("a holds %q", got)
	}
	f.push(map[string]string{"app/a.yaml": ""})
	f.awaitData("a", "2")
	f.await(one, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	f.await(two, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	after := &corev1.ConfigMap{}
	f.must(admin.Get(t.Context(), client.ObjectKeyFromObject(found), after))
	if after.UID != found.UID {
		t.Error("it was deleted and made anew instead of being handed over")
	}
}

// TestPrivateRepository: credentials and a trusted authority come from a Secret, read as the account.
func TestPrivateRepository(t *testing.T) {
	f := newFixture(t)
	private, err := gitserver.New(t.Context(), gitserver.Options{Root: t.TempDir(), Username: "u", Password: "hunter2"})
	f.must(err)
	f.must(private.CreateRepository(t.Context(), "app"))
	plain, secure := httptest.NewServer(private), httptest.NewTLSServer(private)
	defer plain.Close()
	defer secure.Close()
	f.worktree, err = gitserver.Clone(t.Context(), strings.Replace(plain.URL, "//", "//u:hunter2@", 1)+"/app.git", filepath.Join(t.TempDir(), "w"))
	f.must(err)
	f.push(good)
	gs := f.sync(func(gs *v1alpha1.GitSync) {
		gs.Spec.Source.RepoURL = secure.URL + "/app.git"
		gs.Spec.Source.SecretRef = &v1alpha1.LocalObjectReference{Name: "repo"}
	})
	message := f.await(gs, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonFetchFailed)
	if !strings.Contains(message, "Secret repo does not exist") {
		t.Errorf("message = %q", message)
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "repo"},
		StringData: map[string]string{
			"username": "u", "password": "wrong",
			"ca.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})),
		},
	}
	f.must(admin.Create(t.Context(), secret))
	f.eventually(func() error {
		if message = f.await(gs, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonFetchFailed); !strings.Contains(message, "asks for credentials") {
			return fmt.Errorf("message = %q", message)
		}
		return nil
	})
	secret.StringData = map[string]string{"password": "hunter2"}
	f.must(admin.Update(t.Context(), secret))
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	out, err := exec.CommandContext(t.Context(), "grep", "-r", "hunter2", controller.dir).CombinedOutput()
	if err == nil {
		t.Errorf("the password is on disk: %s", out)
	}
}
