package plugin

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/extras"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

var podLabels = map[string]string{"app": "web"}

// small is a pod as most people write it; full is one with much of what the API server fills in, some of it written out.
const (
	small = `containers:
- {name: web, image: "shop/web:1", ports: [{containerPort: 80}]}
`
	full = `serviceAccountName: shop
terminationGracePeriodSeconds: 30
initContainers:
- {name: migrate, image: shop/migrate, env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}
- {name: proxy, image: "shop/proxy:1", restartPolicy: Always}
containers:
- name: web
  image: "shop/web:1"
  imagePullPolicy: IfNotPresent
  resources: {limits: {memory: 64Mi, cpu: "0.5"}}
  ports: [{containerPort: 80, protocol: TCP}, {name: metrics, containerPort: 90}]
  readinessProbe: {httpGet: {port: 80}, periodSeconds: 10}
  livenessProbe: {grpc: {port: 90}}
  lifecycle: {preStop: {httpGet: {path: /stop, port: 80}}}
  volumeMounts: [{name: config, mountPath: /config}]
volumes:
- {name: config, configMap: {name: config}}
- {name: secret, secret: {secretName: secret}}
- {name: scratch, emptyDir: {}}
- {name: host, hostPath: {path: /var/log}}
- name: all
  projected: {sources: [{serviceAccountToken: {path: token}}, {downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}]}
`
)

func template(t *testing.T, spec string) v1alpha1.PodTemplate {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	return v1alpha1.PodTemplate{Metadata: v1alpha1.TemplateMetadata{Labels: podLabels}, Spec: runtime.RawExtension{Raw: raw}}
}

func newRollout(t *testing.T, namespace string, change func(*v1alpha1.RolloutSpec)) *v1alpha1.Rollout {
	t.Helper()
	ro := &v1alpha1.Rollout{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"},
		Spec: v1alpha1.RolloutSpec{
			Selector: metav1.LabelSelector{MatchLabels: podLabels},
			Strategy: v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{Steps: []v1alpha1.CanaryStep{{SetWeight: new(int32(20))}}}},
		},
	}
	change(&ro.Spec)
	NewWithT(t).Expect(admin.Create(t.Context(), ro)).To(Succeed())
	return ro
}

// made is a revision: its name, and the digest of what the API server made of its template.
type made struct{ name, effective string }

// release makes the ReplicaSet of the template that the Rollout has now, as the controller does.
func release(t *testing.T, ro *v1alpha1.Rollout, number int, role string) made {
	t.Helper()
	g := NewWithT(t)
	revision, err := wanted.RevisionOf(ro.Spec.Template)
	g.Expect(err).NotTo(HaveOccurred())
	content, err := wanted.TemplateContent(ro.Spec.Template)
	g.Expect(err).NotTo(HaveOccurred())
	labels := maps.Clone(podLabels)
	labels[v1alpha1.LabelPodTemplateHash] = revision.Name
	plain := map[string]any{}
	for k, v := range labels {
		plain[k] = v
	}
	content["metadata"].(map[string]any)["labels"] = plain
	set := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"replicas": int64(0), "selector": map[string]any{"matchLabels": plain}, "template": content,
	}}}
	set.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))
	set.SetNamespace(ro.Namespace)
	set.SetName(ro.Name + "-" + revision.Name)
	set.SetLabels(labels)
	set.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(ro, v1alpha1.GroupVersion.WithKind("Rollout"))})
	g.Expect(admin.Create(t.Context(), set, client.FieldOwner(v1alpha1.ManagerController), client.FieldValidation(metav1.FieldValidationStrict))).To(Succeed())
	bare, err := extras.Bare(set.Object)
	g.Expect(err).NotTo(HaveOccurred())
	effective, err := wanted.RevisionOf(bare)
	g.Expect(err).NotTo(HaveOccurred())
	set.SetAnnotations(map[string]string{
		v1alpha1.AnnotationRevision: strconv.Itoa(number), v1alpha1.AnnotationRole: role,
		v1alpha1.AnnotationTemplateDigest: revision.Digest, v1alpha1.AnnotationEffectiveDigest: effective.Digest,
	})
	g.Expect(admin.Update(t.Context(), set)).To(Succeed())
	return made{name: revision.Name, effective: effective.Digest}
}

func reread(t *testing.T, ro *v1alpha1.Rollout) *v1alpha1.Rollout {
	t.Helper()
	now := &v1alpha1.Rollout{}
	NewWithT(t).Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(ro), now)).To(Succeed())
	return now
}

// TestUndoIsKnown: the API server has filled defaults into the ReplicaSet and written values in its own way. The
// template that is put back comes to the same pods, by which the controller knows the revision.
func TestUndoIsKnown(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"another image":      {small, strings.Replace(small, "shop/web:1", "shop/web:2", 1)},
		"another image, all": {full, strings.Replace(full, "shop/web:1", "shop/web:2", 1)},
		"another quantity":   {full, strings.Replace(full, `"0.5"`, "200m", 1)},
		"nearly none to all": {small, full},
		"all to nearly none": {full, small},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			ro, first := undone(t, c.before, c.after)
			code, out := alice.Sluice(t, "undo", "web", "-n", ro.Namespace)
			g.Expect(out).To(ContainSubstring("the template of revision #1 " + first.name + " is back"))
			g.Expect(out).To(ContainSubstring("it is inside of the rollback window of 1: its steps are skipped"))
			g.Expect(code).To(Equal(0))
			now := reread(t, ro)
			again := release(t, now, 3, "")
			g.Expect(again.effective).To(Equal(first.effective), string(now.Spec.Template.Spec.Raw))
			g.Expect(now.ManagedFields).To(ContainElement(HaveField("Manager", v1alpha1.ManagerCLI)))
		})
	}
}

// undone is a Rollout that went from one pod to another, both stable in their time, and the first revision.
func undone(t *testing.T, before, after string) (*v1alpha1.Rollout, made) {
	t.Helper()
	g := NewWithT(t)
	ro := newRollout(t, namespace(t), func(s *v1alpha1.RolloutSpec) {
		s.Template, s.RollbackWindow = template(t, before), &v1alpha1.RollbackWindow{Revisions: 1}
	})
	first := release(t, ro, 1, "former")
	ro.Spec.Template = template(t, after)
	g.Expect(admin.Update(t.Context(), ro)).To(Succeed())
	second := release(t, ro, 2, "stable")
	g.Expect(second).NotTo(Equal(first))
	ro.Status = v1alpha1.RolloutStatus{
		Phase: v1alpha1.RolloutHealthy, Selector: "app=web", CurrentRevision: second.name, StableRevision: second.name,
	}
	g.Expect(admin.Status().Update(t.Context(), ro)).To(Succeed())
	return ro, first
}

func TestSpecVerbs(t *testing.T) {
	g := NewWithT(t)
	ro := newRollout(t, namespace(t), func(s *v1alpha1.RolloutSpec) { s.Template = template(t, full) })
	code, out := alice.Sluice(t, "set", "image", "web", "web=shop/web:2", "migrate=shop/migrate:2", "-n", ro.Namespace)
	g.Expect(out).To(ContainSubstring("web: shop/web:1 -> shop/web:2, migrate: shop/migrate -> shop/migrate:2"))
	g.Expect(code).To(Equal(0))
	code, out = alice.Sluice(t, "restart", "web", "-n", ro.Namespace)
	g.Expect(code).To(Equal(0), out)

	now := reread(t, ro)
	spec := strings.NewReplacer("shop/web:1", "shop/web:2", "image: shop/migrate", "image: \"shop/migrate:2\"").Replace(full)
	want, err := wanted.RevisionOf(template(t, spec))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(wanted.RevisionOf(now.Spec.Template)).To(Equal(want), "only the images are others: %s", now.Spec.Template.Spec.Raw)
	g.Expect(now.Spec.RestartAt).NotTo(BeNil())
	g.Expect(now.Spec.RestartAt.Time).To(BeTemporally("~", time.Now(), time.Minute))
	g.Expect(now.Generation).To(Equal(ro.Generation + 2))
}

func newDeployment(t *testing.T, namespace string) *appsv1.Deployment {
	t.Helper()
	g := NewWithT(t)
	spec := map[string]any{}
	g.Expect(yaml.Unmarshal([]byte(full), &spec)).To(Succeed())
	labels := map[string]any{"app": "web"}
	raw := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"replicas": int64(2), "selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": spec},
	}}}
	raw.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	raw.SetNamespace(namespace)
	raw.SetName("web")
	g.Expect(admin.Create(t.Context(), raw)).To(Succeed())
	d := &appsv1.Deployment{}
	g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(raw), d)).To(Succeed())
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 2, UpdatedReplicas: 2}
	g.Expect(admin.Status().Update(t.Context(), d)).To(Succeed())
	return d
}

func TestWorkloadRef(t *testing.T) {
	g := NewWithT(t)
	d := newDeployment(t, namespace(t))
	ro := newRollout(t, d.Namespace, func(s *v1alpha1.RolloutSpec) { s.WorkloadRef = &v1alpha1.WorkloadRef{Name: "web"} })
	code, out := alice.Sluice(t, "set", "image", "web", "web=shop/web:2", "-n", d.Namespace)
	g.Expect(out).To(ContainSubstring("Deployment " + d.Namespace + "/web: web: shop/web:1 -> shop/web:2"))
	g.Expect(code).To(Equal(0))
	after := &appsv1.Deployment{}
	g.Expect(admin.Get(t.Context(), client.ObjectKeyFromObject(d), after)).To(Succeed())
	d.Spec.Template.Spec.Containers[0].Image = "shop/web:2"
	g.Expect(after.Spec).To(Equal(d.Spec), "nothing else is another")
	g.Expect(reread(t, ro).Generation).To(Equal(ro.Generation))
}

// TestAdopt: what is made passes the API server's validation, and its template is the one that runs, to the byte.
func TestAdopt(t *testing.T) {
	g := NewWithT(t)
	d := newDeployment(t, namespace(t))
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: "web"},
		Spec:       corev1.ServiceSpec{Selector: podLabels, Type: corev1.ServiceTypeNodePort, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	g.Expect(admin.Create(t.Context(), service)).To(Succeed())

	args := []string{"adopt", "deployment/web", "--stable-service", "web", "--canary-service", "web-canary", "-n", d.Namespace}
	code, out := alice.Sluice(t, append(args, "--dry-run=server")...)
	g.Expect(code).To(Equal(0), out)
	key := client.ObjectKeyFromObject(d)
	g.Expect(admin.Get(t.Context(), key, &v1alpha1.Rollout{})).NotTo(Succeed())

	code, out = alice.Sluice(t, args...)
	g.Expect(code).To(Equal(0), out)
	ro, canary := &v1alpha1.Rollout{}, &corev1.Service{}
	g.Expect(admin.Get(t.Context(), key, ro)).To(Succeed())
	g.Expect(ro.Spec.Adopt).To(HaveValue(Equal(v1alpha1.AdoptRef{Name: "web"})))
	g.Expect(ro.Spec.Replicas).To(BeNil())
	g.Expect(admin.Get(t.Context(), client.ObjectKey{Namespace: d.Namespace, Name: "web-canary"}, canary)).To(Succeed())
	g.Expect(canary.Spec.Type).To(Equal(corev1.ServiceTypeClusterIP))
	g.Expect(canary.Spec.Selector).To(Equal(podLabels))

	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	g.Expect(admin.Get(t.Context(), key, live)).To(Succeed())
	pod, _, err := unstructured.NestedMap(live.Object, "spec", "template", "spec")
	g.Expect(err).NotTo(HaveOccurred())
	raw, err := yaml.Marshal(pod)
	g.Expect(err).NotTo(HaveOccurred())
	want, err := wanted.RevisionOf(template(t, string(raw)))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(wanted.RevisionOf(ro.Spec.Template)).To(Equal(want))
}
