package claims

import (
	"encoding/json"
	"math"
	"slices"
)

// maxWeight is the highest weight that Gateway API allows; what lies outside is brought inside when read.
const maxWeight = 1_000_000

// Rule is one rule of a route of any kind, seen by what its backends are to a Rollout. The backends are those of the
// rule itself, in its order: writing to them writes to the rule.
type Rule struct {
	// Fields is the rule.
	Fields map[string]any
	// Stable and Canary are the backends that name the Rollout's two Services, Other are all others.
	Stable, Canary, Other []map[string]any

	services Services
}

// Services are the two between which a release divides the traffic of a route.
type Services struct {
	// RouteNamespace is the route's namespace, where a backend without a namespace is.
	RouteNamespace string
	// Namespace of both Services.
	Namespace string
	// Stable and Canary are their names.
	Stable, Canary string
}

// Rules are the rules of a route. The maps are the route's own.
func Rules(route map[string]any) []map[string]any {
	spec, _ := route["spec"].(map[string]any)
	list, _ := spec["rules"].([]any)
	rules := make([]map[string]any, 0, len(list))
	for _, item := range list {
		rule, _ := item.(map[string]any)
		rules = append(rules, rule)
	}
	return rules
}

// View sorts the backends of a rule by what they are to a Rollout: a backend counts as the Rollout's when it is a core
// Service of that name in its namespace.
func View(rule map[string]any, services Services) Rule {
	if services.Canary == services.Stable {
		services.Canary = "" // Nothing can be divided between a Service and itself.
	}
	r := Rule{Fields: rule, services: services}
	list, _ := rule["backendRefs"].([]any)
	for _, item := range list {
		ref, ok := item.(map[string]any)
		switch {
		case !ok:
		case services.name(ref, services.Stable):
			r.Stable = append(r.Stable, ref)
		case services.name(ref, services.Canary):
			r.Canary = append(r.Canary, ref)
		default:
			r.Other = append(r.Other, ref)
		}
	}
	return r
}

// Len is the number of backends.
func (r Rule) Len() int { return len(r.Stable) + len(r.Canary) + len(r.Other) }

// Partners says for each stable backend which of the canary backends goes with it, by index, or -1 where none does:
// first one with the same port, then any that is left, each once. Only canary backends for which usable is true count;
// nil means all.
func (r Rule) Partners(usable []bool) []int {
	result := make([]int, len(r.Stable))
	taken := make([]bool, len(r.Canary))
	for i := range taken {
		taken[i] = usable != nil && !usable[i]
	}
	for i := range result {
		result[i] = -1
	}
	for _, samePort := range []bool{true, false} {
		for i, stable := range r.Stable {
			if result[i] >= 0 {
				continue
			}
			for j, canary := range r.Canary {
				if !taken[j] && (!samePort || port(stable) == port(canary)) {
					result[i], taken[j] = j, true
					break
				}
			}
		}
	}
	return result
}

// Put writes weights: one for each stable backend, one for its canary, one for each other backend. written says of each
// canary backend in the rule whether the user wrote it: those stay where they are, at 0 where they go with no stable
// backend. All other canary backends are ours and are made anew: copies of their stable backend, port, filters and
// fields that we do not know included, at the end of the rule, and left out at weight 0.
func (r Rule) Put(stable, canary, other []int64, written []bool) {
	for i, ref := range r.Stable {
		putWeight(ref, stable[i])
	}
	for i, ref := range r.Other {
		putWeight(ref, other[i])
	}
	partners := r.Partners(written)
	for i, ref := range r.Canary {
		var weight int64
		if at := slices.Index(partners, i); at >= 0 {
			weight = canary[at]
		}
		putWeight(ref, weight)
	}
	r.KeepCanaries(written)
	refs, _ := r.Fields["backendRefs"].([]any)
	for i, ref := range r.Stable {
		if partners[i] < 0 && canary[i] > 0 && r.services.Canary != "" {
			added := Clone(ref).(map[string]any)
			added["name"] = r.services.Canary
			putWeight(added, canary[i])
			refs = append(refs, added)
		}
	}
	r.Fields["backendRefs"] = refs
}

// KeepCanaries takes those canary backends out of the rule for which keep is false.
func (r Rule) KeepCanaries(keep []bool) {
	list, _ := r.Fields["backendRefs"].([]any)
	kept, next := make([]any, 0, len(list)), 0
	for _, item := range list {
		if ref, ok := item.(map[string]any); ok && r.services.name(ref, r.services.Canary) {
			if next++; !keep[next-1] {
				continue
			}
		}
		kept = append(kept, item)
	}
	r.Fields["backendRefs"] = kept
}

// Weight of a backend, from 0; 1 where none is given, as Gateway API has it.
func Weight(ref map[string]any) int64 {
	value, ok := ref["weight"]
	if !ok || value == nil {
		return 1
	}
	return min(max(whole(value), 0), maxWeight)
}

// Weights of several backends.
func Weights(refs []map[string]any) []int64 {
	weights := make([]int64, len(refs))
	for i, ref := range refs {
		weights[i] = Weight(ref)
	}
	return weights
}

// Clone copies decoded JSON deeply.
func Clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if v == nil {
			return v
		}
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[key] = Clone(item)
		}
		return m
	case []any:
		if v == nil {
			return v
		}
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = Clone(item)
		}
		return list
	}
	return value
}

// putWeight leaves a weight that is right as it is, be it written or implied.
func putWeight(ref map[string]any, weight int64) {
	if Weight(ref) != weight {
		ref["weight"] = weight
	}
}

// name says whether a backend names a Service.
func (s Services) name(ref map[string]any, service string) bool {
	group, kind, in := text(ref, "group"), text(ref, "kind"), text(ref, "namespace")
	if in == "" {
		in = s.RouteNamespace
	}
	return service != "" && ref["name"] == service && group == "" &&
		(kind == "" || kind == "Service") && in == s.Namespace
}

func text(ref map[string]any, key string) string {
	s, _ := ref[key].(string)
	return s
}

// port of a backend; 0 where none is given.
func port(ref map[string]any) int64 { return whole(ref["port"]) }

// whole reads the forms that a whole number has in decoded JSON and YAML; anything else is 0.
func whole(value any) int64 {
	switch n := value.(type) {
	case int64:
		return n
	case int:
		return int64(n)
	case int32:
		return int64(n)
	case float64:
		if n != math.Trunc(n) || math.Abs(n) > 1<<53 {
			return 0
		}
		return int64(n)
	case json.Number:
		i, _ := n.Int64()
		return i
	}
	return 0
}
