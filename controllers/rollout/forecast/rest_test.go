package forecast

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// Every release that the definition allows comes to rest, whatever happens at its second step, and keeps to its bounds on
// the way.
func TestEveryReleaseComesToRest(t *testing.T) {
	for _, events := range []string{
		"", "abort@step:2", "template@step:2", "back@step:2", "promote-full@step:1", "jump:1@step:3",
		"gateway-silent@step:2,mend@step:2+1m", "hold@step:2,release@step:2+1m", "restart@step:2", "restart",
	} {
		t.Run(events, func(t *testing.T) {
			happens, err := ParseEvents(events)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				spec := rolloutSpec().Draw(t, "spec")
				f, err := Play(releaseOf(t, spec, happens))
				if err != nil {
					t.Fatal(err)
				}
				text, _ := json.Marshal(spec.Strategy) // for the message alone
				if f.Ending != AtRest {
					t.Fatalf("%s: %+v %s\n%d replicas, %s", f.Ending, f.Summary, f.Message, *spec.Replicas, text)
				}
				checkBounds(t, spec, f, text)
			})
		})
	}
}

func releaseOf(t *rapid.T, spec v1alpha1.RolloutSpec, events []Event) Scenario {
	t.Helper()
	before, err := wanted.Of(spec, "old")
	if err != nil {
		t.Fatal(err)
	}
	after, err := wanted.Of(spec, "new")
	if err != nil {
		t.Fatal(err)
	}
	return Scenario{
		Before: before.Spec, After: after.Spec, Events: events, Routes: after.Drives.Routes,
		StableService: after.Drives.StableService != "", CanaryService: after.Drives.CanaryService != "",
		Assume: Assumptions{
			PodReady: 5 * time.Second, OtherAnalysis: time.Minute, Background: NoEnd, Promotes: true, PromoteAfter: time.Minute,
		},
	}
}

// checkBounds holds a forecast to maxSurge and maxUnavailable. Two versions that both have traffic have a pod each.
func checkBounds(t *rapid.T, spec v1alpha1.RolloutSpec, f Forecast, text []byte) {
	t.Helper()
	release, err := wanted.Of(spec, "new")
	if err != nil {
		t.Fatal(err)
	}
	s := release.Spec
	if most := max(s.Replicas+s.Surge, min(2, 2*s.Replicas)); s.Surge != plan.Unbounded && f.Totals.PeakPods > most {
		t.Fatalf("%d pods, want at most %d\n%s", f.Totals.PeakPods, most, text)
	}
	if least := s.Replicas - s.Unavailable; f.Totals.LeastAvailable < least {
		t.Fatalf("%d pods available, want at least %d\n%d replicas, %s", f.Totals.LeastAvailable, least, s.Replicas, text)
	}
}

func rolloutSpec() *rapid.Generator[v1alpha1.RolloutSpec] {
	return rapid.Custom(func(t *rapid.T) v1alpha1.RolloutSpec {
		spec := v1alpha1.RolloutSpec{Replicas: new(rapid.Int32Range(0, 12).Draw(t, "replicas"))}
		if rapid.Bool().Draw(t, "blue-green") {
			spec.Strategy.BlueGreen = blueGreenStrategy(t)
		} else {
			spec.Strategy.Canary = canaryStrategy(t)
		}
		return spec
	})
}

func canaryStrategy(t *rapid.T) *v1alpha1.CanaryStrategy {
	c := &v1alpha1.CanaryStrategy{
		MaxSurge: bound(t, "maxSurge"), MaxUnavailable: bound(t, "maxUnavailable"), ReplicaProgressThreshold: someThreshold(t),
	}
	routed := rapid.Bool().Draw(t, "routed")
	if routed {
		c.StableService, c.CanaryService, c.TrafficRouting = "web", "web-canary", routing()
		c.MinPodsPerReplicaSet = maybe(t, "minPods", 1, 4)
		c.AbortScaleDownDelaySeconds = maybe(t, "abortDelay", 0, 20)
		if c.DynamicStableScale = rapid.Bool().Draw(t, "dynamic"); !c.DynamicStableScale {
			c.ScaleDownDelaySeconds = maybe(t, "delay", 0, 20)
		}
	}
	for range rapid.IntRange(0, 6).Draw(t, "steps") {
		c.Steps = append(c.Steps, someStep(t, routed))
	}
	if rapid.Bool().Draw(t, "background") {
		c.Analysis = &v1alpha1.BackgroundAnalysis{RolloutAnalysis: *someAnalysis()}
	}
	return c
}

func someStep(t *rapid.T, routed bool) v1alpha1.CanaryStep {
	kinds := []string{"weight", "weight", "weight", "wait", "pause", "analysis"}
	if routed {
		kinds = append(kinds, "pods", "share", "match")
	}
	switch rapid.SampledFrom(kinds).Draw(t, "step") {
	case "wait":
		return v1alpha1.CanaryStep{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromInt32(rapid.Int32Range(0, 20).Draw(t, "for")))}}
	case "pause":
		return v1alpha1.CanaryStep{Pause: &v1alpha1.RolloutPause{}}
	case "analysis":
		return v1alpha1.CanaryStep{Analysis: someAnalysis()}
	case "pods":
		return v1alpha1.CanaryStep{SetCanaryScale: &v1alpha1.SetCanaryScale{Replicas: new(rapid.Int32Range(0, 15).Draw(t, "pods"))}}
	case "share":
		return v1alpha1.CanaryStep{SetCanaryScale: &v1alpha1.SetCanaryScale{Weight: new(rapid.Int32Range(0, 100).Draw(t, "share"))}}
	case "match":
		return v1alpha1.CanaryStep{SetCanaryScale: &v1alpha1.SetCanaryScale{MatchTrafficWeight: new(true)}}
	}
	return v1alpha1.CanaryStep{SetWeight: new(rapid.Int32Range(0, 100).Draw(t, "weight"))}
}

func blueGreenStrategy(t *rapid.T) *v1alpha1.BlueGreenStrategy {
	b := &v1alpha1.BlueGreenStrategy{
		ActiveService: "web", MaxUnavailable: bound(t, "maxUnavailable"), ReplicaProgressThreshold: someThreshold(t),
		PreviewReplicaCount: maybe(t, "preview", 1, 15), ScaleDownDelaySeconds: maybe(t, "delay", 0, 20),
		ScaleDownDelayRevisionLimit: maybe(t, "limit", 0, 2), AbortScaleDownDelaySeconds: maybe(t, "abortDelay", 0, 20),
	}
	if rapid.Bool().Draw(t, "previewed") {
		b.PreviewService = "web-preview"
		if rapid.Bool().Draw(t, "routed") {
			b.TrafficRouting = routing()
		}
	}
	if rapid.Bool().Draw(t, "by hand") {
		b.AutoPromotionEnabled = new(false)
	} else {
		b.AutoPromotionSeconds = maybe(t, "after", 0, 20)
	}
	if rapid.Bool().Draw(t, "before") {
		b.PrePromotionAnalysis = someAnalysis()
	}
	if rapid.Bool().Draw(t, "after it") {
		b.PostPromotionAnalysis = someAnalysis()
	}
	return b
}

func someAnalysis() *v1alpha1.RolloutAnalysis {
	return &v1alpha1.RolloutAnalysis{Templates: []v1alpha1.AnalysisTemplateRef{{TemplateName: "success"}}}
}

func routing() *v1alpha1.TrafficRouting {
	return &v1alpha1.TrafficRouting{GatewayAPI: &v1alpha1.GatewayAPIRouting{HTTPRoutes: []v1alpha1.RouteRef{{Name: "web"}}}}
}

func someThreshold(t *rapid.T) *v1alpha1.ReplicaProgressThreshold {
	switch rapid.SampledFrom([]string{"none"}).Draw(t, "threshold") {
	case "percent":
		return &v1alpha1.ReplicaProgressThreshold{Type: v1alpha1.ThresholdPercent, Value: rapid.Int32Range(1, 100).Draw(t, "percent")}
	case "pods":
		return &v1alpha1.ReplicaProgressThreshold{Type: v1alpha1.ThresholdPods, Value: rapid.Int32Range(1, 15).Draw(t, "enough")}
	}
	return nil
}

// bound is absent, a number of pods, or a percentage.
func bound(t *rapid.T, name string) *intstr.IntOrString {
	switch rapid.SampledFrom([]string{"absent", "pods", "percent"}).Draw(t, name) {
	case "pods":
		return new(intstr.FromInt32(rapid.Int32Range(0, 4).Draw(t, name+" pods")))
	case "percent":
		return new(intstr.FromString(strconv.Itoa(rapid.IntRange(0, 100).Draw(t, name+" percent")) + "%"))
	}
	return nil
}

func maybe(t *rapid.T, name string, least, most int32) *int32 {
	if !rapid.Bool().Draw(t, "has "+name) {
		return nil
	}
	return new(rapid.Int32Range(least, most).Draw(t, name))
}
