package arch

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// shipped are the objects that a folder of config renders to, as "Kind namespace/name".
func shipped(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(root, "config", folder))
	if err != nil {
		t.Fatalf("config/%s: %v", folder, err)
	}
	objects := map[string][]byte{}
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		objects[resource.GetKind()+" "+resource.GetNamespace()+"/"+resource.GetName()] = text
	}
	return objects
}

// as reads an object that must be there.
func as[T any](t *testing.T, objects map[string][]byte, id string) T {
	t.Helper()
	var object T
	text, ok := objects[id]
	if !ok {
		t.Fatalf("%s is missing", id)
	}
	if err := yaml.UnmarshalStrict(text, &object); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	return object
}

// controllerRules are all rules that are bound to the controller.
func controllerRules(t *testing.T, objects map[string][]byte) []rbacv1.PolicyRule {
	t.Helper()
	var rules []rbacv1.PolicyRule
	bindings := 0
	for id := range objects {
		kind, _, _ := strings.Cut(id, " ")
		if kind != "ClusterRoleBinding" && kind != "RoleBinding" {
			continue
		}
		// A ClusterRoleBinding has the fields of a RoleBinding.
		binding := as[rbacv1.RoleBinding](t, objects, id)
		if !slices.ContainsFunc(binding.Subjects, func(s rbacv1.Subject) bool {
			return s.Kind == rbacv1.ServiceAccountKind && s.Name == "sluice" && s.Namespace == "sluice-system"
		}) {
			continue
		}
		bindings++
		namespace := binding.Namespace
		if binding.RoleRef.Kind == "ClusterRole" {
			namespace = ""
		}
		rules = append(rules, as[rbacv1.Role](t, objects, binding.RoleRef.Kind+" "+namespace+"/"+binding.RoleRef.Name).Rules...)
	}
	if bindings == 0 {
		t.Fatal("nothing is bound to the controller")
	}
	return rules
}

func TestRightsAreNarrow(t *testing.T) {
	for _, folder := range []string{"default", "namespaced"} {
		t.Run(folder, func(t *testing.T) {
			for _, rule := range controllerRules(t, shipped(t, folder)) {
				for _, part := range slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs, rule.NonResourceURLs) {
					if strings.Contains(part, "*") {
						t.Errorf("a wildcard in %v", rule)
					}
				}
				if slices.Contains(rule.Resources, "secrets") && !slices.Equal(rule.Verbs, []string{"get"}) {
					t.Errorf("more than get on Secrets: %v", rule.Verbs)
				}
				for _, verb := range []string{"escalate", "bind"} {
					if slices.Contains(rule.Verbs, verb) {
						t.Errorf("the right to %s in %v", verb, rule)
					}
				}
			}
		})
	}
}

// TestImpersonationIsPerNamespace keeps the right to act as every account of the cluster from the controller.
func TestImpersonationIsPerNamespace(t *testing.T) {
	for _, rule := range controllerRules(t, shipped(t, "default")) {
		if slices.Contains(rule.Verbs, "impersonate") {
			t.Errorf("config/default grants impersonation in every namespace: %v", rule)
		}
	}
	objects := shipped(t, "namespaced")
	binding := as[rbacv1.RoleBinding](t, objects, "RoleBinding team-a/sluice-impersonator")
	role := as[rbacv1.ClusterRole](t, objects, "ClusterRole /"+binding.RoleRef.Name)
	want := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"serviceaccounts"}, Verbs: []string{"impersonate"}}}
	if len(role.Rules) != 1 || !slices.Equal(role.Rules[0].Verbs, want[0].Verbs) || !slices.Equal(role.Rules[0].Resources, want[0].Resources) {
		t.Errorf("sluice-impersonator grants %v, want %v", role.Rules, want)
	}
}

// TestNamespacedHasRoles checks that config/namespaced grants the controller's own rights in its namespaces only.
func TestNamespacedHasRoles(t *testing.T) {
	objects := shipped(t, "namespaced")
	if _, ok := objects["ClusterRoleBinding /sluice-controller"]; ok {
		t.Error("the rights on objects in namespaces are bound in all of them")
	}
	everywhere := as[rbacv1.ClusterRole](t, shipped(t, "default"), "ClusterRole /sluice-controller")
	here := as[rbacv1.Role](t, objects, "Role team-a/sluice-controller")
	if len(here.Rules) == 0 || len(here.Rules) != len(everywhere.Rules) {
		t.Errorf("the Role has %d rules, the ClusterRole %d", len(here.Rules), len(everywhere.Rules))
	}
	for _, rule := range as[rbacv1.ClusterRole](t, objects, "ClusterRole /sluice-controller-cluster").Rules {
		for _, verb := range rule.Verbs {
			if !slices.Contains([]string{"get", "list", "watch"}, verb) {
				t.Errorf("more than reading across the cluster: %v", rule)
			}
		}
	}
	deployment := as[appsv1.Deployment](t, objects, "Deployment sluice-system/sluice")
	if args := deployment.Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, "--namespaces=team-a") {
		t.Errorf("the controller does not know its namespaces: %q", args)
	}
}

// TestControllerIsRestricted checks what the Pod Security Standard "restricted" asks of a pod.
func TestControllerIsRestricted(t *testing.T) {
	objects := shipped(t, "default")
	namespace := as[corev1.Namespace](t, objects, "Namespace /sluice-system")
	if got := namespace.Labels["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("the namespace enforces %q, want restricted", got)
	}
	deployment := as[appsv1.Deployment](t, objects, "Deployment sluice-system/sluice")
	if got := *deployment.Spec.Replicas; got != 2 {
		t.Errorf("%d replicas, want 2", got)
	}
	pod := deployment.Spec.Template.Spec
	if pod.SecurityContext == nil || !*pod.SecurityContext.RunAsNonRoot ||
		pod.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod's security context is too wide: %+v", pod.SecurityContext)
	}
	for _, container := range pod.Containers {
		got := container.SecurityContext
		if got == nil || *got.AllowPrivilegeEscalation || !*got.ReadOnlyRootFilesystem ||
			!slices.Equal(got.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(got.Capabilities.Add) > 0 {
			t.Errorf("container %s: the security context is too wide: %+v", container.Name, got)
		}
		if container.LivenessProbe == nil || container.ReadinessProbe == nil {
			t.Errorf("container %s has no probes", container.Name)
		}
		if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() {
			t.Errorf("container %s has no requests or no limit of memory", container.Name)
		}
	}
}

// TestPolicyKnowsTheController checks that the one who may write all of a status is the account that the controller has.
func TestPolicyKnowsTheController(t *testing.T) {
	objects := shipped(t, "default")
	deployment := as[appsv1.Deployment](t, objects, "Deployment sluice-system/sluice")
	user := "system:serviceaccount:" + deployment.Namespace + ":" + deployment.Spec.Template.Spec.ServiceAccountName
	policy := string(objects["ValidatingAdmissionPolicy /sluice-rollout-requests"])
	if !strings.Contains(policy, "'"+user+"'") {
		t.Errorf("the policy does not name %s:\n%s", user, policy)
	}
}
