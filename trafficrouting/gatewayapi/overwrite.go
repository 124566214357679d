package gatewayapi

import (
	"slices"

	"github.com/sluicehq/sluice/trafficrouting/claims"
	"github.com/sluicehq/sluice/trafficrouting/split"
)

// overwritten says whether something wrote weight 0 over both Services of a rule in mid-release, and if so, the weights
// that the stable backends had. No release does that to a rule that had weight, and who means it leaves the canary
// backend out.
func overwritten(rule claims.Rule, record *ruleRecord, m mark) (stable []int64, ok bool) {
	if !m.set || record == nil || len(rule.Canary) == 0 ||
		weighs(claims.Weights(rule.Stable)) || weighs(claims.Weights(rule.Canary)) {
		return nil, false
	}
	stable = recordedStable(rule, record)
	return stable, weighs(stable)
}

// recordedStable are the weights that the record has for the stable backends of the rule. Where none of them is known
// any more, those at the same positions count. A backend without a record has weight 0.
func recordedStable(rule claims.Rule, record *ruleRecord) []int64 {
	weights, known := make([]int64, len(rule.Stable)), false
	for i, ref := range rule.Stable {
		id := identity(ref)
		if at := slices.IndexFunc(record.Stable, func(b backendRecord) bool { return b.ID == id }); at >= 0 {
			weights[i], known = record.Stable[at].Weight, true
		}
	}
	for i := 0; !known && i < min(len(weights), len(record.Stable)); i++ {
		weights[i] = record.Stable[i].Weight
	}
	return weights
}

// undone are the weights that the user wants in an overwritten rule: the recorded ones, unless the other backends have
// been given weights of their own. Those stay, beside what the release had made of the stable weights.
func undone(rule claims.Rule, record *ruleRecord, stable []int64, percent int32) (stableOut, otherOut []int64) {
	live := claims.Weights(rule.Other)
	if len(live) == 0 {
		return stable, live
	}
	was := make([]int64, 0, len(record.Other))
	for _, backend := range record.Other {
		was = append(was, backend.Weight)
	}
	written := split.Divide(stable, was, percent)
	if sameBackends(rule.Other, record.Other) &&
		(!weighs(live) || slices.Equal(live, was) || slices.Equal(live, written.Other)) {
		return stable, was
	}
	whole := make([]int64, len(stable))
	for i := range whole {
		whole[i] = written.Stable[i] + written.Canary[i]
	}
	return whole, live
}

func sameBackends(refs []map[string]any, records []backendRecord) bool {
	return slices.EqualFunc(refs, records, func(ref map[string]any, b backendRecord) bool { return identity(ref) == b.ID })
}

func weighs(weights []int64) bool {
	return slices.ContainsFunc(weights, func(weight int64) bool { return weight > 0 })
}
