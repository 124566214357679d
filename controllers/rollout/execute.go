package rollout

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// execute carries out the actions of a plan in their order. The first that fails drops the rest: the world is not as
// it was when the plan was made, so a new one is needed.
func (r *Reconciler) execute(ctx context.Context, o *observation, actions []plan.Action) error {
	for _, action := range actions {
		r.watchInvariants(ctx, o, action)
		if err := r.do(ctx, o, action); err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		log.FromContext(ctx).Info("Done", "action", action.String())
	}
	return nil
}

// watchInvariants counts the invariants that an action would break. The engine's own guards decide; this tells when
// they and the invariants disagree.
func (r *Reconciler) watchInvariants(ctx context.Context, o *observation, action plan.Action) {
	broken := plan.Violations(o.spec, o.seen, action)
	if len(broken) == 0 {
		return
	}
	r.metrics.violated(client.ObjectKeyFromObject(o.rollout), len(broken))
	log.FromContext(ctx).Error(nil, "An action breaks an invariant; please report this", "action", action.String(), "broken", broken)
}

func (r *Reconciler) do(ctx context.Context, o *observation, action plan.Action) error {
	switch a := action.(type) {
	case plan.CreateReplicaSet:
		return r.createReplicaSet(ctx, o, a)
	case plan.ScaleReplicaSet:
		return r.scaleReplicaSet(ctx, o, a)
	case plan.DeleteReplicaSet:
		return r.deleteReplicaSet(ctx, o, a)
	case plan.MarkReplicaSet:
		return r.markReplicaSet(ctx, o, a)
	case plan.PinService:
		return r.pin(ctx, o, a)
	case plan.UnpinService:
		return r.unpin(ctx, o, a)
	case plan.SetWeight:
		return r.setWeight(ctx, o, a)
	case plan.RestoreRoutes:
		return r.restoreRoutes(ctx, o)
	case plan.StartRun:
		return r.startRun(ctx, o, a)
	case plan.StopRun:
		return r.stopRun(ctx, o, a)
	}
	return fmt.Errorf("unknown action %T", action)
}

func (r *Reconciler) setWeight(ctx context.Context, o *observation, a plan.SetWeight) error {
	written, err := r.router.SetWeight(ctx, o.target, originals(o.seen.State), a.Percent)
	r.rememberRoutes(o, written)
	return err
}

func (r *Reconciler) restoreRoutes(ctx context.Context, o *observation) error {
	written, err := r.router.Restore(ctx, o.target, originals(o.seen.State))
	r.rememberRoutes(o, written)
	return err
}

func originals(s plan.State) map[string]string {
	out := make(map[string]string, len(s.Originals))
	for _, original := range s.Originals {
		out[original.Name] = original.Rules
	}
	return out
}

func (r *Reconciler) rememberRoutes(o *observation, written map[string]string) {
	for name, version := range written {
		r.written.rememberVersion(client.ObjectKeyFromObject(o.rollout), kindHTTPRoute,
			types.NamespacedName{Namespace: o.rollout.Namespace, Name: name}, version, r.clock.Now())
	}
}
