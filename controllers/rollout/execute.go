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
	for _, write := range writesOf(actions) {
		for _, action := range write.actions() {
			r.watchInvariants(ctx, o, action)
		}
		if err := r.do(ctx, o, write); err != nil {
			return fmt.Errorf("%s: %w", write.action, err)
		}
		for _, action := range write.actions() {
			log.FromContext(ctx).Info("Done", "action", action.String())
		}
	}
	return nil
}

// write is an action, and the mark that goes into the same write of its ReplicaSet, where there is one.
type write struct {
	action plan.Action
	mark   *plan.MarkReplicaSet
}

func (w write) actions() []plan.Action {
	if w.mark == nil {
		return []plan.Action{w.action}
	}
	return []plan.Action{w.action, *w.mark}
}

// writesOf lets each mark go with the write that makes or scales the same ReplicaSet, wherever that is in the plan. A mark
// only tells who has lost the status what the status says already, so that it may come a little sooner or later than the
// plan has it; all else keeps its order.
func writesOf(actions []plan.Action) []write {
	marks := map[string]*plan.MarkReplicaSet{}
	for _, action := range actions {
		if revision, ok := sized(action); ok {
			marks[revision] = nil
		}
	}
	var writes []write
	for _, action := range actions {
		mark, isMark := action.(plan.MarkReplicaSet)
		if _, joins := marks[mark.Revision]; isMark && joins {
			marks[mark.Revision] = &mark
			continue
		}
		writes = append(writes, write{action: action})
	}
	for i, w := range writes {
		if revision, ok := sized(w.action); ok {
			writes[i].mark, marks[revision] = marks[revision], nil
		}
	}
	return writes
}

// sized says which ReplicaSet an action makes or scales.
func sized(action plan.Action) (string, bool) {
	if a, ok := action.(plan.CreateReplicaSet); ok {
		return a.Revision, true
	}
	a, ok := action.(plan.ScaleReplicaSet)
	return a.Revision, ok
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

func (r *Reconciler) do(ctx context.Context, o *observation, w write) error {
	switch a := w.action.(type) {
	case plan.CreateReplicaSet:
		return r.createReplicaSet(ctx, o, a, w.mark)
	case plan.ScaleReplicaSet:
		return r.changeReplicaSet(ctx, o, a.Revision, &a, w.mark)
	case plan.MarkReplicaSet:
		return r.changeReplicaSet(ctx, o, a.Revision, nil, &a)
	case plan.DeleteReplicaSet:
		return r.deleteReplicaSet(ctx, o, a)
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
	case plan.EvictPods:
		return r.evictPods(ctx, o, a)
	case plan.PreferOldPods:
		return r.preferOldPods(ctx, o, a)
	case plan.ScaleWorkload:
		return r.scaleWorkload(ctx, o, a)
	}
	return fmt.Errorf("unknown action %T", w.action)
}

func (r *Reconciler) setWeight(ctx context.Context, o *observation, a plan.SetWeight) error {
	written, err := r.router.SetWeight(ctx, o.target, originals(o.seen.State), a.Percent)
	r.rememberRoutes(o, written)
	return err
}

func (r *Reconciler) restoreRoutes(ctx context.Context, o *observation) error {
	if len(o.target.Routes) == 0 {
		return nil
	}
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
	for _, ref := range o.target.Routes {
		version, wrote := written[o.target.NameOf(ref)]
		kind, served, err := r.kinds.Served(ref.Kind)
		if !wrote || !served || err != nil {
			continue
		}
		r.written.rememberVersion(client.ObjectKeyFromObject(o.rollout), routeObject(kind),
			types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, version, r.clock.Now())
	}
}
