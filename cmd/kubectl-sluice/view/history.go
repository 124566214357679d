package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// History is what is shown of the releases of a Rollout.
type History struct {
	// Now is the time that ages are counted from.
	Now             time.Time
	Namespace, Name string
	// Wide says whether to show the analysis runs.
	Wide bool
	// Current is the release that is under way; nil at rest.
	Current *CurrentRelease
	// Records are the releases that have ended, the newest first.
	Records []v1alpha1.ReleaseRecord
}

// CurrentRelease is a release that is under way.
type CurrentRelease struct {
	Revision, Commit, Step, Message string
	Phase                           v1alpha1.RolloutPhase
	StartedAt, PausedAt             time.Time
	// PausedFor is how long it was paused before PausedAt.
	PausedFor time.Duration
}

// BuildHistory returns what is to be shown of a Rollout's releases at a time; wide shows their analysis runs too.
func BuildHistory(ro *v1alpha1.Rollout, wide bool, now time.Time) History {
	h := History{Now: now, Namespace: ro.Namespace, Name: ro.Name, Wide: wide, Records: ro.Status.History}
	s := &ro.Status
	if r := s.Release; r != nil && r.Revision != "" {
		h.Current = &CurrentRelease{
			Revision: r.Revision, Step: s.Step, Message: s.Message, Phase: s.Phase,
			PausedFor: time.Duration(r.PausedSeconds) * time.Second,
		}
		if r.Revision == s.CurrentRevision {
			h.Current.Commit = s.Commit
		}
		if r.StartedAt != nil {
			h.Current.StartedAt = r.StartedAt.Time
		}
		if r.PausedAt != nil {
			h.Current.PausedAt = r.PausedAt.Time
		}
	}
	return h
}

// At returns the history as of another time.
func (h History) At(now time.Time) Model {
	h.Now = now
	return h
}

func (h History) lines() []line {
	if h.Current == nil && len(h.Records) == 0 {
		return []line{{cells: []cell{{text: fmt.Sprintf("No release of Rollout %s/%s has ended yet", h.Namespace, h.Name)}}}}
	}
	title := []string{"NO", "REVISION", "COMMIT", "OUTCOME", "STARTED", "TOOK", "PAUSED"}
	if h.Wide {
		title = append(title, "ANALYSIS")
	}
	head := line{table: 1}
	for _, word := range append(title, "WHY") {
		head.cells = append(head.cells, cell{word, Strong})
	}
	out := []line{head}
	if h.Current != nil {
		out = append(out, h.currentLine(*h.Current))
	}
	for _, r := range h.Records {
		out = append(out, h.recordLine(r))
	}
	return out
}

func (h History) currentLine(r CurrentRelease) line {
	outcome := "under way"
	if r.Step != "" {
		outcome += " (" + r.Step + ")"
	}
	paused := r.PausedFor
	if !r.PausedAt.IsZero() {
		paused += max(h.Now.Sub(r.PausedAt), 0)
	}
	cells := []cell{
		{"-", Plain},
		{r.Revision, Strong},
		{or(ShortCommit(r.Commit), "-"), Plain},
		{outcome, phaseMood(r.Phase)},
		{or(appended(since(r.StartedAt, h.Now), " ago"), "-"), Idle},
		{"-", Plain},
		{span(paused), Plain},
	}
	if h.Wide {
		cells = append(cells, cell{"-", Plain})
	}
	return line{table: 1, cells: append(cells, cell{r.Message, Plain})}
}

func (h History) recordLine(r v1alpha1.ReleaseRecord) line {
	cells := []cell{
		{number(r.Number), Plain},
		{r.Revision, Plain},
		{or(ShortCommit(r.Commit), "-"), Plain},
		{or(string(r.Outcome), "-"), outcomeMood(r.Outcome)},
		{or(appended(since(r.StartedAt.Time, h.Now), " ago"), "-"), Idle},
		{took(r), Plain},
		{span(time.Duration(r.PausedSeconds) * time.Second), Plain},
	}
	if h.Wide {
		cells = append(cells, cell{verdicts(r.Verdicts), Plain})
	}
	return line{table: 1, cells: append(cells, cell{why(r), Plain})}
}

// lastRelease tells the release that ended last in one line.
func lastRelease(r v1alpha1.ReleaseRecord, now time.Time) (string, Mood) {
	text := or(number(r.Number), "-")
	if r.Number > 0 {
		text = "#" + text
	}
	text += " " + r.Revision
	if r.Commit != "" {
		text += " (" + ShortCommit(r.Commit) + ")"
	}
	text += " " + string(r.Outcome) + ago(r.FinishedAt.Time, now)
	if t := took(r); t != "-" {
		text += " after " + t
	}
	if w := why(r); w != "" {
		text += ": " + w
	}
	return text, outcomeMood(r.Outcome)
}

func number(n int64) string {
	if n <= 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// why says what decided the outcome.
func why(r v1alpha1.ReleaseRecord) string {
	if r.Reason == string(r.Outcome) { // It is said already.
		return r.Message
	}
	return strings.Trim(r.Reason+": "+r.Message, ": ")
}

func took(r v1alpha1.ReleaseRecord) string {
	if r.StartedAt.IsZero() || r.FinishedAt.IsZero() {
		return "-"
	}
	return duration.HumanDuration(max(r.FinishedAt.Sub(r.StartedAt.Time), 0))
}

// span returns a length of time; "-" for none.
func span(d time.Duration) string {
	if d < time.Second {
		return "-"
	}
	return duration.HumanDuration(d)
}

func verdicts(all []v1alpha1.ReleaseVerdict) string {
	texts := make([]string, 0, len(all))
	for _, v := range all {
		texts = append(texts, v.AnalysisRun+" "+or(string(v.Phase), "Pending"))
	}
	return or(strings.Join(texts, ", "), "-")
}

func appended(text, suffix string) string {
	if text == "" {
		return ""
	}
	return text + suffix
}

func outcomeMood(o v1alpha1.ReleaseOutcome) Mood {
	switch o {
	case v1alpha1.OutcomePromoted, v1alpha1.OutcomeFastPromoted:
		return Good
	case v1alpha1.OutcomeAborted:
		return Bad
	case v1alpha1.OutcomeSuperseded, v1alpha1.OutcomeRolledBack:
		return Busy
	}
	return Plain
}
