package wanted

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

func canaryOf(c v1alpha1.CanaryStrategy) v1alpha1.RolloutStrategy {
	return v1alpha1.RolloutStrategy{Canary: &c}
}

func blueGreenOf(b v1alpha1.BlueGreenStrategy) v1alpha1.RolloutStrategy {
	return v1alpha1.RolloutStrategy{BlueGreen: &b}
}

func routing(settle *int32, routes ...string) *v1alpha1.TrafficRouting {
	t := &v1alpha1.TrafficRouting{SettleSeconds: settle}
	for _, name := range routes {
		if t.GatewayAPI == nil {
			t.GatewayAPI = &v1alpha1.GatewayAPIRouting{}
		}
		t.GatewayAPI.HTTPRoutes = append(t.GatewayAPI.HTTPRoutes, v1alpha1.RouteRef{Name: name})
	}
	return t
}

func analysisOf(template string) *v1alpha1.RolloutAnalysis {
	return &v1alpha1.RolloutAnalysis{Templates: []v1alpha1.AnalysisTemplateRef{{TemplateName: template}}}
}

// What every default comes to.
func TestDefaults(t *testing.T) {
	common := plan.Spec{
		Revision: "abc", Replicas: 1, ProgressDeadline: 600 * time.Second, HistoryLimit: 10, ScaleDownLimit: plan.Unbounded,
	}
	for name, c := range map[string]struct {
		strategy v1alpha1.RolloutStrategy
		change   func(*plan.Spec)
		drives   v1alpha1.ReleaseDrives
		names    []string
	}{
		"canary by pods": {
			strategy: canaryOf(v1alpha1.CanaryStrategy{}),
			change:   func(s *plan.Spec) { s.Mover, s.Surge = plan.ByReplicas, 1 },
			drives:   v1alpha1.ReleaseDrives{By: ByReplicas},
		},
		"canary by routes": {
			strategy: canaryOf(v1alpha1.CanaryStrategy{StableService: "s", CanaryService: "c", TrafficRouting: routing(nil, "b", "a")}),
			change: func(s *plan.Spec) {
				s.Mover, s.Surge, s.Settle = plan.ByRoutes, plan.Unbounded, 5*time.Second
				s.ScaleDownDelay, s.AbortScaleDownDelay = 30*time.Second, 30*time.Second
			},
			drives: v1alpha1.ReleaseDrives{By: ByRoutes, StableService: "s", CanaryService: "c", Routes: []string{"a", "b"}},
		},
		"dynamicStableScale": {
			strategy: canaryOf(v1alpha1.CanaryStrategy{TrafficRouting: routing(nil, "a"), DynamicStableScale: true}),
			change: func(s *plan.Spec) {
				s.Mover, s.Surge, s.Settle, s.DynamicStable = plan.ByRoutes, plan.Unbounded, 5*time.Second, true
				s.AbortScaleDownDelay = 30 * time.Second
			},
			drives: v1alpha1.ReleaseDrives{By: ByRoutes, Routes: []string{"a"}},
		},
		"blue-green by selector": {
			strategy: blueGreenOf(v1alpha1.BlueGreenStrategy{ActiveService: "a", PreviewService: "p"}),
			change: func(s *plan.Spec) {
				s.Mover, s.Surge, s.Settle = plan.BySelector, plan.Unbounded, 5*time.Second
				s.ScaleDownDelay, s.AbortScaleDownDelay = 30*time.Second, 30*time.Second
				s.Steps = []plan.Step{
					{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: 100}, {Kind: plan.StepSetWeight, Weight: 100},
				}
			},
			drives: v1alpha1.ReleaseDrives{By: BySelector, StableService: "a", CanaryService: "p"},
			names:  []string{"preview", "switch"},
		},
		"blue-green by routes": {
			strategy: blueGreenOf(v1alpha1.BlueGreenStrategy{
				ActiveService: "a", PreviewService: "p", TrafficRouting: routing(new(int32(2)), "r"),
			}),
			change: func(s *plan.Spec) {
				s.Mover, s.Surge, s.Settle = plan.ByRoutes, plan.Unbounded, 2*time.Second
				s.ScaleDownDelay, s.AbortScaleDownDelay = 30*time.Second, 30*time.Second
				s.Steps = []plan.Step{
					{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: 100}, {Kind: plan.StepSetWeight, Weight: 100},
				}
			},
			drives: v1alpha1.ReleaseDrives{By: ByRoutes, StableService: "a", CanaryService: "p", Routes: []string{"r"}},
			names:  []string{"preview", "switch"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Of(v1alpha1.RolloutSpec{Strategy: c.strategy}, "abc")
			if err != nil {
				t.Fatal(err)
			}
			want := common
			c.change(&want)
			if diff := cmp.Diff(want, got.Spec, cmpopts.IgnoreFields(plan.Step{}, "Key")); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.drives, got.Drives); diff != "" {
				t.Errorf("drives (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.names, got.StepNames); diff != "" {
				t.Errorf("names of steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValues(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	got, err := Of(v1alpha1.RolloutSpec{
		Replicas: new(int32(0)), ProgressDeadlineSeconds: new(int32(7)), ProgressDeadlineAbort: new(true),
		RevisionHistoryLimit: new(int32(0)), Paused: true, RestartAt: new(metav1.NewTime(at)),
		RollbackWindow: &v1alpha1.RollbackWindow{Revisions: 3},
		WorkloadRef:    &v1alpha1.WorkloadRef{Name: "d", ScaleDown: v1alpha1.ScaleDownProgressively},
		Strategy: canaryOf(v1alpha1.CanaryStrategy{
			ScaleDownDelaySeconds: new(int32(0)), AbortScaleDownDelaySeconds: new(int32(9)), ScaleDownDelayRevisionLimit: new(int32(2)),
			TrafficRouting: routing(new(int32(0)), "r"), MinPodsPerReplicaSet: new(int32(2)),
			ReplicaProgressThreshold: &v1alpha1.ReplicaProgressThreshold{Type: v1alpha1.ThresholdPods, Value: 4},
			Analysis:                 &v1alpha1.BackgroundAnalysis{RolloutAnalysis: *analysisOf("bg"), StartingStep: 2},
			Steps: []v1alpha1.CanaryStep{
				{SetWeight: new(int32(20))},
				{Pause: &v1alpha1.RolloutPause{}},
				{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromInt32(90))}},
				{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromString("90s"))}},
				{Analysis: analysisOf("t")},
				{SetCanaryScale: &v1alpha1.SetCanaryScale{Replicas: new(int32(3))}},
				{SetCanaryScale: &v1alpha1.SetCanaryScale{Weight: new(int32(30))}},
				{SetCanaryScale: &v1alpha1.SetCanaryScale{MatchTrafficWeight: new(true)}},
			},
		}),
	}, "abc")
	if err != nil {
		t.Fatal(err)
	}
	want := plan.Spec{
		Revision: "abc", AbortScaleDownDelay: 9 * time.Second, ProgressDeadline: 7 * time.Second, ProgressDeadlineAbort: true,
		Paused: true, RestartAt: at.UTC(), RollbackWindow: 3, Workload: plan.WorkloadGoesProgressively,
		Surge: plan.Unbounded, ScaleDownLimit: 2, MinPods: 2, Threshold: plan.Threshold{Pods: 4},
		Background: plan.Background{Key: `analysis {"templates":[{"templateName":"bg"}]}`, Start: 2},
		Steps: []plan.Step{
			{Kind: plan.StepSetWeight, Weight: 20},
			{Kind: plan.StepPause, Indefinite: true},
			{Kind: plan.StepPause, Duration: 90 * time.Second},
			{Kind: plan.StepPause, Duration: 90 * time.Second},
			{Kind: plan.StepAnalysis},
			{Kind: plan.StepScale, Pods: 3},
			{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: 30},
			{Kind: plan.StepScale, Pods: plan.Unbounded, Match: true},
		},
	}
	if diff := cmp.Diff(want, got.Spec, cmpopts.IgnoreFields(plan.Step{}, "Key")); diff != "" {
		t.Error(diff)
	}
	keys := map[string]int{}
	for _, step := range got.Spec.Steps {
		keys[step.Key]++
	}
	if len(keys) != 7 || keys[got.Spec.Steps[2].Key] != 2 {
		t.Errorf("only the two pauses of the same length are the same: %v", keys)
	}
	if diff := cmp.Diff(map[int32]AnalysisType{4: AnalysisOfStep, Background: AnalysisInBackground}, types(got)); diff != "" {
		t.Errorf("analyses: %s", diff)
	}
}

func types(r Release) map[int32]AnalysisType {
	out := map[int32]AnalysisType{}
	for index, a := range r.Analyses {
		out[index] = a.Type
	}
	return out
}

// The stages of a blue-green release are the steps of its analyses, its pause and its switch.
func TestBlueGreenSteps(t *testing.T) {
	for name, c := range map[string]struct {
		strategy v1alpha1.BlueGreenStrategy
		want     []plan.Step
		names    string
		analyses map[int32]AnalysisType
	}{
		"everything": {
			strategy: v1alpha1.BlueGreenStrategy{
				PreviewReplicaCount: new(int32(2)), AutoPromotionEnabled: new(false),
				PrePromotionAnalysis: analysisOf("pre"), PostPromotionAnalysis: analysisOf("post"),
			},
			want: []plan.Step{
				{Kind: plan.StepScale, Pods: 2, Key: "preview: 2 pods"},
				{Kind: plan.StepAnalysis, Key: `prePromotionAnalysis: analysis {"templates":[{"templateName":"pre"}]}`},
				{Kind: plan.StepPause, Indefinite: true, Key: "pause: pause"},
				{Kind: plan.StepSetWeight, Weight: 100, Key: "switch: setWeight 100"},
				{Kind: plan.StepAnalysis, Key: `postPromotionAnalysis: analysis {"templates":[{"templateName":"post"}]}`},
			},
			names:    "preview prePromotionAnalysis pause switch postPromotionAnalysis",
			analyses: map[int32]AnalysisType{1: AnalysisPrePromotion, 4: AnalysisPostPromotion},
		},
		"a time": {
			strategy: v1alpha1.BlueGreenStrategy{AutoPromotionEnabled: new(true), AutoPromotionSeconds: new(int32(9))},
			want: []plan.Step{
				{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: 100, Key: "preview: 100%"},
				{Kind: plan.StepPause, Duration: 9 * time.Second, Key: "pause: pause 9s"},
				{Kind: plan.StepSetWeight, Weight: 100, Key: "switch: setWeight 100"},
			},
			names:    "preview pause switch",
			analyses: map[int32]AnalysisType{},
		},
		"no wait": {
			strategy: v1alpha1.BlueGreenStrategy{AutoPromotionSeconds: new(int32(0)), PostPromotionAnalysis: analysisOf("post")},
			want: []plan.Step{
				{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: 100, Key: "preview: 100%"},
				{Kind: plan.StepSetWeight, Weight: 100, Key: "switch: setWeight 100"},
				{Kind: plan.StepAnalysis, Key: `postPromotionAnalysis: analysis {"templates":[{"templateName":"post"}]}`},
			},
			names:    "preview switch postPromotionAnalysis",
			analyses: map[int32]AnalysisType{2: AnalysisPostPromotion},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Of(v1alpha1.RolloutSpec{Strategy: blueGreenOf(c.strategy)}, "abc")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Spec.Steps); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if names := strings.Join(got.StepNames, " "); names != c.names {
				t.Errorf("names are %q", names)
			}
			if diff := cmp.Diff(c.analyses, types(got)); diff != "" {
				t.Errorf("analyses (-want +got):\n%s", diff)
			}
		})
	}
}

// maxSurge is rounded up and maxUnavailable down, and something may always move.
func TestBounds(t *testing.T) {
	number := func(n int32) *intstr.IntOrString { return new(intstr.FromInt32(n)) }
	text := func(s string) *intstr.IntOrString { return new(intstr.FromString(s)) }
	for _, c := range []struct {
		replicas           int32
		surge, unavailable *intstr.IntOrString
		routes             bool
		wantSurge          int32
		wantUnavailable    int32
	}{
		{replicas: 10, wantSurge: 3, wantUnavailable: 2},
		{replicas: 1, wantSurge: 1, wantUnavailable: 0},
		{replicas: 0, wantSurge: 0, wantUnavailable: 1},
		{replicas: 5, surge: number(1), unavailable: number(0), wantSurge: 1, wantUnavailable: 0},
		{replicas: 5, surge: number(0), unavailable: text("10%"), wantSurge: 0, wantUnavailable: 1},
		{replicas: 5, surge: text("0%"), unavailable: text("100%"), wantSurge: 0, wantUnavailable: 5},
		{replicas: 3, surge: text("99999%"), wantSurge: 2999 + 1, wantUnavailable: 0},
		{replicas: 100000, surge: text("99999%"), wantSurge: 100000, wantUnavailable: 25000},
		{replicas: 8, routes: true, wantSurge: plan.Unbounded, wantUnavailable: 2},
		{replicas: 8, routes: true, surge: number(0), wantSurge: 0, wantUnavailable: 2},
	} {
		canary := v1alpha1.CanaryStrategy{MaxSurge: c.surge, MaxUnavailable: c.unavailable}
		if c.routes {
			canary.TrafficRouting = routing(nil, "r")
		}
		got, err := Of(v1alpha1.RolloutSpec{Replicas: &c.replicas, Strategy: canaryOf(canary)}, "abc")
		if err != nil || got.Spec.Surge != c.wantSurge || got.Spec.Unavailable != c.wantUnavailable {
			t.Errorf("%+v: surge %d, unavailable %d, %v", c, got.Spec.Surge, got.Spec.Unavailable, err)
		}
	}
	for replicas := range int32(12) {
		got, err := Of(v1alpha1.RolloutSpec{Replicas: &replicas, Strategy: canaryOf(v1alpha1.CanaryStrategy{})}, "abc")
		if err != nil || got.Spec.Surge != DefaultSurge(replicas) {
			t.Errorf("of %d: %d, and %d by default: %v", replicas, got.Spec.Surge, DefaultSurge(replicas), err)
		}
	}
	got, err := Of(v1alpha1.RolloutSpec{Replicas: new(int32(9)), Strategy: blueGreenOf(v1alpha1.BlueGreenStrategy{
		MaxUnavailable: text("25%"), ReplicaProgressThreshold: &v1alpha1.ReplicaProgressThreshold{Type: v1alpha1.ThresholdPercent, Value: 80},
	})}, "abc")
	if err != nil || got.Spec.Unavailable != 2 || got.Spec.Surge != plan.Unbounded || got.Spec.Threshold != (plan.Threshold{Percent: 80}) {
		t.Errorf("blue-green: %+v, %v", got.Spec, err)
	}
}

func TestWorkloadPolicies(t *testing.T) {
	for when, want := range map[v1alpha1.WorkloadScaleDown]plan.WorkloadPolicy{
		"": plan.WorkloadStays, v1alpha1.ScaleDownNever: plan.WorkloadStays,
		v1alpha1.ScaleDownOnSuccess: plan.WorkloadGoesOnSuccess, v1alpha1.ScaleDownProgressively: plan.WorkloadGoesProgressively,
	} {
		if got := workloadPolicy(when); got != want {
			t.Errorf("%q: %v", when, got)
		}
	}
}

// Two steps have one key only where they do the same.
func TestKeysTellStepsApart(t *testing.T) {
	steps := []v1alpha1.CanaryStep{
		{SetWeight: new(int32(2))},
		{SetWeight: new(int32(20))},
		{SetCanaryScale: &v1alpha1.SetCanaryScale{Replicas: new(int32(2))}},
		{SetCanaryScale: &v1alpha1.SetCanaryScale{Weight: new(int32(2))}},
		{SetCanaryScale: &v1alpha1.SetCanaryScale{MatchTrafficWeight: new(true)}},
		{Pause: &v1alpha1.RolloutPause{}},
		{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromInt32(0))}},
		{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromInt32(2))}},
		{Analysis: analysisOf("a")},
		{Analysis: analysisOf("b")},
		{Analysis: &v1alpha1.RolloutAnalysis{
			Templates: []v1alpha1.AnalysisTemplateRef{{TemplateName: "a", ClusterScope: true}},
		}},
	}
	got, err := Of(v1alpha1.RolloutSpec{Strategy: canaryOf(v1alpha1.CanaryStrategy{Steps: steps})}, "abc")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, step := range got.Spec.Steps {
		keys[step.Key] = true
	}
	if len(keys) != len(steps) {
		t.Errorf("%d keys for %d steps: %v", len(keys), len(steps), slices.Sorted(maps.Keys(keys)))
	}
}

func TestErrorsNameTheField(t *testing.T) {
	canary := canaryOf(v1alpha1.CanaryStrategy{})
	both := blueGreenOf(v1alpha1.BlueGreenStrategy{})
	both.Canary = canary.Canary
	pause := &v1alpha1.RolloutPause{Duration: new(intstr.FromString("x"))}
	for field, strategy := range map[string]v1alpha1.RolloutStrategy{
		"spec.strategy: is empty":                          {},
		"spec.strategy: has two":                           both,
		"spec.strategy.canary.steps[0]: is empty":          canaryOf(v1alpha1.CanaryStrategy{Steps: []v1alpha1.CanaryStep{{}}}),
		"spec.strategy.canary.steps[0].pause.duration \"x": canaryOf(v1alpha1.CanaryStrategy{Steps: []v1alpha1.CanaryStep{{Pause: pause}}}),
		"spec.strategy.canary.steps[0].setCanaryScale: is empty": canaryOf(v1alpha1.CanaryStrategy{
			Steps: []v1alpha1.CanaryStep{{SetCanaryScale: &v1alpha1.SetCanaryScale{}}},
		}),
		"spec.strategy.canary.maxSurge: \"x\"":           canaryOf(v1alpha1.CanaryStrategy{MaxSurge: new(intstr.FromString("x"))}),
		"spec.strategy.canary.maxUnavailable: \"x%\"":    canaryOf(v1alpha1.CanaryStrategy{MaxUnavailable: new(intstr.FromString("x%"))}),
		"spec.strategy.blueGreen.maxUnavailable: \"-1\"": blueGreenOf(v1alpha1.BlueGreenStrategy{MaxUnavailable: new(intstr.FromInt32(-1))}),
	} {
		_, err := Of(v1alpha1.RolloutSpec{Strategy: strategy}, "abc")
		if err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("want an error about %s, got %v", field, err)
		}
	}
}

func TestMovers(t *testing.T) {
	for by, want := range map[string]plan.Mover{ByRoutes: plan.ByRoutes, ByReplicas: plan.ByReplicas, BySelector: plan.BySelector} {
		if got := MoverOf(v1alpha1.ReleaseDrives{By: by}); got != want {
			t.Errorf("%s: %v", by, got)
		}
	}
}
