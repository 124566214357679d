package table

import (
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
)

// AppProtocolH2C is the appProtocol of a port that speaks HTTP/2 without TLS.
const AppProtocolH2C = "kubernetes.io/h2c"

// Endpoints are the addresses behind the ports of Services.
type Endpoints struct {
	ports map[servicePort]Upstream
}

type servicePort struct {
	service types.NamespacedName
	port    int32
}

// Upstream is what is behind a port of a Service.
type Upstream struct {
	// Endpoints that are ready, in the order of their addresses.
	Endpoints []Endpoint
	// H2C says that they speak HTTP/2 without TLS.
	H2C bool
}

// Endpoint is one pod.
type Endpoint struct {
	// Address is ip:port.
	Address string `json:"address"`
	// Pod is its name; empty if the slice does not say it.
	Pod string `json:"pod,omitempty"`
}

// CompileEndpoints finds the ready endpoints of each port of each Service. With serving set, those count too that are
// terminating and still serve, which some gateways go on using.
func CompileEndpoints(services []corev1.Service, given []discoveryv1.EndpointSlice, serving bool) *Endpoints {
	behind := map[types.NamespacedName][]*discoveryv1.EndpointSlice{}
	for i := range given {
		slice := &given[i]
		name := types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
		behind[name] = append(behind[name], slice)
	}
	found := &Endpoints{ports: map[servicePort]Upstream{}}
	for i := range services {
		name := types.NamespacedName{Namespace: services[i].Namespace, Name: services[i].Name}
		for _, port := range services[i].Spec.Ports {
			upstream := Upstream{H2C: value(port.AppProtocol, "") == AppProtocolH2C}
			for _, slice := range behind[name] {
				upstream.Endpoints = append(upstream.Endpoints, endpointsOf(slice, port.Name, serving)...)
			}
			slices.SortFunc(upstream.Endpoints, func(a, b Endpoint) int { return strings.Compare(a.Address, b.Address) })
			upstream.Endpoints = slices.CompactFunc(upstream.Endpoints, func(a, b Endpoint) bool { return a.Address == b.Address })
			found.ports[servicePort{name, port.Port}] = upstream
		}
	}
	return found
}

// Of gives what is behind a port; ok is false when there is no such Service or port.
func (e *Endpoints) Of(service types.NamespacedName, port int32) (upstream Upstream, ok bool) {
	upstream, ok = e.ports[servicePort{service, port}]
	return upstream, ok
}

func endpointsOf(slice *discoveryv1.EndpointSlice, portName string, serving bool) []Endpoint {
	at := slices.IndexFunc(slice.Ports, func(p discoveryv1.EndpointPort) bool { return value(p.Name, "") == portName && p.Port != nil })
	if at < 0 {
		return nil
	}
	var result []Endpoint
	for _, endpoint := range slice.Endpoints {
		if !ready(endpoint.Conditions, serving) || len(endpoint.Addresses) == 0 {
			continue
		}
		pod := ""
		if endpoint.TargetRef != nil {
			pod = endpoint.TargetRef.Name
		}
		// All addresses of an endpoint are the same pod; the first is enough.
		address := net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(int(*slice.Ports[at].Port)))
		result = append(result, Endpoint{Address: address, Pod: pod})
	}
	return result
}

// ready by the conditions of an endpoint; one that is absent counts as ready, as the API asks.
func ready(conditions discoveryv1.EndpointConditions, serving bool) bool {
	if value(conditions.Ready, true) {
		return true
	}
	return serving && value(conditions.Serving, false) && value(conditions.Terminating, false)
}
