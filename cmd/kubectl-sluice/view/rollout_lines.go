package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/steps"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

const treeTable = 1

func (r Rollout) lines() []line {
	out := r.header()
	if len(r.Revisions) == 0 && len(r.Runs) == 0 {
		return out
	}
	out = append(out, line{}, line{table: treeTable, cells: []cell{
		{"REVISION", Strong}, {"STATUS", Strong}, {"READY", Strong}, {"RESTARTS", Strong}, {"AGE", Strong},
	}})
	for _, revision := range r.Revisions {
		out = append(out, r.revisionLines(revision)...)
	}
	for _, run := range r.Runs {
		out = append(out, r.runLines(run, "", "")...)
	}
	if r.Hidden > 0 {
		out = append(out, line{table: treeTable, cells: []cell{{fmt.Sprintf("and %d earlier without pods", r.Hidden), Idle}}})
	}
	return out
}

func (r Rollout) header() []line {
	phase := or(string(r.Phase), "not looked at by the controller yet")
	if r.Deleting {
		phase += ", being deleted"
	}
	if r.Behind && r.Phase != "" {
		phase += " (the newest spec is not looked at yet)"
	}
	out := []line{
		field("Rollout", r.Namespace+"/"+r.Name, Strong),
		field("Phase", phase, phaseMood(r.Phase)),
	}
	if r.Message != "" {
		out = append(out, field("Why", r.Message, Plain))
	}
	if r.Commit != "" {
		out = append(out, field("Commit", ShortCommit(r.Commit), Plain))
	}
	out = append(out, r.releaseLines()...)
	out = append(out, field("Pods", fmt.Sprintf("%d wanted: %d running, %d updated, %d ready, %d available",
		r.Pods.Desired, r.Pods.Running, r.Pods.Updated, r.Pods.Ready, r.Pods.Available), Plain))
	if r.Template != "" {
		out = append(out, field("Template", r.Template, Plain))
	}
	if r.Restart != nil {
		out = append(out, field("Restart", r.Restart.text(r.Now), Busy))
	}
	out = append(out, r.requestLines()...)
	if r.Past != nil {
		text, mood := lastRelease(*r.Past, r.Now)
		out = append(out, field("Last", text, mood))
	}
	for _, note := range r.Notes {
		out = append(out, field("Note", note, Busy))
	}
	return out
}

// releaseLines say where the release is, what holds it, and what has the traffic.
func (r Rollout) releaseLines() []line {
	var out []line
	if r.Position.Active {
		out = append(out, field("Step", r.Position.text(r), Plain))
	}
	if r.Hold != nil {
		out = append(out, field("Paused", r.Hold.text(r), Busy))
	}
	if w := r.Weights; w != nil && (r.Position.Active || w.Asked > 0 || !w.settled()) {
		text, mood := w.text(r.Now)
		key := "Weight"
		if w.By == wanted.BySelector {
			key = "Traffic"
		}
		out = append(out, field(key, text, mood))
	}
	if r.Background != nil {
		out = append(out, field("Background", r.Background.text(), analysisMood(r.Background.Phase)))
	}
	return out
}

func (p Position) text(r Rollout) string {
	mode := modeText(p.Mode)
	switch {
	case p.Switching:
		return "promotion committed: the stable Service takes over"
	case p.Withdrawing:
		return "the strategy has changed: what was begun by the former one is brought to rest first"
	case p.Index >= p.Total && p.Mode == steps.ModeRollbackWindow:
		return mode + "; promotion under way"
	case p.Index >= p.Total:
		return appended(mode, "; ") + fmt.Sprintf("all %d done, promotion under way", p.Total)
	}
	text := fmt.Sprintf("%d/%d: %s", p.Index+1, p.Total, p.Step)
	switch {
	case !p.Ends.IsZero():
		text += ", " + until(p.Ends, r.Now)
	case !p.Since.IsZero():
		text += ", for " + since(p.Since, r.Now) + " now"
	}
	if p.Next != "" {
		text += "; next: " + p.Next
	} else {
		text += "; " + p.Last
	}
	if mode != "" {
		text += " (" + mode + ")"
	}
	return text
}

// text says what share is asked for, whether it is in effect, and whether what was asked before is gone.
func (w *Weights) text(now time.Time) (string, Mood) {
	switch w.By {
	case wanted.ByReplicas:
		return w.replicasText()
	case wanted.BySelector:
		return w.selectorText()
	}
	text := fmt.Sprintf("asked %d %%", w.Asked)
	if !w.AcknowledgedAt.IsZero() {
		text += ", acknowledged" + ago(w.AcknowledgedAt, now)
	}
	if w.settled() {
		return text + "; what was asked before is gone", Good
	}
	if w.AcknowledgedAt.IsZero() {
		text += ", not acknowledged by every gateway yet"
	}
	return text + fmt.Sprintf("; %s may still be served", percent(Share{w.Low, w.High})), Busy
}

// replicasText is for traffic that follows the numbers of pods, as near as whole pods can.
func (w *Weights) replicasText() (string, Mood) {
	text := fmt.Sprintf("asked %d %%, carried by the number of pods", w.Asked)
	mood := Busy
	if w.settled() {
		mood = Good
	}
	if w.Available == 0 {
		return text, mood
	}
	got := Share{}
	if p := part(w.Serving, w.Available); p != nil {
		got = *p
	}
	return text + fmt.Sprintf(": %d of %d available pods are new, %s", w.Serving, w.Available, percent(got)), mood
}

// selectorText is for traffic that a Service's selector switches all at once.
func (w *Weights) selectorText() (string, Mood) {
	switch {
	case w.Asked == 0 && w.settled():
		return "none yet: the active Service selects the old revision", Plain
	case w.Asked == 0:
		return "going back: the active Service selects the old revision again, requests may still reach the new one", Busy
	case w.settled():
		return "all: the active Service selects the new revision", Good
	}
	return "switching: the active Service selects the new revision, requests may still reach the old one", Busy
}

func (r Rollout) requestLines() []line {
	var out []line
	if p := r.Pending; p != nil {
		out = append(out, field("Asked", fmt.Sprintf("%s of %s by %s, waiting for the controller%s",
			wish(p), p.Revision, or(p.By, "somebody"), quoted(p.Reason)), Busy))
	}
	told := r.Hold != nil && r.Hold.By != "" // The line of the pause has said it.
	if last := r.Last; last != nil && !told {
		verdict, mood := "refused", Bad
		if last.Accepted {
			verdict, mood = "accepted", Plain
		}
		text := fmt.Sprintf("%s by %s %s%s", last.Verb, or(last.By, "somebody"), verdict, ago(last.At.Time, r.Now))
		if last.Message != "" {
			text += ": " + last.Message
		}
		out = append(out, field("Request", text, mood))
	}
	return out
}

// wish says what a request asks for.
func wish(p *v1alpha1.RolloutRequest) string {
	switch {
	case p.SkipAnalysis:
		return "full " + string(p.Verb) + " without analysis"
	case p.Full:
		return "full " + string(p.Verb)
	case p.ToStep != nil:
		return fmt.Sprintf("%s to step %d", p.Verb, *p.ToStep+1)
	}
	return string(p.Verb)
}

func quoted(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + strconv.Quote(reason)
}

func (r Rollout) revisionLines(v Revision) []line {
	title := v.Hash
	if v.Number != "" {
		title = "#" + v.Number + " " + title
	}
	if v.Commit != "" {
		title += " (" + ShortCommit(v.Commit) + ")"
	}
	status, mood := r.revisionStatus(v)
	out := []line{{table: treeTable, cells: []cell{{title, Strong}, {status, mood}}}}
	children := len(v.ReplicaSets) + len(v.Runs)
	if v.Rejection != "" {
		branch, _ := limb(children == 0)
		out = append(out, line{table: treeTable, cells: []cell{{branch + "rejected for", Plain}, {v.Rejection, Bad}}})
	}
	for _, rs := range v.ReplicaSets {
		children--
		branch, below := limb(children == 0)
		out = append(out, r.replicaSetLines(rs, branch, below)...)
	}
	for _, run := range v.Runs {
		children--
		branch, below := limb(children == 0)
		out = append(out, r.runLines(run, branch, below)...)
	}
	return out
}

func (r Rollout) revisionStatus(v Revision) (string, Mood) {
	var words []string
	mood := Idle
	for _, role := range v.Roles {
		word := string(role)
		switch role {
		case RoleStable, RoleActive:
			mood = Good
		case RoleCanary, RolePreview:
			mood = Busy
		case RoleRejected:
			mood = Bad
		case RoleRetiring:
			if left := until(v.RetiresAt, r.Now); v.RetiresAt.After(r.Now) {
				word += " (its pods are kept, " + left + ")"
			}
		}
		words = append(words, word)
	}
	if v.Share != nil {
		words = append(words, percent(*v.Share)+" of the traffic")
	}
	return or(strings.Join(words, ", "), "not wanted any more"), mood
}

func (r Rollout) replicaSetLines(rs ReplicaSet, branch, below string) []line {
	mood := Good
	if rs.Available < rs.Desired {
		mood = Busy
	}
	out := []line{{table: treeTable, cells: []cell{
		{branch + "replicaset " + rs.Name, Plain},
		{fmt.Sprintf("%d wanted, %d available", rs.Desired, rs.Available), mood},
		{fmt.Sprintf("%d/%d", rs.Ready, rs.Desired), Plain},
		{"", Plain},
		{since(rs.CreatedAt, r.Now), Idle},
	}}}
	for i, p := range rs.Pods {
		twig, _ := limb(i == len(rs.Pods)-1)
		restarts := strconv.Itoa(int(p.Restarts))
		if p.Restarts > 0 && !p.LastRestartedAt.IsZero() {
			restarts += " (" + since(p.LastRestartedAt, r.Now) + " ago)"
		}
		out = append(out, line{table: treeTable, cells: []cell{
			{below + twig + "pod " + p.Name, Plain},
			{p.Status, p.Mood},
			{fmt.Sprintf("%d/%d", p.Ready, p.Total), Plain},
			{restarts, Plain},
			{since(p.CreatedAt, r.Now), Idle},
		}})
	}
	return out
}

func (r Rollout) runLines(run Run, branch, below string) []line {
	status := string(run.Phase)
	if run.Message != "" {
		status += ": " + run.Message
	}
	name := "analysis " + run.Name + run.purpose()
	out := []line{{table: treeTable, cells: []cell{
		{branch + name, Plain},
		{status, analysisMood(run.Phase)},
		{"", Plain},
		{"", Plain},
		{since(run.CreatedAt, r.Now), Idle},
	}}}
	for i, m := range run.Metrics {
		twig, _ := limb(i == len(run.Metrics)-1)
		out = append(out, line{table: treeTable, cells: []cell{
			{below + twig + "metric " + m.Name, Plain}, {m.text(), analysisMood(m.Phase)},
		}})
	}
	return out
}

// purpose says what a run is for, as far as that is known.
func (r Run) purpose() string {
	switch wanted.AnalysisType(r.Type) {
	case wanted.AnalysisInBackground:
		return " (background)"
	case wanted.AnalysisPrePromotion:
		return " (before the switch)"
	case wanted.AnalysisPostPromotion:
		return " (after the switch)"
	case wanted.AnalysisOfStep:
	}
	if n, err := strconv.Atoi(r.Step); err == nil && n >= 0 {
		return fmt.Sprintf(" (step %d)", n+1)
	}
	return ""
}

// text gives the phase, the last value and the counts that are not 0.
func (m Metric) text() string {
	text := string(m.Phase)
	if m.Value != "" {
		text += ", last value " + shorten(m.Value, 48)
	}
	var counts []string
	for _, c := range []struct {
		n    int32
		what string
	}{
		{m.Successful, "good"},
		{m.Failed, "failed"},
		{m.Inconclusive, "inconclusive"},
		{m.Errors, "with errors"},
		{m.NoData, "without data"},
	} {
		if c.n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(counts) > 0 {
		text += " (" + strings.Join(counts, ", ") + ")"
	}
	if m.Message != "" {
		text += ": " + m.Message
	}
	return text
}

func shorten(s string, limit int) string {
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}

// limb returns the tree's branch to a child and what stands below it.
func limb(last bool) (branch, below string) {
	if last {
		return "└─ ", "   "
	}
	return "├─ ", "│  "
}
