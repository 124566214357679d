package trafficroutingtest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sluicehq/sluice/trafficrouting"
)

const (
	// routeName is the route of every case.
	routeName = "web"
	// team is the field manager under which the user applies it.
	team = "team"
	// poll is how often what is waited for is looked at.
	poll = 20 * time.Millisecond
	// together is how many requests are sent at once.
	together = 8
)

// stage is a scene with a route, and a router for it.
type stage struct {
	trial
	scene  Scene
	router trafficrouting.Router
	target trafficrouting.Target
	route  *unstructured.Unstructured
	// writes counts what the router has written.
	writes int
	// before is called before each write of the router; nil means nothing is.
	before func(ctx context.Context)
}

// newStage makes a scene with the route of these rules, and waits until a release could begin and every rule is served.
func newStage(c trial, rules ...Rule) *stage {
	c.Helper()
	s := newEmptyStage(c, Stable, rules...)
	s.apply(s.route)
	s.begin()
	for _, rule := range rules {
		s.eventually("answers on "+rule.Path, func() error {
			_, err := s.send(cmp.Or(rule.Path, "/"))
			return err
		})
	}
	return s
}

// newEmptyStage makes a scene without the route.
func newEmptyStage(c trial, stable string, rules ...Rule) *stage {
	c.Helper()
	s := &stage{trial: c, scene: c.world.Scene(c.T)}
	s.route = s.scene.Route(routeName, rules...)
	s.router = c.world.Router(s.counting(), c.world.Client())
	s.target = trafficrouting.Target{
		Namespace: s.scene.Namespace(), StableService: stable, CanaryService: Canary, Routes: []trafficrouting.RouteRef{s.ref()},
	}
	return s
}

func (s *stage) ref() trafficrouting.RouteRef {
	return trafficrouting.RouteRef{Kind: s.route.GetKind(), Namespace: s.route.GetNamespace(), Name: s.route.GetName()}
}

// name is that by which records know the route.
func (s *stage) name() string { return s.target.NameOf(s.ref()) }

// counting is the world's client, which counts what is written through it.
func (s *stage) counting() client.Client {
	write := func(ctx context.Context) {
		if s.before != nil {
			s.before(ctx)
		}
		s.writes++
	}
	return interceptor.NewClient(s.world.Client(), interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.UpdateOption) error {
			write(ctx)
			return c.Update(ctx, object, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, opts ...client.PatchOption) error {
			write(ctx)
			return c.Patch(ctx, object, patch, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			write(ctx)
			return c.Apply(ctx, object, opts...)
		},
	})
}

// tryApply is what a user does with `kubectl apply --server-side`.
func (s *stage) tryApply(manager string, route *unstructured.Unstructured) error {
	return s.world.Client().Apply(s.Context(), client.ApplyConfigurationFromUnstructured(route.DeepCopy()), client.FieldOwner(manager))
}

func (s *stage) apply(route *unstructured.Unstructured) {
	s.Helper()
	if err := s.tryApply(team, route); err != nil {
		s.Fatalf("applying the route: %v", err)
	}
}

func (s *stage) live() *unstructured.Unstructured {
	s.Helper()
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(s.route.GroupVersionKind())
	if err := s.world.Client().Get(s.Context(), client.ObjectKeyFromObject(s.route), live); err != nil {
		s.Fatalf("reading the route: %v", err)
	}
	return live
}

// observe reads through the world's client, or another reader.
func (s *stage) observe(readers ...client.Reader) trafficrouting.Route {
	s.Helper()
	reader := client.Reader(s.world.Client())
	if len(readers) > 0 {
		reader = readers[0]
	}
	routes, err := s.router.Observe(s.Context(), reader, s.target)
	if err != nil || len(routes) != 1 || routes[0].Name != s.name() {
		s.Fatalf("observing %s: %+v, %v", s.name(), routes, err)
	}
	return routes[0]
}

// eventually waits until look is content.
func (s *stage) eventually(what string, look func() error) {
	s.Helper()
	gomega.NewWithT(s).Eventually(look).WithTimeout(s.config.Within).WithPolling(poll).Should(gomega.Succeed(), "waiting for "+what)
}

// begin waits until a release could begin, and records the route.
func (s *stage) begin() {
	s.Helper()
	s.eventually("a route that a release could begin with", func() error {
		seen := s.observe()
		if seen.Problem != "" || !seen.Acknowledged || !seen.AtRest || seen.Original == "" || seen.Low != 0 || seen.High != 0 {
			return fmt.Errorf("seen: %+v", seen)
		}
		s.target.Originals = map[string]string{s.name(): seen.Original}
		return nil
	})
}

// setWeight writes a share, and says whether anything was written.
func (s *stage) setWeight(percent int32) bool {
	s.Helper()
	written, err := s.router.SetWeight(s.Context(), s.target, s.target.Originals, percent)
	if err != nil {
		s.Fatalf("setting %d %%: %v", percent, err)
	}
	if seen := s.observe(); seen.Low != percent || seen.High != percent || seen.AtRest {
		s.Fatalf("after setting %d %%: %+v", percent, seen)
	}
	return written[s.name()] != ""
}

func (s *stage) restore() {
	s.Helper()
	if _, err := s.router.Restore(s.Context(), s.target, s.target.Originals); err != nil {
		s.Fatalf("restoring: %v", err)
	}
	s.target.Originals = nil
}

// acknowledged waits until the route is, and gives the time at which it was.
func (s *stage) acknowledged() time.Time {
	s.Helper()
	s.eventually("the acknowledgement", func() error {
		if seen := s.observe(); !seen.Acknowledged || seen.Waiting != "" {
			return fmt.Errorf("waiting: %s; problem: %s", seen.Waiting, seen.Problem)
		}
		return nil
	})
	return s.config.Now()
}

// specText is the JSON of the spec.
func specText(t *testing.T, route *unstructured.Unstructured) string {
	t.Helper()
	text, err := json.Marshal(route.Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// owners are the managed fields but for those of statuses.
func owners(route *unstructured.Unstructured) []metav1.ManagedFieldsEntry {
	var entries []metav1.ManagedFieldsEntry
	for _, entry := range route.GetManagedFields() {
		if entry.Subresource == "" {
			entries = append(entries, entry)
		}
	}
	return entries
}
