package faultgateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/test/gateway/table"
)

// kinds are those that a cluster need not serve.
type kinds struct{ grpcRoutes, grants bool }

// connect makes the client and the cache, and finds out which kinds are served.
func (g *Gateway) connect() error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install} {
		if err := add(scheme); err != nil {
			return fmt.Errorf("fault gateway: scheme: %w", err)
		}
	}
	var err error
	if g.client, err = client.New(g.options.Config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("fault gateway: client: %w", err)
	}
	for kind, served := range map[string]*bool{"GRPCRoute": &g.kinds.grpcRoutes, "ReferenceGrant": &g.kinds.grants} {
		_, err := g.client.RESTMapper().RESTMapping(schema.GroupKind{Group: gatewayv1.GroupName, Kind: kind}, gatewayv1.GroupVersion.Version)
		if err != nil && !meta.IsNoMatchError(err) {
			return fmt.Errorf("fault gateway: is %s served? %w", kind, err)
		}
		*served = err == nil
	}
	g.cache, err = cache.New(g.options.Config, cache.Options{
		Scheme: scheme, Mapper: g.client.RESTMapper(), DefaultTransform: cache.TransformStripManagedFields(),
		// What is read is never changed; statuses are written from copies.
		DefaultUnsafeDisableDeepCopy: new(true), ReaderFailOnMissingInformer: true,
	})
	if err != nil {
		return fmt.Errorf("fault gateway: cache: %w", err)
	}
	return nil
}

// watched are the kinds that are watched.
func (g *Gateway) watched() []client.Object {
	objects := []client.Object{
		&gatewayv1.GatewayClass{}, &gatewayv1.Gateway{}, &gatewayv1.HTTPRoute{},
		&corev1.Service{}, &discoveryv1.EndpointSlice{}, &corev1.Namespace{},
	}
	if g.kinds.grpcRoutes {
		objects = append(objects, &gatewayv1.GRPCRoute{})
	}
	if g.kinds.grants {
		objects = append(objects, &gatewayv1.ReferenceGrant{})
	}
	return objects
}

// watch starts the informers, waits until they have everything, and takes the first look.
func (g *Gateway) watch(ctx context.Context) error {
	g.running.Go(func() {
		if err := g.cache.Start(ctx); err != nil && ctx.Err() == nil {
			g.options.Log.Error(err, "The informers have ended")
		}
	})
	look := func() { nudge(g.changed) }
	for _, object := range g.watched() {
		informer, err := g.cache.GetInformer(ctx, object)
		if err != nil {
			return fmt.Errorf("fault gateway: watching %T: %w", object, err)
		}
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { look() }, UpdateFunc: func(any, any) { look() }, DeleteFunc: func(any) { look() },
		})
		if err != nil {
			return fmt.Errorf("fault gateway: watching %T: %w", object, err)
		}
	}
	if !g.cache.WaitForCacheSync(ctx) {
		return fmt.Errorf("fault gateway: the informers have not caught up: %w", context.Cause(ctx))
	}
	if err := g.look(ctx, g.options.Now()); err != nil {
		return err
	}
	g.advance(g.options.Now())
	return nil
}

// control is what the control plane has seen, and who has read how much of it. Only one goroutine uses it.
type control struct {
	routes    history[*table.Table]
	endpoints history[*table.Endpoints]
	status    reader[*table.Table]
	// routesPrint and endpointsPrint tell whether something has changed that matters.
	routesPrint, endpointsPrint string
	// accepted are the routes as they were when they were accepted last.
	accepted map[table.RouteKey]table.Route
	// served are the generations that each replica had.
	served []map[table.RouteKey]int64
}

// look reads the informers, and notes what has changed.
func (g *Gateway) look(ctx context.Context, now time.Time) error {
	faults := g.faults.Load()
	services, endpoints := &corev1.ServiceList{}, &discoveryv1.EndpointSliceList{}
	for _, list := range []client.ObjectList{services, endpoints} {
		if err := g.cache.List(ctx, list); err != nil {
			return fmt.Errorf("fault gateway: listing %T: %w", list, err)
		}
	}
	objects, err := g.objects(ctx, services.Items, faults)
	if err != nil {
		return err
	}
	if routes := printOf(objects); routes != g.control.routesPrint {
		g.control.routesPrint = routes
		g.control.routes.add(now, table.Compile(objects))
	}
	if behind := printOfEndpoints(services.Items, endpoints.Items, faults.KeepTerminating); behind != g.control.endpointsPrint {
		g.control.endpointsPrint = behind
		g.control.endpoints.add(now, table.CompileEndpoints(services.Items, endpoints.Items, faults.KeepTerminating))
	}
	return nil
}

// objects are what the table of routes is made of.
func (g *Gateway) objects(ctx context.Context, services []corev1.Service, faults *Faults) (table.Objects, error) {
	objects := table.Objects{Services: map[types.NamespacedName][]int32{}, Namespaces: map[string]map[string]string{}}
	var err error
	if objects.Gateways, err = g.gateways(ctx); err != nil {
		return objects, err
	}
	if objects.Routes, err = g.routes(ctx); err != nil {
		return objects, err
	}
	for i := range services {
		name := types.NamespacedName{Namespace: services[i].Namespace, Name: services[i].Name}
		objects.Services[name] = nil
		for _, port := range services[i].Spec.Ports {
			objects.Services[name] = append(objects.Services[name], port.Port)
		}
	}
	if g.kinds.grants {
		grants := &gatewayv1.ReferenceGrantList{}
		if err := g.cache.List(ctx, grants); err != nil {
			return objects, fmt.Errorf("fault gateway: listing ReferenceGrants: %w", err)
		}
		objects.Grants = grants.Items
	}
	namespaces := &corev1.NamespaceList{}
	if err := g.cache.List(ctx, namespaces); err != nil {
		return objects, fmt.Errorf("fault gateway: listing Namespaces: %w", err)
	}
	for i := range namespaces.Items {
		objects.Namespaces[namespaces.Items[i].Name] = namespaces.Items[i].Labels
	}
	g.control.refuse(objects.Routes, faults)
	return objects, nil
}

// refuse keeps of each refused route what was accepted of it last.
func (c *control) refuse(routes []table.Route, faults *Faults) {
	accepted := map[table.RouteKey]table.Route{}
	for i, route := range routes {
		if !named(faults.Refused, route.Key) {
			accepted[route.Key] = route
			continue
		}
		last, known := c.accepted[route.Key]
		known = known && last.UID == route.UID
		if known {
			accepted[route.Key] = last
		}
		routes[i].Refused = "this gateway was told to refuse the route"
		routes[i].Rules, routes[i].Hostnames, routes[i].Serves = nil, nil, 0
		if known && !faults.DropRefused {
			routes[i].Rules, routes[i].Hostnames, routes[i].Serves = last.Rules, last.Hostnames, last.Serves
		}
	}
	c.accepted = accepted
}

// gateways are those of the classes that name this controller.
func (g *Gateway) gateways(ctx context.Context) ([]gatewayv1.Gateway, error) {
	classes, gateways := &gatewayv1.GatewayClassList{}, &gatewayv1.GatewayList{}
	for _, list := range []client.ObjectList{classes, gateways} {
		if err := g.cache.List(ctx, list); err != nil {
			return nil, fmt.Errorf("fault gateway: listing %T: %w", list, err)
		}
	}
	ours := map[gatewayv1.ObjectName]bool{}
	for i := range classes.Items {
		ours[gatewayv1.ObjectName(classes.Items[i].Name)] = string(classes.Items[i].Spec.ControllerName) == g.options.ControllerName
	}
	var result []gatewayv1.Gateway
	for i := range gateways.Items {
		if ours[gateways.Items[i].Spec.GatewayClassName] {
			result = append(result, gateways.Items[i])
		}
	}
	return result, nil
}

func (g *Gateway) routes(ctx context.Context) ([]table.Route, error) {
	var routes []table.Route
	http := &gatewayv1.HTTPRouteList{}
	if err := g.cache.List(ctx, http); err != nil {
		return nil, fmt.Errorf("fault gateway: listing HTTPRoutes: %w", err)
	}
	for i := range http.Items {
		routes = append(routes, table.FromHTTP(&http.Items[i]))
	}
	if g.kinds.grpcRoutes {
		grpc := &gatewayv1.GRPCRouteList{}
		if err := g.cache.List(ctx, grpc); err != nil {
			return nil, fmt.Errorf("fault gateway: listing GRPCRoutes: %w", err)
		}
		for i := range grpc.Items {
			routes = append(routes, table.FromGRPC(&grpc.Items[i]))
		}
	}
	return routes, nil
}

// printOf is different for objects of which a different table is made.
func printOf(objects table.Objects) string {
	var lines []string
	for i := range objects.Gateways {
		gateway := &objects.Gateways[i]
		lines = append(lines, fmt.Sprint("gateway ", gateway.UID, " ", gateway.Generation))
	}
	for _, route := range objects.Routes {
		lines = append(lines, fmt.Sprint("route ", route.Key, " ", route.UID, " ", route.Generation, " ", route.Serves, " ", route.Refused))
	}
	for i := range objects.Grants {
		lines = append(lines, fmt.Sprint("grant ", objects.Grants[i].UID, " ", objects.Grants[i].Generation))
	}
	for name, ports := range objects.Services {
		lines = append(lines, fmt.Sprint("service ", name, " ", ports))
	}
	for name, labels := range objects.Namespaces {
		lines = append(lines, fmt.Sprint("namespace ", name, " ", labels))
	}
	return sorted(lines)
}

func printOfEndpoints(services []corev1.Service, endpoints []discoveryv1.EndpointSlice, keepTerminating bool) string {
	lines := []string{fmt.Sprint("keepTerminating ", keepTerminating)}
	for i := range services {
		for _, port := range services[i].Spec.Ports {
			protocol := ""
			if port.AppProtocol != nil {
				protocol = *port.AppProtocol
			}
			lines = append(lines, fmt.Sprint("port ", services[i].UID, " ", port.Name, " ", port.Port, " ", protocol))
		}
	}
	for i := range endpoints {
		lines = append(lines, fmt.Sprint("slice ", endpoints[i].UID, " ", endpoints[i].Generation))
	}
	return sorted(lines)
}

func sorted(lines []string) string {
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
