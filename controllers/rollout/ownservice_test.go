package rollout

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// The copy has what tells a gateway how to speak to the pods, and nothing that tells whose the stable Service is or that
// reaches outside of the cluster.
func TestOwnService(t *testing.T) {
	ro := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "shop", UID: "1"}}
	stable := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web",
			Labels: map[string]string{
				"team": "shop", "app.kubernetes.io/instance": "shop", v1alpha1.LabelGitSync: "a.b", "kustomize.toolkit.fluxcd.io/name": "shop",
			},
			Annotations: map[string]string{
				"traefik.ingress.kubernetes.io/service.sticky.cookie": "true", "kubectl.kubernetes.io/last-applied-configuration": "{}",
				"meta.helm.sh/release-name": "shop", "argocd.argoproj.io/tracking-id": "x", annotationSelectorOwners: "[]",
				"external-dns.alpha.kubernetes.io/hostname": "shop.example",
			},
		},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, ClusterIP: "10.0.0.1", ClusterIPs: []string{"10.0.0.1"}, ExternalIPs: []string{"1.2.3.4"},
			LoadBalancerSourceRanges: []string{"10.0.0.0/8"}, HealthCheckNodePort: 31000, ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal,
			Selector: map[string]string{"app": "web", v1alpha1.LabelPodTemplateHash: "old"}, SessionAffinity: corev1.ServiceAffinityClientIP,
			SessionAffinityConfig: &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: new(int32(60))}},
			Ports: []corev1.ServicePort{{
				Name: "grpc", Port: 80, TargetPort: intstr.FromString("grpc"), NodePort: 30080, AppProtocol: new("kubernetes.io/h2c"), Protocol: corev1.ProtocolTCP,
			}},
			IPFamilyPolicy: new(corev1.IPFamilyPolicyPreferDualStack), IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol},
		},
	}
	got := ownService(ro, stable, "web-canary", "new")
	want := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "team", Name: "web-canary", OwnerReferences: got.OwnerReferences,
			Labels:      map[string]string{"team": "shop", "app.kubernetes.io/instance": "shop", v1alpha1.LabelRollout: "shop"},
			Annotations: map[string]string{"traefik.ingress.kubernetes.io/service.sticky.cookie": "true"},
		},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, Selector: map[string]string{"app": "web", v1alpha1.LabelPodTemplateHash: "new"},
			SessionAffinity: corev1.ServiceAffinityClientIP, SessionAffinityConfig: stable.Spec.SessionAffinityConfig,
			Ports: []corev1.ServicePort{{
				Name: "grpc", Port: 80, TargetPort: intstr.FromString("grpc"), AppProtocol: new("kubernetes.io/h2c"), Protocol: corev1.ProtocolTCP,
			}},
			IPFamilyPolicy: stable.Spec.IPFamilyPolicy, IPFamilies: stable.Spec.IPFamilies,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !made(ro, got) || stable.Spec.Ports[0].NodePort != 30080 || stable.Spec.Selector[v1alpha1.LabelPodTemplateHash] != "old" {
		t.Error("it belongs to the Rollout, and the stable Service is as it was")
	}
	stable.Spec.ClusterIP = corev1.ClusterIPNone
	if headless := ownService(ro, stable, "web-canary", ""); headless.Spec.ClusterIP != corev1.ClusterIPNone ||
		headless.Spec.Selector[v1alpha1.LabelPodTemplateHash] != "" {
		t.Errorf("of a headless Service, for every pod: %+v", headless.Spec)
	}
}

// The owner of a Service tells whose it is, and the label does for one that has lost its owner.
func TestMade(t *testing.T) {
	ro := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "shop", UID: "1"}}
	other := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "shop", UID: "2"}}
	stable := &corev1.Service{Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}}
	if made(other, ownService(ro, stable, "web-canary", "")) {
		t.Error("that of a namesake which is gone is not this one's")
	}
	orphan := ownService(ro, stable, "web-canary", "")
	orphan.OwnerReferences = nil
	if !made(ro, orphan) || made(ro, stable) {
		t.Error("an orphan is known by its label, and what has none is the user's")
	}
}

func TestOwnPin(t *testing.T) {
	for name, tc := range map[string]struct {
		state plan.State
		want  string
	}{
		"a release":      {plan.State{Stable: "a", Candidate: "b"}, "b"},
		"promoted":       {plan.State{Stable: "b", SwitchingFrom: "a"}, "b"},
		"an aborted one": {plan.State{Stable: "a"}, ""},
	} {
		if got := ownPin(tc.state); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
