package gateway

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/test/gateway/faultgateway"
)

const toStable = "- backendRefs: [{name: stable, port: 80}, {name: canary, port: 80, weight: 0}]"

func lag(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }

// toCanary sends everything to the other Service.
func toCanary(route *gatewayv1.HTTPRoute) {
	refs := route.Spec.Rules[0].BackendRefs
	refs[0].Weight, refs[1].Weight = new(int32(0)), new(int32(1))
}

func ready(t *testing.T, options faultgateway.Options) *scene {
	t.Helper()
	s := newScene(t, options)
	s.service("stable", 2)
	s.service("canary", 1)
	s.route(toStable)
	s.eventually(func(g gomega.Gomega) {
		code, service := s.send("/")
		g.Expect(code).To(gomega.Equal(http.StatusOK))
		g.Expect(service).To(gomega.Equal("stable"))
		g.Expect(s.condition(gatewayv1.RouteConditionAccepted)).To(gomega.Equal("True Accepted 1"))
		g.Expect(s.condition(gatewayv1.RouteConditionResolvedRefs)).To(gomega.Equal("True ResolvedRefs 1"))
	})
	return s
}

// What a gateway without faults says of itself and of what is attached to it.
func TestStatus(t *testing.T) {
	t.Parallel()
	s := ready(t, faultgateway.Options{})
	s.eventually(func(g gomega.Gomega) {
		class, gateway := &gatewayv1.GatewayClass{}, &gatewayv1.Gateway{}
		g.Expect(direct.Get(t.Context(), client.ObjectKey{Name: s.namespace}, class)).To(gomega.Succeed())
		g.Expect(direct.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "edge"}, gateway)).To(gomega.Succeed())
		g.Expect(conditionsOf(class.Status.Conditions)).To(gomega.HaveKeyWithValue("Accepted", "True 1"))
		g.Expect(class.Status.SupportedFeatures).To(gomega.ContainElement(gatewayv1.SupportedFeature{Name: "HTTPRouteRequestMirror"}))
		g.Expect(conditionsOf(gateway.Status.Conditions)).To(gomega.And(
			gomega.HaveKeyWithValue("Accepted", "True 1"), gomega.HaveKeyWithValue("Programmed", "True 1")))
		g.Expect(gateway.Status.Addresses).To(gomega.HaveLen(1))
		g.Expect(gateway.Status.Listeners).To(gomega.HaveLen(1))
		g.Expect(gateway.Status.Listeners[0].AttachedRoutes).To(gomega.BeEquivalentTo(1))
		g.Expect(conditionsOf(gateway.Status.Listeners[0].Conditions)).To(gomega.HaveKeyWithValue("Programmed", "True 1"))
	})
	generation := s.change(func(route *gatewayv1.HTTPRoute) { route.Spec.Rules[0].BackendRefs[1].Name = "none" })
	s.eventually(func(g gomega.Gomega) {
		g.Expect(s.condition(gatewayv1.RouteConditionResolvedRefs)).To(gomega.Equal(fmt.Sprint("False BackendNotFound ", generation)))
	})
	if err := s.gateway.SetFaults(faultgateway.Faults{LackFeatures: []string{"HTTPRouteRequestMirror"}}); err != nil {
		t.Fatal(err)
	}
	s.eventually(func(g gomega.Gomega) {
		class := &gatewayv1.GatewayClass{}
		g.Expect(direct.Get(t.Context(), client.ObjectKey{Name: s.namespace}, class)).To(gomega.Succeed())
		g.Expect(class.Status.SupportedFeatures).NotTo(gomega.ContainElement(gatewayv1.SupportedFeature{Name: "HTTPRouteRequestMirror"}))
		g.Expect(class.Status.SupportedFeatures).NotTo(gomega.BeEmpty())
	})
}

func conditionsOf(conditions []metav1.Condition) map[string]string {
	result := map[string]string{}
	for _, c := range conditions {
		result[c.Type] = fmt.Sprint(c.Status, " ", c.ObservedGeneration)
	}
	return result
}

// moments by event: when status said the generation, and when each replica followed it.
func (s *scene) moments(generation int64) (status time.Time, replicas map[int]time.Time) {
	replicas = map[int]time.Time{}
	for _, m := range s.gateway.Timeline(time.Time{}) {
		switch {
		case m.Generation != generation || m.Route.Name != "web" || m.Route.Namespace != s.namespace:
		case m.Event == faultgateway.StatusWritten && status.IsZero():
			status = m.At
		case m.Event == faultgateway.RouteFollowed:
			replicas[m.Replica] = m.At
		}
	}
	return status, replicas
}

// Status says that a change was seen, and the replicas follow later, one after the other; what is measured from requests
// agrees with what the gateway says of itself.
func TestStatusBeforeDataPlaneAndSkew(t *testing.T) {
	t.Parallel()
	s := ready(t, faultgateway.Options{Replicas: 2})
	faults := faultgateway.Faults{RouteLag: lag(time.Second), Skew: []faultgateway.Skew{{}, {Routes: lag(time.Second)}}}
	if err := s.gateway.SetFaults(faults); err != nil {
		t.Fatal(err)
	}
	changed := time.Now()
	generation := s.change(toCanary)
	s.eventually(func(g gomega.Gomega) {
		s.send("/")
		_, replicas := s.moments(generation)
		g.Expect(replicas).To(gomega.HaveLen(2))
	})
	for range 20 {
		if _, service := s.send("/"); service != "canary" {
			t.Errorf("after both replicas follow, %s answers", service)
		}
	}
	status, replicas := s.moments(generation)
	if status.IsZero() || !status.Before(replicas[0]) {
		t.Errorf("status at %s, the first replica at %s", status, replicas[0])
	}
	if early := replicas[0].Sub(changed); early < time.Second {
		t.Errorf("the first replica followed after %s", early)
	}
	if apart := replicas[1].Sub(replicas[0]); apart < 900*time.Millisecond {
		t.Errorf("the second replica followed %s after the first", apart)
	}
	canary := func(r faultgateway.Served) bool { return r.Service.Name == "canary" }
	served := s.gateway.Served(changed)
	for _, r := range served {
		if r.At.Before(replicas[r.Replica]) == canary(r) {
			t.Fatalf("replica %d, which followed at %s, served %+v", r.Replica, replicas[r.Replica], r)
		}
	}
	// The share changes when the first one follows, and is whole when the last one does.
	if whole, ok := faultgateway.Reached(served, canary, 100, 10); !ok || whole.Before(replicas[0]) {
		t.Errorf("100 %% from %s on", whole)
	}
}

// The other way round: the data plane follows, and status is late, or never comes.
func TestStatusAfterDataPlaneAndSilence(t *testing.T) {
	t.Parallel()
	s := ready(t, faultgateway.Options{})
	if err := s.gateway.SetFaults(faultgateway.Faults{StatusLag: lag(time.Second)}); err != nil {
		t.Fatal(err)
	}
	generation := s.change(toCanary)
	s.eventually(func(g gomega.Gomega) {
		status, replicas := s.moments(generation)
		g.Expect(status).NotTo(gomega.BeZero())
		g.Expect(status.Sub(replicas[0])).To(gomega.BeNumerically(">", 900*time.Millisecond))
	})
	if err := s.gateway.SetFaults(faultgateway.Faults{Silent: []string{s.namespace + "/web"}}); err != nil {
		t.Fatal(err)
	}
	silent := s.change(func(route *gatewayv1.HTTPRoute) { route.Spec.Rules[0].BackendRefs[0].Weight = new(int32(1)) })
	s.eventually(func(g gomega.Gomega) {
		_, replicas := s.moments(silent)
		g.Expect(replicas).To(gomega.HaveLen(1))
	})
	if got := s.condition(gatewayv1.RouteConditionAccepted); got != fmt.Sprint("True Accepted ", generation) {
		t.Errorf("a silent gateway says %s", got)
	}
	if err := s.gateway.SetFaults(faultgateway.Faults{}); err != nil {
		t.Fatal(err)
	}
	s.eventually(func(g gomega.Gomega) {
		g.Expect(s.condition(gatewayv1.RouteConditionAccepted)).To(gomega.Equal(fmt.Sprint("True Accepted ", silent)))
	})
}

// Endpoints may come after the route that leads to them: then there are none.
func TestEndpointsAfterRoutes(t *testing.T) {
	t.Parallel()
	s := ready(t, faultgateway.Options{})
	s.service("late", 0)
	s.change(func(route *gatewayv1.HTTPRoute) { route.Spec.Rules[0].BackendRefs[0].Name = "late" })
	s.eventually(func(g gomega.Gomega) {
		code, _ := s.send("/")
		g.Expect(code).To(gomega.Equal(http.StatusServiceUnavailable))
	})
	if err := s.gateway.SetFaults(faultgateway.Faults{EndpointLag: lag(time.Second)}); err != nil {
		t.Fatal(err)
	}
	changed := time.Now()
	s.setEndpoints("late", s.pod("late"))
	s.eventually(func(g gomega.Gomega) {
		_, service := s.send("/")
		g.Expect(service).To(gomega.Equal("late"))
	})
	if took := time.Since(changed); took < time.Second {
		t.Errorf("the endpoint was known after %s", took)
	}
	// And a pod that has gone is still sent to.
	s.setEndpoints("late")
	if _, service := s.send("/"); service != "late" {
		t.Errorf("just after the endpoint has gone, %q answers", service)
	}
	s.eventually(func(g gomega.Gomega) {
		code, _ := s.send("/")
		g.Expect(code).To(gomega.Equal(http.StatusServiceUnavailable))
	})
}

// A refused route is served as it was, or not at all, and followed again when it is no longer refused.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := ready(t, faultgateway.Options{})
	refuse := func(drop bool) {
		t.Helper()
		if err := s.gateway.SetFaults(faultgateway.Faults{Refused: []string{s.namespace + "/web"}, DropRefused: drop}); err != nil {
			t.Fatal(err)
		}
	}
	refuse(false)
	generation := s.change(toCanary)
	s.eventually(func(g gomega.Gomega) {
		g.Expect(s.condition(gatewayv1.RouteConditionAccepted)).To(gomega.Equal(fmt.Sprint("False UnsupportedValue ", generation)))
	})
	if _, service := s.send("/"); service != "stable" {
		t.Errorf("a route that is refused goes to %s", service)
	}
	refuse(true)
	s.eventually(func(g gomega.Gomega) {
		code, _ := s.send("/")
		g.Expect(code).To(gomega.Equal(http.StatusNotFound))
	})
	if err := s.gateway.SetFaults(faultgateway.Faults{}); err != nil {
		t.Fatal(err)
	}
	s.eventually(func(g gomega.Gomega) {
		_, service := s.send("/")
		g.Expect(service).To(gomega.Equal("canary"))
		g.Expect(s.condition(gatewayv1.RouteConditionAccepted)).To(gomega.Equal(fmt.Sprint("True Accepted ", generation)))
	})
}

// What another controller says of the route stays.
func TestOtherControllersStatusStays(t *testing.T) {
	t.Parallel()
	s := ready(t, faultgateway.Options{})
	other := gatewayv1.RouteParentStatus{
		ParentRef: gatewayv1.ParentReference{Name: "other"}, ControllerName: "example.com/other",
		Conditions: []metav1.Condition{{Type: "Accepted", Status: "True", Reason: "Accepted", LastTransitionTime: metav1.Now(), ObservedGeneration: 1}},
	}
	s.eventually(func(g gomega.Gomega) {
		route := s.live()
		route.Status.Parents = append([]gatewayv1.RouteParentStatus{other}, route.Status.Parents...)
		g.Expect(direct.Status().Update(t.Context(), route)).To(gomega.Succeed())
	})
	generation := s.change(toCanary)
	s.eventually(func(g gomega.Gomega) {
		parents := s.live().Status.Parents
		g.Expect(parents).To(gomega.HaveLen(2))
		g.Expect(string(parents[0].ControllerName)).To(gomega.Equal("example.com/other"))
		g.Expect(parents[1].Conditions[0].ObservedGeneration).To(gomega.Equal(generation))
	})
}
