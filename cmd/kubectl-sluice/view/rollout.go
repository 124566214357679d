package view

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Objects are a Rollout and what may belong to it; what does not is left out by owner.
type Objects struct {
	Rollout     *v1alpha1.Rollout
	ReplicaSets []*appsv1.ReplicaSet
	Pods        []*corev1.Pod
	Runs        []*v1alpha1.AnalysisRun
	// Notes say what could not be read.
	Notes []string
}

// BuildRollout returns what is to be shown of a Rollout at a time.
func BuildRollout(o Objects, now time.Time) Rollout {
	ro := o.Rollout
	s := &ro.Status
	m := Rollout{
		Now:       now,
		Namespace: ro.Namespace,
		Name:      ro.Name,
		Phase:     s.Phase,
		Message:   s.Message,
		Behind:    s.ObservedGeneration < ro.Generation,
		Deleting:  ro.DeletionTimestamp != nil,
		Commit:    s.Commit,
		Position:  position(ro),
		Weights:   weights(s.Canary),
		Pods: PodCounts{
			Desired: deref(ro.Spec.Replicas, 1), Running: s.Replicas, Updated: s.UpdatedReplicas,
			Ready: s.ReadyReplicas, Available: s.AvailableReplicas,
		},
		Last:  s.LastRequest,
		Notes: o.Notes,
	}
	if s.Request != nil && (s.LastRequest == nil || s.LastRequest.ID != s.Request.ID) {
		m.Pending = s.Request
	}
	m.Revisions, m.Hidden = revisions(o)
	m.Runs = attachRuns(o, m.Revisions)
	return m
}

func position(ro *v1alpha1.Rollout) Position {
	canary := ro.Status.Canary
	if canary == nil || (canary.Revision == "" && canary.SwitchingFrom == "") || ro.Spec.Strategy.Canary == nil {
		return Position{}
	}
	steps := ro.Spec.Strategy.Canary.Steps
	p := Position{
		Active:    true,
		Switching: canary.SwitchingFrom != "",
		Index:     min(int(canary.StepIndex), len(steps)),
		Total:     len(steps),
	}
	if p.Index >= len(steps) {
		return p
	}
	step := steps[p.Index]
	p.Step = describe(step)
	if p.Index+1 < len(steps) {
		p.Next = describe(steps[p.Index+1])
	}
	if step.Pause != nil && step.Pause.Duration != nil && canary.StepStartedAt != nil {
		if d, err := v1alpha1.ParsePauseDuration(*step.Pause.Duration); err == nil {
			p.Ends = canary.StepStartedAt.Add(d)
		}
	}
	return p
}

func describe(step v1alpha1.CanaryStep) string {
	switch {
	case step.SetWeight != nil:
		return fmt.Sprintf("set weight to %d %%", *step.SetWeight)
	case step.Pause != nil && step.Pause.Duration == nil:
		return "pause until promoted"
	case step.Pause != nil:
		if step.Pause.Duration.StrVal != "" {
			return "pause " + step.Pause.Duration.StrVal
		}
		return fmt.Sprintf("pause %ds", step.Pause.Duration.IntVal)
	case step.Analysis != nil:
		names := make([]string, 0, len(step.Analysis.Templates))
		for _, template := range step.Analysis.Templates {
			names = append(names, template.TemplateName)
		}
		return "analysis of " + strings.Join(names, ", ")
	}
	return "a step that this version does not know"
}

func weights(canary *v1alpha1.CanaryStatus) *Weights {
	if canary == nil || canary.Weights == nil {
		return nil
	}
	w := &Weights{Asked: canary.Weights.Asked, Low: canary.Weights.Low, High: canary.Weights.High}
	if canary.Weights.AcknowledgedAt != nil {
		w.AcknowledgedAt = canary.Weights.AcknowledgedAt.Time
	}
	return w
}

// revisions returns the revisions to show, the newest first, and how many others have ReplicaSets.
func revisions(o Objects) ([]Revision, int) {
	byHash := map[string]*Revision{}
	at := func(hash string) *Revision {
		if byHash[hash] == nil {
			byHash[hash] = &Revision{Hash: hash}
		}
		return byHash[hash]
	}
	for _, rs := range o.ReplicaSets {
		if !ownedBy(rs, o.Rollout) {
			continue
		}
		r := at(revisionOf(rs))
		r.Number = cmp.Or(rs.Annotations[v1alpha1.AnnotationRevision], r.Number)
		r.Commit = cmp.Or(rs.Annotations[v1alpha1.AnnotationCommit], r.Commit)
		r.ReplicaSets = append(r.ReplicaSets, replicaSet(rs, o.Pods))
	}
	for hash := range named(o.Rollout) {
		at(hash)
	}
	hidden := 0
	var out []Revision
	for _, r := range byHash {
		assign(r, o.Rollout)
		if shown(r, o.Rollout) {
			out = append(out, *r)
		} else {
			hidden++
		}
	}
	slices.SortFunc(out, func(a, b Revision) int {
		return cmp.Or(cmp.Compare(age(a, o.Rollout), age(b, o.Rollout)), strings.Compare(a.Hash, b.Hash))
	})
	return out, hidden
}

// named returns the revisions that status speaks of; they are shown even without a ReplicaSet.
func named(ro *v1alpha1.Rollout) map[string]bool {
	s := &ro.Status
	hashes := map[string]bool{s.StableRevision: true, s.CurrentRevision: true}
	if s.Canary != nil {
		hashes[s.Canary.Revision] = true
	}
	delete(hashes, "")
	return hashes
}

// assign fills in the roles of a revision and what goes with them.
func assign(r *Revision, ro *v1alpha1.Rollout) {
	s := &ro.Status
	if r.Hash == s.StableRevision {
		r.Roles = append(r.Roles, RoleStable)
	}
	for _, rejected := range s.Rejected {
		if rejected.Revision == r.Hash {
			r.Roles = append(r.Roles, RoleRejected)
			r.Rejection = strings.Trim(rejected.Reason+": "+rejected.Message, ": ")
			r.Commit = cmp.Or(rejected.Commit, r.Commit)
		}
	}
	if s.Canary != nil {
		if r.Hash == s.Canary.Revision && r.Hash != s.StableRevision {
			r.Roles = append(r.Roles, RoleCanary)
		}
		for _, retiring := range s.Canary.Retiring {
			if retiring.Revision == r.Hash {
				r.Roles = append(r.Roles, RoleRetiring)
				r.RetiresAt = retiring.At.Time
			}
		}
	}
	if r.Hash == s.CurrentRevision {
		r.Commit = cmp.Or(s.Commit, r.Commit)
	}
	r.Share = share(r.Hash, s)
}

// share returns the range of the traffic that a revision may be getting: the canary Service's for the new one, the rest
// for the old one; nil for none.
func share(hash string, s *v1alpha1.RolloutStatus) *Share {
	if s.Canary == nil || s.Canary.Weights == nil {
		if hash == s.StableRevision {
			return &Share{Low: 100, High: 100}
		}
		return nil
	}
	w := s.Canary.Weights
	fresh, old := s.Canary.Revision, s.StableRevision
	if fresh == "" && s.Abort != nil { // On its way back; it may still be served.
		fresh = s.Abort.Revision
	}
	if s.Canary.SwitchingFrom != "" {
		fresh, old = s.StableRevision, s.Canary.SwitchingFrom
		if s.Canary.StableServedAt != nil { // Both Services are the new revision's by now.
			if hash == fresh {
				return &Share{Low: 100, High: 100}
			}
			return nil
		}
	}
	switch {
	case hash == fresh && w.High > 0:
		return &Share{Low: w.Low, High: w.High}
	case hash == old && w.Low < 100:
		return &Share{Low: 100 - w.High, High: 100 - w.Low}
	}
	return nil
}

// shown says whether a revision is more than history.
func shown(r *Revision, ro *v1alpha1.Rollout) bool {
	if named(ro)[r.Hash] || slices.Contains(r.Roles, RoleRetiring) {
		return true
	}
	if ro.Status.Abort != nil && ro.Status.Abort.Revision == r.Hash {
		return true
	}
	return slices.ContainsFunc(r.ReplicaSets, func(rs ReplicaSet) bool { return rs.Desired > 0 || len(rs.Pods) > 0 })
}

// age orders revisions, the newest first: by number, and the wanted one without a ReplicaSet before all.
func age(r Revision, ro *v1alpha1.Rollout) int {
	number, err := strconv.Atoi(r.Number)
	switch {
	case err == nil:
		return -number
	case r.Hash == ro.Status.CurrentRevision:
		return -(1 << 31)
	}
	return 0
}

func revisionOf(obj metav1.Object) string {
	labels := obj.GetLabels()
	return cmp.Or(labels[v1alpha1.LabelPodTemplateHash], labels["pod-template-hash"], obj.GetName())
}

func ownedBy(obj metav1.Object, owner metav1.Object) bool {
	ref := metav1.GetControllerOf(obj)
	return ref != nil && ref.UID == owner.GetUID()
}

func deref[T any](p *T, absent T) T {
	if p == nil {
		return absent
	}
	return *p
}
