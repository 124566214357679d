package gatewayapi

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
	"github.com/sluicehq/sluice/trafficrouting/split"
)

// maxBackends is how many backends Gateway API allows in a rule.
const maxBackends = 16

// withWeight returns the route with the canary's share written into each rule that names the stable Service, and the
// mark. The route itself is not changed.
func withWeight(route *unstructured.Unstructured, s services, recorded *original, percent int32) *unstructured.Unstructured {
	result := route.DeepCopy()
	before := markOf(route.GetAnnotations(), s)
	eachRule(result, s, recorded, before, func(rule claims.Rule, in intent) {
		w := split.Divide(in.stable, in.other, percent)
		rule.Put(w.Stable, w.Canary, w.Other, in.written)
	})
	annotations := result.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[s.mark()] = mark{percent: percent}.annotation()
	result.SetAnnotations(annotations)
	return result
}

// restored returns the route as the user wants it without a release. Without our mark that is how it is. The route
// itself is not changed.
func restored(route *unstructured.Unstructured, s services, recorded *original) *unstructured.Unstructured {
	result := route.DeepCopy()
	before := markOf(route.GetAnnotations(), s)
	if before.set {
		eachRule(result, s, recorded, before, restoreRule)
	}
	// A mark that cannot be read is taken off as well.
	annotations := result.GetAnnotations()
	if _, ok := annotations[s.mark()]; ok {
		delete(annotations, s.mark())
		if len(annotations) == 0 {
			annotations = nil
		}
		result.SetAnnotations(annotations)
	}
	return result
}

func restoreRule(rule claims.Rule, in intent) {
	for i, ref := range rule.Stable {
		putWeight(ref, in.stable[i])
	}
	for i, ref := range rule.Other {
		putWeight(ref, in.other[i])
	}
	for i, ref := range rule.Canary {
		putWeight(ref, in.canary[i])
	}
	rule.KeepCanaries(in.written)
}

func putWeight(ref map[string]any, weight int64) {
	if claims.Weight(ref) != weight {
		ref["weight"] = weight
	}
}

// eachRule visits the rules that name the stable Service.
func eachRule(route *unstructured.Unstructured, s services, recorded *original, m mark, visit func(claims.Rule, intent)) {
	rules := claims.Rules(route.Object)
	known := matchRecords(recorded, rules)
	for i, fields := range rules {
		if rule := s.view(fields); len(rule.Stable) > 0 {
			visit(rule, intentOf(rule, known[i], m))
		}
	}
}

// shares reads the canary's lowest and highest share over the rules that name the stable Service. ok is false when no
// such rule sends anything to either Service.
func shares(route *unstructured.Unstructured, s services) (low, high int32, ok bool) {
	for _, fields := range claims.Rules(route.Object) {
		rule := s.view(fields)
		if len(rule.Stable) == 0 {
			continue
		}
		percent, served := split.Share(claims.Weights(rule.Stable), claims.Weights(rule.Canary))
		switch {
		case !served:
		case !ok:
			low, high, ok = percent, percent, true
		default:
			low, high = min(low, percent), max(high, percent)
		}
	}
	return low, high, ok
}

// anyOverwritten says whether a rule has lost its weights to something else than the user, so that the share that was
// asked for is not there, whatever the other rules say.
func anyOverwritten(route *unstructured.Unstructured, s services, recorded *original) bool {
	found := false
	eachRule(route, s, recorded, markOf(route.GetAnnotations(), s), func(_ claims.Rule, in intent) {
		found = found || in.overwritten
	})
	return found
}

// rulesProblem says why the rules of a route cannot be used for a release; empty if they can.
func rulesProblem(route *unstructured.Unstructured, s services, recorded *original) (reason, message string) {
	named, traffic := false, false
	before := markOf(route.GetAnnotations(), s)
	eachRule(route, s, recorded, before, func(rule claims.Rule, in intent) {
		named = true
		for _, weight := range in.stable {
			traffic = traffic || weight > 0
		}
		if reason != "" {
			return
		}
		if !split.Divisible(in.stable, in.other) {
			reason = trafficrouting.ReasonWeightsTooFarApart
			message = fmt.Sprintf("in a rule of route %s the weight of Service %s is too small beside the others to be"+
				" divided by percent within %d: use smaller weights in the same proportion",
				route.GetName(), s.Stable, split.MaxWeight)
		}
		if need := needed(rule, in); need > maxBackends {
			reason = trafficrouting.ReasonTooManyBackends
			message = fmt.Sprintf("a rule of route %s would have %d backends with Service %s added, and %d are allowed:"+
				" take one out", route.GetName(), need, s.Canary, maxBackends)
		}
	})
	switch {
	case !named:
		return trafficrouting.ReasonNoStableBackend, fmt.Sprintf("no rule of route %s has a backendRef to Service %s in"+
			" namespace %s: add one, or take the route out of the Rollout's trafficRouting", route.GetName(), s.Stable, s.Namespace)
	case !traffic:
		return trafficrouting.ReasonNoTraffic, fmt.Sprintf("every rule of route %s gives Service %s weight 0, so there is no"+
			" traffic to move: give it a weight", route.GetName(), s.Stable)
	}
	return reason, message
}

// needed is the number of backends that the rule has with a canary for each stable backend.
func needed(rule claims.Rule, in intent) int {
	n := len(rule.Stable) + len(rule.Other)
	for _, written := range in.written {
		if written {
			n++
		}
	}
	for _, partner := range rule.Partners(in.written) {
		if partner < 0 {
			n++
		}
	}
	return n
}
