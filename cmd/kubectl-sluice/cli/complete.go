package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/adoption"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/change"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/steps"
)

// Nothing of what follows is a file, and a cluster that does not answer offers nothing.
const noFiles = cobra.ShellCompDirectiveNoFileComp

// completeNames offers the names of the objects of a kind to the shell.
func (a *app) completeNames(kind string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 1 || (len(args) == 1 && kindNames[lower(args[0])] != kind) {
			return nil, noFiles
		}
		c, namespace, err := a.connect()
		if err != nil {
			return nil, noFiles
		}
		return namesOf(cmd, c, kind, namespace), noFiles
	}
}

// completeValue offers the names of the objects of a kind as the value of a flag.
func (a *app) completeValue(kind string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, given string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.completeNames(kind)(cmd, nil, given)
	}
}

// listOf returns an empty list of a kind.
func listOf(kind string) client.ObjectList {
	switch kind {
	case kindRollout:
		return &v1alpha1.RolloutList{}
	case kindGitSync:
		return &v1alpha1.GitSyncList{}
	case kindDeployment:
		return &appsv1.DeploymentList{}
	case kindService:
		return &corev1.ServiceList{}
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(adoption.HTTPRouteKind)
	return list
}

// namesOf returns the names of the objects of a kind, those of Rollouts with their phase.
func namesOf(cmd *cobra.Command, c client.Client, kind, namespace string) []cobra.Completion {
	list := listOf(kind)
	if err := c.List(cmd.Context(), list, client.InNamespace(namespace)); err != nil {
		return nil
	}
	var names []cobra.Completion
	_ = meta.EachListItem(list, func(item runtime.Object) error {
		switch o := item.(type) {
		case *v1alpha1.Rollout:
			names = append(names, cobra.CompletionWithDesc(o.Name, string(o.Status.Phase)))
		case client.Object:
			names = append(names, o.GetName())
		}
		return nil
	})
	return names
}

// completeRollout offers something about a Rollout that is named already.
type completeRollout func(cmd *cobra.Command, c client.Client, ro *v1alpha1.Rollout) []cobra.Completion

// completeNameThen offers names of Rollouts and, once one is named, what then says.
func (a *app) completeNameThen(then completeRollout) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, given string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 || (len(args) == 1 && kindNames[lower(args[0])] == kindRollout) {
			return a.completeNames(kindRollout)(cmd, args, given)
		}
		head := args[:1]
		if kindNames[lower(args[0])] == kindRollout {
			head = args[:2]
		}
		return a.completeOf(cmd, head, then)
	}
}

// completeOf offers something about the Rollout that args name.
func (a *app) completeOf(cmd *cobra.Command, args []string, then completeRollout) ([]cobra.Completion, cobra.ShellCompDirective) {
	name, err := named(cmd, kindRollout, args)
	if err != nil {
		return nil, noFiles
	}
	c, namespace, err := a.connect()
	if err != nil {
		return nil, noFiles
	}
	ro := &v1alpha1.Rollout{}
	if err := c.Get(cmd.Context(), client.ObjectKey{Namespace: namespace, Name: name}, ro); err != nil {
		return nil, noFiles
	}
	out := then(cmd, c, ro)
	if len(out) > 0 && strings.HasSuffix(out[0], "=") {
		return out, noFiles | cobra.ShellCompDirectiveNoSpace
	}
	return out, noFiles
}

func (a *app) completeSteps(_ *cobra.Command, _ client.Client, ro *v1alpha1.Rollout) []cobra.Completion {
	var out []cobra.Completion
	for i, step := range steps.Of(ro) {
		out = append(out, cobra.CompletionWithDesc(strconv.Itoa(i+1), step.Text))
	}
	return append(out, cobra.CompletionWithDesc(stepEnd, "behind the last one"))
}

func (a *app) completeContainers(cmd *cobra.Command, c client.Client, ro *v1alpha1.Rollout) []cobra.Completion {
	names, err := change.Containers(cmd.Context(), c, client.ObjectKeyFromObject(ro))
	if err != nil {
		return nil
	}
	out := make([]cobra.Completion, 0, len(names))
	for _, name := range names {
		out = append(out, name+"=")
	}
	return out
}

// completeRevisions offers the numbers of the revisions that a flag may name.
func (a *app) completeRevisions(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.completeOf(cmd, args, func(cmd *cobra.Command, c client.Client, ro *v1alpha1.Rollout) []cobra.Completion {
		revisions, err := change.Revisions(cmd.Context(), c, ro)
		if err != nil {
			return nil
		}
		var out []cobra.Completion
		for _, r := range revisions {
			if r.Hash != ro.Status.CurrentRevision {
				out = append(out, cobra.CompletionWithDesc(strconv.FormatInt(r.Number, 10), r.String()))
			}
		}
		return out
	})
}

// register offers the values of a flag to the shell.
func register(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // The flag is not there: a mistake in this package.
	}
}
