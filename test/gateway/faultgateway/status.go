package faultgateway

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/test/gateway/table"
)

// fieldOwner is the manager under which status is written.
const fieldOwner = "sluice-fault-gateway"

// writeStatuses writes what differs whenever there is word that something may.
func (g *Gateway) writeStatuses(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.due:
		}
		if err := g.writeAll(ctx); err != nil && ctx.Err() == nil {
			g.options.Log.Error(err, "A status could not be written")
			time.AfterFunc(tryAgain, func() { nudge(g.due) })
		}
	}
}

// writeAll writes the statuses that differ from what is to be said. Conflicts are no errors: the informers will show what
// the other one wrote, and that is word enough.
func (g *Gateway) writeAll(ctx context.Context) error {
	said := g.acknowledged.Load()
	faults := g.faults.Load()
	if said == nil {
		return nil
	}
	if err := g.writeClasses(ctx, faults); err != nil {
		return err
	}
	if err := g.writeGateways(ctx, said); err != nil {
		return err
	}
	http := &gatewayv1.HTTPRouteList{}
	if err := g.cache.List(ctx, http); err != nil {
		return err
	}
	for i := range http.Items {
		key := table.RouteKey{Kind: table.KindHTTPRoute, Namespace: http.Items[i].Namespace, Name: http.Items[i].Name}
		route := http.Items[i].DeepCopy()
		if err := g.writeRoute(ctx, key, route, &route.Status.RouteStatus, said, faults); err != nil {
			return err
		}
	}
	if !g.kinds.grpcRoutes {
		return nil
	}
	grpc := &gatewayv1.GRPCRouteList{}
	if err := g.cache.List(ctx, grpc); err != nil {
		return err
	}
	for i := range grpc.Items {
		key := table.RouteKey{Kind: table.KindGRPCRoute, Namespace: grpc.Items[i].Namespace, Name: grpc.Items[i].Name}
		route := grpc.Items[i].DeepCopy()
		if err := g.writeRoute(ctx, key, route, &route.Status.RouteStatus, said, faults); err != nil {
			return err
		}
	}
	return nil
}

// writeRoute brings this controller's parents in the status of a route up to what is to be said; status is a field of
// route. Parents of other controllers stay.
func (g *Gateway) writeRoute(ctx context.Context, key table.RouteKey, route client.Object, status *gatewayv1.RouteStatus,
	said *table.Table, faults *Faults,
) error {
	verdict := said.Verdicts[key]
	if named(faults.Silent, key) {
		return nil
	}
	parents, accepted := g.parentsWith(status.Parents, verdict)
	if equality.Semantic.DeepEqual(parents, status.Parents) {
		return nil
	}
	status.Parents = parents
	if written, err := g.write(ctx, route); err != nil || !written {
		return err
	}
	g.book.moment(Moment{
		At: g.options.Now(), Event: StatusWritten, Route: key, Generation: verdict.Generation, Accepted: accepted,
	})
	g.metrics.acknowledged(key, verdict.Generation)
	return nil
}

// parentsWith are the parents of a status with this controller's brought up to the verdict, each at its place. accepted
// says whether all of those accept and resolve the route.
func (g *Gateway) parentsWith(present []gatewayv1.RouteParentStatus, verdict table.Verdict) (parents []gatewayv1.RouteParentStatus, accepted bool) {
	ours := gatewayv1.GatewayController(g.options.ControllerName)
	parents = slices.DeleteFunc(slices.Clone(present), func(p gatewayv1.RouteParentStatus) bool {
		return p.ControllerName == ours && !slices.ContainsFunc(verdict.Parents, func(v table.Parent) bool {
			return equality.Semantic.DeepEqual(v.Ref, p.ParentRef)
		})
	})
	accepted = len(verdict.Parents) > 0
	for _, parent := range verdict.Parents {
		at := slices.IndexFunc(parents, func(p gatewayv1.RouteParentStatus) bool {
			return p.ControllerName == ours && equality.Semantic.DeepEqual(p.ParentRef, parent.Ref)
		})
		if at < 0 {
			parents = append(parents, gatewayv1.RouteParentStatus{ParentRef: parent.Ref, ControllerName: ours})
			at = len(parents) - 1
		}
		conditions := slices.Clone(parents[at].Conditions)
		g.set(&conditions, string(gatewayv1.RouteConditionAccepted), parent.Accepted, verdict.Generation)
		g.set(&conditions, string(gatewayv1.RouteConditionResolvedRefs), parent.ResolvedRefs, verdict.Generation)
		parents[at].Conditions = conditions
		accepted = accepted && parent.Accepted.Good && parent.ResolvedRefs.Good
	}
	if parents == nil {
		parents = []gatewayv1.RouteParentStatus{} // The API wants a list.
	}
	return parents, accepted
}

// write writes the status of an object. It is no error if somebody else was first, or the object is gone.
func (g *Gateway) write(ctx context.Context, object client.Object) (written bool, err error) {
	err = g.client.Status().Update(ctx, object, client.FieldOwner(fieldOwner))
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%T %s/%s: %w", object, object.GetNamespace(), object.GetName(), err)
	}
	return true, nil
}

func (g *Gateway) set(conditions *[]metav1.Condition, kind string, found table.Finding, generation int64) {
	status := metav1.ConditionFalse
	if found.Good {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type: kind, Status: status, Reason: found.Reason, Message: found.Message, ObservedGeneration: generation,
		LastTransitionTime: metav1.NewTime(g.options.Now()),
	})
}

// writeClasses accepts the GatewayClasses that name this controller, with what it can do.
func (g *Gateway) writeClasses(ctx context.Context, faults *Faults) error {
	classes := &gatewayv1.GatewayClassList{}
	if err := g.cache.List(ctx, classes); err != nil {
		return err
	}
	for i := range classes.Items {
		if string(classes.Items[i].Spec.ControllerName) != g.options.ControllerName {
			continue
		}
		class := classes.Items[i].DeepCopy()
		g.set(&class.Status.Conditions, string(gatewayv1.GatewayClassConditionStatusAccepted),
			table.Finding{Good: true, Reason: string(gatewayv1.GatewayClassReasonAccepted), Message: "the class is accepted"}, class.Generation)
		class.Status.SupportedFeatures = featuresWith(faults)
		if equality.Semantic.DeepEqual(class.Status, classes.Items[i].Status) {
			continue
		}
		if _, err := g.write(ctx, class); err != nil {
			return err
		}
	}
	return nil
}

// writeGateways says of each Gateway that it is programmed, where it listens, and what is attached to it.
func (g *Gateway) writeGateways(ctx context.Context, said *table.Table) error {
	gateways, err := g.gateways(ctx)
	if err != nil {
		return err
	}
	for i := range gateways {
		gateway := gateways[i].DeepCopy()
		status := &gateway.Status
		g.set(&status.Conditions, string(gatewayv1.GatewayConditionAccepted),
			table.Finding{Good: true, Reason: string(gatewayv1.GatewayReasonAccepted), Message: "the Gateway is accepted"}, gateway.Generation)
		g.set(&status.Conditions, string(gatewayv1.GatewayConditionProgrammed),
			table.Finding{Good: true, Reason: string(gatewayv1.GatewayReasonProgrammed), Message: "the data plane listens"}, gateway.Generation)
		if host, _, err := net.SplitHostPort(g.listener.Addr().String()); err == nil {
			status.Addresses = []gatewayv1.GatewayStatusAddress{{Type: new(gatewayv1.IPAddressType), Value: host}}
		}
		listeners := make([]gatewayv1.ListenerStatus, len(gateway.Spec.Listeners))
		for j := range gateway.Spec.Listeners {
			listeners[j] = g.listenerStatus(gateway, &gateway.Spec.Listeners[j], said)
		}
		status.Listeners = listeners
		if equality.Semantic.DeepEqual(gateway.Status, gateways[i].Status) {
			continue
		}
		if _, err := g.write(ctx, gateway); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gateway) listenerStatus(gateway *gatewayv1.Gateway, listener *gatewayv1.Listener, said *table.Table) gatewayv1.ListenerStatus {
	status := gatewayv1.ListenerStatus{Name: listener.Name, SupportedKinds: []gatewayv1.RouteGroupKind{}}
	for i := range gateway.Status.Listeners {
		if gateway.Status.Listeners[i].Name == listener.Name {
			status.Conditions = slices.Clone(gateway.Status.Listeners[i].Conditions)
		}
	}
	supported, unknown := table.SupportedKinds(listener)
	for _, kind := range supported {
		status.SupportedKinds = append(status.SupportedKinds, gatewayv1.RouteGroupKind{
			Group: new(gatewayv1.Group(gatewayv1.GroupName)), Kind: gatewayv1.Kind(kind),
		})
	}
	status.AttachedRoutes = said.Attached[table.Listener{Gateway: client.ObjectKeyFromObject(gateway), Name: listener.Name}]
	accepted := table.Finding{Good: true, Reason: string(gatewayv1.ListenerReasonAccepted), Message: "the listener is accepted"}
	programmed := table.Finding{Good: true, Reason: string(gatewayv1.ListenerReasonProgrammed), Message: "the data plane listens"}
	if listener.Protocol != gatewayv1.HTTPProtocolType {
		message := "only HTTP is served, which takes HTTP/1.1 and HTTP/2"
		accepted = table.Finding{Reason: string(gatewayv1.ListenerReasonUnsupportedProtocol), Message: message}
		programmed = table.Finding{Reason: string(gatewayv1.ListenerReasonInvalid), Message: message}
	}
	resolved := table.Finding{Good: true, Reason: string(gatewayv1.ListenerReasonResolvedRefs), Message: "all references are resolved"}
	if unknown {
		resolved = table.Finding{
			Reason: string(gatewayv1.ListenerReasonInvalidRouteKinds), Message: "only HTTPRoute and GRPCRoute are known",
		}
	}
	g.set(&status.Conditions, string(gatewayv1.ListenerConditionAccepted), accepted, gateway.Generation)
	g.set(&status.Conditions, string(gatewayv1.ListenerConditionProgrammed), programmed, gateway.Generation)
	g.set(&status.Conditions, string(gatewayv1.ListenerConditionResolvedRefs), resolved, gateway.Generation)
	return status
}
