package claims

import (
	"slices"
	"strconv"
	"strings"
)

// Kinds of claimed objects.
const (
	// KindHTTPRoute is the kind of a claimed route.
	KindHTTPRoute = "HTTPRoute"
	// KindService is the kind of a claimed Service.
	KindService = "Service"
)

const (
	routeGroup = "gateway.networking.k8s.io"
	// markPrefix is the prefix of the annotations that mark a route in a release; the name of the stable Service follows.
	markPrefix = "weight.sluice.dev/"
)

// Claim is one object of which a Rollout drives a part.
type Claim struct {
	// Kind is KindHTTPRoute, KindService or KindDeployment.
	Kind string
	// Namespace and Name are the object's.
	Namespace, Name string
	// StableService and CanaryService are the Services between which a route's traffic is divided.
	StableService, CanaryService string
	// PinLabel is the key of a Service's selector that pins it to a revision.
	PinLabel string
	// SizeMark is the annotation of a Deployment whose number of pods a Rollout drives.
	SizeMark string
}

// ForRollout lists what a Rollout of this namespace drives: each route that it names and its two Services. pinLabel is
// the label that tells revisions apart. The name of the Rollout itself plays no part, since a Rollout without routes and
// Services drives nothing.
func ForRollout(namespace, _, stable, canary string, routes []string, pinLabel string) []Claim {
	var claims []Claim
	for _, route := range routes {
		claims = append(claims, Claim{
			Kind: KindHTTPRoute, Namespace: namespace, Name: route, StableService: stable, CanaryService: canary,
		})
	}
	for _, service := range []string{stable, canary} {
		if service != "" {
			claims = append(claims, Claim{Kind: KindService, Namespace: namespace, Name: service, PinLabel: pinLabel})
		}
	}
	return claims
}

// Mark is the annotation that a route carries while a release moves the traffic of this stable Service. Its value is the
// canary's share in percent, from 0 to 100.
func Mark(stableService string) string { return markPrefix + stableService }

// Percent reads the mark of the stable Service. marked is false when there is none or when it says nothing usable.
func Percent(annotations map[string]string, stableService string) (percent int32, marked bool) {
	value, ok := annotations[Mark(stableService)]
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 0 || n > 100 {
		return 0, false
	}
	return int32(n), true
}

// MarkedByOthers says whether another stable Service than this one has a mark: a second release uses the same route.
func MarkedByOthers(annotations map[string]string, stableService string) bool {
	for key := range annotations {
		if strings.HasPrefix(key, markPrefix) && key != Mark(stableService) {
			return true
		}
	}
	return false
}

// Overlay returns the desired object with the parts that are claimed as the live object has them now: in a route the
// share of the canary Service, in a Service the selector key that pins it, in a Deployment the number of pods. live is nil when the object does not exist.
// Neither input is changed; where nothing is claimed, or no release is running, the result equals desired.
//
// Where several claims are about the same traffic of an object, as those of a Rollout in Git and in the cluster are, the
// first one counts: a share is not applied to what a share was applied to.
//
// In a route the share is applied to the weights that desired has, so a change of weights in Git takes effect at once,
// in the same proportions.
func Overlay(claims []Claim, desired, live map[string]any) map[string]any {
	result := Clone(desired).(map[string]any)
	if live == nil {
		return result
	}
	for i, claim := range claims {
		if slices.ContainsFunc(claims[:i], claim.same) || !claim.matches(desired) || !claim.matches(live) {
			continue
		}
		switch claim.Kind {
		case KindHTTPRoute:
			overlayRoute(claim, result, live)
		case KindService:
			overlayService(claim, result, live)
		case KindDeployment:
			overlayWorkload(claim, result, live)
		}
	}
	return result
}

func (c Claim) matches(object map[string]any) bool {
	group := ""
	switch c.Kind {
	case KindHTTPRoute:
		group = routeGroup + "/"
	case KindDeployment:
		group = workloadGroup + "/"
	}
	apiVersion, _ := object["apiVersion"].(string)
	metadata, _ := object["metadata"].(map[string]any)
	return object["kind"] == c.Kind && strings.HasPrefix(apiVersion, group) &&
		(group != "" || !strings.Contains(apiVersion, "/")) &&
		metadata["namespace"] == c.Namespace && metadata["name"] == c.Name
}

// same says whether both are about the same part of the same object.
func (c Claim) same(other Claim) bool {
	return c.Kind == other.Kind && c.Namespace == other.Namespace && c.Name == other.Name &&
		c.StableService == other.StableService && c.PinLabel == other.PinLabel
}

func overlayRoute(claim Claim, result, live map[string]any) {
	metadata, _ := live["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, _ := annotations[Mark(claim.StableService)].(string)
	percent, marked := Percent(map[string]string{Mark(claim.StableService): value}, claim.StableService)
	if !marked || claim.CanaryService == "" || claim.CanaryService == claim.StableService {
		return
	}
	for _, rule := range Rules(result) {
		r := View(rule, claim.Namespace, claim.StableService, claim.CanaryService)
		if len(r.Stable) == 0 {
			continue
		}
		stable, canary, other := divide(Weights(r.Stable), Weights(r.Other), int64(percent))
		written := make([]bool, len(r.Canary))
		for i := range written {
			written[i] = true
		}
		r.Put(stable, canary, other, written)
	}
}

func overlayService(claim Claim, result, live map[string]any) {
	pin, pinned := selector(live)[claim.PinLabel]
	if wanted := selector(result); pinned && len(wanted) > 0 {
		wanted[claim.PinLabel] = pin
	}
}

func selector(service map[string]any) map[string]any {
	spec, _ := service["spec"].(map[string]any)
	s, _ := spec["selector"].(map[string]any)
	return s
}

// divide is split.Divide, written again since the pure packages do not import each other. A test of the router holds
// the two equal.
func divide(stable, other []int64, percent int64) (stableOut, canaryOut, otherOut []int64) {
	if len(stable) == 1 && len(other) == 0 {
		if stable[0] == 0 {
			return []int64{0}, []int64{0}, nil
		}
		return []int64{100 - percent}, []int64{percent}, nil
	}
	const highestAllowed = 1_000_000
	var highest int64 = 1
	for _, weights := range [][]int64{stable, other} {
		for _, weight := range weights {
			highest = max(highest, weight)
		}
	}
	factor := min(100, highestAllowed/highest)
	for _, weight := range stable {
		total := weight * factor
		part := (total*percent + 50) / 100
		if percent > 0 && percent < 100 && total > 1 {
			part = min(max(part, 1), total-1)
		}
		stableOut, canaryOut = append(stableOut, total-part), append(canaryOut, part)
	}
	for _, weight := range other {
		otherOut = append(otherOut, weight*factor)
	}
	return stableOut, canaryOut, otherOut
}
