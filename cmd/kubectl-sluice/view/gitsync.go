package view

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// GitSync is what is shown of a GitSync.
type GitSync struct {
	// Now is the time that ages are counted from.
	Now       time.Time
	Namespace string
	Name      string
	Spec      v1alpha1.GitSyncSpec
	Status    v1alpha1.GitSyncStatus
	Behind    bool
	Deleting  bool
	// Asked is a request to sync that has not been handled.
	Asked string
	// Rollouts that it applied.
	Rollouts List
	// Notes say what could not be read.
	Notes []string
}

// BuildGitSync returns what is to be shown of a GitSync and of the Rollouts that it applied at a time.
func BuildGitSync(gs *v1alpha1.GitSync, rollouts []*v1alpha1.Rollout, notes []string, now time.Time) GitSync {
	m := GitSync{
		Now: now, Namespace: gs.Namespace, Name: gs.Name,
		Spec: gs.Spec, Status: gs.Status,
		Behind:   gs.Status.ObservedGeneration < gs.Generation,
		Deleting: gs.DeletionTimestamp != nil,
		Rollouts: BuildList(rollouts, or(gs.Spec.Destination.Namespace, gs.Namespace), now),
		Notes:    notes,
	}
	if asked := gs.Annotations[v1alpha1.AnnotationSyncRequestedAt]; asked != gs.Status.LastHandledSyncRequest {
		m.Asked = asked
	}
	return m
}

// At returns the GitSync as of another time.
func (g GitSync) At(now time.Time) Model {
	g.Now = now
	g.Rollouts.Now = now
	return g
}

func (g GitSync) lines() []line {
	out := []line{field("GitSync", g.Namespace+"/"+g.Name, Strong)}
	ready, mood := g.ready()
	out = append(out,
		field("Ready", ready, mood),
		field("Source", g.source(), Plain),
		field("Revision", g.revision(), Plain),
	)
	if g.Asked != "" {
		out = append(out, field("Asked", "a sync at "+g.Asked+", waiting for the controller", Busy))
	}
	for _, kind := range []string{v1alpha1.ConditionApplied, v1alpha1.ConditionHealthy} {
		if c := meta.FindStatusCondition(g.Status.Conditions, kind); c != nil {
			out = append(out, field(kind, condition(c), conditionMood(c)))
		}
	}
	for _, f := range g.Status.Failures {
		out = append(out, field("Failed", f.Object+": "+f.Message, Bad))
	}
	for _, note := range g.Notes {
		out = append(out, field("Note", note, Busy))
	}
	if len(g.Rollouts.Rows) > 0 {
		out = append(append(out, line{}), g.Rollouts.lines()...)
	}
	return out
}

func (g GitSync) ready() (string, Mood) {
	text, mood := "not looked at by the controller yet", Plain
	if c := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		text, mood = condition(c), conditionMood(c)
	}
	if g.Spec.Suspend {
		text += ", suspended"
	}
	if g.Deleting {
		text += ", being deleted"
	}
	if g.Behind {
		text += " (the newest spec is not looked at yet)"
	}
	return text, mood
}

func (g GitSync) source() string {
	s := g.Spec.Source
	return fmt.Sprintf("%s, path %s, at %s", s.RepoURL, or(s.Path, "/"), or(s.TargetRevision, "the default branch"))
}

func (g GitSync) revision() string {
	text := "none applied yet"
	if g.Status.Revision != "" {
		text = ShortCommit(g.Status.Revision)
		if g.Status.LastAppliedAt != nil {
			text += ", applied" + ago(g.Status.LastAppliedAt.Time, g.Now)
		}
		text += fmt.Sprintf(", %d objects", g.Status.Objects)
	}
	if tried := g.Status.LastAttemptedRevision; tried != "" && tried != g.Status.Revision {
		text += "; last tried: " + ShortCommit(tried)
	}
	return text
}

func condition(c *metav1.Condition) string {
	text := string(c.Status)
	if c.Reason != "" {
		text += ", " + c.Reason
	}
	if c.Message != "" {
		text += ": " + c.Message
	}
	return text
}

func conditionMood(c *metav1.Condition) Mood {
	switch c.Status {
	case metav1.ConditionTrue:
		return Good
	case metav1.ConditionFalse:
		return Bad
	case metav1.ConditionUnknown:
		return Busy
	}
	return Plain
}
