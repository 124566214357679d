package plan

import (
	"slices"
	"testing"
)

// mostReplicas is up to where sizes are tried out, each by counting instead of by a formula.
const mostReplicas = 103

func TestPodsCarryTheirShare(t *testing.T) {
	for replicas := range int32(mostReplicas) {
		for share := range int32(101) {
			var want int32
			for want*100 < share*replicas {
				want++
			}
			if got := podsFor(share, replicas); got != want {
				t.Fatalf("%d%% of %d: %d pods, not %d", share, replicas, got, want)
			}
			if replicas > 100 {
				if got := leastPodsFor(share, replicas); got != want {
					t.Fatalf("%d%% of %d: at least %d pods, not %d", share, replicas, got, want)
				}
				continue
			}
			// The share of p pods, rounded up to whole percents, is more than share - 1.
			var least int32
			for replicas > 0 && share > 0 && least*100 <= (share-1)*replicas {
				least++
			}
			if got := leastPodsFor(share, replicas); got != least {
				t.Fatalf("%d%% of %d: at least %d pods, not %d", share, replicas, got, least)
			}
		}
	}
}

func TestShareOfPods(t *testing.T) {
	for replicas := range int32(mostReplicas) {
		for ready := range replicas + 3 {
			var want int32
			for want < 100 && (want+1)*replicas <= ready*100 {
				want++
			}
			if got := shareFor(ready, replicas); got != want {
				t.Fatalf("%d of %d: %d%%, not %d%%", ready, replicas, got, want)
			}
		}
	}
}

// TestSplitIsTheClosest holds the split against every other one.
func TestSplitIsTheClosest(t *testing.T) {
	sizes := []int32{60, 75, 99, 120}
	for n := range int32(40) {
		sizes = append(sizes, n)
	}
	for _, replicas := range sizes {
		for share := range int32(101) {
			for surge := range int32(3) {
				canary, stable := split(share, replicas, surge)
				if c, s := closest(share, replicas, surge); canary != c || stable != s {
					t.Fatalf("%d%% of %d with surge %d: %d and %d, not %d and %d", share, replicas, surge, canary, stable, c, s)
				}
			}
		}
	}
}

// closest tries every number of new pods, of as many pods in all as spec.replicas and of one more.
func closest(share, replicas, surge int32) (canary, stable int32) {
	if replicas == 0 || share == 0 || share == 100 {
		canary = replicas * share / 100
		return canary, replicas - canary
	}
	totals := []int32{replicas}
	if surge > 0 {
		totals = append(totals, replicas+1)
	}
	totals = slices.DeleteFunc(totals, func(total int32) bool { return surge > 0 && total < 2 })
	canary, total := int32(-1), int32(1)
	off := func(c, total int32) int32 { return max(c*100-share*total, share*total-c*100) }
	for _, n := range totals {
		for c := range n + 1 {
			if n >= 2 && (c == 0 || c == n) {
				continue
			}
			// Compared as fractions: off(c, n) / n with off(canary, total) / total.
			switch a, b := off(c, n)*total, off(canary, total)*n; {
			case canary < 0, a < b, a == b && c > canary:
				canary, total = c, n
			}
		}
	}
	return canary, total - canary
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		mover           Mover
		replicas, surge int32
		want            int32
		bounded         bool
	}{
		{ByReplicas, 5, 1, 6, true},
		{ByReplicas, 5, 0, 5, true},
		{ByReplicas, 1, 0, 1, true},
		{ByReplicas, 0, 2, 2, true},
		{ByReplicas, 5, Unbounded, 0, false},
		{ByRoutes, 5, Unbounded, 0, false},
		{BySelector, 5, 1, 0, false},
		{ByRoutes, 5, 1, 6, true},
		{ByRoutes, 5, 0, 5, true},
		{ByRoutes, 1, 0, 2, true},
		{ByRoutes, 1, 1, 2, true},
		{ByRoutes, 1, 2, 3, true},
		{ByRoutes, 2, 0, 2, true},
		{ByRoutes, 0, 0, 0, true},
		{ByRoutes, 0, 1, 1, true},
	} {
		got, bounded := limit(Spec{Mover: c.mover, Replicas: c.replicas, Surge: c.surge})
		if got != c.want || bounded != c.bounded {
			t.Errorf("%+v: %d, %v", c, got, bounded)
		}
	}
}

func TestThresholdBounds(t *testing.T) {
	for _, c := range []struct {
		threshold  Threshold
		need, want int32
	}{
		{Threshold{}, 0, 0},
		{Threshold{}, 1, 1},
		{Threshold{Percent: 100}, 7, 7},
		{Threshold{Percent: 1}, 1, 1},
		{Threshold{Percent: 50}, 1, 1},
		{Threshold{Percent: 101}, 5, 5},
		{Threshold{Percent: 1}, 100, 1},
		{Threshold{Percent: 1}, 101, 2},
		{Threshold{Pods: 1}, 5, 1},
		{Threshold{Pods: 5}, 5, 5},
		{Threshold{Percent: 60, Pods: 1}, 5, 3},
		{Threshold{Pods: 3}, 0, 0},
	} {
		if got := c.threshold.of(c.need); got != c.want {
			t.Errorf("%+v of %d: %d, not %d", c.threshold, c.need, got, c.want)
		}
	}
}

// TestWhatNeedsLiveReads: what takes pods or traffic from somewhere is decided from live reads.
func TestWhatNeedsLiveReads(t *testing.T) {
	for action, want := range map[Action]bool{
		CreateReplicaSet{"a", 1}: false, ScaleReplicaSet{"a", 1, 2}: false, ScaleReplicaSet{"a", 2, 1}: true,
		ScaleReplicaSet{"a", 2, 2}: false, DeleteReplicaSet{"a"}: true, MarkReplicaSet{"a", RoleStable}: false,
		PinService{StableService, "a"}: true, UnpinService{StableService}: true, SetWeight{1}: true, RestoreRoutes{}: true,
		StartRun{"k", 1}: false, StopRun{"k"}: false, EvictPods{"a", 1}: true, PreferOldPods{"a"}: false,
		ScaleWorkload{1, 2}: false, ScaleWorkload{2, 1}: true, ScaleWorkload{2, 2}: false,
	} {
		if got := action.needsLive(); got != want {
			t.Errorf("%s needs live reads: %v", action, got)
		}
		if got := (Plan{Actions: []Action{StopRun{"k"}, action}}).NeedsLive(); got != want {
			t.Errorf("a plan with %s needs live reads: %v", action, got)
		}
	}
	if !(Plan{commits: true}).NeedsLive() {
		t.Error("a promotion does not need live reads")
	}
}

// TestStateIsCopied: what was seen is not changed through a list that has room for more.
func TestStateIsCopied(t *testing.T) {
	s := State{
		Retiring: append(make([]Retiring, 0, 4), Retiring{Revision: "a"}), Originals: append(make([]Original, 0, 4), Original{Name: "a"}),
		Rejected: append(make([]string, 0, 4), "a"),
	}
	c := s.clone()
	c.Retiring[0].Revision, c.Originals[0].Name, c.Rejected[0] = "b", "b", "b"
	if s.Retiring[0].Revision != "a" || s.Originals[0].Name != "a" || s.Rejected[0] != "a" {
		t.Errorf("the state shares its lists with its copy: %+v", s)
	}
}
