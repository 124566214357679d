package forecast

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// canary is a spec with steps that move traffic by routes: two of its steps wait for a verdict or for a person.
func canary(revision string) plan.Spec {
	return plan.Spec{
		Revision: revision, Replicas: 4, Surge: plan.Unbounded, ScaleDownLimit: plan.Unbounded, Unavailable: 1,
		Steps: []plan.Step{
			{Kind: plan.StepSetWeight, Weight: 25, Key: "25"},
			{Kind: plan.StepAnalysis, Key: "analysis"},
			{Kind: plan.StepPause, Indefinite: true, Key: "pause"},
			{Kind: plan.StepSetWeight, Weight: 50, Key: "50"},
			{Kind: plan.StepPause, Duration: 10 * time.Minute, Key: "pause 10m"},
		},
		Settle: 5 * time.Second, ScaleDownDelay: 30 * time.Second, AbortScaleDownDelay: 30 * time.Second,
		ProgressDeadline: 10 * time.Minute, ProgressDeadlineAbort: true, HistoryLimit: 10,
	}
}

// byPods is the same, moved by numbers of pods.
func byPods(revision string) plan.Spec {
	s := canary(revision)
	s.Mover, s.Surge, s.Unavailable = plan.ByReplicas, 1, 0
	s.Settle, s.ScaleDownDelay, s.AbortScaleDownDelay = 0, 0, 0
	return s
}

// blueGreen switches a Service, after a preview, a pause and before an analysis.
func blueGreen(revision string) plan.Spec {
	s := canary(revision)
	s.Mover, s.Unavailable = plan.BySelector, 0
	s.Steps = []plan.Step{
		{Kind: plan.StepScale, Pods: 1, Key: "preview"},
		{Kind: plan.StepAnalysis, Key: "pre"},
		{Kind: plan.StepPause, Indefinite: true, Key: "pause"},
		{Kind: plan.StepSetWeight, Weight: 100, Key: "switch"},
		{Kind: plan.StepAnalysis, Key: "post"},
	}
	return s
}

func scenario(spec func(string) plan.Spec, events ...Event) Scenario {
	s := Scenario{
		Before: spec("old"), After: spec("new"), Events: events,
		Assume: Assumptions{
			PodReady: 10 * time.Second, OtherAnalysis: 5 * time.Minute, Background: NoEnd, Promotes: true, PromoteAfter: time.Minute,
		},
	}
	switch s.After.Mover {
	case plan.ByRoutes:
		s.StableService, s.CanaryService, s.Routes = true, true, []string{"shop"}
	case plan.BySelector:
		s.StableService, s.CanaryService = true, true
	case plan.ByReplicas:
	}
	return s
}

func played(t *testing.T, s Scenario) Forecast {
	t.Helper()
	f, err := Play(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Violations) > 0 {
		t.Errorf("broken invariants: %v", f.Violations)
	}
	return f
}

func events(t *testing.T, text string) []Event {
	t.Helper()
	parsed, err := ParseEvents(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// reasons are those of all notes, in their order.
func reasons(f Forecast) []string {
	var out []string
	for _, e := range f.Entries {
		for _, n := range e.Notes {
			out = append(out, n.Reason)
		}
	}
	return out
}

func TestEndings(t *testing.T) {
	for name, row := range map[string]struct {
		spec   func(string) plan.Spec
		events string
		ending Ending
		phase  plan.Phase
		// stable is the revision that has all traffic at the end, and note one that must have been given.
		stable, note string
	}{
		"a good release":                {canary, "", AtRest, plan.Healthy, "new", "Promoted"},
		"by pods":                       {byPods, "", AtRest, plan.Healthy, "new", ""},
		"blue-green":                    {blueGreen, "", AtRest, plan.Healthy, "new", ""},
		"aborted":                       {canary, "abort@step:5+1m", AtRest, plan.Degraded, "old", "RolloutAborted"},
		"aborted by pods":               {byPods, "abort@weight:50", AtRest, plan.Degraded, "old", "RolloutAborted"},
		"blue-green aborted at the end": {blueGreen, "abort@step:5", AtRest, plan.Degraded, "old", "RolloutAborted"},
		"an analysis fails":             {canary, "analysis-fails@step:2+30s", AtRest, plan.Degraded, "old", "RolloutAborted"},
		"the next analysis fails":       {canary, "analysis-fails", AtRest, plan.Degraded, "old", "RolloutAborted"},
		"an inconclusive analysis":      {canary, "analysis-inconclusive@step:2+30s", AtRest, plan.Healthy, "new", "RequestAccepted"},
		"pods crash":                    {canary, "pods-crash@step:4", AtRest, plan.Degraded, "old", "RolloutAborted"},
		"pods never become ready":       {canary, "pods-stuck", AtRest, plan.Degraded, "old", "RolloutAborted"},
		"a silent gateway that mends":   {canary, "gateway-silent@step:4,mend@step:4+2m", AtRest, plan.Healthy, "new", "Promoted"},
		"superseded":                    {canary, "template@step:5", AtRest, plan.Healthy, "new-2", ""},
		"taken back":                    {canary, "back@step:5", AtRest, plan.Healthy, "old", ""},
		"scaled":                        {canary, "scale:8@step:5", AtRest, plan.Healthy, "new", "Promoted"},
		"scaled to nothing":             {canary, "scale:0@step:5", AtRest, plan.Healthy, "", ""},
		"aborted and retried":           {canary, "abort@step:3,retry@aborted+2m", AtRest, plan.Healthy, "new", "Promoted"},
		"two in a row":                  {canary, "template@promoted+1m", AtRest, plan.Healthy, "new-2", "Promoted"},
		"a request that comes too late": {canary, "abort@promoted", AtRest, plan.Healthy, "new", "RequestRefused"},
		"a jump back":                   {canary, "jump:1@step:5", AtRest, plan.Healthy, "new", "RequestAccepted"},
		"full promotion":                {canary, "promote-full@step:2", AtRest, plan.Healthy, "new", "RequestAccepted"},
		"paused and resumed":            {canary, "pause@step:2,resume@20m", AtRest, plan.Healthy, "new", "RequestAccepted"},
		"paused for good":               {canary, "pause@step:2", WaitsForPerson, plan.Paused, "", "RequestAccepted"},
		"held for good":                 {canary, "hold@step:2", WaitsForPerson, plan.Paused, "", ""},
		"held and released":             {canary, "hold,release@1h", AtRest, plan.Healthy, "new", "Promoted"},
		"restarted":                     {canary, "restart@promoted", AtRest, plan.Healthy, "new", ""},
		"restarted without a spare pod": {byPods, "restart@promoted", AtRest, plan.Healthy, "new", ""},
		"crashing pods that are mended": {byPods, "pods-crash@promoted+1m,mend@promoted+2m", AtRest, plan.Healthy, "new", ""},
		"a gateway that is silent for good": {
			canary, "gateway-silent@step:4", Stuck, plan.Degraded, "", "RolloutAborted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := played(t, scenario(row.spec, events(t, row.events)...))
			if f.Ending != row.ending || f.Summary.Phase != row.phase {
				t.Errorf("ends %s, %s: %s %s", f.Ending, f.Summary.Phase, f.Summary.Message, f.Message)
			}
			if row.note != "" && !slices.Contains(reasons(f), row.note) {
				t.Errorf("no note %s among %v", row.note, reasons(f))
			}
			for _, r := range f.Revisions {
				if row.stable != "" && (r.Name == row.stable) != (r.Share == fullShare) {
					t.Errorf("revision %s has %d %% of the traffic at the end", r.Name, r.Share)
				}
			}
			if len(f.Unused) > 0 {
				t.Errorf("never happened: %v", f.Unused)
			}
		})
	}
}

func TestTotals(t *testing.T) {
	f := played(t, scenario(canary))
	got := f.Totals
	got.Decisions, got.Writes = 0, 0
	want := Totals{
		// The pods of three sizes, settled endpoints, analysis, person and pause; then the hand-over, and the delay.
		Duration: 17*time.Minute + 20*time.Second, Served: 16*time.Minute + 35*time.Second,
		Pauses: 10 * time.Minute, Analysis: 5 * time.Minute, Persons: time.Minute, WaitsForPersons: 1,
		Replicas: 4, PeakPods: 8, LeastAvailable: 4, ExtraPodTime: 30*time.Minute + 15*time.Second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if f.Totals.Decisions == 0 || f.Totals.Writes == 0 {
		t.Errorf("no decisions or writes: %+v", f.Totals)
	}
}

func TestNobodyPromotes(t *testing.T) {
	s := scenario(canary)
	s.Assume.Promotes = false
	f := played(t, s)
	last := f.Entries[len(f.Entries)-1]
	if f.Ending != WaitsForPerson || last.Kind != Waits || last.For != 0 || last.Step != 3 {
		t.Errorf("ends %s: %+v", f.Ending, last)
	}
}

func TestSomebodyPromotesEarlierThanAssumed(t *testing.T) {
	f := played(t, scenario(canary, events(t, "promote@waiting+20s")...))
	if f.Totals.Persons != 20*time.Second {
		t.Errorf("somebody was waited for %s", f.Totals.Persons)
	}
}

func TestCreation(t *testing.T) {
	s := scenario(canary)
	s.Before = plan.Spec{}
	f := played(t, s)
	if f.Ending != AtRest || f.Summary.Phase != plan.Healthy || f.Totals.Duration != 10*time.Second {
		t.Errorf("%s after %s: %+v", f.Ending, f.Totals.Duration, f.Summary)
	}
}

func TestWorkloadGoes(t *testing.T) {
	s := scenario(byPods)
	s.Before, s.After.Workload = plan.Spec{}, plan.WorkloadGoesOnSuccess
	s.HasWorkload, s.WorkloadPods = true, 4
	f := played(t, s)
	first, last := f.Entries[0].Revisions, f.Entries[len(f.Entries)-1].Revisions
	if first[0] != (Revision{Name: WorkloadName, Share: 100, Pods: 4, Available: 4, Desired: 4}) {
		t.Errorf("before: %+v", first)
	}
	if last[0].Pods != 0 || last[1].Share != 100 || f.Totals.PeakPods != 8 {
		t.Errorf("after: %+v, %+v", last, f.Totals)
	}
}

func TestTheSpecIsTheSame(t *testing.T) {
	s := scenario(canary)
	s.After = s.Before
	f := played(t, s)
	if len(f.Entries) != 1 || f.Ending != AtRest || f.Totals.Writes != 0 {
		t.Errorf("%+v", f)
	}
}

// A restart that the spec asks for replaces the pods of before; one that it asked for already does nothing.
func TestRestartAt(t *testing.T) {
	s := scenario(canary)
	s.After = s.Before
	s.Start = time.Date(2026, time.March, 1, 10, 0, 0, 0, time.UTC)
	s.After.RestartAt = s.Start.Add(-40 * 24 * time.Hour)
	if f := played(t, s); f.Totals.Writes == 0 {
		t.Error("a restart of before its pods were old did nothing")
	}
	s.After.RestartAt = s.Start.Add(time.Hour)
	if f := played(t, s); f.Totals.Writes == 0 || f.Totals.Duration < time.Hour {
		t.Errorf("a restart to come: %+v", f.Totals)
	}
	s.Before.RestartAt = s.After.RestartAt
	if f := played(t, s); f.Totals.Writes != 0 {
		t.Error("a restart that was asked for before was carried out again")
	}
}

func TestEndlessAnalysis(t *testing.T) {
	s := scenario(canary)
	s.Assume.Analysis = map[int32]time.Duration{1: NoEnd}
	if f := played(t, s); f.Ending != Stuck {
		t.Errorf("ends %s: %+v", f.Ending, f.Summary)
	}
	s.Assume.Analysis = map[int32]time.Duration{1: 0}
	if f := played(t, s); f.Ending != AtRest || f.Totals.Analysis != 0 {
		t.Errorf("ends %s: %+v", f.Ending, f.Totals)
	}
}

// anyEvent is whatever may happen, at any time.
func anyEvent(t *rapid.T) Event {
	m := rapid.SampledFrom(meanings).Draw(t, "do")
	e := Event{Do: m.do, Delay: time.Duration(rapid.IntRange(0, 900).Draw(t, "delay")) * time.Second}
	if m.numbered {
		e.Number = int32(rapid.IntRange(1, 6).Draw(t, "number"))
	}
	e.When = rapid.SampledFrom([]When{WhenElapsed, WhenStep, WhenWeight, WhenWaiting, WhenPromoted, WhenAborted}).Draw(t, "when")
	switch e.When {
	case WhenStep:
		e.Threshold = int32(rapid.IntRange(1, 6).Draw(t, "step"))
	case WhenWeight:
		e.Threshold = int32(rapid.IntRange(0, 100).Draw(t, "weight"))
	default:
	}
	return e
}

// anyCanary is a canary of whatever settings make sense together.
func anyCanary(t *rapid.T) func(string) plan.Spec {
	s := canary("")
	s.Mover = rapid.SampledFrom([]plan.Mover{plan.ByRoutes, plan.ByReplicas}).Draw(t, "mover")
	s.Replicas = rapid.Int32Range(0, 7).Draw(t, "replicas")
	s.Unavailable = rapid.Int32Range(0, 2).Draw(t, "unavailable")
	s.Surge = rapid.Int32Range(0, 3).Draw(t, "surge")
	if s.Surge == 0 && s.Unavailable == 0 {
		s.Unavailable = 1
	}
	s.ProgressDeadlineAbort = rapid.Bool().Draw(t, "deadline aborts")
	s.RollbackWindow = rapid.Int64Range(0, 2).Draw(t, "rollback window")
	s.HistoryLimit = rapid.IntRange(0, 2).Draw(t, "history")
	if s.Mover == plan.ByReplicas {
		s.Settle, s.ScaleDownDelay, s.AbortScaleDownDelay = 0, 0, 0
	} else {
		if rapid.Bool().Draw(t, "unbounded") {
			s.Surge = plan.Unbounded
		}
		s.DynamicStable = rapid.Bool().Draw(t, "dynamic")
		s.MinPods = rapid.Int32Range(0, 3).Draw(t, "least pods")
		s.Settle = time.Duration(rapid.IntRange(0, 5).Draw(t, "settle")) * time.Second
		s.ScaleDownDelay = time.Duration(rapid.IntRange(0, 1).Draw(t, "delay")) * 30 * time.Second
		s.ScaleDownLimit = rapid.Int32Range(-1, 1).Draw(t, "old revisions")
		if s.DynamicStable {
			s.ScaleDownDelay = 0
		}
	}
	s.Threshold = rapid.SampledFrom([]plan.Threshold{{}, {Percent: 50}, {Pods: 1}}).Draw(t, "threshold")
	s.Steps = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) plan.Step { return anyStep(t, s.Mover) }), 0, 6).Draw(t, "steps")
	return func(revision string) plan.Spec {
		s := s
		s.Revision = revision
		return s
	}
}

func anyStep(t *rapid.T, mover plan.Mover) plan.Step {
	steps := []plan.Step{
		{Kind: plan.StepSetWeight, Weight: int32(rapid.IntRange(0, 100).Draw(t, "weight")), Key: "weight"},
		{Kind: plan.StepPause, Indefinite: true, Key: "pause"},
		{Kind: plan.StepPause, Duration: time.Minute, Key: "pause 1m"},
		{Kind: plan.StepAnalysis, Key: "analysis"},
	}
	if mover == plan.ByRoutes {
		steps = append(steps,
			plan.Step{Kind: plan.StepScale, Pods: int32(rapid.IntRange(0, 8).Draw(t, "pods")), Key: "pods"},
			plan.Step{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: 50, Key: "50%"},
			plan.Step{Kind: plan.StepScale, Pods: plan.Unbounded, Match: true, Key: "match"})
	}
	return rapid.SampledFrom(steps).Draw(t, "step")
}

// TestPlayIsBounded plays whatever may happen: it always ends, the same way each time, and makes sense.
func TestPlayIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := rapid.SampledFrom([]func(string) plan.Spec{byPods, blueGreen, anyCanary(t), anyCanary(t)}).Draw(t, "spec")
		s := scenario(spec, rapid.SliceOfN(rapid.Custom(anyEvent), 0, 5).Draw(t, "events")...)
		s.Assume.Promotes = rapid.Bool().Draw(t, "promotes")
		restarted := slices.ContainsFunc(s.Events, func(e Event) bool { return e.Do == DoRestart })
		if !restarted && rapid.Bool().Draw(t, "a workload") {
			s.HasWorkload, s.WorkloadPods = true, s.After.Replicas
			s.After.Workload = rapid.SampledFrom([]plan.WorkloadPolicy{
				plan.WorkloadStays, plan.WorkloadGoesOnSuccess, plan.WorkloadGoesProgressively,
			}).Draw(t, "policy")
		}
		f, err := Play(s)
		if err != nil {
			t.Fatal(err)
		}
		if f.Ending == Endless || f.Ending == "" {
			t.Fatalf("%q: %s", f.Ending, f.Message)
		}
		if len(f.Violations) > 0 {
			t.Fatalf("broken invariants: %v", f.Violations)
		}
		fault := slices.ContainsFunc(s.Events, func(e Event) bool { return slices.Contains([]Do{DoCrash, DoStuck, DoSilent}, e.Do) })
		if f.Ending == Stuck && !fault {
			t.Fatalf("stuck without a fault: %s: %s", f.Summary.Phase, f.Summary.Message)
		}
		resized := slices.ContainsFunc(s.Events, func(e Event) bool { return e.Do == DoScale })
		if want := s.After.Replicas - s.After.Unavailable; !fault && !resized && !s.HasWorkload &&
			s.After.Threshold == (plan.Threshold{}) && f.Totals.LeastAvailable < want {
			t.Fatalf("only %d of %d pods were available", f.Totals.LeastAvailable, want)
		}
		// Between two revisions that both have traffic there are two pods at least.
		if most := max(s.After.Replicas+s.After.Surge, min(2, 2*s.After.Replicas)); s.After.Surge >= 0 && !resized && !s.HasWorkload && f.Totals.PeakPods > most {
			t.Fatalf("there were %d pods where %d are allowed", f.Totals.PeakPods, most)
		}
		var at time.Duration
		for _, e := range f.Entries {
			if e.At < at {
				t.Fatalf("%s comes after %s", e.At, at)
			}
			at = e.At
		}
		again, _ := Play(s)
		if diff := cmp.Diff(f, again); diff != "" {
			t.Fatalf("not the same twice:\n%s", diff)
		}
	})
}

func TestEndlessIsTold(t *testing.T) {
	s := scenario(canary)
	s.Assume.PodReady = maxElapsed
	s.After.ProgressDeadline = 0
	f := played(t, s)
	if f.Ending != Endless || !strings.Contains(f.Message, "no rest after") {
		t.Errorf("%s: %s", f.Ending, f.Message)
	}
}
