package install

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// TestInstall creates what config/install.yaml holds, as it is, and looks at the kinds as a person would.
func TestInstall(t *testing.T) {
	config := startServer(t)
	c := newClient(t, config)
	objects := decode(t, read(t, filepath.Join(root, "config/install.yaml")))
	create(t, c, objects)
	create(t, c, gatewayCRDs(t))
	create(t, c, []*unstructured.Unstructured{namespaceNamed("team-a")})
	for _, file := range []string{"traffic", "analysistemplate", "clusteranalysistemplate", "analysisrun", "gitsync", "rollout"} {
		create(t, c, decode(t, read(t, filepath.Join(root, "config/samples", file+".yaml"))))
	}

	t.Run("names", func(t *testing.T) { checkNames(t, discovery.NewDiscoveryClientForConfigOrDie(config)) })
	clients := kubernetes.NewForConfigOrDie(config)
	t.Run("columns", func(t *testing.T) { checkColumns(t, clients) })
	t.Run("scale", func(t *testing.T) { checkScale(t, c) })
}

func namespaceNamed(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name},
	}}
}

// checkNames checks the short names and the category.
func checkNames(t *testing.T, clients *discovery.DiscoveryClient) {
	t.Helper()
	resources, err := clients.ServerResourcesForGroupVersion("sluice.dev/v1alpha1")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"rollouts": "ro", "analysistemplates": "at", "clusteranalysistemplates": "cat", "analysisruns": "ar", "gitsyncs": "gs",
	}
	for _, resource := range resources.APIResources {
		short, ok := want[resource.Name]
		if !ok {
			continue
		}
		delete(want, resource.Name)
		if !slices.Equal(resource.ShortNames, []string{short}) || !slices.Equal(resource.Categories, []string{"sluice"}) {
			t.Errorf("%s has the short names %q and the categories %q, want %q and sluice", resource.Name, resource.ShortNames, resource.Categories, short)
		}
	}
	if len(want) > 0 {
		t.Errorf("not served: %v", want)
	}
}

// checkColumns checks what kubectl get shows, without -o wide.
func checkColumns(t *testing.T, clients *kubernetes.Clientset) {
	t.Helper()
	for resource, want := range map[string][]string{
		"rollouts":          {"Name", "Phase", "Step", "Weight", "Ready", "Message", "Age"},
		"analysisruns":      {"Name", "Phase", "Message", "Age"},
		"gitsyncs":          {"Name", "Ready", "Revision", "Message", "Age"},
		"analysistemplates": {"Name", "Age"},
	} {
		text, err := clients.RESTClient().Get().AbsPath("/apis/sluice.dev/v1alpha1/namespaces/team-a/"+resource).
			SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var table metav1.Table
		if err := json.Unmarshal(text, &table); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, column := range table.ColumnDefinitions {
			if column.Priority == 0 {
				got = append(got, column.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s shows %q, want %q", resource, got, want)
		}
		if len(table.Rows) != 1 {
			t.Errorf("%s shows %d rows, want 1", resource, len(table.Rows))
		}
	}
}

// checkScale scales the sample as an autoscaler does.
func checkScale(t *testing.T, c client.Client) {
	t.Helper()
	rollout := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "team-a"}}
	scale := &autoscalingv1.Scale{}
	if err := c.SubResource("scale").Get(t.Context(), rollout, scale); err != nil {
		t.Fatal(err)
	}
	if scale.Spec.Replicas != 5 {
		t.Errorf("the scale says %d, want the sample's 5", scale.Spec.Replicas)
	}
	scale.Spec.Replicas = 7
	if err := c.SubResource("scale").Update(t.Context(), rollout, client.WithSubResourceBody(scale)); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(rollout), rollout); err != nil {
		t.Fatal(err)
	}
	if rollout.Spec.Replicas == nil || *rollout.Spec.Replicas != 7 {
		t.Errorf("spec.replicas is %v after scaling to 7", rollout.Spec.Replicas)
	}
}

// TestPodIsAdmitted checks that the namespace's own Pod Security Standard lets the controller's pod in.
func TestPodIsAdmitted(t *testing.T) {
	c := newClient(t, startServer(t))
	create(t, c, decode(t, render(t, "manager")))
	deployment := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment"}}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "sluice-system", Name: "sluice"}, deployment); err != nil {
		t.Fatal(err)
	}
	spec, _, err := unstructured.NestedMap(deployment.Object, "spec", "template", "spec")
	if err != nil {
		t.Fatal(err)
	}
	pod := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "sluice", "namespace": "sluice-system"}, "spec": spec,
	}}
	soon(t, "the pod is admitted", func(ctx context.Context) (bool, error) {
		// There is no controller of service accounts here: the account is there, and its token is not needed.
		err := c.Create(ctx, pod, client.DryRunAll)
		return err == nil, err
	})
	privileged := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "bad", Namespace: "sluice-system"},
		Spec: corev1.PodSpec{ServiceAccountName: "sluice", Containers: []corev1.Container{{
			Name: "x", Image: "x", SecurityContext: &corev1.SecurityContext{Privileged: new(true)},
		}}},
	}
	if err := c.Create(t.Context(), privileged, client.DryRunAll); err == nil {
		t.Error("the namespace lets a privileged pod in")
	}
}
