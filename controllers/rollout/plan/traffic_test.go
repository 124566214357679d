package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// deciding is an engine in the middle of a decision about twoRevisions, of which every pod has long been known.
func deciding(change func(*Spec, *Observed)) *engine {
	spec, seen := twoRevisions()
	spec.Settle = 5 * time.Second
	seen.State.Originals = []Original{{Name: "r", Rules: "{}"}}
	seen.State.StableServedAt, seen.State.CanaryServedAt = ago(time.Minute), ago(time.Minute)
	seen.State.StableClearAt = ago(time.Minute)
	if change != nil {
		change(&spec, &seen)
	}
	return &engine{spec: spec, seen: seen, now: now, s: seen.State.clone()}
}

func endpoints(stable, canary int32) func(*Spec, *Observed) {
	return func(_ *Spec, o *Observed) {
		o.Stable.Endpoints, o.Canary.Endpoints = []Endpoints{{"old", stable}}, []Endpoints{{"new", canary}}
	}
}

func all(changes ...func(*Spec, *Observed)) func(*Spec, *Observed) {
	return func(s *Spec, o *Observed) {
		for _, change := range changes {
			change(s, o)
		}
	}
}

func TestShareCarried(t *testing.T) {
	for replicas := int32(1); replicas < 12; replicas++ {
		for ready := range replicas + 1 {
			for unavailable := range int32(3) {
				for _, surge := range []int32{Unbounded, 1} {
					// Rounded down, and without a bound nothing may be missing; with one, rounded up.
					var want int32
					for want < 100 && (want+1)*replicas <= ready*100 {
						want++
					}
					if surge != Unbounded && ready > 0 {
						for want = 0; want < 100 && want*replicas < (ready+unavailable)*100; want++ {
						}
					}
					e := deciding(func(s *Spec, _ *Observed) { s.Replicas, s.Surge, s.Unavailable = replicas, surge, unavailable })
					if got := e.shareCarried(ready); got != want {
						t.Fatalf("%d of %d pods, surge %d, %d may be missing: %d%%, not %d%%", ready, replicas, surge, unavailable, got, want)
					}
				}
			}
		}
	}
}

func TestLower(t *testing.T) {
	asked := func(share int32) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) { o.State.Traffic = Traffic{Asked: share, Low: share, High: share} }
	}
	settling := func(_ *Spec, o *Observed) { o.State.StableServedAt = now }
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		to     int32
		want   int32
		waits  string
	}{
		"all is there":                          {endpoints(5, 2), 0, 0, ""},
		"as much as the stable pods carry":      {all(endpoints(3, 5), asked(100)), 0, 40, ""},
		"no more than is wanted":                {all(endpoints(5, 5), asked(100)), 30, 30, ""},
		"one stable pod of five":                {all(endpoints(1, 5), asked(100)), 0, 80, ""},
		"one canary pod":                        {all(endpoints(5, 1), asked(100)), 0, 0, ""},
		"the stable pods carry no more":         {all(endpoints(3, 5), asked(40)), 0, 40, "weight stays at 40: the stable revision old has 3 of 5"},
		"no stable pods":                        {all(endpoints(0, 5), asked(100)), 0, 100, "weight stays at 100: the stable revision old has 0"},
		"one stable pod, and the canary's gone": {all(endpoints(1, 0), asked(100)), 0, 0, ""},
		"no pods at all":                        {all(endpoints(0, 0), asked(100)), 0, 100, "neither revision has a ready pod"},
		"no pods are wanted":                    {all(endpoints(0, 5), asked(100), func(s *Spec, _ *Observed) { s.Replicas = 0 }), 0, 0, ""},
		"endpoints settle":                      {all(endpoints(5, 5), asked(100), settling), 0, 100, "weight stays at 100: the stable Service's endpoints settle"},
		"endpoints settle beside one pod":       {all(endpoints(5, 1), asked(100), settling), 0, 100, "weight stays at 100: the stable Service's endpoints settle"},
		"endpoints settle beside nothing":       {all(endpoints(5, 0), asked(100), settling), 0, 0, ""},
		"a hand-over":                           {all(endpoints(3, 5), asked(100), func(_ *Spec, o *Observed) { o.State.SwitchingFrom = "x" }), 0, 0, ""},
		"a hand-over without stable pods":       {all(endpoints(0, 5), asked(100), func(_ *Spec, o *Observed) { o.State.SwitchingFrom = "x" }), 0, 100, "weight stays at 100: the stable revision old has 0"},
		"a hand-over beside one pod":            {all(endpoints(0, 1), asked(100), func(_ *Spec, o *Observed) { o.State.SwitchingFrom = "x" }), 0, 100, "weight stays at 100: the stable revision old has 0"},
		"a stable ReplicaSet that follows": {all(endpoints(5, 5), asked(100), func(s *Spec, o *Observed) {
			s.DynamicStable, o.ReplicaSets[0].Settled = true, false
		}), 0, 100, "weight stays at 100: the stable revision old has 0"},
		"a stable ReplicaSet that follows, with a bound": {all(endpoints(5, 5), asked(100), func(s *Spec, o *Observed) {
			s.Surge, o.ReplicaSets[0].Settled = 1, false
		}), 0, 100, "weight stays at 100: the stable revision old has 0"},
		"a stable ReplicaSet that only grows": {all(endpoints(5, 5), asked(100), func(_ *Spec, o *Observed) {
			o.ReplicaSets[0].Settled = false
		}), 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(c.change)
			e.lower(c.to)
			if e.s.Traffic.Asked != c.want || !strings.HasPrefix(e.waiting(""), c.waits) || len(e.waits) > 1 || (c.waits == "") != (len(e.waits) == 0) {
				t.Errorf("weight %d, waits %q, not %d and %q", e.s.Traffic.Asked, e.waits, c.want, c.waits)
			}
		})
	}
}

// TestOverwrittenWeight: what something else wrote is put right where that is safe.
func TestOverwrittenWeight(t *testing.T) {
	route := func(low, high int32) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) { o.Routes[0].Low, o.Routes[0].High = low, high }
	}
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		want   string
	}{
		"as asked":                          {route(20, 20), "[]"},
		"lower":                             {route(0, 0), "[set weight 20]"},
		"higher":                            {route(50, 50), "[set weight 20]"},
		"lower in one rule":                 {route(0, 20), "[set weight 20]"},
		"higher in one rule":                {route(20, 21), "[set weight 20]"},
		"lower, with one canary pod":        {all(route(0, 0), endpoints(5, 1)), "[set weight 20]"},
		"lower, without canary pods":        {all(route(0, 0), endpoints(5, 0)), "[]"},
		"higher, without canary pods":       {all(route(50, 50), endpoints(5, 0)), "[set weight 20]"},
		"higher, without stable pods":       {all(route(50, 50), endpoints(0, 2)), "[]"},
		"higher, with one stable pod":       {all(route(50, 50), endpoints(1, 2)), "[set weight 20]"},
		"lower, without stable pods":        {all(route(0, 20), endpoints(0, 2)), "[set weight 20]"},
		"higher, with one canary pod only":  {all(route(50, 50), endpoints(0, 1)), "[]"},
		"higher, without any pods":          {all(route(50, 50), endpoints(0, 0)), "[set weight 20]"},
		"higher, with no pods wanted":       {all(route(50, 50), endpoints(0, 2), func(s *Spec, _ *Observed) { s.Replicas = 0 }), "[set weight 20]"},
		"higher, with one pod wanted":       {all(route(50, 50), endpoints(0, 2), func(s *Spec, _ *Observed) { s.Replicas = 1 }), "[]"},
		"not recorded yet":                  {all(route(0, 0), func(_ *Spec, o *Observed) { o.State.Originals = nil }), "[]"},
		"one of two routes is not recorded": {all(route(0, 0), func(_ *Spec, o *Observed) { o.Routes = append(o.Routes, Route{Name: "s"}) }), "[]"},
		"not by routes":                     {all(route(0, 0), func(s *Spec, _ *Observed) { s.Mover = ByReplicas }), "[]"},
		"no stable revision":                {all(route(0, 0), func(_ *Spec, o *Observed) { o.State.Stable = "" }), "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(c.change)
			e.actWeights()
			if got := fmt.Sprint(e.plan.Actions); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestSeenShareIsOfAllRoutes(t *testing.T) {
	e := deciding(func(_ *Spec, o *Observed) {
		o.Routes = []Route{{Name: "a", Low: 20, High: 30}, {Name: "b", Low: 10, High: 25}, {Name: "c", Low: 15, High: 60}}
	})
	if low, high := e.seenShare(); low != 10 || high != 60 {
		t.Errorf("between %d and %d, not 10 and 60", low, high)
	}
	slices.Reverse(e.seen.Routes)
	if low, high := e.seenShare(); low != 10 || high != 60 {
		t.Errorf("between %d and %d, not 10 and 60", low, high)
	}
}

func TestSwitchBack(t *testing.T) {
	for name, c := range map[string]struct {
		stable, switched int32
		back             bool
	}{
		"to a full revision": {5, 5, true}, "not to a part": {4, 5, false}, "to a part, from nothing": {1, 0, true},
		"not to a part, from one pod": {1, 1, false}, "not to nothing, from nothing": {0, 0, false}, "not to nothing": {0, 5, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(func(s *Spec, o *Observed) {
				s.Mover, o.State.Switched, o.State.Traffic = BySelector, "new", Traffic{Asked: 100, Low: 100, High: 100}
				o.ReplicaSets[0].Available, o.ReplicaSets[1].Available = c.stable, c.switched
			})
			e.switchBack()
			back := e.s.Switched == "" && e.s.Traffic.Asked == 0 && e.s.StableServedAt.IsZero() && len(e.waits) == 0
			stays := e.s.Switched == "new" && e.s.Traffic.Asked == 100 && strings.Contains(e.waiting(""), "traffic stays with revision new")
			if back != c.back || stays == c.back {
				t.Errorf("%+v, waits %q", e.s, e.waits)
			}
		})
	}
}

func TestWorkloadSize(t *testing.T) {
	opening := func(available int32) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) {
			o.State.Stable, o.State.Candidate = "", ""
			o.ReplicaSets = []ReplicaSet{{Revision: "new", Desired: 5, Pods: 5, Available: available, Settled: true}}
		}
	}
	atRest := func(_ *Spec, o *Observed) { o.State.Candidate, o.ReplicaSets = "", o.ReplicaSets[:1] }
	policy := func(p WorkloadPolicy) func(*Spec, *Observed) { return func(s *Spec, _ *Observed) { s.Workload = p } }
	progressively, onSuccess := policy(WorkloadGoesProgressively), policy(WorkloadGoesOnSuccess)
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		want   int32
	}{
		"it stays":                               {atRest, 5},
		"as many as are available go":            {all(progressively, opening(2)), 3},
		"none are available":                     {all(progressively, opening(0)), 5},
		"all are available":                      {all(progressively, opening(5)), 0},
		"more are available than are wanted":     {all(progressively, opening(5), func(s *Spec, _ *Observed) { s.Replicas = 4 }), 0},
		"pods that are going do not count":       {all(progressively, opening(5), func(_ *Spec, o *Observed) { o.ReplicaSets[0].Desired = 2 }), 3},
		"it is smaller than what is missing":     {all(progressively, opening(1), func(_ *Spec, o *Observed) { o.Workload.Desired = 2 }), 2},
		"nothing goes before success":            {all(onSuccess, opening(4)), 5},
		"all go on success":                      {all(onSuccess, atRest), 0},
		"all go at once after the first release": {all(progressively, atRest), 0},
		"not in mid-release":                     {onSuccess, 5},
		"nor progressively":                      {progressively, 5},
		"not while traffic is handed over":       {all(onSuccess, atRest, func(_ *Spec, o *Observed) { o.State.SwitchingFrom = "x" }), 5},
		"not with too few pods":                  {all(onSuccess, atRest, func(_ *Spec, o *Observed) { o.ReplicaSets[0].Available = 4 }), 5},
		"once for each stable revision":          {all(onSuccess, atRest, func(_ *Spec, o *Observed) { o.State.WorkloadScaledFor = "old" }), 5},
		"again for the next":                     {all(onSuccess, atRest, func(_ *Spec, o *Observed) { o.State.WorkloadScaledFor = "older" }), 0},
		"not while requests reach it":            {all(onSuccess, atRest, func(_ *Spec, o *Observed) { o.Stable.Pinned = "" }), 5},
		"not before the endpoints have settled":  {all(onSuccess, atRest, func(_ *Spec, o *Observed) { o.State.StableServedAt = now }), 5},
		"behind no Service":                      {all(onSuccess, atRest, func(_ *Spec, o *Observed) { o.Stable = Service{} }), 0},
		"with no pods wanted":                    {all(onSuccess, atRest, func(s *Spec, o *Observed) { s.Replicas, o.Stable.Pinned = 0, "" }), 0},
		"with one pod wanted":                    {all(onSuccess, atRest, func(s *Spec, o *Observed) { s.Replicas, o.Stable.Pinned = 1, "" }), 5},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(all(func(_ *Spec, o *Observed) { o.Workload = Workload{Desired: 5, Pods: 5} }, c.change))
			e.scaleWorkload()
			if e.workloadSize != c.want {
				t.Errorf("size %d, not %d", e.workloadSize, c.want)
			}
		})
	}
	for name, c := range map[string]struct {
		workload Workload
		want     bool
	}{
		"with pods": {Workload{Desired: 1, Pods: 1}, true}, "with pods that go": {Workload{Pods: 1}, true},
		"with pods to come": {Workload{Desired: 1}, true}, "without": {Workload{}, false},
	} {
		e := deciding(all(onSuccess, atRest, func(_ *Spec, o *Observed) { o.Workload = c.workload }))
		if got := e.workloadGoes(); got != c.want {
			t.Errorf("%s: goes %v", name, got)
		}
	}
}

func TestNoRoomLeft(t *testing.T) {
	full := func(s *Spec, o *Observed) {
		s.Surge, s.Steps, s.Unavailable = 1, []Step{{Kind: StepSetWeight, Weight: 50, Key: "50"}}, 0
		o.State.Traffic = Traffic{Asked: 40, Low: 40, High: 40}
		o.ReplicaSets[0].Desired, o.ReplicaSets[0].Pods, o.ReplicaSets[0].Available = 4, 4, 4
	}
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		want   bool
	}{
		"no room, and nobody to make any":   {all(full, func(_ *Spec, o *Observed) { o.ReplicaSets[0].Desired, o.ReplicaSets[0].Pods = 3, 4 }), true},
		"the stable revision can shrink":    {full, false},
		"the stable revision still shrinks": {all(full, func(_ *Spec, o *Observed) { o.ReplicaSets[0].Desired, o.ReplicaSets[0].Settled = 3, false }), false},
		"there is room":                     {all(full, func(_ *Spec, o *Observed) { o.ReplicaSets[0].Desired, o.ReplicaSets[0].Pods = 3, 3 }), false},
		"no bound":                          {all(full, func(s *Spec, o *Observed) { s.Surge, o.ReplicaSets[0].Desired = Unbounded, 3 }), false},
		"a weight is not gone":              {all(full, func(_ *Spec, o *Observed) { o.ReplicaSets[0].Desired, o.State.Traffic.Low = 3, 20 }), false},
		"another revision has pods that go": {all(full, func(_ *Spec, o *Observed) {
			o.ReplicaSets[0].Desired = 3
			o.ReplicaSets = append(o.ReplicaSets, ReplicaSet{Revision: "x", Settled: true, Desired: 1, Pods: 1})
			o.State.Retiring = []Retiring{{Revision: "x", At: ago(time.Second)}}
		}), false},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(c.change)
			if got := e.noRoomLeft(); got != c.want {
				t.Errorf("no room left: %v; room %d, sizes %d and %d", got, e.room(), e.sizeAfterShrink(e.seen.ReplicaSets[0]), e.sizeAfterShrink(e.seen.ReplicaSets[1]))
			}
		})
	}
}

// TestShareOnTheWay: on the way to its step a candidate gets what its pods carry; only where that is no more than it has,
// and nobody can make room for another pod, it gets as much as they carry with some missing.
func TestShareOnTheWay(t *testing.T) {
	full := func(asked int32, left int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Surge, s.Unavailable, s.Steps = 1, 1, []Step{{Kind: StepSetWeight, Weight: 100, Key: "100"}}
			o.State.Traffic = Traffic{Asked: asked, Low: asked, High: asked}
			o.ReplicaSets = []ReplicaSet{pods("old", 1, 1, 1), pods("new", 2, 3, 3), {Revision: "x", Pods: left, Settled: true}}
		}
	}
	for _, c := range []struct{ asked, left, want int32 }{{40, 2, 60}, {60, 2, 80}, {60, 0, 60}, {40, 0, 60}} {
		e := deciding(full(c.asked, c.left))
		if got := e.shareOnTheWay(3); got != c.want {
			t.Errorf("from %d, room %d: %d, not %d", c.asked, e.room(), got, c.want)
		}
	}
}
