package gatewayapi

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	conditionAccepted     = "Accepted"
	conditionResolvedRefs = "ResolvedRefs"

	// maxMessage bounds what is quoted of a gateway's own words.
	maxMessage = 200
)

// parent is one gateway (or part of one), and what a controller says of the route there. Several controllers may report
// on the same gateway; each counts by itself.
type parent struct {
	// ref names the gateway for people, and is the same for the same gateway in spec and status.
	ref string
	// controller is the name of the controller that reports.
	controller             string
	accepted, resolvedRefs verdict
}

// key under which a parent is recorded.
func (p parent) key() string { return p.ref + " by " + p.controller }

// verdict is one condition.
type verdict struct {
	status             metav1.ConditionStatus
	observedGeneration int64
	reason, message    string
}

func (v verdict) String() string {
	text := v.reason
	if v.message != "" {
		text += ": " + v.message
	}
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

// acknowledgement is what the parents that count say of the route as it is now.
type acknowledgement struct {
	// counted are the parents that count, as keys to record.
	counted []string
	// ignored are those that do not: they have never accepted the route.
	ignored []string
	// waiting says which of the counted ones has not accepted or resolved this generation of the spec.
	waiting string
	// unresolved says which of the counted ones cannot resolve this generation's references.
	unresolved string
}

// acknowledge asks the parents. Those that are recorded count, and those that accept the route now; a parent that is no
// longer in the spec does not.
func acknowledge(route *unstructured.Unstructured, recorded []string) acknowledgement {
	refs, parents := parentsOf(route)
	generation := route.GetGeneration()
	var found acknowledgement
	var waiting, unresolved []string
	counts := func(p parent) bool {
		return p.accepted.status == metav1.ConditionTrue || slices.Contains(recorded, p.key())
	}
	for _, ref := range refs {
		reported := slices.DeleteFunc(slices.Clone(parents), func(p parent) bool { return p.ref != ref || !counts(p) })
		silent := silentParents(ref, recorded, reported)
		if len(reported)+len(silent) == 0 {
			found.ignored = append(found.ignored, ref+refusal(ref, parents))
		}
		for _, p := range reported {
			found.counted = append(found.counted, p.key())
			if why := p.waiting(generation); why != "" {
				waiting = append(waiting, p.ref+" "+why)
			}
			if p.unresolved(generation) {
				unresolved = append(unresolved, p.ref+" ("+p.resolvedRefs.String()+")")
			}
		}
		for _, key := range silent {
			found.counted = append(found.counted, key)
			waiting = append(waiting, ref+" no longer reports on the route")
		}
	}
	found.waiting, found.unresolved = strings.Join(waiting, "; "), strings.Join(unresolved, "; ")
	return found
}

// silentParents are the recorded ones that have no entry in the status any more.
func silentParents(ref string, recorded []string, reported []parent) []string {
	var silent []string
	for _, key := range recorded {
		if strings.HasPrefix(key, ref+" by ") &&
			!slices.ContainsFunc(reported, func(p parent) bool { return p.key() == key }) {
			silent = append(silent, key)
		}
	}
	return silent
}

// refusal quotes why a parent does not accept the route, if it says so.
func refusal(ref string, parents []parent) string {
	for _, p := range parents {
		if p.ref == ref && p.accepted.status != "" {
			return " (" + p.accepted.String() + ")"
		}
	}
	return ""
}

// waiting says what the parent has not yet done for this generation; empty if nothing.
func (p parent) waiting(generation int64) string {
	switch {
	case p.accepted.observedGeneration < generation:
		return fmt.Sprintf("has not looked at generation %d of the route yet (it has seen %d)",
			generation, p.accepted.observedGeneration)
	case p.accepted.status != metav1.ConditionTrue:
		return "does not accept the route (" + p.accepted.String() + ")"
	case p.resolvedRefs.status == "":
		return "" // The condition is not there: nothing to resolve.
	case p.resolvedRefs.observedGeneration < generation:
		return fmt.Sprintf("has not resolved the references of generation %d of the route yet", generation)
	case p.resolvedRefs.status != metav1.ConditionTrue:
		return "cannot resolve the route's references (" + p.resolvedRefs.String() + ")"
	}
	return ""
}

func (p parent) unresolved(generation int64) bool {
	return p.resolvedRefs.status == metav1.ConditionFalse && p.resolvedRefs.observedGeneration >= generation
}

// parentsOf reads the spec's parentRefs and the status's parents.
func parentsOf(route *unstructured.Unstructured) (refs []string, parents []parent) {
	list, _, _ := unstructured.NestedSlice(route.Object, "spec", "parentRefs")
	for _, item := range list {
		if ref, ok := item.(map[string]any); ok {
			if name := refOf(ref, route.GetNamespace()); !slices.Contains(refs, name) {
				refs = append(refs, name)
			}
		}
	}
	list, _, _ = unstructured.NestedSlice(route.Object, "status", "parents")
	for _, item := range list {
		entry, _ := item.(map[string]any)
		ref, ok := entry["parentRef"].(map[string]any)
		if !ok {
			continue
		}
		controller, _ := entry["controllerName"].(string)
		parents = append(parents, parent{
			ref: refOf(ref, route.GetNamespace()), controller: controller,
			accepted: conditionOf(entry, conditionAccepted), resolvedRefs: conditionOf(entry, conditionResolvedRefs),
		})
	}
	return refs, parents
}

// refOf writes a parentRef with its defaults filled in.
func refOf(ref map[string]any, namespace string) string {
	text := func(key, otherwise string) string {
		if s, ok := ref[key].(string); ok && (s != "" || key == "group") {
			return s
		}
		return otherwise
	}
	name := text("kind", kindGateway)
	if g := text("group", group); g != group && g != "" {
		name += "." + g
	}
	name += " " + text("namespace", namespace) + "/" + text("name", "")
	if section := text("sectionName", ""); section != "" {
		name += " section " + section
	}
	if port, ok := ref["port"]; ok && port != nil {
		name += fmt.Sprint(" port ", port)
	}
	return name
}

func conditionOf(entry map[string]any, conditionType string) verdict {
	list, _ := entry["conditions"].([]any)
	for _, item := range list {
		condition, _ := item.(map[string]any)
		if condition["type"] != conditionType {
			continue
		}
		text := func(key string) string { s, _ := condition[key].(string); return s }
		seen, _ := condition["observedGeneration"].(int64)
		return verdict{
			status: metav1.ConditionStatus(text("status")), observedGeneration: seen,
			reason: text("reason"), message: text("message"),
		}
	}
	return verdict{}
}
