package changeset

import (
	"cmp"
	"slices"
	"strings"
)

// The tiers: what is in one is written before the next begins.
const (
	// TierFoundation holds CustomResourceDefinitions and Namespaces.
	TierFoundation = iota
	// TierClasses holds StorageClasses, GatewayClasses and the like.
	TierClasses
	// TierRest holds everything else.
	TierRest
)

// Tier says in which tier an object is written.
func Tier(id ID) int {
	switch {
	case id.Kind == "CustomResourceDefinition", id.Kind == "Namespace" && id.Group == "":
		return TierFoundation
	case strings.HasSuffix(id.Kind, "Class"):
		return TierClasses
	default:
		return TierRest
	}
}

// ranks order the kinds inside of a tier; kinds that are not named have rankOther.
var ranks = map[string]int{
	"ResourceQuota": 1, "LimitRange": 1, "NetworkPolicy": 1,
	"ServiceAccount": 2, "Role": 2, "ClusterRole": 2, "RoleBinding": 3, "ClusterRoleBinding": 3,
	"ConfigMap": 4, "Secret": 4, "PersistentVolume": 4, "PersistentVolumeClaim": 5,
	"Service": 6, "AnalysisTemplate": 6, "ClusterAnalysisTemplate": 6, "ReferenceGrant": 6,
	"Gateway": 7, "HTTPRoute": 8, "GRPCRoute": 8, "TCPRoute": 8, "TLSRoute": 8, "UDPRoute": 8,
	"Deployment": 10, "StatefulSet": 10, "DaemonSet": 10, "ReplicaSet": 10, "Rollout": 10, "Pod": 10, "Job": 10,
	"CronJob": 10, "HorizontalPodAutoscaler": 11, "PodDisruptionBudget": 11, "Ingress": 11, "APIService": 12,
	"ValidatingWebhookConfiguration": 13, "MutatingWebhookConfiguration": 13,
	"ValidatingAdmissionPolicyBinding": 13, "MutatingAdmissionPolicyBinding": 13,
}

// rankOther is after what others need and before what runs.
const rankOther = 9

func rank(id ID) int {
	if r, ok := ranks[id.Kind]; ok {
		return r
	}
	return rankOther
}

// stages groups items by tier and rank, in order; inside of a group they are sorted by name.
func stages[T any](items []T, idOf func(T) ID) [][]T {
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b T) int {
		x, y := idOf(a), idOf(b)
		return cmp.Or(cmp.Compare(Tier(x), Tier(y)), cmp.Compare(rank(x), rank(y)), Compare(x, y))
	})
	var out [][]T
	for i, item := range items {
		id := idOf(item)
		if i == 0 || Tier(id) != Tier(idOf(items[i-1])) || rank(id) != rank(idOf(items[i-1])) {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], item)
	}
	return out
}
