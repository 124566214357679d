package changeset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
)

const (
	// maxPrunePercent of the inventory may be deleted at once without approval.
	maxPrunePercent = 50
	// maxPruneFrom is the size of the inventory from which on maxPrunePercent is heeded.
	maxPruneFrom = 10
)

// PruneInput is what Prunes decides on. Its zero value deletes nothing.
type PruneInput struct {
	// Complete says that Desired is all of what a good render gave. A failed fetch or render never sets it.
	Complete bool
	// Settled says that all of Desired is applied and healthy.
	Settled bool
	Desired []Desired
	// Inventory includes Desired.
	Inventory map[ID]Entry
	// Live holds what was just read of the objects that are in the inventory and not in Desired.
	Live map[ID]Live
	// Owner is the value that the label of our objects has.
	Owner string
	// Elsewhere names the other GitSyncs that hold an object.
	Elsewhere map[ID]string
	// Adopted names the Rollouts that adopt a Deployment, by the Deployment: its pods are in use.
	Adopted map[ID]ID
	// Enabled says that what left Git is deleted.
	Enabled bool
	// AllowEmpty says that nothing may be left.
	AllowEmpty bool
	// Approved is the digest of a plan that somebody approved.
	Approved string
}

// Deletion is an object to be deleted, and the UID that it must have.
type Deletion struct {
	Entry Entry
	UID   string
}

// Kept is an object that left Git and stays in the cluster.
type Kept struct {
	ID  ID
	Why Why
}

// Why says why an object that left Git stays.
type Why string

// The reasons for which an object stays. All but PruneOff and Adopting need a person.
const (
	Adopting    Why = "a Rollout adopts it, and removes it without its pods when they are taken over"
	PruneOff    Why = "syncPolicy.automated.prune is not set"
	Annotated   Why = "its annotation keeps it from being pruned"
	HoldsData   Why = "its kind is never pruned, since others' objects or data would go with it: delete it by hand"
	Replaced    Why = "it is not the object that was applied, which was replaced by another: delete it by hand"
	Unreadable  Why = "it could not be read"
	Disappeared Why = "it is being deleted"
)

// Blocked says why a plan that would delete something is not carried out.
type Blocked struct {
	// Empty says that nothing would be left.
	Empty bool
	// Digest names the plan: an approval names it, and is good for nothing else.
	Digest string
	// Delete of Total objects would go.
	Delete, Total int
	// Objects are those that would go, sorted.
	Objects []ID
}

// PrunePlan is what Prunes decides.
type PrunePlan struct {
	// Stages of deletions: the reverse of the order in which objects are written.
	Stages [][]Deletion
	// Waiting says that deletions wait until all is applied and healthy.
	Waiting bool
	// Forget lists what leaves the inventory without being deleted: it is gone, or it is somebody else's by now.
	Forget []ID
	// Kept lists what left Git and stays.
	Kept []Kept
	// Blocked is set if a guard holds the deletions back.
	Blocked *Blocked
}

// Prunes says what is deleted of what left Git.
func Prunes(in PruneInput) PrunePlan {
	if !in.Complete {
		return PrunePlan{}
	}
	wanted := make(map[ID]bool, len(in.Desired))
	for _, desired := range in.Desired {
		wanted[desired.ID] = true
	}
	var plan PrunePlan
	var deletions []Deletion
	for id, entry := range in.Inventory {
		if wanted[id] {
			continue
		}
		why, forget := in.stays(entry)
		switch {
		case forget:
			plan.Forget = append(plan.Forget, id)
		case why != "":
			plan.Kept = append(plan.Kept, Kept{ID: id, Why: why})
		default:
			deletions = append(deletions, Deletion{Entry: entry, UID: in.Live[id].UID})
		}
	}
	slices.SortFunc(plan.Forget, Compare)
	slices.SortFunc(plan.Kept, func(a, b Kept) int { return Compare(a.ID, b.ID) })
	slices.SortFunc(deletions, func(a, b Deletion) int { return Compare(a.Entry.ID, b.Entry.ID) })
	if len(deletions) == 0 {
		return plan
	}
	if plan.Blocked = in.blocked(deletions); plan.Blocked != nil {
		return plan
	}
	if !in.Settled {
		plan.Waiting = true
		return plan
	}
	plan.Stages = stages(deletions, func(d Deletion) ID { return d.Entry.ID })
	slices.Reverse(plan.Stages)
	return plan
}

// stays says whether an object that left Git leaves the inventory without being deleted, or why it stays in both.
func (in PruneInput) stays(entry Entry) (why Why, forget bool) {
	live, seen := in.Live[entry.ID]
	_, held := in.Elsewhere[entry.ID]
	_, adopted := in.Adopted[entry.ID]
	switch {
	case !seen:
		return Unreadable, false
	case !live.Exists, held, live.Owner != in.Owner:
		return "", true
	case live.Terminating:
		return Disappeared, false
	case adopted:
		return Adopting, false
	case entry.UID != "" && entry.UID != live.UID:
		return Replaced, false
	case live.Protected:
		return Annotated, false
	case neverPruned(entry.ID):
		return HoldsData, false
	case !in.Enabled:
		return PruneOff, false
	default:
		return "", false
	}
}

// neverPruned names the kinds whose deletion takes others' objects or data along.
func neverPruned(id ID) bool {
	switch id.Kind {
	case "Namespace", "PersistentVolumeClaim", "PersistentVolume":
		return id.Group == ""
	case "CustomResourceDefinition":
		return id.Group == "apiextensions.k8s.io"
	}
	return false
}

// blocked applies the guards against deleting too much.
func (in PruneInput) blocked(deletions []Deletion) *Blocked {
	b := &Blocked{Digest: digest(deletions), Delete: len(deletions), Total: len(in.Inventory)}
	for _, d := range deletions {
		b.Objects = append(b.Objects, d.Entry.ID)
	}
	if len(in.Desired) == 0 {
		if in.AllowEmpty {
			return nil
		}
		b.Empty = true
		return b
	}
	if b.Total >= maxPruneFrom && b.Delete*100 > b.Total*maxPrunePercent && in.Approved != b.Digest {
		return b
	}
	return nil
}

// digest names a list of deletions, which is sorted.
func digest(deletions []Deletion) string {
	sum := sha256.New()
	for _, d := range deletions {
		_, _ = io.WriteString(sum, fmt.Sprintf("%s %s\n", d.Entry.ID, d.UID))
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// Removal returns what is deleted when a GitSync itself is deleted: all that is its own, in the reverse order of its
// writing, except what is never pruned, annotated, adopted by a Rollout, held by another GitSync, or replaced. Those are
// orphaned.
func Removal(in PruneInput) (stagesOut [][]Deletion, orphaned []Kept) {
	in.Enabled = true
	var deletions []Deletion
	for id, entry := range in.Inventory {
		why, forget := in.stays(entry)
		switch {
		case forget, why == Disappeared:
		case why != "":
			orphaned = append(orphaned, Kept{ID: id, Why: why})
		default:
			deletions = append(deletions, Deletion{Entry: entry, UID: in.Live[id].UID})
		}
	}
	slices.SortFunc(orphaned, func(a, b Kept) int { return Compare(a.ID, b.ID) })
	stagesOut = stages(deletions, func(d Deletion) ID { return d.Entry.ID })
	slices.Reverse(stagesOut)
	return stagesOut, orphaned
}
