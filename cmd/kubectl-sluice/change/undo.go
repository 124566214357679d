package change

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/steps"
)

// Revision is a revision of which a ReplicaSet is kept.
type Revision struct {
	// Number of the revision, rising with each release.
	Number int64
	// Hash is the hash of its template.
	Hash string
	// Commit at which its content first appeared; empty where no GitSync applied it.
	Commit string

	set *unstructured.Unstructured
}

// String names the revision as the views do.
func (r Revision) String() string {
	text := fmt.Sprintf("#%d %s", r.Number, r.Hash)
	if r.Commit != "" {
		text += " (commit " + r.Commit[:min(len(r.Commit), 7)] + ")"
	}
	return text
}

// Undone is what an undo has done.
type Undone struct {
	// To is the revision whose template is back.
	To Revision
	// On is what the template was written to, such as "Rollout demo/web".
	On string
	// Images that are others by it.
	Images []Image
	// Effect says what comes of it.
	Effect string
}

// Undo writes the pod template of an earlier revision back: of the one with that number, or with 0 of the stable one
// while another is wanted, and else of the one that was stable before. The error is a RefusedError where there is none, and the API server's otherwise.
func Undo(ctx context.Context, c client.Client, key client.ObjectKey, number int64) (Undone, error) {
	const doing = "undo"
	var out Undone
	err := again(func() error {
		s, err := read(ctx, c, doing, key)
		if err != nil {
			return err
		}
		if err := keptInGit(ctx, c, doing, s.holder, "revert the commit", untilThen(s.rollout)); err != nil {
			return err
		}
		revisions, err := Revisions(ctx, c, s.rollout)
		if err != nil {
			return err
		}
		to, err := choose(s.rollout, revisions, number)
		if err != nil {
			return err
		}
		was, err := restore(to.set)
		if err != nil {
			return err
		}
		out = Undone{
			To: to, On: describe(s.holder),
			Images: imageChanges(s.template(), was.template),
			Effect: effect(s.rollout, revisions, to, was.known),
		}
		changed := s.holder.DeepCopy()
		if err := unstructured.SetNestedMap(changed.Object, was.template, "spec", "template"); err != nil {
			return err
		}
		return save(ctx, c, changed, s.holder)
	})
	return out, err
}

// untilThen says what takes the traffic back while Git still has the new version; empty where no release is under way.
func untilThen(ro *v1alpha1.Rollout) string {
	r := ro.Status.Release
	if r == nil || r.Revision == "" || ro.Status.StableRevision == "" {
		return ""
	}
	return fmt.Sprintf("; to take the traffic back at once: kubectl sluice abort %s -n %s", ro.Name, ro.Namespace)
}

// Revisions returns the revisions of which ReplicaSets are kept, the newest first.
func Revisions(ctx context.Context, c client.Client, ro *v1alpha1.Rollout) ([]Revision, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSetList"))
	options := []client.ListOption{client.InNamespace(ro.Namespace)}
	if selector, err := labels.Parse(ro.Status.Selector); err == nil {
		options = append(options, client.MatchingLabelsSelector{Selector: selector})
	}
	if err := c.List(ctx, list, options...); err != nil {
		return nil, fmt.Errorf("list the ReplicaSets of earlier revisions: %w", err)
	}
	var out []Revision
	for i := range list.Items {
		set := &list.Items[i]
		owner := metav1.GetControllerOf(set)
		number, err := strconv.ParseInt(set.GetAnnotations()[v1alpha1.AnnotationRevision], 10, 64)
		if owner == nil || owner.UID != ro.UID || err != nil {
			continue
		}
		out = append(out, Revision{
			Number: number, Hash: set.GetLabels()[v1alpha1.LabelPodTemplateHash],
			Commit: set.GetAnnotations()[v1alpha1.AnnotationCommit], set: set,
		})
	}
	slices.SortFunc(out, func(a, b Revision) int { return cmp.Compare(b.Number, a.Number) })
	return out, nil
}

// choose returns the revision to go back to.
func choose(ro *v1alpha1.Rollout, revisions []Revision, number int64) (Revision, error) {
	name := ro.Namespace + "/" + ro.Name
	if number == 0 {
		if r, ok := former(ro, revisions); ok {
			return r, nil
		}
		return Revision{}, refuse("nothing to undo: of Rollout %s no revision is kept that is neither wanted now nor was rejected; "+
			"spec.revisionHistoryLimit says how many are", name)
	}
	kept := make([]string, 0, len(revisions))
	for _, r := range revisions {
		switch {
		case r.Number == number && r.Hash == ro.Status.CurrentRevision:
			return Revision{}, refuse("nothing to undo: Rollout %s wants revision %s already", name, r)
		case r.Number == number:
			return r, nil
		}
		kept = append(kept, strconv.FormatInt(r.Number, 10))
	}
	return Revision{}, refuse("cannot undo: revision %d of Rollout %s is not kept; there are: %s; see: kubectl sluice history %s -n %s",
		number, name, cmp.Or(strings.Join(kept, ", "), "none"), ro.Name, ro.Namespace)
}

// former returns the revision that somebody means who names none: the stable one while another is wanted, or else the
// one that was stable last. Where no mark tells that one, it is the highest that was not rejected.
func former(ro *v1alpha1.Rollout, revisions []Revision) (Revision, bool) {
	for _, fits := range []func(Revision) bool{
		func(r Revision) bool { return r.Hash == ro.Status.StableRevision },
		func(r Revision) bool { return r.set.GetAnnotations()[v1alpha1.AnnotationRole] == roleFormer },
		func(Revision) bool { return true },
	} {
		for _, r := range revisions {
			if r.Hash != ro.Status.CurrentRevision && rejection(ro, r.Hash) == "" && fits(r) {
				return r, true
			}
		}
	}
	return Revision{}, false
}

// rejection says why a revision was rejected; empty where it was not.
func rejection(ro *v1alpha1.Rollout, hash string) string {
	for _, r := range ro.Status.Rejected {
		if r.Revision == hash {
			return cmp.Or(strings.Trim(r.Reason+": "+r.Message, ": "), "rejected")
		}
	}
	return ""
}

// effect says what the controller will make of the template.
func effect(ro *v1alpha1.Rollout, revisions []Revision, to Revision, known bool) string {
	again := "its steps run again, from the first"
	if len(steps.Of(ro)) == 0 {
		again = "it is released as soon as its pods are available"
	}
	s := &ro.Status
	if !known {
		return "its ReplicaSet does not tell for certain which revision it was, so that it counts as a new one: " + again
	}
	if why := rejection(ro, to.Hash); why != "" {
		return fmt.Sprintf("this revision was rejected (%s) and is held until: kubectl sluice retry %s -n %s", why, ro.Name, ro.Namespace)
	}
	if to.Hash == s.StableRevision {
		if s.Release != nil && s.Release.Revision != "" {
			return fmt.Sprintf("it is the stable revision: the release of %s ends and all traffic goes back to it", s.Release.Revision)
		}
		return "it is the stable revision, which serves already: nothing has to move"
	}
	if inWindow(ro, revisions, to) {
		return fmt.Sprintf("it is inside of the rollback window of %d: its steps are skipped", ro.Spec.RollbackWindow.Revisions)
	}
	return again
}

// roleFormer is the role of a ReplicaSet that was stable before.
const roleFormer = "former"

// inWindow says whether a release of the revision skips its steps.
func inWindow(ro *v1alpha1.Rollout, revisions []Revision, to Revision) bool {
	if ro.Spec.RollbackWindow == nil || to.set.GetAnnotations()[v1alpha1.AnnotationRole] != roleFormer {
		return false
	}
	for _, r := range revisions {
		if r.Hash == ro.Status.StableRevision {
			back := r.Number - to.Number
			return back > 0 && back <= int64(ro.Spec.RollbackWindow.Revisions)
		}
	}
	return false
}
