package claims

import (
	"slices"
	"strconv"
	"strings"
)

// Kinds of claimed objects, beside KindDeployment.
const (
	KindHTTPRoute = "HTTPRoute"
	KindGRPCRoute = "GRPCRoute"
	KindTCPRoute  = "TCPRoute"
	KindTLSRoute  = "TLSRoute"
	KindService   = "Service"
)

// RouteKinds are the kinds of routes that a release moves.
func RouteKinds() []string { return []string{KindHTTPRoute, KindGRPCRoute, KindTCPRoute, KindTLSRoute} }

// IsRoute says whether a kind is one of RouteKinds.
func IsRoute(kind string) bool { return slices.Contains(RouteKinds(), kind) }

const (
	routeGroup = "gateway.networking.k8s.io"
	// markPrefix is the prefix of the annotations that mark a route in a release; the name of the stable Service follows.
	markPrefix = "weight.sluice.dev/"
)

// Claim is one object of which a Rollout drives a part.
type Claim struct {
	// Kind is one of RouteKinds, KindService or KindDeployment.
	Kind string
	// Namespace and Name are the object's. A route without a name stands for every route of the namespace that carries the
	// mark of the Rollout: those that a selector found.
	Namespace, Name string
	// ServiceNamespace, StableService and CanaryService are the Services between which a route's traffic is divided.
	ServiceNamespace, StableService, CanaryService string
	// PinLabel is the key of a Service's selector that pins it to a revision.
	PinLabel string
	// SizeMark is the annotation of a Deployment whose number of pods a Rollout drives.
	SizeMark string
}

// Route is a route of any kind that a Rollout drives, or, without a name, what a selector finds.
type Route struct{ Kind, Namespace, Name string }

// ForRollout lists what a Rollout of this namespace drives: each of the routes, those of its own namespace having none
// given, and its two Services. pinLabel is the label that tells revisions apart. Without routes and Services it drives
// nothing.
func ForRollout(namespace, stable, canary string, routes []Route, pinLabel string) []Claim {
	var claims []Claim
	for _, route := range routes {
		if route.Namespace == "" {
			route.Namespace = namespace
		}
		claims = append(claims, Claim{
			Kind: route.Kind, Namespace: route.Namespace, Name: route.Name,
			ServiceNamespace: namespace, StableService: stable, CanaryService: canary,
		})
	}
	for _, service := range []string{stable, canary} {
		if service != "" {
			claims = append(claims, Claim{Kind: KindService, Namespace: namespace, Name: service, PinLabel: pinLabel})
		}
	}
	return claims
}

// Mark is the annotation that a route of this namespace carries while a release moves the traffic of this stable Service.
// Its value is the canary's share in percent, from 0 to 100. A route may have Services of several namespaces, so that the
// mark of one in another namespace says which.
func Mark(routeNamespace, serviceNamespace, stableService string) string {
	if serviceNamespace != routeNamespace {
		return serviceNamespace + "." + markPrefix + stableService
	}
	return markPrefix + stableService
}

// Percent reads a mark. marked is false when there is none or when it says nothing usable.
func Percent(annotations map[string]string, mark string) (percent int32, marked bool) {
	value, ok := annotations[mark]
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 0 || n > 100 {
		return 0, false
	}
	return int32(n), true
}

// MarkedByOthers says whether there is another mark than this one: a second release uses the same route.
func MarkedByOthers(annotations map[string]string, mark string) bool {
	for key := range annotations {
		if key != mark && isMark(key) {
			return true
		}
	}
	return false
}

func isMark(key string) bool {
	before, _, found := strings.Cut(key, markPrefix)
	return found && (before == "" || strings.HasSuffix(before, "."))
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
		again := func(earlier Claim) bool { return earlier.same(claim) && earlier.matches(desired) }
		if !claim.matches(desired) || !claim.matches(live) || slices.ContainsFunc(claims[:i], again) {
			continue
		}
		switch claim.Kind {
		case KindService:
			overlayService(claim, result, live)
		case KindDeployment:
			overlayWorkload(claim, result, live)
		default:
			overlayRoute(claim, result, live)
		}
	}
	return result
}

func (c Claim) matches(object map[string]any) bool {
	group := ""
	switch {
	case IsRoute(c.Kind):
		group = routeGroup + "/"
	case c.Kind == KindDeployment:
		group = workloadGroup + "/"
	}
	apiVersion, _ := object["apiVersion"].(string)
	metadata, _ := object["metadata"].(map[string]any)
	return object["kind"] == c.Kind && strings.HasPrefix(apiVersion, group) &&
		(group != "" || !strings.Contains(apiVersion, "/")) &&
		metadata["namespace"] == c.Namespace && (metadata["name"] == c.Name || c.Name == "" && IsRoute(c.Kind))
}

// same says whether both are about the same part of an object that both match.
func (c Claim) same(other Claim) bool {
	return c.Kind == other.Kind && c.ServiceNamespace == other.ServiceNamespace &&
		c.StableService == other.StableService && c.PinLabel == other.PinLabel
}

func (c Claim) services() Services {
	return Services{RouteNamespace: c.Namespace, Namespace: c.ServiceNamespace, Stable: c.StableService, Canary: c.CanaryService}
}

func overlayRoute(claim Claim, result, live map[string]any) {
	metadata, _ := live["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	mark := Mark(claim.Namespace, claim.ServiceNamespace, claim.StableService)
	value, _ := annotations[mark].(string)
	percent, marked := Percent(map[string]string{mark: value}, mark)
	if !marked || claim.CanaryService == "" || claim.CanaryService == claim.StableService {
		return
	}
	for _, rule := range Rules(result) {
		r := View(rule, claim.services())
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
