package rollout

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// A Service has one Rollout: that whose release drives it now, else the oldest that names it. What the others would read of
// it, and of routes by its name, is that one's doing: they see nothing of it, so that they undo nothing.

// findOwner says which other Rollout has a Service that this one names, in a Problem; nil where its Services are its own.
func (r *Reconciler) findOwner(ctx context.Context, o *observation) error {
	o.taken = nil
	for _, role := range []plan.ServiceRole{plan.StableService, plan.CanaryService} {
		name := o.serviceName(role)
		if name == "" {
			continue
		}
		others, err := r.rolloutsBy(ctx, indexServices, o.rollout.Namespace, name)
		if err != nil {
			return err
		}
		for i := range others {
			if other := &others[i]; other.UID != o.rollout.UID && comesBefore(other, o.rollout, name) {
				o.taken = problemf(v1alpha1.ReasonServiceInvalid, "%s: Service %q belongs to Rollout %q; give this Rollout Services of its own",
					o.serviceField(role), name, other.Name)
				return nil
			}
		}
	}
	return nil
}

// checkSharing refuses a second Rollout on the same Service.
func checkSharing(_ context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	return o.taken, nil
}

// comesBefore says that of two Rollouts that name one Service the first one has it.
func comesBefore(a, b *v1alpha1.Rollout, service string) bool {
	if does := drivesNow(a, service); does != drivesNow(b, service) {
		return does
	}
	return older(a, b)
}

// drivesNow says that something of a Rollout's release is in a Service, or may be in a route by its name.
func drivesNow(ro *v1alpha1.Rollout, service string) bool {
	begun, ok := recordedDrives(ro.Status)
	return ok && (begun.StableService == service || begun.CanaryService == service)
}

// older says which of two Rollouts stays where only one can: the one that was made first, and in the same second the one
// whose name comes first.
func older(a, b *v1alpha1.Rollout) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name < b.Name
	}
	return a.CreationTimestamp.Before(&b.CreationTimestamp)
}
