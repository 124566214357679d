package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/change"
)

const changesSpecHelp = `This changes the spec: it needs the right to patch the object, and is refused where a GitSync keeps it as it is in Git.`

// changeCommands are the verbs that change the spec.
func (a *app) changeCommands() []*cobra.Command {
	return []*cobra.Command{a.undoCommand(), a.restartCommand(), a.setCommand()}
}

func (a *app) undoCommand() *cobra.Command {
	var number int64
	cmd := a.command("undo [rollout] NAME", "Put the pod template of an earlier revision back",
		`Put the pod template of an earlier revision back: of the one that --to-revision gives by its number, as history and
get show it. Without it, that is the stable revision while another is wanted, and else the one that was stable before.

What comes of it is printed: back to the stable revision all traffic goes at once, inside of spec.rollbackWindow the steps
are skipped, and otherwise they run again.

`+changesSpecHelp)
	cmd.ValidArgsFunction = a.completeNames(kindRollout)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		check := func() error {
			if number < 0 || (number == 0 && cmd.Flags().Changed("to-revision")) {
				return fmt.Errorf("--to-revision %d is no number of a revision: they count from 1", number)
			}
			return nil
		}
		return a.about(cmd, kindRollout, args, check, func(ctx context.Context, c client.WithWatch, key client.ObjectKey) error {
			undone, err := change.Undo(ctx, c, key, number)
			if err != nil {
				return err
			}
			text := undone.On + ": the template of revision " + undone.To.String() + " is back"
			if len(undone.Images) > 0 {
				text += " (" + listImages(undone.Images) + ")"
			}
			return a.say("%s; %s", text, undone.Effect)
		})
	}
	cmd.Flags().Int64Var(&number, "to-revision", 0, "The number of the revision to go back to.")
	register(cmd, "to-revision", a.completeRevisions)
	return cmd
}

// maxRestartDelay bounds how far ahead a restart may be asked for: what is forgotten should not happen.
const maxRestartDelay = 24 * time.Hour

func (a *app) restartCommand() *cobra.Command {
	var in time.Duration
	cmd := a.command("restart [rollout] NAME", "Replace every pod by a new one of the same revision",
		`Replace every pod that is there now by a new one of the same revision: a few at a time, as the strategy's
maxUnavailable allows, honouring PodDisruptionBudgets. With maxUnavailable 0 a new pod is made before an old one goes.

`+changesSpecHelp)
	cmd.ValidArgsFunction = a.completeNames(kindRollout)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		check := func() error {
			if in < 0 || in > maxRestartDelay {
				return fmt.Errorf("--in %s must be between 0s and %s", in, maxRestartDelay)
			}
			return nil
		}
		return a.about(cmd, kindRollout, args, check, func(ctx context.Context, c client.WithWatch, key client.ObjectKey) error {
			// The field has a precision of seconds, and means pods that were made before it: a pod of this second counts too.
			at := a.Now().Add(in).Truncate(time.Second).Add(time.Second)
			if err := change.Restart(ctx, c, key, at); err != nil {
				return err
			}
			when := "now"
			if in > 0 {
				when = "in " + in.String()
			}
			return a.say("Rollout %s: pods made before %s are replaced, beginning %s; see: kubectl sluice get rollout %s -n %s",
				key, at.UTC().Format(time.RFC3339), when, key.Name, key.Namespace)
		})
	}
	cmd.Flags().DurationVar(&in, "in", 0, "How long to wait before it begins, such as 10s.")
	return cmd
}

func (a *app) setCommand() *cobra.Command {
	set := &cobra.Command{
		Use: "set", Short: "Set something in the pod template of a Rollout", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("say what to set: %s image NAME CONTAINER=IMAGE", cmd.CommandPath())
		},
	}
	cmd := a.command("image [rollout] NAME CONTAINER=IMAGE...", "Set the images of containers, which begins a release",
		`Set the images of containers, init containers too, which begins a release.

`+changesSpecHelp)
	cmd.Example = "  kubectl sluice set image web web=shop/web:2 migrate=shop/migrate:2"
	cmd.ValidArgsFunction = a.completeNameThen(a.completeContainers)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		isPair := func(arg string) bool { return strings.Contains(arg, "=") }
		first := slices.IndexFunc(args, isPair)
		if first < 0 {
			return fmt.Errorf("say which image: CONTAINER=IMAGE\nUsage: %s", cmd.UseLine())
		}
		images, err := parseImages(args[first:])
		if err != nil {
			return err
		}
		return a.about(cmd, kindRollout, args[:first], nothingToCheck, func(ctx context.Context, c client.WithWatch, key client.ObjectKey) error {
			changes, on, err := change.SetImages(ctx, c, key, images)
			if err != nil {
				return err
			}
			return a.say("%s: %s; see: kubectl sluice status %s -n %s --wait", on, listImages(changes), key.Name, key.Namespace)
		})
	}
	set.AddCommand(cmd)
	return set
}

// maxImages bounds how many images are set at once; a pod has fewer containers.
const maxImages = 100

// parseImages reads CONTAINER=IMAGE pairs.
func parseImages(pairs []string) ([]change.Image, error) {
	if len(pairs) > maxImages {
		return nil, fmt.Errorf("%d images are too many at once, at most %d", len(pairs), maxImages)
	}
	var images []change.Image
	for _, pair := range pairs {
		container, image, ok := strings.Cut(pair, "=")
		switch {
		case !ok || container == "" || image == "":
			return nil, fmt.Errorf("%q is no CONTAINER=IMAGE", pair)
		case strings.ContainsAny(image, " \t\r\n"):
			return nil, fmt.Errorf("%q has a space in its image", pair)
		case slices.ContainsFunc(images, func(i change.Image) bool { return i.Container == container }):
			return nil, errors.New("the image of container " + container + " is given twice")
		}
		images = append(images, change.Image{Container: container, Image: image})
	}
	return images, nil
}

func listImages(images []change.Image) string {
	texts := make([]string, 0, len(images))
	for _, image := range images {
		texts = append(texts, image.String())
	}
	return strings.Join(texts, ", ")
}
