package trafficroutingtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sluicehq/sluice/trafficrouting"
)

// Names of cases, for Config.Cases.
const (
	CaseWeights       = "weights"
	CaseOtherBackends = "other backends"
	CaseNoTrace       = "leaves no trace"
	CaseWritesOnce    = "writes once"
	CaseOtherWriters  = "other writers"
	CaseProblems      = "problems"
	CaseSelected      = "selected"
	CaseAcknowledged  = "acknowledged"
	CaseRefused       = "refused"
	CaseGone          = "gone"
	CaseTooShort      = "gone, with too short a settle"
)

// Run runs every case on a world, or those that the config names.
func Run(t *testing.T, world World, config Config) {
	t.Helper()
	config, err := config.complete()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if len(config.Cases) == 0 || slices.Contains(config.Cases, c.name) {
			t.Run(c.name, func(t *testing.T) { c.run(trial{t, world, config}) })
		}
	}
}

// cases are all that there are.
var cases = []struct {
	name string
	run  func(trial)
}{
	{CaseWeights, trial.weights},
	{CaseOtherBackends, trial.otherBackends},
	{CaseNoTrace, trial.leavesNoTrace},
	{CaseWritesOnce, trial.writesOnce},
	{CaseOtherWriters, trial.otherWriters},
	{CaseProblems, trial.problems},
	{CaseSelected, trial.selected},
	{CaseAcknowledged, trial.acknowledgedForThePresent},
	{CaseRefused, trial.refused},
	{CaseGone, trial.gone},
	{CaseTooShort, trial.goneControl},
}

// isCase says whether there is a case of that name.
func isCase(name string) bool {
	for _, c := range cases {
		if c.name == name {
			return true
		}
	}
	return false
}

// trial is one case on one world.
type trial struct {
	*testing.T
	world  World
	config Config
}

// toStable is the simplest rule.
func toStable() Rule { return Rule{Backends: []Backend{{Stable, 1}}} }

func (c trial) weights() {
	s := newStage(c, toStable())
	s.observed("/", shares{Stable: 100})
	for _, percent := range []int32{0, 1, 50, 99, 100, 0} {
		if !s.setWeight(percent) {
			c.Errorf("%d %% was not written", percent)
		}
		s.acknowledged()
		s.observed("/", shares{Stable: float64(100 - percent), Canary: float64(percent)})
	}
	s.restore()
	s.acknowledged()
	s.observed("/", shares{Stable: 100})
}

func (c trial) otherBackends() {
	s := newStage(c,
		Rule{Path: "/api", Backends: []Backend{{Stable, 3}, {Other, 1}}},
		Rule{Path: "/docs", Backends: []Backend{{Other, 1}}},
		Rule{Path: "/", Backends: []Backend{{Stable, 7}}},
	)
	s.observed("/api", shares{Stable: 75, Other: 25})
	for _, percent := range []float64{50, 100} {
		s.setWeight(int32(percent))
		s.acknowledged()
		s.observed("/api", shares{Stable: 75 * (100 - percent) / 100, Canary: 75 * percent / 100, Other: 25})
		s.observed("/docs", shares{Other: 100})
		s.observed("/rest", shares{Stable: 100 - percent, Canary: percent})
	}
	s.restore()
	s.acknowledged()
	s.observed("/api", shares{Stable: 75, Other: 25})
	s.observed("/rest", shares{Stable: 100})
}

func (c trial) leavesNoTrace() {
	s := newStage(c,
		Rule{Path: "/api", Backends: []Backend{{Stable, 3}, {Other, 1}}}, Rule{Path: "/", Backends: []Backend{{Stable, 1}}})
	before := s.live()
	for _, percent := range []int32{20, 100} {
		s.setWeight(percent)
	}
	if err := s.tryApply(team, s.scene.Route(routeName, Rule{Backends: []Backend{{Other, 1}}})); !apierrors.IsConflict(err) {
		c.Errorf("while a release runs the rules are the router's, but applying others gave %v", err)
	}
	s.restore()
	after := s.live()
	if got, want := specText(s.T, after), specText(s.T, before); got != want {
		c.Errorf("the spec is\n%s\nand was\n%s", got, want)
	}
	if diff := cmp.Diff(before.GetAnnotations(), after.GetAnnotations()); diff != "" {
		c.Errorf("annotations (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(before.GetLabels(), after.GetLabels()); diff != "" {
		c.Errorf("labels (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(owners(before), owners(after)); diff != "" {
		c.Errorf("managed fields (-before +after):\n%s", diff)
	}
	if seen := s.observe(); !seen.AtRest || seen.Low != 0 || seen.High != 0 {
		c.Errorf("not at rest: %+v", seen)
	}
	if err := s.tryApply(team, s.scene.Route(routeName, Rule{Backends: []Backend{{Stable, 5}, {Other, 5}}})); err != nil {
		c.Errorf("applying other rules after the release: %v", err)
	}
}

func (c trial) writesOnce() {
	s := newStage(c, toStable())
	for _, percent := range []int32{20, 100, 0} {
		s.setWeight(percent)
		written := s.writes
		if s.setWeight(percent) || s.writes != written {
			c.Errorf("%d %% was written twice", percent)
		}
	}
	originals := maps.Clone(s.target.Originals)
	s.restore()
	written := s.writes
	s.target.Originals = originals
	s.restore()
	if s.writes != written {
		c.Error("restoring a route at rest wrote it")
	}
}

// otherWriters: somebody else writes the route just before the router does.
func (c trial) otherWriters() {
	s := newStage(c, toStable())
	interfere := func(value string, times int) {
		s.before = func(ctx context.Context) {
			if times--; times < 0 {
				return
			}
			patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"example.com/other":"%s-%d"}}}`, value, times)
			if err := c.world.Client().Patch(ctx, s.live(), client.RawPatch(types.MergePatchType, patch), client.FieldOwner("editor")); err != nil {
				c.Errorf("the other writer: %v", err)
			}
		}
	}
	interfere("once", 1)
	if !s.setWeight(20) {
		c.Error("20 % was not written")
	}
	interfere("twice", 2)
	s.setWeight(60)
	if got := s.live().GetAnnotations()["example.com/other"]; got != "twice-0" {
		c.Errorf("the other writer's annotation is %q", got)
	}
	interfere("end", 1)
	s.restore()
	s.before = nil
	live := s.live()
	if got := live.GetAnnotations()["example.com/other"]; got != "end-0" {
		c.Errorf("after restoring, the other writer's annotation is %q", got)
	}
	if seen := s.observe(); !seen.AtRest {
		c.Errorf("not at rest: %+v", seen)
	}
}

func (c trial) problems() {
	for name, tc := range map[string]struct {
		stable  string
		rules   []Rule
		applied bool
		reason  string
	}{
		"no such route":         {Stable, []Rule{toStable()}, false, trafficrouting.ReasonRouteNotFound},
		"no such Service":       {"missing", []Rule{{Backends: []Backend{{"missing", 1}}}}, true, trafficrouting.ReasonRefsNotResolved},
		"not the Service's":     {Stable, []Rule{{Backends: []Backend{{Other, 1}}}}, true, trafficrouting.ReasonNoStableBackend},
		"nothing to the stable": {Stable, []Rule{{Backends: []Backend{{Stable, 0}, {Other, 1}}}}, true, trafficrouting.ReasonNoTraffic},
	} {
		c.Run(name, func(t *testing.T) {
			s := newEmptyStage(trial{t, c.world, c.config}, tc.stable, tc.rules...)
			if tc.applied {
				s.apply(s.route)
			}
			s.eventually("the problem "+tc.reason, func() error {
				seen := s.observe()
				if seen.ProblemReason != tc.reason || seen.Problem == "" || seen.Original != "" {
					return fmt.Errorf("seen: %+v", seen)
				}
				return nil
			})
		})
	}
}

// selected: routes are found by their labels, if they name the stable Service.
func (c trial) selected() {
	s := newEmptyStage(c, Stable, toStable())
	s.route.SetLabels(map[string]string{"app": "web"})
	s.apply(s.route)
	bystander := s.scene.Route("bystander", Rule{Backends: []Backend{{Other, 1}}})
	bystander.SetLabels(map[string]string{"app": "web"})
	s.apply(bystander)
	for value, want := range map[string][]trafficrouting.RouteRef{"web": {s.ref()}, "another": nil} {
		found, err := s.router.Select(c.Context(), c.world.Client(), s.target, []trafficrouting.RouteSelector{{
			Kind: s.route.GetKind(), Namespace: s.scene.Namespace(), Labels: labels.SelectorFromSet(labels.Set{"app": value}),
		}})
		if diff := cmp.Diff(want, found, cmpopts.EquateEmpty()); diff != "" || err != nil {
			c.Errorf("app=%s: %v (-want +got):\n%s", value, err, diff)
		}
	}
}

// acknowledgedForThePresent: what a gateway has said of the route as it was before says nothing of it as it is.
func (c trial) acknowledgedForThePresent() {
	s := newStage(c, toStable())
	old := s.live()
	s.setWeight(20)
	frozen := interceptor.NewClient(c.world.Client(), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
			if err := c.Get(ctx, key, object, opts...); err != nil {
				return err
			}
			if route, ok := object.(*unstructured.Unstructured); ok && route.GetKind() == old.GetKind() {
				route.Object["status"] = old.DeepCopy().Object["status"]
			}
			return nil
		},
	})
	if seen := s.observe(frozen); seen.Acknowledged || seen.Waiting == "" || seen.Low != 20 || seen.Problem != "" {
		c.Errorf("with the status of before: %+v", seen)
	}
	s.acknowledged()
	if seen := s.observe(frozen); seen.Acknowledged {
		c.Errorf("with the status of before, later: %+v", seen)
	}
}

func (c trial) refused() {
	s := newStage(c, toStable())
	refuser, ok := s.scene.(Refuser)
	if !ok {
		c.Skip("this world cannot make its gateway refuse a route")
	}
	s.setWeight(20)
	s.acknowledged()
	if err := refuser.Refuse(c.Context(), routeName, true); err != nil {
		c.Fatal(err)
	}
	s.eventually("the refusal", func() error {
		if seen := s.observe(); seen.Acknowledged || seen.Problem != "" {
			return fmt.Errorf("seen: %+v", seen)
		}
		return nil
	})
	s.setWeight(50)
	// The gateway has looked at the new weights, and still refuses.
	generation := s.live().GetGeneration()
	s.eventually(fmt.Sprintf("the gateway to look at generation %d", generation), func() error {
		seen := s.observe()
		if seen.Acknowledged {
			c.Fatalf("a refused route is acknowledged: %+v", seen)
		}
		if !looked(s.live(), generation) {
			return fmt.Errorf("not yet; waiting: %s", seen.Waiting)
		}
		return nil
	})
	if seen := s.observe(); seen.Acknowledged || seen.Waiting == "" {
		c.Errorf("a refused route: %+v", seen)
	}
	s.setWeight(0) // Nothing keeps an abort from being written.
	if err := refuser.Refuse(c.Context(), routeName, false); err != nil {
		c.Fatal(err)
	}
	s.acknowledged()
	s.observed("/", shares{Stable: 100})
}

// looked says whether a condition in the route's status is of this generation.
func looked(route *unstructured.Unstructured, generation int64) bool {
	text, err := json.Marshal(route.Object["status"])
	return err == nil && strings.Contains(string(text), fmt.Sprintf(`"observedGeneration":%d`, generation))
}

// tooLate is how many times as long as the settle time the data plane lags in the control.
const tooLate = 5

// gone: what is taken from the canary is gone Settle after it was acknowledged, on a data plane that lags by less.
func (c trial) gone() {
	late, after := c.lateAnswers(c.config.Settle/4, c.config.Settle)
	if late > 0 {
		c.Errorf("%d of %d requests went to the canary later than %s after its weight was acknowledged as gone", late, after, c.config.Settle)
	}
}

// goneControl: the same on a data plane that lags by more shows late requests, so the case above can see them.
func (c trial) goneControl() {
	late, after := c.lateAnswers(tooLate*c.config.Settle, c.config.Settle)
	if late == 0 {
		c.Errorf("none of %d requests went to the canary later than %s after the acknowledgement, though the data plane lags by %s",
			after, c.config.Settle, tooLate*c.config.Settle)
	}
}

// lateAnswers moves the weight to the canary and back under requests, and counts those that the canary answered though
// they were sent later than settle after the acknowledgement of weight 0, among all that were.
func (c trial) lateAnswers(lag, settle time.Duration) (late, after int) {
	c.Helper()
	s := newStage(c, toStable())
	s.setWeight(50)
	s.acknowledged()
	s.observed("/", shares{Stable: 50, Canary: 50})
	s.lag(lag, settle)
	requests := s.stream("/")
	// Of two changes that follow each other, a gateway that gathers changes holds the second one up.
	s.setWeight(60)
	s.acknowledged()
	s.setWeight(0)
	acknowledged := s.acknowledged()
	border := acknowledged.Add(settle)
	// As long again is watched, and until enough requests have been sent.
	s.eventually("requests after the canary is gone", func() error {
		if seen := len(requests.seen(border)); s.config.Now().Before(border.Add(settle)) || seen < s.config.Requests {
			return fmt.Errorf("%d so far", seen)
		}
		return nil
	})
	last := acknowledged
	for _, a := range requests.end() {
		if a.err != nil {
			c.Fatalf("a request was lost: %v", a.err)
		}
		if a.service == Canary && a.sent.After(last) {
			last = a.sent
		}
		if !a.sent.Before(border) {
			after++
			if a.service == Canary {
				late++
			}
		}
	}
	c.Logf("%d requests were sent later than %s after the acknowledgement, %d of them went to the canary; the last one that did was sent %s after it",
		after, settle, late, last.Sub(acknowledged).Round(time.Millisecond))
	return late, after
}

// lag lets the data plane lag from now on. Where it cannot, its own habits must do for a lag within the settle time, and
// the case is skipped for a longer one.
func (s *stage) lag(lag, settle time.Duration) {
	s.Helper()
	err := errors.ErrUnsupported
	if lagger, ok := s.scene.(Lagger); ok {
		err = lagger.Lag(s.Context(), lag)
	}
	switch {
	case errors.Is(err, errors.ErrUnsupported) && lag > settle:
		s.Skipf("this world cannot make its data plane lag by %s", lag)
	case err != nil && !errors.Is(err, errors.ErrUnsupported):
		s.Fatal(err)
	}
}
