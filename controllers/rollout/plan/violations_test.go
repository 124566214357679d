package plan

import (
	"strings"
	"testing"
)

// violationCase is an action in a world, and the beginning of what is wrong with it; empty where nothing is.
type violationCase struct {
	name   string
	change func(*Spec, *Observed)
	action Action
	want   string
}

// twoRevisions is a world in which "new" has two pods and 20 % of the traffic, beside the five of "old".
func twoRevisions() (Spec, Observed) {
	spec := Spec{Revision: "new", Replicas: 5, Surge: Unbounded}
	seen := Observed{
		State: State{Stable: "old", Candidate: "new", Traffic: Traffic{Asked: 20, Low: 20, High: 20}},
		ReplicaSets: []ReplicaSet{
			{Revision: "old", Number: 1, Desired: 5, Pods: 5, Available: 5, Settled: true},
			{Revision: "new", Number: 2, Desired: 2, Pods: 2, Available: 2, Settled: true},
		},
		Stable: Service{Named: true, Pinned: "old", Endpoints: []Endpoints{{"old", 5}}},
		Canary: Service{Named: true, Pinned: "new", Endpoints: []Endpoints{{"new", 2}}},
		Routes: []Route{{Name: "r", Low: 20, High: 20, Acknowledged: true}},
	}
	return spec, seen
}

func share(low, asked, high int32) func(*Spec, *Observed) {
	return func(_ *Spec, o *Observed) { o.State.Traffic = Traffic{Asked: asked, Low: low, High: high} }
}

func runViolations(t *testing.T, cases []violationCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			spec, seen := twoRevisions()
			if c.change != nil {
				c.change(&spec, &seen)
			}
			got := strings.Join(Violations(spec, seen, c.action), "; ")
			if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) || strings.Contains(got, ";") {
				t.Errorf("%v: got %q, want %q and nothing else", c.action, got, c.want)
			}
		})
	}
}

func TestWeightViolations(t *testing.T) {
	route := func(low, asked, high int32, more ...func(*Observed)) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) {
			o.Routes[0].Low, o.Routes[0].High, o.State.Traffic.Asked = low, high, asked
			for _, change := range more {
				change(o)
			}
		}
	}
	noCanary := func(o *Observed) { o.Canary.Endpoints = nil }
	noStable := func(o *Observed) { o.Stable.Endpoints = nil }
	runViolations(t, []violationCase{
		{"more", route(0, 20, 0), SetWeight{20}, ""},
		{"more without canary pods", route(0, 20, 0, noCanary), SetWeight{20}, "weight 0 -> 20 with no ready endpoint behind the canary"},
		{"as much without canary pods", route(20, 20, 20, noCanary), SetWeight{20}, ""},
		{"less without canary pods", route(20, 0, 20, noCanary), SetWeight{0}, ""},
		{"less", route(20, 10, 20), SetWeight{10}, ""},
		{"less without stable pods", route(20, 10, 20, noStable), SetWeight{10}, "weight 20 -> 10 with no ready endpoint behind the stable"},
		{"as much without stable pods", route(20, 20, 20, noStable), SetWeight{20}, ""},
		{"less with no pods at all", route(20, 0, 20, noStable, noCanary), SetWeight{0}, ""},
		{"less with replicas 0", func(s *Spec, o *Observed) {
			s.Replicas = 0
			route(20, 0, 20, noStable)(s, o)
		}, SetWeight{0}, ""},
		{"less with one replica and no stable pods", func(s *Spec, o *Observed) {
			s.Replicas = 1
			route(20, 0, 20, noStable)(s, o)
		}, SetWeight{0}, "weight 20 -> 0"},
		{"not written ahead", route(0, 10, 0), SetWeight{20}, "weight 20 was not written ahead"},
		{"one ready endpoint is enough", route(0, 20, 0, func(o *Observed) { o.Canary.Endpoints[0].Ready = 1 }), SetWeight{20}, ""},
		{"one ready stable endpoint is enough", route(20, 0, 20, func(o *Observed) { o.Stable.Endpoints[0].Ready = 1 }), SetWeight{0}, ""},
		{"endpoints of any revision count", route(0, 20, 0, func(o *Observed) { o.Canary.Endpoints = []Endpoints{{"x", 0}, {"y", 1}} }), SetWeight{20}, ""},
		{"one canary pod and no stable ones", route(20, 10, 20, noStable, func(o *Observed) { o.Canary.Endpoints[0].Ready = 1 }), SetWeight{10}, "weight 20 -> 10"},
	})
}

func TestPinViolations(t *testing.T) {
	canary, stable := PinService{CanaryService, "third"}, PinService{StableService, "old"}
	others := func(ready int32) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) {
			o.Stable.Endpoints, o.ReplicaSets[0].Available = []Endpoints{{"new", 2}}, ready
		}
	}
	runViolations(t, []violationCase{
		{"the canary Service under traffic", share(0, 0, 1), canary, "canary Service moves to third while up to 1%"},
		{"the canary Service without traffic", share(0, 0, 0), canary, ""},
		{"the canary Service to the pods that it has", share(0, 0, 20), PinService{CanaryService, "new"}, ""},
		{"the canary Service, without routes", func(s *Spec, _ *Observed) { s.Mover = BySelector }, canary, ""},
		{"the canary Service with its last other pod", func(_ *Spec, o *Observed) { o.Canary.Endpoints[0].Ready = 1 }, canary, "canary Service moves"},
		{"the stable Service to its pods", nil, stable, ""},
		{"after the commit, with all traffic elsewhere", func(s *Spec, o *Observed) {
			share(100, 100, 100)(s, o)
			o.State.SwitchingFrom = "x"
		}, stable, ""},
		{"after the commit, with some traffic left", func(s *Spec, o *Observed) {
			share(99, 100, 100)(s, o)
			o.State.SwitchingFrom = "x"
		}, stable, "stable Service moves to old while up to 1%"},
		{"the stable Service to a full revision", others(5), stable, ""},
		{"the stable Service to one that is not full", others(4), stable, "stable Service moves to old, which has 4 of 5"},
		{"the stable Service to one that is full enough", func(s *Spec, o *Observed) {
			others(4)(s, o)
			s.Threshold.Percent = 80
		}, stable, ""},
		{"the stable Service away from its last pod", func(s *Spec, o *Observed) {
			others(4)(s, o)
			o.Stable.Endpoints[0].Ready = 1
		}, stable, "stable Service moves to old, which"},
		{"the stable Service with nothing to lose", func(_ *Spec, o *Observed) { o.Stable.Endpoints, o.ReplicaSets[0].Available = nil, 0 }, stable, ""},
		{"the stable Service to what is not written", func(_ *Spec, o *Observed) { o.Stable.Endpoints = nil }, PinService{StableService, "new"}, "stable Service moves to new, which was not written ahead"},
		{"the stable Service to what is switched to", func(_ *Spec, o *Observed) { o.Stable.Endpoints, o.State.Switched = nil, "new" }, PinService{StableService, "new"}, ""},
		{"unpinned with other pods", nil, UnpinService{CanaryService}, "canary Service is unpinned while revision new has pods"},
		{"unpinned with others to come", func(_ *Spec, o *Observed) { o.ReplicaSets[1].Pods, o.ReplicaSets[1].Desired = 0, 1 }, UnpinService{StableService}, "stable Service is unpinned"},
		{"unpinned with others that go", func(_ *Spec, o *Observed) { o.ReplicaSets[1].Pods, o.ReplicaSets[1].Desired = 1, 0 }, UnpinService{StableService}, "stable Service is unpinned"},
		{"unpinned with one revision", func(_ *Spec, o *Observed) { o.ReplicaSets[1].Pods, o.ReplicaSets[1].Desired = 0, 0 }, UnpinService{StableService}, ""},
	})
}

func TestGrowViolations(t *testing.T) {
	reject := func(_ *Spec, o *Observed) { o.State.Rejected = []string{"x", "new"} }
	bound := func(mover Mover, surge int32, more ...func(*Spec, *Observed)) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Mover, s.Surge = mover, surge
			for _, change := range more {
				change(s, o)
			}
		}
	}
	grow := ScaleReplicaSet{"new", 2, 3}
	runViolations(t, []violationCase{
		{"the candidate grows", nil, grow, ""},
		{"a rejected revision grows", reject, grow, "rejected revision new grows"},
		{"a rejected revision stays as it is", reject, ScaleReplicaSet{"new", 2, 2}, ""},
		{"a rejected revision with none stable", func(s *Spec, o *Observed) { reject(s, o); o.State.Stable = "" }, grow, ""},
		{"a rejected revision that is stable", func(s *Spec, o *Observed) { reject(s, o); o.State.Stable = "new" }, grow, ""},
		{"up to the bound", bound(ByReplicas, 3), grow, ""},
		{"beyond the bound", bound(ByReplicas, 2), grow, "8 pods where there may be 7"},
		{"beyond the bound of routes", bound(ByRoutes, 2), grow, "8 pods where there may be 7"},
		{"no bound for a selector", bound(BySelector, 0), grow, ""},
		{"pods that are going count", bound(ByReplicas, 3, func(_ *Spec, o *Observed) { o.ReplicaSets[0].Pods = 6 }), grow, "9 pods where there may be 8"},
		{"pods to come count", bound(ByReplicas, 3, func(_ *Spec, o *Observed) { o.ReplicaSets[0].Desired = 6 }), grow, "9 pods where there may be 8"},
		{"no bound before there is a stable revision", bound(ByReplicas, 0, func(_ *Spec, o *Observed) { o.State.Stable = "" }), grow, ""},
		{"nothing more breaks no bound", bound(ByReplicas, 0), CreateReplicaSet{"new", 0}, ""},
		{"two revisions of one replica", bound(ByRoutes, 0, func(s *Spec, o *Observed) {
			s.Replicas = 1
			o.ReplicaSets = []ReplicaSet{{Revision: "old", Desired: 1, Pods: 1}, {Revision: "new"}}
		}), ScaleReplicaSet{"new", 0, 1}, ""},
		{"three pods of one replica", bound(ByRoutes, 0, func(s *Spec, o *Observed) {
			s.Replicas = 1
			o.ReplicaSets = []ReplicaSet{{Revision: "old", Desired: 1, Pods: 1}, {Revision: "new", Desired: 1}}
		}), ScaleReplicaSet{"new", 1, 2}, "3 pods where there may be 2"},
	})
}

func TestCreateViolations(t *testing.T) {
	create := CreateReplicaSet{"new", 1}
	runViolations(t, []violationCase{
		{"with both Services elsewhere", nil, create, ""},
		{"a rejected revision", func(_ *Spec, o *Observed) { o.State.Rejected = []string{"new"} }, create, "rejected revision new is created"},
		{"the first revision", func(_ *Spec, o *Observed) { o.State.Stable, o.Stable.Pinned, o.Canary.Pinned = "", "", "" }, create, ""},
		{"the stable revision again", func(_ *Spec, o *Observed) { o.Stable.Pinned, o.Canary.Pinned = "", "" }, CreateReplicaSet{"old", 1}, ""},
		{"behind a stable Service that selects all", func(_ *Spec, o *Observed) { o.Stable.Pinned = "" }, create, "revision new is created while the stable Service would select it"},
		{"behind a stable Service that selects it", func(_ *Spec, o *Observed) { o.Stable.Pinned = "new" }, create, "revision new is created while the stable Service would select it"},
		{"behind a stable Service that is switched to it", func(_ *Spec, o *Observed) { o.Stable.Pinned, o.State.Switched = "new", "new" }, create, ""},
		{"behind no Service at all", func(s *Spec, o *Observed) { s.Mover, o.Stable.Named, o.Stable.Pinned = ByReplicas, false, "" }, create, ""},
		{"behind a named Service, by numbers of pods", func(s *Spec, o *Observed) { s.Mover, o.Stable.Pinned = ByReplicas, "" }, create, "revision new is created while the stable"},
		{"behind a Service of a route that is not named", func(_ *Spec, o *Observed) { o.Stable.Named, o.Stable.Pinned = false, "" }, create, "revision new is created while the stable"},
		{"with the canary Service another's", func(_ *Spec, o *Observed) { o.Canary.Pinned = "x" }, create, "revision new is created while the canary Service is another's"},
		{"with a preview that is another's", func(s *Spec, o *Observed) { s.Mover, o.Canary.Pinned = BySelector, "x" }, create, ""},
		{"up to the bound", func(s *Spec, _ *Observed) { s.Surge = 3 }, create, ""},
		{"beyond the bound", func(s *Spec, _ *Observed) { s.Surge = 2 }, create, "8 pods where there may be 7"},
	})
}

func TestShrinkViolations(t *testing.T) {
	first := func(wanted string, available int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Revision, o.State.Stable, o.ReplicaSets[0].Available = wanted, "", available
		}
	}
	runViolations(t, []violationCase{
		{"while none is stable, one that serves", first("new", 1), ScaleReplicaSet{"old", 5, 4}, "revision old shrinks while it serves and none is stable"},
		{"while none is stable, one that does not serve", first("new", 0), ScaleReplicaSet{"old", 5, 4}, ""},
		{"while none is stable, the one that is wanted", first("old", 5), ScaleReplicaSet{"old", 5, 4}, ""},
		{"before it is handed over", func(_ *Spec, o *Observed) { o.State.SwitchingFrom = "new" }, ScaleReplicaSet{"new", 2, 1}, "revision new shrinks before it has been handed over"},
		{"as far as its share allows", share(0, 20, 40), ScaleReplicaSet{"new", 3, 2}, ""},
		{"below its share", share(0, 20, 40), ScaleReplicaSet{"new", 2, 1}, "revision new shrinks to 1 while up to 40%"},
		{"without traffic", share(0, 0, 0), ScaleReplicaSet{"new", 2, 0}, ""},
		{"with no Service that reaches it", func(_ *Spec, o *Observed) { o.Canary = Service{Pinned: "x"} }, ScaleReplicaSet{"new", 2, 0}, ""},
		{"with a Service that selects all", func(_ *Spec, o *Observed) { o.Canary = Service{} }, ScaleReplicaSet{"new", 2, 0}, "revision new shrinks to 0"},
		{"with endpoints that are left", func(_ *Spec, o *Observed) { o.Canary = Service{Pinned: "x", Endpoints: []Endpoints{{"new", 1}}} }, ScaleReplicaSet{"new", 2, 0}, "revision new shrinks to 0"},
		{"with the stable Service selecting all", func(_ *Spec, o *Observed) { o.Stable.Pinned = ""; o.State.Traffic = Traffic{Low: 99} }, ScaleReplicaSet{"new", 2, 1}, "revision new shrinks while the stable Service reaches it"},
		{"with the stable Service selecting all, without traffic", func(_ *Spec, o *Observed) {
			o.Stable.Pinned, o.Canary.Pinned, o.Canary.Endpoints, o.State.Traffic = "", "x", nil, Traffic{Asked: 100, Low: 100, High: 100}
		}, ScaleReplicaSet{"new", 2, 1}, ""},
		{"bounded, as far as may be missing", func(s *Spec, o *Observed) { s.Surge, s.Unavailable, o.State.Traffic.High = 1, 1, 50 }, ScaleReplicaSet{"new", 3, 2}, ""},
		{"bounded, farther than may be missing", func(s *Spec, o *Observed) { s.Surge, s.Unavailable, o.State.Traffic.High = 1, 1, 50 }, ScaleReplicaSet{"new", 3, 1}, "revision new shrinks to 1 while up to 50%"},
		{"bounded, the last pod of a share", func(s *Spec, o *Observed) { s.Surge, s.Unavailable, o.State.Traffic.High = 1, 3, 1 }, ScaleReplicaSet{"new", 2, 0}, "revision new shrinks to 0"},
		{"bounded, the last but one", func(s *Spec, o *Observed) { s.Surge, s.Unavailable, o.State.Traffic.High = 1, 3, 1 }, ScaleReplicaSet{"new", 2, 1}, ""},
		{"bounded, without traffic", func(s *Spec, o *Observed) { s.Surge, o.State.Traffic = 1, Traffic{} }, ScaleReplicaSet{"new", 2, 0}, ""},
		{"not bounded, where one may be missing", func(s *Spec, o *Observed) { s.Unavailable = 1; share(0, 20, 40)(s, o) }, ScaleReplicaSet{"new", 2, 1}, "revision new shrinks to 1 while up to 40%"},
		{"bounded, with one percent of many", func(s *Spec, o *Observed) { s.Surge, s.Unavailable, s.Replicas, o.State.Traffic.High = 1, 1, 150, 1 }, ScaleReplicaSet{"new", 2, 1}, ""},
		{"bounded, with no replicas", func(s *Spec, o *Observed) { s.Surge, s.Unavailable, s.Replicas, o.State.Traffic.High = 1, 2, 0, 50 }, ScaleReplicaSet{"new", 2, 0}, ""},
		{"by selector, reached", func(s *Spec, o *Observed) { s.Mover, o.Stable.Pinned = BySelector, "new" }, ScaleReplicaSet{"new", 6, 4}, "revision new shrinks while the stable Service reaches it"},
		{"by selector, reached, to its full size", func(s *Spec, o *Observed) { s.Mover, o.Stable.Pinned = BySelector, "new" }, ScaleReplicaSet{"new", 6, 5}, ""},
		{"by selector, not reached", func(s *Spec, _ *Observed) { s.Mover = BySelector }, ScaleReplicaSet{"new", 2, 0}, ""},
	})
}

func TestStableShrinkViolations(t *testing.T) {
	traded := func(unavailable, low int32, more ...func(*Spec, *Observed)) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Surge, s.Unavailable, o.State.Traffic.Low = 1, unavailable, low
			for _, change := range more {
				change(s, o)
			}
		}
	}
	dynamic := func(s *Spec, _ *Observed) { s.DynamicStable = true }
	atRest := func(_ *Spec, o *Observed) { o.State.Candidate = "" }
	shared := func(unavailable, available int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Mover, s.Surge, s.Unavailable, o.ReplicaSets[0].Available = ByReplicas, 2, unavailable, available
		}
	}
	to := func(n int32) Action { return ScaleReplicaSet{"old", 7, n} }
	runViolations(t, []violationCase{
		{"to its full size", nil, to(5), ""},
		{"below", nil, to(4), "stable revision old shrinks to 4 of 5"},
		{"to its share", dynamic, to(4), ""},
		{"below its share", dynamic, to(3), "stable revision old shrinks to 3 of 4"},
		{"below a share that is a pod and a bit", func(s *Spec, o *Observed) { dynamic(s, o); o.State.Traffic.Low = 19 }, to(4), "stable revision old shrinks to 4 of 5"},
		{"traded, below a share that is a pod and a bit", traded(0, 19), to(4), "stable revision old shrinks to 4 of 5"},
		{"to its share, with no release", func(s *Spec, o *Observed) { dynamic(s, o); atRest(s, o) }, to(4), "stable revision old shrinks to 4 of 5"},
		{"traded, to its share", traded(0, 20), to(4), ""},
		{"traded, below its share", traded(0, 20), to(3), "stable revision old shrinks to 3 of 4"},
		{"traded, as far as may be missing", traded(1, 20), to(3), ""},
		{"traded, farther than may be missing", traded(1, 20), to(2), "stable revision old shrinks to 2 of 3"},
		{"traded, with no release", traded(1, 20, atRest), to(4), "stable revision old shrinks to 4 of 5"},
		{"traded, the last pod of a share", traded(3, 99), to(0), "stable revision old shrinks to 0 of 1"},
		{"traded, the last but one", traded(3, 99), to(1), ""},
		{"traded, without traffic", traded(3, 100), to(0), ""},
		{"traded, without traffic and with nothing missing", traded(0, 100), to(0), ""},
		{"traded, with dynamic scale", traded(0, 20, dynamic), to(3), "stable revision old shrinks to 3 of 4"},
		{"traded, with no replicas", traded(1, 20, func(s *Spec, _ *Observed) { s.Replicas = 0 }), to(0), ""},
		{"shared, as far as the others carry", shared(0, 5), to(3), ""},
		{"shared, farther than the others carry", shared(0, 5), to(2), "revision old shrinks to 2, and 4 of 5 pods stay available"},
		{"shared, as far as may be missing", shared(1, 5), to(2), ""},
		{"shared, farther than may be missing", shared(1, 5), to(1), "revision old shrinks to 1, and 3 of 4"},
		{"shared, with pods that are not available", shared(0, 2), to(2), ""},
		{"shared, with the last one available", shared(0, 2), to(1), "revision old shrinks to 1, and 3 of 5"},
		{"shared, the other one", shared(0, 5), ScaleReplicaSet{"new", 2, 0}, ""},
		{"shared, with pods that go anyway", func(s *Spec, o *Observed) { shared(0, 5)(s, o); o.ReplicaSets[1].Desired = 1 }, to(3), "revision old shrinks to 3, and 4 of 5"},
	})
}

func TestOtherViolations(t *testing.T) {
	old := func(unavailable, all, ready int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Unavailable, o.ReplicaSets[0].Old, o.ReplicaSets[0].OldReady = unavailable, all, ready
		}
	}
	available := func(n, desired int32) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) {
			o.ReplicaSets = []ReplicaSet{{Revision: "old", Desired: desired, Pods: desired, Available: n}}
		}
	}
	rest := func(asked, high int32, stable, canary string) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) {
			o.State.Traffic, o.Stable.Pinned, o.Canary.Pinned = Traffic{Asked: asked, High: high}, stable, canary
		}
	}
	idle := func(desired, pods int32) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) { o.ReplicaSets[1].Desired, o.ReplicaSets[1].Pods = desired, pods }
	}
	canary := func(available, oldReady int32, mover Mover) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Unavailable, s.Mover = 5, mover
			rs := &o.ReplicaSets[1]
			rs.Available, rs.Old, rs.OldReady = available, max(oldReady, 2-available), oldReady
		}
	}
	runViolations(t, []violationCase{
		{"evicted as many as may be missing", old(1, 3, 2), EvictPods{"old", 2}, ""},
		{"evicted more than may be missing", old(1, 3, 2), EvictPods{"old", 3}, "2 ready pods of old are evicted where 1 may be missing"},
		{"evicted those that are not ready", old(0, 3, 2), EvictPods{"old", 1}, ""},
		{"evicted a ready one", old(0, 3, 2), EvictPods{"old", 2}, "1 ready pods of old are evicted where 0 may be missing"},
		{"evicted all but one of a canary", canary(2, 2, ByRoutes), EvictPods{"new", 1}, ""},
		{"evicted all of a canary", canary(2, 2, ByRoutes), EvictPods{"new", 2}, "the last pod of the canary new is evicted"},
		{"evicted the only one of a canary", canary(1, 1, ByRoutes), EvictPods{"new", 1}, "the last pod of the canary new is evicted"},
		{"evicted what is not ready of a canary", canary(0, 0, ByRoutes), EvictPods{"new", 2}, ""},
		{"evicted all of a preview", canary(2, 2, BySelector), EvictPods{"new", 2}, ""},
		{"evicted all of the stable one", old(5, 5, 5), EvictPods{"old", 5}, ""},
		{"the workload as far as others are there", available(3, 5), ScaleWorkload{5, 2}, ""},
		{"the workload farther", available(3, 5), ScaleWorkload{5, 1}, "the workload shrinks to 1, which leaves 4 of 5 pods"},
		{"the workload, with pods that go", available(5, 3), ScaleWorkload{5, 1}, "the workload shrinks to 1, which leaves 4 of 5 pods"},
		{"the workload as it is", available(3, 5), ScaleWorkload{1, 1}, ""},
		{"the workload, with enough", func(s *Spec, o *Observed) { available(3, 5)(s, o); s.Threshold.Percent = 80 }, ScaleWorkload{5, 1}, ""},
		{"deleted", idle(0, 0), DeleteReplicaSet{"new"}, ""},
		{"deleted with pods to come", idle(1, 0), DeleteReplicaSet{"new"}, "ReplicaSet new is deleted with 0 pods"},
		{"deleted with pods", idle(0, 1), DeleteReplicaSet{"new"}, "ReplicaSet new is deleted with 1 pods"},
		{"deleted what is gone", nil, DeleteReplicaSet{"x"}, ""},
		{"restored", rest(0, 0, "", ""), RestoreRoutes{}, ""},
		{"restored with a weight", rest(1, 0, "", ""), RestoreRoutes{}, "routes are restored while up to"},
		{"restored with a weight that is not gone", rest(0, 1, "", ""), RestoreRoutes{}, "routes are restored while up to 1%"},
		{"restored with the stable Service pinned", rest(0, 0, "old", ""), RestoreRoutes{}, "routes are restored while a Service is pinned"},
		{"restored with the canary Service pinned", rest(0, 0, "", "old"), RestoreRoutes{}, "routes are restored while a Service is pinned"},
		{"marks", nil, MarkReplicaSet{"new", RoleStable}, ""},
		{"analysis", nil, StartRun{"k", 1}, ""},
		{"no analysis", nil, StopRun{"k"}, ""},
		{"old pods first", nil, PreferOldPods{"old"}, ""},
		{"what nobody knows", nil, nil, "unknown action <nil>"},
	})
}
