package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Two Rollouts of which one selects the other's pods would have each other's pods behind their Services at rest. Pods tell
// only when they are there, so the specs are compared, and the younger of two has to go another way. Each finds the other
// by one label: of what a Rollout selects by, the one with the first key.

// The fields by which Rollouts are found that select the same pods.
const (
	// indexPodLabels are the labels of a Rollout's pods, each as "key=value".
	indexPodLabels = "podLabels"
	// indexSelector is one label that a Rollout's pods must have to be selected, or selectsAnything.
	indexSelector = "selector"
)

// selectsAnything stands for a selector that asks for no label with one value. It is no label.
const selectsAnything = "anything"

// catch is what a Rollout selects, and the labels that its pods have.
type catch struct {
	selector labels.Selector
	pods     labels.Set
}

// catchOf reads the spec, and with a workloadRef, whose pods are another's, what was found of them. It returns false
// where there is nothing to read.
func catchOf(o client.Object) (catch, bool) {
	ro, ok := o.(*v1alpha1.Rollout)
	if !ok || ro.DeletionTimestamp != nil {
		return catch{}, false
	}
	var c catch
	var err error
	if ro.Spec.WorkloadRef != nil {
		if c.selector, err = labels.Parse(ro.Status.Selector); err == nil {
			c.pods = required(c.selector)
		}
	} else {
		c.selector, err = metav1.LabelSelectorAsSelector(&ro.Spec.Selector)
		c.pods = ro.Spec.Template.Metadata.Labels
	}
	return c, err == nil && !c.selector.Empty()
}

// required are the labels that a selector asks for with one value.
func required(selector labels.Selector) map[string]string {
	out := map[string]string{}
	requirements, _ := selector.Requirements()
	for _, r := range requirements {
		if value, one := selector.RequiresExactMatch(r.Key()); one {
			out[r.Key()] = value
		}
	}
	return out
}

// anchor is the label by which those are found that a selector may catch.
func (c catch) anchor() string {
	by := required(c.selector)
	keys := slices.Sorted(maps.Keys(by))
	if len(keys) == 0 {
		return selectsAnything
	}
	return keys[0] + "=" + by[keys[0]]
}

// labels are those of the pods, each as "key=value".
func (c catch) labels() []string {
	out := make([]string, 0, len(c.pods)+1)
	for key, value := range c.pods {
		out = append(out, key+"="+value)
	}
	return out
}

func podLabelsOf(o client.Object) []string {
	c, _ := catchOf(o)
	return c.labels()
}

func anchorOf(o client.Object) []string {
	c, ok := catchOf(o)
	if !ok {
		return nil
	}
	return []string{c.anchor()}
}

// overlaps says that one of two selects the other's pods.
func (c catch) overlaps(other catch) bool {
	return c.selector.Matches(other.pods) || other.selector.Matches(c.pods)
}

// checkOverlap refuses a Rollout that selects the pods of an older one, or whose pods an older one selects.
func (r *Reconciler) checkOverlap(ctx context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	mine, ok := catchOf(o.rollout)
	if !ok {
		return nil, nil
	}
	others, err := r.mayOverlap(ctx, o, mine)
	if err != nil {
		return nil, err
	}
	for i := range others {
		other := &others[i]
		if theirs, ok := catchOf(other); ok && other.UID != o.rollout.UID && older(other, o.rollout) && mine.overlaps(theirs) {
			return problemf(v1alpha1.ReasonSelectorOverlap, "spec.selector: Rollout %q selects its pods by %q and this one by %q, so "+
				"that one has the other's; give this Rollout a label of its own", other.Name, theirs.selector, mine.selector), nil
		}
	}
	return nil, nil
}

// mayOverlap are the Rollouts that have one label in common with what a Rollout selects, or is selected by.
func (r *Reconciler) mayOverlap(ctx context.Context, o *observation, mine catch) ([]v1alpha1.Rollout, error) {
	anchor := mine.anchor()
	if anchor == selectsAnything {
		var all v1alpha1.RolloutList
		if err := r.cached.List(ctx, &all, o.inNamespace(), client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("list Rollouts: %w", err)
		}
		return all.Items, nil
	}
	others, err := r.rolloutsBy(ctx, indexPodLabels, o.rollout.Namespace, anchor)
	if err != nil {
		return nil, err
	}
	for _, label := range append(mine.labels(), selectsAnything) {
		found, err := r.rolloutsBy(ctx, indexSelector, o.rollout.Namespace, label)
		if err != nil {
			return nil, err
		}
		others = append(others, found...)
	}
	return others, nil
}
