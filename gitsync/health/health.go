// Package health says how an applied object is doing, as kstatus defines it for every kind: from generation,
// observedGeneration and conditions, and from what is known of the built-in kinds. The conditions of Rollouts are
// kstatus's, too.
package health

import (
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// State is how an object is doing.
type State string

// The states.
const (
	// Healthy: it is as it should be.
	Healthy State = "Healthy"
	// Progressing: it is on its way, or waits for something.
	Progressing State = "Progressing"
	// Failed: it will not get there by itself.
	Failed State = "Failed"
)

// maxText bounds the text of an Assessment.
const maxText = 200

// Assessment is how an object is doing and why.
type Assessment struct {
	State State
	Text  string
}

// Assess judges an object. nil is one that is gone.
func Assess(o *unstructured.Unstructured) Assessment {
	if o == nil {
		return Assessment{Progressing, "is gone"}
	}
	if unobserved(o) {
		return Assessment{Progressing, "is not looked at by its controller yet"}
	}
	result, err := status.Compute(o)
	if err != nil {
		return Assessment{Progressing, "its status cannot be read"}
	}
	switch result.Status {
	case status.CurrentStatus:
		return Assessment{State: Healthy}
	case status.FailedStatus:
		return Assessment{Failed, textOf(result.Message, "has failed")}
	case status.TerminatingStatus:
		return Assessment{Progressing, "is being deleted"}
	default:
		return Assessment{Progressing, textOf(result.Message, "is not ready yet")}
	}
}

// unobserved tells whether an object of a kind of ours was never looked at by its controller. For kstatus an object
// without any status is as it should be; ours never are.
func unobserved(o *unstructured.Unstructured) bool {
	if o.GroupVersionKind().Group != v1alpha1.GroupName || (o.GetKind() != "Rollout" && o.GetKind() != "GitSync") {
		return false
	}
	_, found, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	return !found
}

// withoutStatus are the kinds of which being there is all that can be said, by kind and group.
var withoutStatus = map[string]bool{
	"ConfigMap": true, "Secret": true, "ServiceAccount": true, "LimitRange": true, "PriorityClass.scheduling.k8s.io": true,
	"Role.rbac.authorization.k8s.io": true, "RoleBinding.rbac.authorization.k8s.io": true,
	"ClusterRole.rbac.authorization.k8s.io": true, "ClusterRoleBinding.rbac.authorization.k8s.io": true,
	"NetworkPolicy.networking.k8s.io": true, "IngressClass.networking.k8s.io": true,
	"StorageClass.storage.k8s.io": true, "AnalysisTemplate.sluice.dev": true, "ClusterAnalysisTemplate.sluice.dev": true,
	"ReferenceGrant.gateway.networking.k8s.io":                      true,
	"ValidatingWebhookConfiguration.admissionregistration.k8s.io":   true,
	"MutatingWebhookConfiguration.admissionregistration.k8s.io":     true,
	"ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io": true,
}

// HasStatus tells whether an object of a kind can be in any other state than being there.
func HasStatus(group, kind string) bool {
	if group != "" {
		kind += "." + group
	}
	return !withoutStatus[kind]
}

// textOf bounds a text; an empty one says what is known without it.
func textOf(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		return strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
