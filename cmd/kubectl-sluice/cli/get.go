package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/live"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/view"
)

func (a *app) getCommand() *cobra.Command {
	get := &cobra.Command{
		Use: "get", Short: "Show a Rollout or a GitSync with what belongs to it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("say what to get: %s rollout NAME, or %s gitsync NAME", cmd.CommandPath(), cmd.CommandPath())
		},
	}
	get.AddCommand(
		a.getOne("rollout", []string{"rollouts", "ro"}, kindRollout,
			"Show revisions, pods, weights, step and analysis of a Rollout, and why it waits", a.getRollout),
		a.getOne("gitsync", []string{"gitsyncs", "gs"}, kindGitSync,
			"Show what a GitSync has applied and what hinders it", a.getGitSync),
	)
	return get
}

type getFunc func(ctx context.Context, c client.WithWatch, key client.ObjectKey, watch bool) error

func (a *app) getOne(use string, aliases []string, kind, short string, run getFunc) *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use: use + " NAME", Aliases: aliases, Short: short,
		ValidArgsFunction: a.completeNames(kind),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.about(cmd, kind, args, nothingToCheck, func(ctx context.Context, c client.WithWatch, key client.ObjectKey) error {
				return run(ctx, c, key, watch)
			})
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "Go on showing it as it changes.")
	return cmd
}

// The queries of a Rollout's feed, by index.
const (
	queryRollout = iota
	queryReplicaSets
	queryPods
	queryRuns
)

func (a *app) getRollout(ctx context.Context, c client.WithWatch, key client.ObjectKey, watch bool) error {
	ro := &v1alpha1.Rollout{}
	if err := c.Get(ctx, key, ro); err != nil {
		return err
	}
	selector, err := podSelector(ro)
	if err != nil {
		return err
	}
	runs := labels.SelectorFromSet(labels.Set{v1alpha1.LabelRollout: key.Name})
	errs := make(troubles, 1)
	feed, err := live.Open(ctx, c, errs.tell,
		live.Query{List: &v1alpha1.RolloutList{}, Namespace: key.Namespace, Name: key.Name},
		live.Query{List: &appsv1.ReplicaSetList{}, Namespace: key.Namespace, Labels: selector, Optional: true},
		live.Query{List: &corev1.PodList{}, Namespace: key.Namespace, Labels: selector, Optional: true},
		live.Query{List: &v1alpha1.AnalysisRunList{}, Namespace: key.Namespace, Labels: runs, Optional: true},
	)
	if err != nil {
		return err
	}
	defer feed.Close()
	build := func() view.Model { return a.buildRollout(feed, ro) }
	if !watch {
		return a.screen().once(build())
	}
	return a.screen().follow(ctx, feed, errs, build)
}

// podSelector selects the Rollout's ReplicaSets and pods. With workloadRef the spec may have none; status tells it then.
func podSelector(ro *v1alpha1.Rollout) (labels.Selector, error) {
	if ro.Status.Selector != "" {
		selector, err := labels.Parse(ro.Status.Selector)
		if err != nil {
			return nil, fmt.Errorf("status.selector: %w", err)
		}
		return selector, nil
	}
	if len(ro.Spec.Selector.MatchLabels)+len(ro.Spec.Selector.MatchExpressions) == 0 {
		// Not known yet: whatever is of a Rollout, of which the owner then tells what belongs to this one.
		return labels.Parse(v1alpha1.LabelPodTemplateHash)
	}
	selector, err := metav1.LabelSelectorAsSelector(&ro.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("spec.selector: %w", err)
	}
	return selector, nil
}

// buildRollout returns the model of the feed; when the Rollout is gone, its last state with a note.
func (a *app) buildRollout(feed *live.Feed, last *v1alpha1.Rollout) view.Model {
	objects := view.Objects{
		Rollout:     last,
		ReplicaSets: live.Objects[*appsv1.ReplicaSet](feed, queryReplicaSets),
		Pods:        live.Objects[*corev1.Pod](feed, queryPods),
		Runs:        live.Objects[*v1alpha1.AnalysisRun](feed, queryRuns),
	}
	if now := live.Objects[*v1alpha1.Rollout](feed, queryRollout); len(now) > 0 {
		objects.Rollout = now[0]
	} else {
		objects.Notes = append(objects.Notes, "the Rollout is deleted; this is what it was when the command began")
	}
	for query, what := range []string{queryReplicaSets: "ReplicaSets", queryPods: "pods", queryRuns: "AnalysisRuns"} {
		if what != "" && feed.Missing(query) != nil {
			objects.Notes = append(objects.Notes, unreadable(what))
		}
	}
	return view.BuildRollout(objects, a.Now())
}

func unreadable(what string) string {
	return what + " are not shown: you may not list them here; the ClusterRole sluice-view gives that right"
}

func (a *app) getGitSync(ctx context.Context, c client.WithWatch, key client.ObjectKey, watch bool) error {
	gs := &v1alpha1.GitSync{}
	if err := c.Get(ctx, key, gs); err != nil {
		return err
	}
	into := gs.Spec.Destination.Namespace
	if into == "" {
		into = key.Namespace
	}
	const queryGitSync, queryRollouts = 0, 1
	errs := make(troubles, 1)
	feed, err := live.Open(ctx, c, errs.tell,
		live.Query{List: &v1alpha1.GitSyncList{}, Namespace: key.Namespace, Name: key.Name},
		live.Query{List: &v1alpha1.RolloutList{}, Namespace: into, Optional: true, Labels: labels.SelectorFromSet(
			labels.Set{v1alpha1.LabelGitSync: key.Namespace + "." + key.Name})},
	)
	if err != nil {
		return err
	}
	defer feed.Close()
	build := func() view.Model {
		var notes []string
		current := gs
		if now := live.Objects[*v1alpha1.GitSync](feed, queryGitSync); len(now) > 0 {
			current = now[0]
		} else {
			notes = append(notes, "the GitSync is deleted; this is what it was when the command began")
		}
		if feed.Missing(queryRollouts) != nil {
			notes = append(notes, unreadable("Rollouts"))
		}
		return view.BuildGitSync(current, live.Objects[*v1alpha1.Rollout](feed, queryRollouts), notes, a.Now())
	}
	if !watch {
		return a.screen().once(build())
	}
	return a.screen().follow(ctx, feed, errs, build)
}
