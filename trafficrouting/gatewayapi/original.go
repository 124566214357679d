package gatewayapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
	"github.com/sluicehq/sluice/trafficrouting/ownership"
	"github.com/sluicehq/sluice/trafficrouting/split"
)

// original is what is remembered of a route: Route.Original as JSON.
type original struct {
	// Version of this format.
	Version int `json:"version"`
	// Rules are those that name the stable Service.
	Rules []ruleRecord `json:"rules"`
	// Parents had accepted the route: keys of parents.go.
	Parents []string `json:"parents,omitempty"`
	// Owners are the field managers that own spec.rules.
	Owners []ownership.Owner `json:"owners,omitempty"`
}

// ruleRecord is one rule as the user wrote it.
type ruleRecord struct {
	Index   int             `json:"index"`
	Name    string          `json:"name,omitempty"`
	Matches string          `json:"matches,omitempty"`
	Stable  []backendRecord `json:"stable"`
	Canary  []backendRecord `json:"canary,omitempty"`
	Other   []backendRecord `json:"other,omitempty"`
}

// backendRecord is one backend: what it is, and its weight.
type backendRecord struct {
	ID     string `json:"id"`
	Weight int64  `json:"weight"`
}

const originalVersion = 1

// services are the two between which a release divides the traffic.
type services struct{ claims.Services }

func (s services) view(rule map[string]any) claims.Rule { return claims.View(rule, s.Services) }

// mark is the annotation of the release that moves their traffic.
func (s services) mark() string { return claims.Mark(s.RouteNamespace, s.Namespace, s.Stable) }

func decodeOriginal(name, text string) (*original, error) {
	o := &original{}
	if err := json.Unmarshal([]byte(text), o); err != nil {
		return nil, fmt.Errorf("the record of route %s cannot be read: %w", name, err)
	}
	if o.Version != originalVersion {
		return nil, fmt.Errorf("the record of route %s has version %d, and only %d is known: finish the release with the"+
			" version of Sluice that began it", name, o.Version, originalVersion)
	}
	return o, nil
}

// encode refuses what would not fit into the status.
func (o *original) encode() (string, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("encoding the record of a route: %w", err)
	}
	if len(text) > trafficrouting.MaxOriginalBytes {
		return "", fmt.Errorf("what must be remembered of the route has %d bytes, and %d are allowed: use fewer rules or"+
			" backends", len(text), trafficrouting.MaxOriginalBytes)
	}
	return string(text), nil
}

// captureRules records the rules as the user wrote them, going by the mark and by what was recorded before.
func captureRules(route map[string]any, s services, recorded *original, m mark) []ruleRecord {
	rules := claims.Rules(route)
	known := matchRecords(recorded, rules)
	captured := []ruleRecord{}
	for i, fields := range rules {
		rule := s.view(fields)
		if len(rule.Stable) == 0 {
			continue
		}
		in := intentOf(rule, known[i], m)
		record := keyOf(i, fields)
		record.Stable = backendRecords(rule.Stable, in.stable)
		record.Other = backendRecords(rule.Other, in.other)
		for j, ref := range rule.Canary {
			if in.written[j] {
				record.Canary = append(record.Canary, backendRecord{ID: identity(ref), Weight: in.canary[j]})
			}
		}
		captured = append(captured, record)
	}
	return captured
}

func backendRecords(refs []map[string]any, weights []int64) []backendRecord {
	records := make([]backendRecord, 0, len(refs))
	for i, ref := range refs {
		records = append(records, backendRecord{ID: identity(ref), Weight: weights[i]})
	}
	return records
}

// identity of a backend among those of a rule.
func identity(ref map[string]any) string {
	text := func(key string) string { s, _ := ref[key].(string); return s }
	port := ""
	if ref["port"] != nil {
		port = fmt.Sprint(ref["port"])
	}
	kind := text("kind")
	if kind == "Service" && text("group") == "" {
		kind = "" // The API server's default.
	}
	id := text("group") + "/" + kind + "/" + text("namespace") + "/" + text("name") + ":" + port
	if len(id) > 64 {
		sum := sha256.Sum256([]byte(id))
		return "sha256:" + hex.EncodeToString(sum[:16])
	}
	return id
}

// keyOf is by what a rule is found again.
func keyOf(index int, rule map[string]any) ruleRecord {
	name, _ := rule["name"].(string)
	key := ruleRecord{Index: index, Name: name}
	if matches, ok := rule["matches"]; ok {
		// Encoding decoded JSON cannot fail, and it sorts the keys of maps.
		text, _ := json.Marshal(matches) //nolint:errchkjson // see above
		sum := sha256.Sum256(text)
		key.Matches = hex.EncodeToString(sum[:8])
	}
	return key
}

// matchRecords finds for each rule, by its index, the record that was made of it: by name, else by equal matches (the one
// at the same position first), else by position. A record is given out once.
func matchRecords(recorded *original, rules []map[string]any) map[int]*ruleRecord {
	found := map[int]*ruleRecord{}
	if recorded == nil {
		return found
	}
	keys := make([]ruleRecord, len(rules))
	for i, rule := range rules {
		keys[i] = keyOf(i, rule)
	}
	given := make([]bool, len(recorded.Rules))
	for _, same := range []func(record, key *ruleRecord) bool{
		func(record, key *ruleRecord) bool { return record.Name != "" && record.Name == key.Name },
		func(record, key *ruleRecord) bool { return record.Matches == key.Matches && record.Index == key.Index },
		func(record, key *ruleRecord) bool { return record.Matches == key.Matches },
		func(record, key *ruleRecord) bool { return record.Index == key.Index },
	} {
		for i := range keys {
			for r := range recorded.Rules {
				if found[i] == nil && !given[r] && same(&recorded.Rules[r], &keys[i]) {
					found[i], given[r] = &recorded.Rules[r], true
				}
			}
		}
	}
	return found
}

// mark is the canary's share that a release last wrote, if one is running.
type mark struct {
	set     bool
	percent int32
}

func markOf(annotations map[string]string, s services) mark {
	percent, set := claims.Percent(annotations, s.mark())
	return mark{set: set, percent: percent}
}

func (m mark) annotation() string { return strconv.Itoa(int(m.percent)) }

// intent is one rule's weights as the user wants them, without a release. canary and written are about the canary
// backends that are in the rule now: written says which the user wrote. overwritten says that the rule as it is serves
// neither Service, which neither the user nor a release wants.
type intent struct {
	stable, canary, other []int64
	written               []bool
	overwritten           bool
}

// intentOf tells the user's word from ours (see the package documentation).
func intentOf(rule claims.Rule, record *ruleRecord, m mark) intent {
	literal := intent{
		stable: claims.Weights(rule.Stable), canary: claims.Weights(rule.Canary), other: claims.Weights(rule.Other),
		written: make([]bool, len(rule.Canary)),
	}
	if !m.set {
		return allWritten(literal)
	}
	live, partners := liveWeights(rule)
	found := literal
	if record != nil {
		found.canary, found.written = writtenCanaries(rule.Canary, record.Canary)
		if stable, ok := overwritten(rule, record, m); ok {
			found.stable, found.other = undone(rule, record, stable, m.percent)
			found.overwritten = true
			return found
		}
		if want, ok := recordedWeights(rule, record); ok && split.Divide(want.stable, want.other, m.percent).Equal(live) {
			found.stable, found.other = want.stable, want.other
			return found
		}
	}
	if stable, other, ok := split.Recover(live, m.percent); ok {
		found.stable, found.other = stable, other
		record.restoreAlone(found)
		return found
	}
	if record == nil {
		return allWritten(literal)
	}
	for i, j := range partners {
		if j < 0 || found.written[j] && literal.canary[j] == found.canary[j] {
			continue // No canary, or put back to what it was: the stable weight stands by itself.
		}
		// The two together are what the application gets.
		found.stable[i] += literal.canary[j]
		record.restoreAlone(found)
	}
	return found
}

// restoreAlone gives a stable backend that is alone in its rule the weight that it had: a weight means something only
// beside others, so the one found says nothing, unless it is 0. Without a record nothing is known to restore.
func (r *ruleRecord) restoreAlone(in intent) {
	if r != nil && len(r.Stable) == 1 && len(in.stable) == 1 && len(in.other) == 0 && in.stable[0] > 0 {
		in.stable[0] = max(r.Stable[0].Weight, 1)
	}
}

func allWritten(in intent) intent {
	for i := range in.written {
		in.written[i] = true
	}
	return in
}

// liveWeights reads a rule's weights in the form that split makes, and which canary backend goes with which stable one.
func liveWeights(rule claims.Rule) (split.Weights, []int) {
	partners := rule.Partners(nil)
	w := split.Weights{
		Stable: claims.Weights(rule.Stable), Canary: make([]int64, len(rule.Stable)), Other: claims.Weights(rule.Other),
	}
	for i, j := range partners {
		if j >= 0 {
			w.Canary[i] = claims.Weight(rule.Canary[j])
		}
	}
	return w, partners
}

// recordedWeights are the record's, if it has the backends that the rule has now.
func recordedWeights(rule claims.Rule, record *ruleRecord) (in intent, ok bool) {
	same := func(refs []map[string]any, records []backendRecord) ([]int64, bool) {
		weights := make([]int64, len(refs))
		if len(refs) != len(records) {
			return nil, false
		}
		for i, ref := range refs {
			if identity(ref) != records[i].ID {
				return nil, false
			}
			weights[i] = records[i].Weight
		}
		return weights, true
	}
	var okStable, okOther bool
	in.stable, okStable = same(rule.Stable, record.Stable)
	in.other, okOther = same(rule.Other, record.Other)
	return in, okStable && okOther
}

// writtenCanaries tells the canary backends that the user wrote, which are in the record, from ours: the same one first,
// then any.
func writtenCanaries(refs []map[string]any, records []backendRecord) (weights []int64, written []bool) {
	weights, written = make([]int64, len(refs)), make([]bool, len(refs))
	left := slices.Clone(records)
	for _, exact := range []bool{true, false} {
		for i, ref := range refs {
			if written[i] {
				continue
			}
			id := identity(ref)
			at := slices.IndexFunc(left, func(record backendRecord) bool { return !exact || record.ID == id })
			if at >= 0 {
				weights[i], written[i] = left[at].Weight, true
				left = slices.Delete(left, at, at+1)
			}
		}
	}
	return weights, written
}
