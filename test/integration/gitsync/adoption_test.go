package gitsync_test

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {containers: [{name: app, image: "example.com/app:%s"}]}
`

const adopting = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: app}
spec:
  adopt: {name: app}
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {containers: [{name: app, image: "example.com/app:v1"}]}
  strategy: {canary: {}}
`

// playDeployment makes the Deployment look as if its pods were up.
func (f *fixture) playDeployment() *appsv1.Deployment {
	f.t.Helper()
	d := &appsv1.Deployment{}
	f.eventually(func() error {
		if err := admin.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "app"}, d); err != nil {
			return err
		}
		n := *d.Spec.Replicas
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n,
			Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentAvailable, Status: "True", Reason: "Played"},
				{Type: appsv1.DeploymentProgressing, Status: "True", Reason: "NewReplicaSetAvailable"},
			},
		}
		return admin.Status().Update(f.t.Context(), d)
	})
	return d
}

// playRollout makes the Rollout look as if it were healthy.
func (f *fixture) playRollout() {
	f.t.Helper()
	f.eventually(func() error {
		ro := &v1alpha1.Rollout{}
		if err := admin.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "app"}, ro); err != nil {
			return err
		}
		ro.Status.ObservedGeneration = ro.Generation
		ro.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Played", LastTransitionTime: metav1.Now(),
		}}
		return admin.Status().Update(f.t.Context(), ro)
	})
}

// awaitMessage waits until the sync is Ready and says something.
func (f *fixture) awaitMessage(gs *v1alpha1.GitSync, kind string, status metav1.ConditionStatus, text string) {
	f.t.Helper()
	f.eventually(func() error {
		if message := f.await(gs, kind, status, ""); !strings.Contains(message, text) {
			return fmt.Errorf("%s says %q, want %q", kind, message, text)
		}
		return nil
	})
}

// TestDeploymentBecomesARollout: one commit replaces a Deployment by a Rollout that adopts it. The Deployment is the
// Rollout's to delete, however healthy all else is.
func TestDeploymentBecomesARollout(t *testing.T) {
	f := newFixture(t)
	f.push(map[string]string{"app/app.yaml": fmt.Sprintf(deployment, "v1"), "app/other.yaml": configMap("other", "1")})
	gs := f.sync(nil)
	before := f.playDeployment()
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")

	f.push(map[string]string{"app/app.yaml": adopting, "app/other.yaml": "", "app/next.yaml": configMap("next", "1")})
	f.playRollout()
	f.awaitGone("other") // What left Git with it is pruned.
	f.awaitMessage(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "a Rollout adopts it")
	d := &appsv1.Deployment{}
	f.must(admin.Get(t.Context(), client.ObjectKeyFromObject(before), d))
	if d.UID != before.UID || d.DeletionTimestamp != nil {
		t.Fatal("the Deployment was pruned")
	}

	f.must(admin.Delete(t.Context(), d)) // As the Rollout does it.
	f.awaitMessage(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "2 objects")
	f.eventually(func() error {
		if message := f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, ""); strings.Contains(message, "stay") {
			return fmt.Errorf("message = %q", message)
		}
		return nil
	})
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(before), d); !apierrors.IsNotFound(err) {
		t.Errorf("the Deployment is there again: %v", err)
	}
}

// TestDeploymentBesideItsRollout: where Git holds both, the Deployment is neither changed nor made again, and the
// GitSync says what is wrong.
func TestDeploymentBesideItsRollout(t *testing.T) {
	f := newFixture(t)
	f.push(map[string]string{"app/deployment.yaml": fmt.Sprintf(deployment, "v1")})
	gs := f.sync(nil)
	before := f.playDeployment()
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")

	f.push(map[string]string{"app/deployment.yaml": fmt.Sprintf(deployment, "v2"), "app/rollout.yaml": adopting})
	f.awaitMessage(gs, v1alpha1.ConditionApplied, metav1.ConditionFalse, "remove the Deployment from Git")
	f.playRollout()
	d := &appsv1.Deployment{}
	f.must(admin.Get(t.Context(), client.ObjectKeyFromObject(before), d))
	if got := d.Spec.Template.Spec.Containers[0].Image; got != "example.com/app:v1" {
		t.Errorf("the Deployment runs %s", got)
	}
	f.must(admin.Delete(t.Context(), d))
	commit := f.push(map[string]string{"app/more.yaml": configMap("more", "1")})
	f.awaitData("more", "1")
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(before), d); !apierrors.IsNotFound(err) {
		t.Errorf("the Deployment was made again: %v", err)
	}
	f.awaitMessage(gs, v1alpha1.ConditionApplied, metav1.ConditionFalse, commit[:7])
	f.push(map[string]string{"app/deployment.yaml": ""})
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
}

// TestWorkloadOfARollout: a Deployment that a Rollout keeps small is not scaled back to what Git says.
func TestWorkloadOfARollout(t *testing.T) {
	f := newFixture(t)
	f.push(map[string]string{"app/deployment.yaml": fmt.Sprintf(deployment, "v1"), "app/rollout.yaml": `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: app}
spec: {workloadRef: {name: app, scaleDown: onsuccess}, strategy: {canary: {}}}
`})
	gs := f.sync(nil)
	d := f.playDeployment()
	f.playRollout()
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	d.Spec.Replicas = new(int32(0))
	metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationWorkloadReplicas, "2")
	f.must(admin.Update(t.Context(), d, client.FieldOwner(v1alpha1.ManagerController)))
	f.push(map[string]string{"app/deployment.yaml": fmt.Sprintf(deployment, "v2")})
	f.eventually(func() error {
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(d), d); err != nil {
			return err
		}
		if got := d.Spec.Template.Spec.Containers[0].Image; got != "example.com/app:v2" {
			return fmt.Errorf("the Deployment runs %s", got)
		}
		return nil
	})
	if *d.Spec.Replicas != 0 {
		t.Errorf("the Deployment has %d replicas", *d.Spec.Replicas)
	}
	// Without the mark the number is Git's again.
	delete(d.Annotations, v1alpha1.AnnotationWorkloadReplicas)
	f.must(admin.Update(t.Context(), d, client.FieldOwner(v1alpha1.ManagerController)))
	f.eventually(func() error {
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(d), d); err != nil || *d.Spec.Replicas != 2 {
			return fmt.Errorf("the Deployment has %d replicas (%w)", *d.Spec.Replicas, err)
		}
		return nil
	})
}
