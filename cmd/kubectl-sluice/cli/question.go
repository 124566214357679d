package cli

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// question is what status is asked: whether a Rollout is healthy, or whether one revision of it became stable.
type question struct {
	// revision is the beginning of a hash or of a commit; empty asks about whatever is wanted.
	revision string
	// seen is the hash of that revision once it was wanted.
	seen string
}

// verdict is the answer at one time.
type verdict struct {
	// final says that waiting longer will not change it by itself.
	final bool
	// mending says that it is final only if it stays: the spec, or something that it names, cannot be used, which is so
	// for a moment while a Rollout, its Services and its route are applied one after the other.
	mending bool
	// code is the exit code; it counts when final.
	code int
	text string
}

func pendingVerdict(format string, args ...any) verdict {
	return verdict{text: fmt.Sprintf(format, args...)}
}

func finalVerdict(code int, format string, args ...any) verdict {
	return verdict{final: true, code: code, text: fmt.Sprintf(format, args...)}
}

// answer judges the Rollout as it is now. It remembers what it saw, so that a revision that went by is not waited for.
func (q *question) answer(ro *v1alpha1.Rollout) verdict {
	if q.revision == "" {
		return q.whole(ro)
	}
	s := &ro.Status
	if hash := q.resolve(s); hash != "" {
		q.seen = hash
	}
	switch {
	case q.seen == "":
		if record, ok := q.past(s); ok {
			return pastVerdict(record, ro)
		}
		return pendingVerdict("revision %s is not here yet: %s", q.revision, state(ro))
	case q.seen == s.StableRevision && s.CurrentRevision != s.StableRevision:
		return finalVerdict(ExitDone, "revision %s is stable; revision %s is wanted since: %s", q.seen, s.CurrentRevision, state(ro))
	case q.seen == s.StableRevision && s.Phase == v1alpha1.RolloutHealthy:
		return finalVerdict(ExitDone, "revision %s is stable: %s", q.seen, state(ro))
	}
	if why, rejected := rejection(s, q.seen); rejected {
		return finalVerdict(ExitFailed, "revision %s was rejected: %s", q.seen, why)
	}
	switch {
	case q.seen != s.CurrentRevision:
		return finalVerdict(ExitFailed, "revision %s was superseded by %s before it became stable: %s", q.seen, s.CurrentRevision, state(ro))
	case ro.Generation > s.ObservedGeneration:
		return pendingVerdict("%s", state(ro))
	case failed(s):
		return failedVerdict(ro)
	}
	return pendingVerdict("%s", state(ro))
}

func failedVerdict(ro *v1alpha1.Rollout) verdict {
	v := finalVerdict(ExitFailed, "%s", state(ro))
	v.mending = meta.IsStatusConditionTrue(ro.Status.Conditions, v1alpha1.ConditionInvalid)
	return v
}

// failed says whether the release has failed. A spec that could not be checked for now has not.
func failed(s *v1alpha1.RolloutStatus) bool {
	invalid := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionInvalid)
	return s.Phase == v1alpha1.RolloutDegraded && (invalid == nil || invalid.Status != metav1.ConditionUnknown)
}

// whole judges the Rollout without regard to a revision.
func (q *question) whole(ro *v1alpha1.Rollout) verdict {
	text := state(ro)
	switch {
	case ro.Status.Phase == "" || ro.Generation > ro.Status.ObservedGeneration:
		return pendingVerdict("%s", text)
	case ro.Status.Phase == v1alpha1.RolloutHealthy:
		return finalVerdict(ExitDone, "%s", text)
	case failed(&ro.Status):
		return failedVerdict(ro)
	}
	return pendingVerdict("%s", text)
}

// resolve returns the hash of the revision that is asked about, as far as status speaks of it.
func (q *question) resolve(s *v1alpha1.RolloutStatus) string {
	if begins(s.CurrentRevision, q.revision) || begins(s.Commit, q.revision) {
		return s.CurrentRevision
	}
	if begins(s.StableRevision, q.revision) {
		return s.StableRevision
	}
	for _, r := range s.Rejected {
		if begins(r.Revision, q.revision) || begins(r.Commit, q.revision) {
			return r.Revision
		}
	}
	return ""
}

// past returns the release of the commit that is asked about where the history has it: it came and went before anybody
// asked. It is known by its commit alone, which comes once; a hash may come again, with the same content.
func (q *question) past(s *v1alpha1.RolloutStatus) (v1alpha1.ReleaseRecord, bool) {
	for _, record := range s.History {
		if begins(record.Commit, q.revision) {
			return record, true
		}
	}
	return v1alpha1.ReleaseRecord{}, false
}

func pastVerdict(record v1alpha1.ReleaseRecord, ro *v1alpha1.Rollout) verdict {
	switch record.Outcome {
	case v1alpha1.OutcomePromoted, v1alpha1.OutcomeFastPromoted:
		return finalVerdict(ExitDone, "revision %s was promoted; revision %s is wanted since: %s", record.Revision, ro.Status.CurrentRevision, state(ro))
	case v1alpha1.OutcomeAborted, v1alpha1.OutcomeSuperseded, v1alpha1.OutcomeRolledBack:
	}
	return finalVerdict(ExitFailed, "revision %s did not become stable (%s): %s", record.Revision,
		strings.Trim(string(record.Outcome)+", "+record.Message, ", "), state(ro))
}

func begins(hash, with string) bool {
	return strings.HasPrefix(hash, strings.ToLower(with))
}

// rejection says whether and why a revision was rejected and is not on its way again.
func rejection(s *v1alpha1.RolloutStatus, revision string) (string, bool) {
	if s.Abort != nil && s.Abort.Revision == revision {
		return strings.Trim(s.Abort.Reason+": "+s.Abort.Message, ": "), true
	}
	if s.Release != nil && s.Release.Revision == revision {
		return "", false
	}
	for _, r := range s.Rejected {
		if r.Revision == revision {
			return strings.Trim(r.Reason+": "+r.Message, ": "), true
		}
	}
	return "", false
}

// state is phase, step and message in one line.
func state(ro *v1alpha1.Rollout) string {
	s := &ro.Status
	if s.Phase == "" {
		return "waiting for the controller to look at the Rollout"
	}
	text := string(s.Phase)
	if s.Step != "" {
		text += " (" + s.Step + ")"
	}
	if s.Message != "" {
		text += ": " + s.Message
	}
	if ro.Generation > s.ObservedGeneration {
		text = "waiting for the controller to look at the newest spec; before it, " + text
	}
	return text
}
