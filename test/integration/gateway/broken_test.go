package gateway

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sluicehq/sluice/test/gateway/faultgateway"
	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/trafficroutingtest"
)

// runBroken is set in the process in which broken routers are tried.
const runBroken = "SLUICE_TEST_BROKEN_ROUTERS"

// broken are routers with one fault each, and the case that must see it.
var broken = map[string]struct {
	fault func(trafficrouting.Router, client.Client) trafficrouting.Router
	// writer spoils what the router writes through, if it is set.
	writer func(client.Client) client.Client
	seenBy string
}{
	"one percent off":    {fault: func(r trafficrouting.Router, _ client.Client) trafficrouting.Router { return offByOne{r} }, seenBy: trafficroutingtest.CaseWeights},
	"forgets the others": {fault: forgetOthers, seenBy: trafficroutingtest.CaseOtherBackends},
	"keeps the fields":   {fault: func(r trafficrouting.Router, c client.Client) trafficrouting.Router { return keeper{r, c} }, seenBy: trafficroutingtest.CaseNoTrace},
	"writes always":      {fault: func(r trafficrouting.Router, c client.Client) trafficrouting.Router { return busy{r, c} }, seenBy: trafficroutingtest.CaseWritesOnce},
	"gives up":           {writer: noConflicts, seenBy: trafficroutingtest.CaseOtherWriters},
	"sees no problem":    {fault: seeing(func(r *trafficrouting.Route) { r.Problem, r.ProblemReason = "", "" }), seenBy: trafficroutingtest.CaseProblems},
	"finds nothing":      {fault: func(r trafficrouting.Router, _ client.Client) trafficrouting.Router { return blind{r} }, seenBy: trafficroutingtest.CaseSelected},
	"believes anything":  {fault: seeing(believe), seenBy: trafficroutingtest.CaseAcknowledged},
	"ignores a refusal":  {fault: seeing(believe), seenBy: trafficroutingtest.CaseRefused},
	"trusts at once":     {fault: seeing(believe), seenBy: trafficroutingtest.CaseGone},
}

// TestTheSuiteSeesFaults tries the broken routers in a process of its own, since a test cannot fail on purpose.
func TestTheSuiteSeesFaults(t *testing.T) {
	if os.Getenv(runBroken) != "" {
		t.Skip("this is that process")
	}
	t.Parallel()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBroken$", "-test.v")
	command.Env = append(os.Environ(), runBroken+"=1")
	out, err := command.CombinedOutput()
	if err == nil {
		t.Error("no broken router fails")
	}
	under := strings.NewReplacer(" ", "_")
	for name, b := range broken {
		if want := "--- FAIL: " + under.Replace("TestBroken/"+name+"/"+b.seenBy) + " "; !strings.Contains(string(out), want) {
			t.Errorf("the router that %s is not seen by %q", name, b.seenBy)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

func TestBroken(t *testing.T) {
	if os.Getenv(runBroken) == "" {
		t.Skip("only TestTheSuiteSeesFaults runs this")
	}
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world{kind: "HTTPRoute", faults: faultgateway.Faults{StatusLag: lag(200 * time.Millisecond)}}
			if b.seenBy == trafficroutingtest.CaseGone {
				// What is believed at once is believed long before it is acknowledged.
				w.faults.StatusLag = lag(2 * time.Second)
			}
			trafficroutingtest.Run(t, brokenWorld{world: w, fault: b.fault, writer: b.writer}, trafficroutingtest.Config{
				Now: time.Now, Settle: 500 * time.Millisecond, Requests: 200, Within: 5 * time.Second, Cases: []string{b.seenBy},
			})
		})
	}
}

// brokenWorld is a world whose router is spoilt.
type brokenWorld struct {
	world
	fault  func(trafficrouting.Router, client.Client) trafficrouting.Router
	writer func(client.Client) client.Client
}

func (w brokenWorld) Router(writer client.Client, live client.Reader) trafficrouting.Router {
	if w.writer != nil {
		writer = w.writer(writer)
	}
	router := w.world.Router(writer, live)
	if w.fault != nil {
		router = w.fault(router, writer)
	}
	return router
}

// offByOne writes and shows a share that is one percent less than it was asked for.
type offByOne struct{ trafficrouting.Router }

func (r offByOne) SetWeight(ctx context.Context, target trafficrouting.Target, originals map[string]string, percent int32) (map[string]string, error) {
	return r.Router.SetWeight(ctx, target, originals, max(percent-1, 0))
}

func (r offByOne) Observe(ctx context.Context, reader client.Reader, target trafficrouting.Target) ([]trafficrouting.Route, error) {
	routes, err := r.Router.Observe(ctx, reader, target)
	for i := range routes {
		if routes[i].Low > 0 {
			routes[i].Low, routes[i].High = routes[i].Low+1, routes[i].High+1
		}
	}
	return routes, err
}

// forgetOthers spoils a router's writes: backends other than the two get no weight.
func forgetOthers(router trafficrouting.Router, writer client.Client) trafficrouting.Router {
	return afterWrite{router, func(ctx context.Context, route *unstructured.Unstructured) error {
		rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
		for _, rule := range rules {
			refs, _ := rule.(map[string]any)["backendRefs"].([]any)
			for _, ref := range refs {
				if fields := ref.(map[string]any); len(refs) > 1 && fields["name"] == trafficroutingtest.Other {
					fields["weight"] = int64(0)
				}
			}
		}
		if err := unstructured.SetNestedSlice(route.Object, rules, "spec", "rules"); err != nil {
			return err
		}
		return writer.Update(ctx, route, client.FieldOwner("sluice"))
	}}
}

// afterWrite does something to the first route after each SetWeight.
type afterWrite struct {
	trafficrouting.Router
	do func(context.Context, *unstructured.Unstructured) error
}

func (r afterWrite) SetWeight(ctx context.Context, target trafficrouting.Target, originals map[string]string, percent int32) (map[string]string, error) {
	written, err := r.Router.SetWeight(ctx, target, originals, percent)
	if err != nil {
		return written, err
	}
	route, err := first(ctx, target)
	if err != nil {
		return written, err
	}
	return written, r.do(ctx, route)
}

// first is the first route of a target.
func first(ctx context.Context, target trafficrouting.Target) (*unstructured.Unstructured, error) {
	ref := target.Routes[0]
	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: ref.Kind})
	return route, direct.Get(ctx, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, route)
}

// keeper keeps the ownership of the rules.
type keeper struct {
	trafficrouting.Router
	writer client.Client
}

func (r keeper) Restore(ctx context.Context, target trafficrouting.Target, originals map[string]string) (map[string]string, error) {
	written, err := r.Router.Restore(ctx, target, originals)
	if err != nil {
		return written, err
	}
	route, err := first(ctx, target)
	if err != nil {
		return written, err
	}
	taken := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"rules": route.Object["spec"].(map[string]any)["rules"]}}}
	taken.SetGroupVersionKind(route.GroupVersionKind())
	taken.SetNamespace(route.GetNamespace())
	taken.SetName(route.GetName())
	return written, r.writer.Apply(ctx, client.ApplyConfigurationFromUnstructured(taken), client.FieldOwner("keeper"), client.ForceOwnership)
}

// busy touches the route each time.
type busy struct {
	trafficrouting.Router
	writer client.Client
}

func (r busy) SetWeight(ctx context.Context, target trafficrouting.Target, originals map[string]string, percent int32) (map[string]string, error) {
	written, err := r.Router.SetWeight(ctx, target, originals, percent)
	if err != nil {
		return written, err
	}
	route, err := first(ctx, target)
	if err != nil {
		return written, err
	}
	return written, r.writer.Update(ctx, route)
}

// noConflicts turns a conflict into an error that nobody tries again.
func noConflicts(writer client.Client) client.Client {
	return interceptor.NewClient(writer.(client.WithWatch), interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.UpdateOption) error {
			err := c.Update(ctx, object, opts...)
			if apierrors.IsConflict(err) {
				return apierrors.NewInternalError(err)
			}
			return err
		},
	})
}

// blind finds no routes by labels.
type blind struct{ trafficrouting.Router }

func (blind) Select(context.Context, client.Reader, trafficrouting.Target, []trafficrouting.RouteSelector) ([]trafficrouting.RouteRef, error) {
	return nil, nil
}

// seeing changes what a router observes.
func seeing(change func(*trafficrouting.Route)) func(trafficrouting.Router, client.Client) trafficrouting.Router {
	return func(router trafficrouting.Router, _ client.Client) trafficrouting.Router { return seer{router, change} }
}

func believe(route *trafficrouting.Route) { route.Acknowledged, route.Waiting = true, "" }

type seer struct {
	trafficrouting.Router
	change func(*trafficrouting.Route)
}

func (r seer) Observe(ctx context.Context, reader client.Reader, target trafficrouting.Target) ([]trafficrouting.Route, error) {
	routes, err := r.Router.Observe(ctx, reader, target)
	for i := range routes {
		r.change(&routes[i])
	}
	return routes, err
}
