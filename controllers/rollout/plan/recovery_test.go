package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestLostStatus: the marks on the ReplicaSets tell what is stable and what is rejected.
func TestLostStatus(t *testing.T) {
	marked := func(revision string, number int64, role Role) ReplicaSet {
		return ReplicaSet{Revision: revision, Number: number, Role: role, Desired: 1, Pods: 1, Available: 1, Settled: true}
	}
	for name, c := range map[string]struct {
		sets     []ReplicaSet
		was      string
		stable   string
		rejected []string
		told     bool
	}{
		"one is marked":              {[]ReplicaSet{marked("a", 1, RoleStable), marked("b", 2, RoleNone)}, "", "a", nil, true},
		"the youngest of two":        {[]ReplicaSet{marked("a", 1, RoleStable), marked("b", 2, RoleStable)}, "", "b", nil, true},
		"the youngest, seen first":   {[]ReplicaSet{marked("b", 2, RoleStable), marked("a", 1, RoleStable)}, "", "b", nil, true},
		"its number is lost too":     {[]ReplicaSet{marked("a", 0, RoleStable)}, "", "a", nil, true},
		"others were rejected":       {[]ReplicaSet{marked("a", 1, RoleStable), marked("b", 2, RoleRejected), marked("c", 3, RoleFormer)}, "", "a", []string{"b"}, true},
		"none is marked":             {[]ReplicaSet{marked("a", 1, RoleFormer), marked("b", 2, RoleNone)}, "", "", nil, false},
		"it is there":                {[]ReplicaSet{marked("a", 1, RoleNone), marked("b", 2, RoleStable)}, "a", "a", nil, false},
		"it is gone, another marked": {[]ReplicaSet{marked("b", 2, RoleStable)}, "a", "b", nil, true},
		"it is gone, none marked":    {[]ReplicaSet{marked("b", 2, RoleNone)}, "a", "a", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(func(_ *Spec, o *Observed) { o.State, o.ReplicaSets = State{Stable: c.was}, c.sets })
			e.recoverState()
			told := slices.ContainsFunc(e.plan.Notes, func(n Note) bool { return n.Reason == "StatusRecovered" && n.Warning })
			if e.s.Stable != c.stable || !slices.Equal(e.s.Rejected, c.rejected) || told != c.told {
				t.Errorf("stable %q, rejected %v, told %v", e.s.Stable, e.s.Rejected, e.plan.Notes)
			}
		})
	}
}

// TestLostTraffic: without a status, gateways may serve anything, but where nothing of ours is in the routes.
func TestLostTraffic(t *testing.T) {
	pinned := func(revision string) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) { s.Mover, o.Stable.Pinned = BySelector, revision }
	}
	route := func(high int32, rest bool) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) { o.Routes[0].Low, o.Routes[0].High, o.Routes[0].AtRest = high, high, rest }
	}
	for name, c := range map[string]struct {
		change   func(*Spec, *Observed)
		want     Traffic
		switched string
	}{
		"a route with a weight":    {route(20, false), Traffic{Asked: 20, High: 100}, ""},
		"a route with all of it":   {route(100, false), Traffic{Asked: 100, High: 100}, ""},
		"a route at rest":          {route(0, true), Traffic{}, ""},
		"numbers of pods":          {func(s *Spec, _ *Observed) { s.Mover = ByReplicas }, Traffic{}, ""},
		"a selector that switched": {pinned("new"), Traffic{Asked: 100, High: 100}, "new"},
		"a selector that has not":  {pinned("old"), Traffic{High: 100}, ""},
		"a selector of every pod":  {pinned(""), Traffic{High: 100}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(c.change)
			e.recoverTraffic()
			if e.s.Traffic != c.want || e.s.Switched != c.switched {
				t.Errorf("%+v, switched to %q", e.s.Traffic, e.s.Switched)
			}
		})
	}
}

// TestTimesAhead: a time that lies farther ahead than clocks differ was written by a clock that was wrong, and is now.
func TestTimesAhead(t *testing.T) {
	times := func(s *State) map[string]*time.Time {
		return map[string]*time.Time{
			"the release": &s.ReleaseStarted, "the step": &s.StepStarted, "the progress": &s.ProgressedAt, "the pause": &s.PausedSince,
			"the stable endpoints": &s.StableServedAt, "the stable endpoints alone": &s.StableClearAt,
			"the canary endpoints": &s.CanaryServedAt, "the acknowledgement": &s.Traffic.AckedAt,
		}
	}
	for name := range times(&State{}) {
		for ahead, want := range map[time.Duration]time.Duration{-time.Hour: -time.Hour, 0: 0, time.Minute: time.Minute, time.Minute + 1: 0, time.Hour: 0} {
			e := deciding(func(_ *Spec, o *Observed) { *times(&o.State)[name] = now.Add(ahead) })
			e.mendState()
			if got := times(&e.s)[name].Sub(now); got != want {
				t.Errorf("%s, %s ahead: %s ahead, not %s", name, ahead, got, want)
			}
		}
	}
	for name, delay := range map[string]func(*Spec) *time.Duration{
		"the delay":             func(s *Spec) *time.Duration { return &s.ScaleDownDelay },
		"the delay of an abort": func(s *Spec) *time.Duration { return &s.AbortScaleDownDelay },
		"the time to settle":    func(s *Spec) *time.Duration { return &s.Settle },
	} {
		for ahead, want := range map[time.Duration]time.Duration{0: 0, 2 * time.Hour: 2 * time.Hour, 2*time.Hour + time.Minute: 2*time.Hour + time.Minute, 2*time.Hour + time.Minute + 1: 2 * time.Hour} {
			e := deciding(func(s *Spec, o *Observed) {
				s.ScaleDownDelay, s.AbortScaleDownDelay = time.Second, time.Second
				*delay(s) = 2 * time.Hour
				o.State.Retiring = []Retiring{{Revision: "older", At: now.Add(ahead)}}
			})
			e.mendState()
			if got := e.s.Retiring[0].At.Sub(now); got != want {
				t.Errorf("with %s of 2h, to go in %s: goes in %s, not %s", name, ahead, got, want)
			}
		}
	}
}

// TestRejectedAreBounded: the oldest are forgotten, and none is listed twice.
func TestRejectedAreBounded(t *testing.T) {
	e := deciding(nil)
	var all []string
	for i := range 30 {
		revision := fmt.Sprint("r", i)
		all = append(all, revision)
		e.reject(revision)
		e.reject(revision)
		if want := all[max(0, len(all)-20):]; !slices.Equal(e.s.Rejected, want) {
			t.Fatalf("%v, not %v", e.s.Rejected, want)
		}
	}
}
