package rollout

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Bounds of the history, as the API documents them.
const (
	maxHistory  = 20
	maxVerdicts = 10
)

// history is the history with the releases that a plan ends, the newest first.
func history(o *observation, ended []plan.Release) []v1alpha1.ReleaseRecord {
	records := slices.Clone(o.rollout.Status.History)
	for _, release := range ended {
		records = slices.Insert(records, 0, record(o, release))
	}
	return records[:min(len(records), maxHistory)]
}

func record(o *observation, release plan.Release) v1alpha1.ReleaseRecord {
	out := v1alpha1.ReleaseRecord{
		Revision:  release.Revision,
		StartedAt: metav1.NewMicroTime(release.Started), FinishedAt: metav1.NewMicroTime(release.Finished),
		PausedSeconds: wholeSeconds(release.Paused),
		Outcome:       v1alpha1.ReleaseOutcome(release.Outcome),
		Reason:        release.Reason, Message: shorten(release.Message, maxDetail),
		Verdicts: verdicts(o, release),
	}
	if set := o.sets[release.Revision]; set != nil {
		out.Number, out.Commit = revisionNumber(set), set.Annotations[v1alpha1.AnnotationCommit]
	}
	if release.Revision == o.revision.Name {
		out.Commit = cmp.Or(o.rollout.Annotations[v1alpha1.AnnotationCommit], out.Commit)
	}
	return out
}

// verdicts are how the AnalysisRuns of a release stand, the last of them, the oldest first.
func verdicts(o *observation, release plan.Release) []v1alpha1.ReleaseVerdict {
	type entry struct {
		started time.Time
		verdict v1alpha1.ReleaseVerdict
	}
	var found []entry
	for _, run := range o.runs {
		revision, started := readRunKey(runKey(o.rollout.Name, run.Name))
		if revision != release.Revision || started.Before(release.Started) || started.After(release.Finished) {
			continue
		}
		found = append(found, entry{started, v1alpha1.ReleaseVerdict{
			AnalysisRun: run.Name, Phase: cmp.Or(run.Status.Phase, v1alpha1.AnalysisPending),
		}})
	}
	slices.SortFunc(found, func(a, b entry) int {
		return cmp.Or(a.started.Compare(b.started), cmp.Compare(a.verdict.AnalysisRun, b.verdict.AnalysisRun))
	})
	var out []v1alpha1.ReleaseVerdict
	for _, e := range found[max(0, len(found)-maxVerdicts):] {
		out = append(out, e.verdict)
	}
	return out
}

// readRunKey reads the revision and the start out of the key of an AnalysisRun, "<revision>-<step>-<start>": the start of
// its step, or of the release for the one in the background, in microseconds to the base of 36. The start is zero where it
// cannot be read.
func readRunKey(key string) (revision string, started time.Time) {
	parts := strings.Split(key, "-")
	if len(parts) != 3 {
		return "", time.Time{}
	}
	micros, err := strconv.ParseInt(parts[2], 36, 64)
	if err != nil {
		return parts[0], time.Time{}
	}
	return parts[0], time.UnixMicro(micros).UTC()
}
