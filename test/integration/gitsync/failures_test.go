package gitsync_test

import (
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// good is a folder with two objects.
var good = map[string]string{"app/a.yaml": configMap("a", "1"), "app/b.yaml": configMap("b", "1")}

// expect waits for a failure and checks that all that was applied is still there.
func (f *fixture) expect(gs *v1alpha1.GitSync, reason string, stalled bool, texts ...string) {
	f.t.Helper()
	f.eventually(func() error {
		message := f.await(gs, v1alpha1.ConditionReady, metav1.ConditionFalse, reason)
		for _, text := range texts {
			if !strings.Contains(message, text) {
				return fmt.Errorf("message %q does not say %q", message, text)
			}
		}
		return nil
	})
	want := metav1.ConditionFalse
	if stalled {
		want = metav1.ConditionTrue
	}
	f.await(gs, v1alpha1.ConditionStalled, want, reason)
	for _, name := range []string{"a", "b"} {
		if got, err := f.data(name); err != nil || got != "1" {
			f.t.Errorf("%s holds %q, %v; want what was applied last", name, got, err)
		}
	}
}

func TestBrokenCommits(t *testing.T) {
	f := newFixture(t)
	first := f.push(good)
	gs := f.sync(nil)
	f.awaitRevision(gs, first)

	f.push(map[string]string{"app/a.yaml": "data:\n  v: [1\n"})
	f.expect(gs, v1alpha1.ReasonRenderFailed, true, "app/a.yaml", "is no YAML", first[:7]+" stays applied")
	f.push(map[string]string{"app/a.yaml": good["app/a.yaml"], "app/kustomization.yaml": "resources: [a.yaml, gone.yaml]"})
	f.expect(gs, v1alpha1.ReasonRenderFailed, true, "app/kustomization.yaml", "gone.yaml does not exist")
	f.push(map[string]string{"app/kustomization.yaml": "resources: [a.yaml, b.yaml]\npatches: [{patch: \"- op: remove\\n  path: /x\", target: {name: a}}]"})
	f.expect(gs, v1alpha1.ReasonRenderFailed, true, "app")
	f.push(map[string]string{"app": "", "elsewhere/a.yaml": configMap("a", "9")})
	f.expect(gs, v1alpha1.ReasonPathNotFound, true, "app: no such folder", "source.path")
	last := f.push(map[string]string{"app/a.yaml": configMap("a", "2"), "app/b.yaml": configMap("b", "1")})
	f.awaitRevision(gs, last)
	f.awaitData("a", "2")
}

func TestOutage(t *testing.T) {
	f := newFixture(t)
	first := f.push(good)
	gs := f.sync(nil)
	f.awaitRevision(gs, first)

	address := f.listener.Listener.Addr().String()
	f.listener.Close()
	f.expect(gs, v1alpha1.ReasonFetchFailed, false, "refused", "stays applied")
	if status := f.status(gs); status.Revision != first {
		t.Errorf("revision = %s, want %s", status.Revision, first)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	f.must(err)
	f.listener = httptest.NewUnstartedServer(f.server)
	f.must(f.listener.Listener.Close())
	f.listener.Listener = listener
	f.listener.Start()
	second := f.push(map[string]string{"app/a.yaml": configMap("a", "2")})
	f.awaitRevision(gs, second)
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
}

func TestUnknownRevision(t *testing.T) {
	f := newFixture(t)
	f.push(good)
	gs := f.sync(func(gs *v1alpha1.GitSync) { gs.Spec.Source.TargetRevision = "release" })
	message := f.await(gs, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonFetchFailed)
	if !strings.Contains(message, `no branch, tag or commit "release"`) {
		t.Errorf("message = %q", message)
	}
	_, err := f.worktree.Git(t.Context(), "push", "--quiet", "origin", "HEAD:refs/heads/release")
	f.must(err)
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
}

// TestRestrictedAccount: what the account may not write is reported, everything else is applied.
func TestRestrictedAccount(t *testing.T) {
	f := newFixture(t)
	verbs := []string{"get", "list", "watch", "create", "patch", "update", "delete"}
	f.account("limited", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: verbs})
	f.push(map[string]string{
		"app/a.yaml":       configMap("a", "1"),
		"app/secret.yaml":  "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: hunter2}\n",
		"app/other.yaml":   fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: %s}\n", "default"),
		"app/unknown.yaml": "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\n",
		"app/invalid.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: i}\ndatum: {v: x}\n",
	})
	gs := f.sync(func(gs *v1alpha1.GitSync) { gs.Spec.ServiceAccountName = "limited" })
	f.awaitData("a", "1")
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed)
	texts := map[string]string{}
	f.eventually(func() error {
		clear(texts)
		for _, failure := range f.status(gs).Failures {
			texts[failure.Object] = failure.Message
		}
		if len(texts) != 4 {
			return fmt.Errorf("failures = %v", texts)
		}
		return nil
	})
	for object, text := range map[string]string{
		"Secret/" + f.namespace + "/s":            "forbidden",
		"ConfigMap/default/x":                     "forbidden",
		"Thing.example.com/" + f.namespace + "/t": "CustomResourceDefinition",
		"ConfigMap/" + f.namespace + "/i":         "datum",
	} {
		if !strings.Contains(texts[object], text) {
			t.Errorf("%s: %q does not say %q", object, texts[object], text)
		}
	}
	role := &rbacv1.Role{}
	f.must(admin.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "limited"}, role))
	role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "create", "patch", "delete"}})
	f.must(admin.Update(t.Context(), role))
	last := f.push(map[string]string{"app/other.yaml": "", "app/unknown.yaml": "", "app/invalid.yaml": ""})
	f.awaitRevision(gs, last)
}

func TestNoAccount(t *testing.T) {
	f := newFixture(t)
	f.push(good)
	gs := f.sync(func(gs *v1alpha1.GitSync) { gs.Spec.ServiceAccountName = "" })
	f.await(gs, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAccountMissing)
	f.change(gs, func(gs *v1alpha1.GitSync) { gs.Spec.ServiceAccountName = "nobody" })
	message := f.await(gs, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAccountMissing)
	f.eventually(func() error {
		if message = f.await(gs, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAccountMissing); !strings.Contains(message, "/nobody does not exist") {
			return fmt.Errorf("message = %q", message)
		}
		return nil
	})
	f.change(gs, func(gs *v1alpha1.GitSync) { gs.Spec.ServiceAccountName = "deployer" })
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
}
