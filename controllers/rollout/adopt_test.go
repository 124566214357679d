package rollout

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

func adopter() *v1alpha1.Rollout {
	return &v1alpha1.Rollout{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "web", UID: "rollout"},
		Spec:       v1alpha1.RolloutSpec{Adopt: &v1alpha1.AdoptRef{Name: "web"}},
	}
}

// madeSet is a ReplicaSet as the controller of Deployments makes it, with this controller and size.
func madeSet(hash string, owner types.UID, size int64, revision string) *unstructured.Unstructured {
	set := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"replicas": size, "template": map[string]any{"metadata": map[string]any{}}},
	}}
	set.SetGroupVersionKind(replicaSetKind)
	set.SetName("web-" + hash)
	set.SetLabels(map[string]string{"app": "web", "pod-template-hash": hash})
	set.SetAnnotations(map[string]string{annotationDeploymentRevision: revision})
	if owner != "" {
		kind := "Deployment"
		if owner == "rollout" {
			kind = "Rollout"
		}
		set.SetOwnerReferences([]metav1.OwnerReference{{Kind: kind, Name: "web", UID: owner, Controller: new(true)}})
	}
	return set
}

// with puts labels and annotations on.
func with(set *unstructured.Unstructured, labels, annotations map[string]string) *unstructured.Unstructured {
	all := set.GetLabels()
	maps.Copy(all, labels)
	set.SetLabels(all)
	noted := set.GetAnnotations()
	maps.Copy(noted, annotations)
	set.SetAnnotations(noted)
	return set
}

func TestWhoseReplicaSet(t *testing.T) {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "deployment"}}
	counts := map[string]string{v1alpha1.LabelPodTemplateHash: "abc"}
	history := map[string]string{v1alpha1.AnnotationAdoptedFrom: "web"}
	stable := map[string]string{v1alpha1.AnnotationAdoptedFrom: "web", v1alpha1.AnnotationRole: "stable"}
	other := madeSet("x", "", 1, "1")
	other.SetName("web-shop-x")
	for name, test := range map[string]struct {
		deployment *appsv1.Deployment
		set        *unstructured.Unstructured
		// take says that it is to be taken over.
		take, own, begun bool
		dangling         string
	}{
		"of the Deployment":                {deployment, madeSet("x", "deployment", 1, "1"), true, false, false, ""},
		"of nobody, by its name":           {nil, madeSet("x", "", 1, "1"), true, false, false, ""},
		"of nobody, with another name":     {nil, other, false, false, false, ""},
		"of a Rollout that was orphaned":   {nil, with(madeSet("x", "", 1, "1"), counts, nil), false, false, false, ""},
		"of another":                       {nil, madeSet("x", "another", 1, "1"), false, false, false, "web-x"},
		"taken, and does not count yet":    {nil, madeSet("x", "rollout", 1, "1"), true, false, true, ""},
		"taken":                            {nil, with(madeSet("x", "rollout", 1, "1"), counts, stable), false, true, false, ""},
		"made by the Rollout":              {nil, with(madeSet("x", "rollout", 1, "1"), counts, nil), false, true, false, ""},
		"taken, of the history":            {nil, with(madeSet("x", "rollout", 0, "1"), counts, history), false, false, false, ""},
		"left by a Deployment of the name": {deployment, madeSet("x", "before", 1, "1"), false, false, false, "web-x"},
	} {
		t.Run(name, func(t *testing.T) {
			seen := adoption{deployment: test.deployment}
			seen.add(test.set, adopter())
			got := []any{len(seen.sets) == 1, seen.own, seen.begun, seen.dangling}
			if diff := cmp.Diff([]any{test.take, test.own, test.begun, test.dangling}, got); diff != "" {
				t.Errorf("take, own, begun, dangling (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettledDeployment(t *testing.T) {
	one := []*unstructured.Unstructured{madeSet("old", "deployment", 0, "1"), madeSet("new", "deployment", 3, "2")}
	two := []*unstructured.Unstructured{madeSet("old", "deployment", 1, "1"), madeSet("new", "deployment", 3, "2")}
	full := appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, AvailableReplicas: 3}
	for name, test := range map[string]struct {
		replicas int32
		change   func(*appsv1.Deployment)
		sets     []*unstructured.Unstructured
		want     string
	}{
		"settled":                   {3, func(*appsv1.Deployment) {}, one, ""},
		"not looked at yet":         {3, func(d *appsv1.Deployment) { d.Generation = 3 }, one, "in the middle of a rollout"},
		"not up to date":            {3, func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 1 }, one, "1 are up to date"},
		"not available":             {3, func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 2 }, one, "2 available"},
		"too many":                  {3, func(d *appsv1.Deployment) { d.Status.Replicas = 4 }, one, "in the middle of a rollout"},
		"being scaled":              {4, func(*appsv1.Deployment) {}, one, "of 4 pods"},
		"paused":                    {3, func(d *appsv1.Deployment) { d.Status.UpdatedReplicas, d.Spec.Paused = 0, true }, one, "resume it"},
		"two ReplicaSets have pods": {3, func(*appsv1.Deployment) {}, two, "2 of its ReplicaSets have pods"},
		"none has":                  {3, func(*appsv1.Deployment) {}, one[:1], "0 of its ReplicaSets have pods"},
		"scaled to none":            {0, func(d *appsv1.Deployment) { d.Status = appsv1.DeploymentStatus{ObservedGeneration: 2} }, one[:1], ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Generation: 2}, Status: full}
			d.Spec.Replicas = &test.replicas
			test.change(d)
			err := checkSettled(d, test.sets)
			held, waits := errors.AsType[*heldError](err)
			if test.want == "" && err != nil || test.want != "" && (!waits || held.problem != nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestOrderOfTakingOver(t *testing.T) {
	sets := []*unstructured.Unstructured{
		madeSet("c", "", 3, "2"), madeSet("b", "", 0, "9"), madeSet("a", "", 0, "1"),
	}
	sortByRevision(sets)
	var got []string
	for _, set := range sets {
		got = append(got, set.GetName())
	}
	if diff := cmp.Diff([]string{"web-a", "web-b", "web-c"}, got); diff != "" {
		t.Errorf("the one with pods comes last (-want +got):\n%s", diff)
	}
	set := madeSet("d", "", 0, "")
	delete(set.Object["spec"].(map[string]any), "replicas")
	if !hasPods(set) || hasPods(sets[0]) || deploymentRevision(set) != 0 {
		t.Error("an absent size is one pod, an absent revision 0")
	}
}

// The name that a ReplicaSet got stays, whatever the Rollout wants by then.
func TestAdoptedRevision(t *testing.T) {
	given := func(hash string) *unstructured.Unstructured {
		set := madeSet("x", "", 1, "1")
		if hash != "" {
			err := unstructured.SetNestedField(set.Object, hash, "spec", "template", "metadata", "labels", v1alpha1.LabelPodTemplateHash)
			if err != nil {
				t.Fatal(err)
			}
		}
		return set
	}
	o := &observation{rollout: adopter(), revision: wanted.Revision{Name: "rollouts", Digest: "rollouts-digest"}}
	own := wanted.Revision{Name: "sets", Digest: "sets-digest"}
	for name, test := range map[string]struct {
		given, effective string
		want             wanted.Revision
	}{
		"the same pods":         {"", "sets-digest", o.revision},
		"other pods":            {"", "else", own},
		"not known":             {"", "", own},
		"named after the other": {"rollouts", "else", o.revision},
		"named before":          {"before", "sets-digest", wanted.Revision{Name: "before", Digest: "sets-digest"}},
	} {
		if got := adoptedRevision(o, given(test.given), own, test.effective); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
	if claim := claimOf(o, given(""), "abc"); claim == nil {
		t.Error("a ReplicaSet of nobody is not claimed")
	}
	claimed := given("abc")
	claimed.SetOwnerReferences([]metav1.OwnerReference{{Kind: "Rollout", Name: "web", UID: "rollout", Controller: new(true)}})
	if claim := claimOf(o, claimed, "abc"); claim != nil {
		t.Errorf("it is claimed twice: %v", claim)
	}
	if claim := claimOf(o, claimed, "def"); claim == nil {
		t.Error("a claim without its label is not made good")
	}
}

func TestSizeWhereTheSpecHasNone(t *testing.T) {
	sized := func(n int32) *appsv1.ReplicaSet { return &appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Replicas: &n}} }
	for name, test := range map[string]struct {
		sets     map[string]*appsv1.ReplicaSet
		workload *workload
		want     int32
	}{
		"a new one":            {nil, nil, 1},
		"as many as there are": {map[string]*appsv1.ReplicaSet{"a": sized(5), "b": sized(2)}, nil, 5},
		"none there":           {map[string]*appsv1.ReplicaSet{"a": sized(0)}, nil, 1},
		"the workload's":       {nil, &workload{desired: 4}, 4},
		"the workload's own":   {nil, &workload{desired: 0, original: new(int32(6))}, 6},
		"not the workload's":   {map[string]*appsv1.ReplicaSet{"a": sized(2)}, &workload{desired: 4}, 2},
	} {
		o := &observation{rollout: adopter(), sets: test.sets, source: podSource{workload: test.workload}}
		if got := sizeOf(o); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}

func TestAdoptionsDone(t *testing.T) {
	done, ro := newAdoptions(), adopter()
	if done.done(ro) {
		t.Error("nothing was done yet")
	}
	done.put(ro)
	again := adopter()
	again.UID = "another"
	elsewhere := adopter()
	elsewhere.Spec.Adopt.Name = "other"
	if !done.done(ro) || done.done(again) || done.done(elsewhere) {
		t.Error("what was done is not told apart")
	}
	done.forget(types.NamespacedName{Namespace: "team", Name: "web"})
	if done.done(ro) {
		t.Error("it was forgotten")
	}
}
