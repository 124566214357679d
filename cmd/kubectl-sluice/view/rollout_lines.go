package view

import (
	"fmt"
	"strconv"
	"strings"
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
	if r.Position.Active {
		out = append(out, field("Step", r.Position.text(r), Plain))
	}
	if w := r.Weights; w != nil && (r.Position.Active || w.Asked > 0 || !w.settled()) {
		text, mood := r.weightsText()
		out = append(out, field("Weight", text, mood))
	}
	out = append(out, field("Pods", fmt.Sprintf("%d wanted: %d running, %d updated, %d ready, %d available",
		r.Pods.Desired, r.Pods.Running, r.Pods.Updated, r.Pods.Ready, r.Pods.Available), Plain))
	out = append(out, r.requestLines()...)
	for _, note := range r.Notes {
		out = append(out, field("Note", note, Busy))
	}
	return out
}

func (p Position) text(r Rollout) string {
	if p.Switching {
		return "promotion committed: the stable Service takes over"
	}
	if p.Index >= p.Total {
		return fmt.Sprintf("all %d done, promotion under way", p.Total)
	}
	text := fmt.Sprintf("%d/%d: %s", p.Index+1, p.Total, p.Step)
	if !p.Ends.IsZero() {
		text += ", " + until(p.Ends, r.Now)
	}
	if p.Next != "" {
		text += "; next: " + p.Next
	} else {
		text += "; then all traffic"
	}
	return text
}

// weightsText says what is asked of the gateways, whether they have acknowledged it, and whether what was asked before
// is gone.
func (r Rollout) weightsText() (string, Mood) {
	w := r.Weights
	text := fmt.Sprintf("asked %d %%", w.Asked)
	if !w.AcknowledgedAt.IsZero() {
		text += ", acknowledged" + ago(w.AcknowledgedAt, r.Now)
	}
	if w.settled() {
		return text + "; what was asked before is gone", Good
	}
	if w.AcknowledgedAt.IsZero() {
		text += ", not acknowledged by every gateway yet"
	}
	return text + fmt.Sprintf("; %s may still be served", percent(Share{w.Low, w.High})), Busy
}

func (r Rollout) requestLines() []line {
	var out []line
	if p := r.Pending; p != nil {
		out = append(out, field("Asked", fmt.Sprintf("%s of %s by %s, waiting for the controller%s",
			p.Verb, p.Revision, or(p.By, "somebody"), quoted(p.Reason)), Busy))
	}
	if last := r.Last; last != nil {
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
		case RoleStable:
			mood = Good
		case RoleCanary:
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
	name := "analysis " + run.Name
	if n, err := strconv.Atoi(run.Step); err == nil {
		name += fmt.Sprintf(" (step %d)", n+1)
	}
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
