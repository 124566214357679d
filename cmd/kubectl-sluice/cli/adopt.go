package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/adoption"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/request"
)

// The values of --dry-run.
const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"
)

// maxRoutes is how many routes a Rollout may name.
const maxRoutes = 16

type adoptOptions struct {
	adoption.Wish

	dryRun, output string
}

func (a *app) adoptCommand() *cobra.Command {
	var o adoptOptions
	cmd := a.command("adopt [deployment] NAME", "Make a Rollout that takes a running Deployment over, without touching its pods",
		`Make a Rollout that takes a running Deployment over without touching its pods: the controller deletes the Deployment
alone, and its ReplicaSet becomes the stable revision. The Rollout gets the Deployment's selector and pod template, and as
many pods as there are. A Service for the canary that is not there is made, as a copy of the stable one.

With --route, the weights of these HTTPRoutes are moved; without, the numbers of pods carry the weight.

With --dry-run=client -o yaml, nothing is made, and the manifests are printed: put them in place of the Deployment's where
Git, or another tool, keeps it. Such a Deployment is refused otherwise.`)
	cmd.Example = `  kubectl sluice adopt deployment/web
  kubectl sluice adopt deployment/web --stable-service web --canary-service web-canary --route web
  kubectl sluice adopt deployment/web --dry-run=client -o yaml`
	cmd.ValidArgsFunction = a.completeNames(kindDeployment)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.about(cmd, kindDeployment, args, o.validate, func(ctx context.Context, c client.WithWatch, key client.ObjectKey) error {
			o.Deployment = key
			return a.adopt(ctx, c, o)
		})
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Name, "name", "", "The name of the Rollout; without it, that of the Deployment.")
	flags.StringVar(&o.StableService, "stable-service", "", "The Service that has the traffic.")
	flags.StringVar(&o.CanaryService, "canary-service", "", "The Service for the share of a new revision.")
	flags.StringArrayVar(&o.Routes, "route", nil, "An HTTPRoute that sends traffic to the stable Service; may be given more than once.")
	flags.StringVar(&o.dryRun, "dry-run", dryRunNone, "none, client (only print) or server (the API server only checks).")
	flags.StringVarP(&o.output, "output", "o", "", "yaml or json: print the manifests.")
	register(cmd, "dry-run", cobra.FixedCompletions([]cobra.Completion{dryRunNone, dryRunClient, dryRunServer}, noFiles))
	register(cmd, "output", cobra.FixedCompletions([]cobra.Completion{outputYAML, outputJSON}, noFiles))
	register(cmd, "stable-service", a.completeValue(kindService))
	register(cmd, "canary-service", a.completeValue(kindService))
	register(cmd, "route", a.completeValue(kindRoute))
	return cmd
}

func (o *adoptOptions) validate() error {
	switch {
	case len(o.Routes) > 0 && (o.StableService == "" || o.CanaryService == ""):
		return errors.New("--route needs --stable-service and --canary-service: its weights are moved between the two")
	case o.StableService != "" && o.StableService == o.CanaryService:
		return errors.New("--stable-service and --canary-service must be two Services")
	case len(o.Routes) > maxRoutes:
		return fmt.Errorf("%d routes are too many, at most %d", len(o.Routes), maxRoutes)
	}
	if err := oneOf("--dry-run", o.dryRun, dryRunNone, dryRunClient, dryRunServer); err != nil {
		return err
	}
	return oneOf("--output", o.output, "", outputYAML, outputJSON)
}

func (a *app) adopt(ctx context.Context, c client.WithWatch, o adoptOptions) error {
	found, err := adoption.Prepare(ctx, c, o.Wish)
	if err != nil {
		return err
	}
	suffix := ""
	switch {
	case o.dryRun == dryRunClient:
		suffix = " (dry run)"
		found.Notes = append(found.Hindrances, found.Notes...)
	case len(found.Hindrances) > 0:
		return &request.RefusedError{Message: "cannot adopt:\n  " + strings.Join(found.Hindrances, "\n  ")}
	case o.dryRun == dryRunServer:
		suffix = " (server dry run)"
		err = found.Make(ctx, c, true)
	default:
		err = found.Make(ctx, c, false)
	}
	if err != nil {
		return err
	}
	if err := a.printAdoption(found, o, suffix); err != nil {
		return err
	}
	for _, note := range found.Notes {
		if _, err := fmt.Fprintln(a.Streams.ErrOut, "note: "+note); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printAdoption(found adoption.Adoption, o adoptOptions, suffix string) error {
	for i, object := range found.Objects() {
		if o.output == "" {
			if err := a.say("%s %s/%s created%s", object.GetKind(), object.GetNamespace(), object.GetName(), suffix); err != nil {
				return err
			}
			continue
		}
		if err := a.printObject(object.Object, o.output, i > 0); err != nil {
			return err
		}
	}
	if o.output == "" && suffix == "" {
		return a.say("it takes Deployment %s over; see: kubectl sluice get rollout %s -n %s -w",
			o.Deployment, found.Rollout.GetName(), found.Rollout.GetNamespace())
	}
	return nil
}

func (a *app) printObject(object map[string]any, output string, further bool) error {
	if output == outputJSON {
		return a.printJSON(object)
	}
	content, err := yaml.Marshal(object)
	if err != nil {
		return err
	}
	separator := ""
	if further {
		separator = "---\n"
	}
	_, err = fmt.Fprint(a.Streams.Out, separator+string(content))
	return err
}
