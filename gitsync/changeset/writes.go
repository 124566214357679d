package changeset

import "maps"

// Reason says why an object is looked at.
type Reason string

// The reasons.
const (
	// New: the inventory does not have it, or it was about to be created when that was last written.
	New Reason = "New"
	// Changed: Git says something else of it than was applied last.
	Changed Reason = "Changed"
	// Missing: it was applied, and is gone.
	Missing Reason = "Missing"
	// Touched: something of it was changed since it was applied; whether that matters is not known yet.
	Touched Reason = "Touched"
	// Unseen: it is not known what became of it since.
	Unseen Reason = "Unseen"
)

// Write is an object that is to be applied, or compared.
type Write struct {
	ID     ID
	Reason Reason
	// Report says that it is only to be compared, by a dry run.
	Report bool
}

// WriteInput is what Writes decides on.
type WriteInput struct {
	Desired   []Desired
	Inventory map[ID]Entry
	// Live holds what is known; an object that is not in it is not known.
	Live map[ID]Live
	// Apply says that what Git changed is applied; otherwise it is reported.
	Apply bool
	// Heal says that what was changed past Git is undone; otherwise it is reported.
	Heal bool
	// Thorough says that everything is looked at of which it is not known to be as it was applied, whatever Heal says:
	// there is a new commit, or somebody asked for it.
	Thorough bool
}

// Writes returns what is to be written, in stages. An object that is as it was applied is not among them: a steady
// state costs nothing.
func Writes(in WriteInput) [][]Write {
	var writes []Write
	for _, desired := range in.Desired {
		reason, due := in.reason(desired)
		if !due {
			continue
		}
		write := Write{ID: desired.ID, Reason: reason, Report: !in.Apply}
		if (reason == Missing || reason == Touched) && !in.Heal && !in.Thorough {
			write.Report = true
		}
		writes = append(writes, write)
	}
	return stages(writes, func(w Write) ID { return w.ID })
}

// reason says why an object must be looked at, if it must.
func (in WriteInput) reason(desired Desired) (Reason, bool) {
	entry, known := in.Inventory[desired.ID]
	if !known || entry.Hash == "" {
		return New, true
	}
	if entry.Hash != desired.Hash {
		return Changed, true
	}
	live, seen := in.Live[desired.ID]
	switch {
	case !seen:
		return Unseen, in.Thorough
	case !live.Exists:
		return Missing, true
	case live.Key != entry.Key:
		return Touched, true
	default:
		return "", false
	}
}

// Intent returns the inventory that must be stored before anything is written: what is there, and what is about to be
// created. It also tells whether that is more than what is stored.
func Intent(inventory map[ID]Entry, writes [][]Write, version func(ID) string) (map[ID]Entry, bool) {
	intent := make(map[ID]Entry, len(inventory))
	maps.Copy(intent, inventory)
	more := false
	for _, stage := range writes {
		for _, write := range stage {
			if _, known := intent[write.ID]; !known && !write.Report {
				intent[write.ID] = Entry{ID: write.ID, Version: version(write.ID)}
				more = true
			}
		}
	}
	return intent, more
}

// CommitOf returns the commit at which an object's content first appeared: the one that the inventory has if the
// content is the same, else head.
func CommitOf(entry Entry, hash, head string) string {
	if entry.Hash == hash && entry.Commit != "" {
		return entry.Commit
	}
	return head
}
