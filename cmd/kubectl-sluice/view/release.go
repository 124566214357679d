package view

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/steps"
)

func position(ro *v1alpha1.Rollout) Position {
	r := ro.Status.Release
	if r == nil || (r.Revision == "" && r.SwitchingFrom == "") {
		return Position{}
	}
	all := steps.Of(ro)
	p := Position{
		Active:      true,
		Switching:   r.SwitchingFrom != "",
		Withdrawing: withdrawing(ro),
		Mode:        r.Mode,
		Index:       min(int(r.StepIndex), len(all)),
		Total:       len(all),
		Last:        "then all traffic",
	}
	if ro.Spec.Strategy.BlueGreen != nil {
		p.Last = "then the promotion is committed"
	}
	if p.Index >= len(all) {
		return p
	}
	step := all[p.Index]
	p.Step = step.Text
	if p.Index+1 < len(all) {
		p.Next = all[p.Index+1].Text
	}
	if step.Kind == steps.Pause && r.StepStartedAt != nil {
		if step.Indefinite {
			p.Since = r.StepStartedAt.Time
		} else if step.Duration > 0 {
			p.Ends = r.StepStartedAt.Add(step.Duration)
		}
	}
	return p
}

// hold returns the pause that somebody asked for, or that the spec asks for.
func hold(ro *v1alpha1.Rollout) *Hold {
	s := &ro.Status
	if ro.Spec.Paused {
		return &Hold{BySpec: true}
	}
	if s.Release == nil || !s.Release.Paused {
		return nil
	}
	h := &Hold{}
	if last := s.LastRequest; last != nil && last.Verb == v1alpha1.VerbPause && last.Accepted {
		h.By, h.Since = last.By, last.At.Time
		if s.Request != nil && s.Request.ID == last.ID {
			h.Reason = s.Request.Reason
		}
	}
	return h
}

func background(r *v1alpha1.ReleaseStatus) *BackgroundRun {
	if r == nil || r.BackgroundAnalysisRun == nil {
		return nil
	}
	run := r.BackgroundAnalysisRun
	return &BackgroundRun{Name: run.Name, Message: run.Message, Phase: run.Phase, Waived: r.BackgroundWaived}
}

// restart returns the restart that is asked for and not done.
func restart(o Objects) *Restart {
	at, done := o.Rollout.Spec.RestartAt, o.Rollout.Status.RestartedAt
	if at == nil || (done != nil && !done.Before(at)) {
		return nil
	}
	r := &Restart{At: at.Time, Old: -1, Total: -1}
	if len(o.Pods) == 0 {
		return r
	}
	r.Old, r.Total = 0, 0
	owned := map[types.UID]bool{}
	for _, rs := range o.ReplicaSets {
		owned[rs.UID] = ownedBy(rs, o.Rollout)
	}
	for _, p := range o.Pods {
		owner := metav1.GetControllerOf(p)
		if p.DeletionTimestamp != nil || owner == nil || !owned[owner.UID] {
			continue
		}
		r.Total++
		if p.CreationTimestamp.Before(at) {
			r.Old++
		}
	}
	return r
}

// modeText says what a release skips; empty for nothing.
func modeText(mode string) string {
	switch mode {
	case steps.ModeFull:
		return "promoted in full, pauses are passed"
	case steps.ModeFullSkipAnalysis:
		return "promoted in full, pauses and analysis are passed"
	case steps.ModeRollbackWindow:
		return "back to a recent revision inside of the rollback window, its steps are skipped"
	}
	return ""
}

// text says what holds a release, since when, and what ends that.
func (h Hold) text(r Rollout) string {
	if h.BySpec {
		return "by spec.paused, until that is taken out of the spec"
	}
	text := "by " + or(h.By, "somebody")
	if !h.Since.IsZero() {
		text += ago(h.Since, r.Now)
	}
	text += quoted(h.Reason)
	return text + "; it goes on with: kubectl sluice resume " + r.Name + " -n " + r.Namespace
}

func (b BackgroundRun) text() string {
	text := or(string(b.Phase), string(v1alpha1.AnalysisPending)) + ", " + b.Name
	if b.Waived {
		text += ", somebody promoted past it"
	}
	if b.Message != "" {
		text += ": " + b.Message
	}
	return text
}

func (t Restart) text(now time.Time) string {
	switch {
	case t.At.After(now):
		return "begins in " + duration.HumanDuration(t.At.Sub(now))
	case t.Old < 0:
		return "asked for" + ago(t.At, now) + ", under way"
	}
	return "asked for" + ago(t.At, now) + toReplace(t.Old, t.Total)
}
