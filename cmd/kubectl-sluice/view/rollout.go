package view

import (
	"cmp"
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
		Hold:      hold(ro),
		Weights:   weights(o),
		Pods: PodCounts{
			Desired: deref(ro.Spec.Replicas, 1), Running: s.Replicas, Updated: s.UpdatedReplicas,
			Ready: s.ReadyReplicas, Available: s.AvailableReplicas,
		},
		Background: background(s.Release),
		Restart:    restart(o),
		Last:       lastRequest(s),
		Notes:      o.Notes,
	}
	if ref := ro.Spec.WorkloadRef; ref != nil {
		m.Template = "of Deployment " + ro.Namespace + "/" + ref.Name
	}
	if len(s.History) > 0 {
		m.Past = &s.History[0]
	}
	if s.Request != nil && (s.LastRequest == nil || s.LastRequest.ID != s.Request.ID) {
		m.Pending = s.Request
	}
	m.Revisions, m.Hidden = revisions(o)
	m.Runs = attachRuns(o, m.Revisions)
	return m
}

// lastRequest returns the last request that was looked at, if it was about the release that is under way, or at rest
// about the last one: what was asked of an earlier release has nothing to do with this one.
func lastRequest(s *v1alpha1.RolloutStatus) *v1alpha1.RolloutRequestOutcome {
	var began time.Time
	switch {
	case s.LastRequest == nil:
		return nil
	case s.Release != nil && s.Release.StartedAt != nil:
		began = s.Release.StartedAt.Time
	case len(s.History) > 0:
		began = s.History[0].StartedAt.Time
	}
	if s.LastRequest.At.Time.Before(began) {
		return nil
	}
	return s.LastRequest
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
		r.Share = share(r.Hash, o)
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
	if s.Release != nil {
		hashes[s.Release.Revision] = true
	}
	delete(hashes, "")
	return hashes
}

// names returns what the stable and the new revision are called. In a blue-green release the new one is active from the
// switch on, and the other stable until the promotion.
func names(ro *v1alpha1.Rollout) (stable, fresh Role) {
	r := ro.Status.Release
	switch {
	case ro.Spec.Strategy.BlueGreen == nil:
		return RoleStable, RoleCanary
	case r != nil && r.Revision != "" && (r.SwitchedTo == r.Revision || (r.Weights != nil && r.Weights.Asked == 100)):
		return RoleStable, RoleActive
	}
	return RoleActive, RolePreview
}

// assign fills in the roles of a revision and what goes with them.
func assign(r *Revision, ro *v1alpha1.Rollout) {
	s := &ro.Status
	stable, fresh := names(ro)
	if r.Hash == s.StableRevision {
		r.Roles = append(r.Roles, stable)
	}
	for _, rejected := range s.Rejected {
		if rejected.Revision == r.Hash {
			r.Roles = append(r.Roles, RoleRejected)
			r.Rejection = strings.Trim(rejected.Reason+": "+rejected.Message, ": ")
			r.Commit = cmp.Or(rejected.Commit, r.Commit)
		}
	}
	if s.Release != nil {
		if r.Hash == s.Release.Revision && r.Hash != s.StableRevision {
			r.Roles = append(r.Roles, fresh)
		}
		for _, retiring := range s.Release.Retiring {
			if retiring.Revision == r.Hash {
				r.Roles = append(r.Roles, RoleRetiring)
				r.RetiresAt = retiring.At.Time
			}
		}
	}
	if r.Hash == s.CurrentRevision {
		r.Commit = cmp.Or(s.Commit, r.Commit)
	}
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
