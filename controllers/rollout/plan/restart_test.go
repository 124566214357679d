package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// restartOf is a stable revision of five pods at rest, as many of them old and of the old ones ready as said, of which
// so many may be missing.
func restartOf(unavailable, old, ready int32) func(*Spec, *Observed) {
	return func(s *Spec, o *Observed) {
		nothingReleased(s, o)
		s.Revision, s.Mover, s.Surge, s.Unavailable, s.RestartAt = "old", ByReplicas, 1, unavailable, ago(time.Minute)
		o.Routes, o.State.Rejected = nil, nil
		o.ReplicaSets[0].Old, o.ReplicaSets[0].OldReady = old, ready
	}
}

func sized(desired, pods, available int32) func(*Spec, *Observed) {
	return func(_ *Spec, o *Observed) {
		rs := &o.ReplicaSets[0]
		rs.Desired, rs.Pods, rs.Available = desired, pods, available
	}
}

func unsettled(_ *Spec, o *Observed) { o.ReplicaSets[0].Settled = false }

// TestReplacingPods: what is done next while pods are replaced.
func TestReplacingPods(t *testing.T) {
	workload := func(s *Spec, o *Observed) {
		s.Workload, o.Workload = WorkloadGoesOnSuccess, Workload{Desired: 5, Pods: 5}
	}
	beside := func(old int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.ScaleDownDelay = time.Hour
			o.ReplicaSets = append(o.ReplicaSets, ReplicaSet{Revision: "x", Number: 2, Desired: 1, Pods: 1, Available: 1, Settled: true, Old: old})
		}
	}
	// A bounded release at weight 40, whose two pods beside four are all that there may be.
	bounded := func(unavailable, stableOld, candidateOld int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Surge, s.Unavailable, s.RestartAt = 2, unavailable, ago(time.Minute)
			s.Steps = []Step{{Kind: StepSetWeight, Weight: 40, Key: "40"}, {Kind: StepPause, Indefinite: true, Key: "p"}}
			o.State.PassedSteps, o.State.Traffic = stepsDigest(s.Steps[:1]), Traffic{Asked: 40, Low: 40, High: 40, AckedAt: ago(time.Hour)}
			o.Routes[0].Low, o.Routes[0].High, o.State.MostAvailable = 40, 40, 2
			o.ReplicaSets[1].Desired, o.ReplicaSets[1].Pods, o.ReplicaSets[1].Available = 2, 2, 2
			o.Canary.Endpoints[0].Ready = 2
			o.ReplicaSets[0].Old, o.ReplicaSets[0].OldReady = stableOld, stableOld
			o.ReplicaSets[1].Old, o.ReplicaSets[1].OldReady = candidateOld, candidateOld
		}
	}
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		do     string
		says   string
	}{
		"one may be missing":                         {restartOf(1, 5, 5), "[evict 1 pods of old]", "restarting: 5 pods of revision old are older"},
		"two may be missing":                         {restartOf(2, 5, 5), "[evict 2 pods of old]", ""},
		"more may be missing than are old":           {restartOf(3, 2, 2), "[evict 2 pods of old]", ""},
		"old pods that are not ready cost nothing":   {all(restartOf(1, 3, 1), sized(5, 5, 3)), "[evict 2 pods of old]", ""},
		"one is missing already":                     {all(restartOf(1, 5, 4), sized(5, 5, 4)), "[evict 1 pods of old]", ""},
		"one is missing already, all old are ready":  {all(restartOf(1, 4, 4), sized(5, 5, 4)), "[]", ""},
		"more are missing than may be":               {all(restartOf(1, 2, 2), sized(5, 5, 3)), "[]", ""},
		"its status is behind":                       {all(restartOf(1, 5, 5), unsettled), "[]", ""},
		"an evicted pod is not replaced yet":         {all(restartOf(2, 4, 4), sized(5, 4, 4)), "[]", ""},
		"it shrinks":                                 {all(restartOf(1, 5, 5), sized(6, 6, 6)), "[scale ReplicaSet old 6 -> 5]", ""},
		"the workload goes first":                    {all(restartOf(1, 5, 5), workload, func(_ *Spec, o *Observed) { o.Stable.Named = false }), "[scale workload 5 -> 0]", ""},
		"the workload may not go yet":                {all(restartOf(1, 5, 5), workload), "[pin stable Service to old evict 1 pods of old]", "restarting: 5 pods"},
		"none is old":                                {restartOf(1, 0, 0), "[]", "revision old serves"},
		"those of a revision that goes are old":      {all(restartOf(1, 0, 0), beside(1), func(s *Spec, _ *Observed) { s.Mover, s.Surge = ByRoutes, Unbounded }), "[pin stable Service to old]", "restarting: old pods of other revisions are going"},
		"it was done":                                {all(restartOf(1, 5, 5), func(s *Spec, o *Observed) { o.State.RestartedAt = s.RestartAt }), "[]", "revision old serves"},
		"it was done, and none is old":               {all(restartOf(1, 0, 0), func(s *Spec, o *Observed) { o.State.RestartedAt = s.RestartAt }), "[]", "revision old serves"},
		"its time has not come":                      {all(restartOf(1, 5, 5), func(s *Spec, _ *Observed) { s.RestartAt = now.Add(1) }), "[]", "revision old serves"},
		"its time has come":                          {all(restartOf(1, 5, 5), func(s *Spec, _ *Observed) { s.RestartAt = now }), "[evict 1 pods of old]", ""},
		"none may be missing: a pod more":            {restartOf(0, 5, 5), "[scale ReplicaSet old 5 -> 6]", "restarting: 5 pods"},
		"none may be missing: it is on its way":      {all(restartOf(0, 5, 5), sized(6, 6, 5)), "[]", ""},
		"none may be missing: it is there":           {all(restartOf(0, 5, 5), sized(6, 6, 6)), "[prefer old pods of old for deletion scale ReplicaSet old 6 -> 5]", ""},
		"none may be missing: the status is behind":  {all(restartOf(0, 5, 5), unsettled), "[]", ""},
		"none may be missing: a pod is going":        {all(restartOf(0, 5, 5), sized(5, 6, 5), func(s *Spec, _ *Observed) { s.Surge = 2 }), "[]", ""},
		"none may be missing: one is missing":        {all(restartOf(0, 5, 5), sized(5, 5, 4)), "[]", ""},
		"none may be missing: two are not ready":     {all(restartOf(0, 5, 3), sized(5, 5, 3)), "[]", ""},
		"in a bounded release":                       {bounded(1, 4, 0), "[evict 1 pods of old]", ""},
		"in a bounded release, the candidate's":      {bounded(1, 0, 2), "[]", ""},
		"in a bounded release, the candidate's more": {all(bounded(1, 0, 2), func(_ *Spec, o *Observed) { o.ReplicaSets[1].OldReady = 1 }), "[evict 1 pods of new]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, seen := spec(), releasing(1)
			c.change(&s, &seen)
			p := Next(s, seen, now)
			if got := fmt.Sprint(p.Actions); got != c.do || !strings.Contains(p.Summary.Message, c.says) {
				t.Errorf("%s, not %s; says %q, not %q", got, c.do, p.Summary.Message, c.says)
			}
			if done := slices.ContainsFunc(p.Notes, func(n Note) bool { return n.Reason == "Restarted" }); done != (name == "none is old") {
				t.Errorf("notes %v", p.Notes)
			}
		})
	}
}

// TestWhoGetsThePodMore: the revision whose pods are being replaced, and nobody else.
func TestWhoGetsThePodMore(t *testing.T) {
	e := deciding(nil)
	if e.extra("old") != 0 || e.extra("new") != 0 {
		t.Error("a pod more while nothing is replaced")
	}
	e.restartSurge = "new"
	if e.extra("old") != 0 || e.extra("new") != 1 {
		t.Error("a pod more for another revision")
	}
}

// A canary of one pod that has a share of the traffic keeps it: it is replaced when the release has moved on.
func TestRestartKeepsTheOnlyPodOfACanary(t *testing.T) {
	s := byRoutes(Unbounded, 2)
	s.Replicas, s.Steps[0].Weight = 3, 25
	p := newPlay(t, s)
	p.until("paused", paused)
	p.spec.RestartAt = p.now
	for _, revision := range []string{"old", "new"} {
		rs := p.set(revision)
		rs.Old, rs.OldReady = rs.Pods, rs.Pods
	}
	p.until("the stable pods are replaced", func(Plan) bool { return p.set("old").Old == 0 })
	for range 60 {
		p.pass()
		p.step()
	}
	if rs := p.set("new"); rs.Available != 1 || rs.Old != 1 {
		t.Errorf("%+v\n%s", rs, strings.Join(p.log, "\n"))
	}
	p.ask(Request{Verb: VerbPromote, Step: 1})
	p.atRest("new")
	if p.set("new").Old != 0 {
		t.Errorf("%+v\n%s", p.set("new"), strings.Join(p.log, "\n"))
	}
}

// TestNothingToRestart: before there is a stable revision nothing is restarted, whatever the pods' age.
func TestNothingToRestart(t *testing.T) {
	s, seen := spec(), releasing(0)
	firstOne(&s, &seen)
	s.Replicas, s.RestartAt = 3, ago(time.Minute)
	seen.ReplicaSets[0].Old, seen.ReplicaSets[0].OldReady = 5, 2
	if p := Next(s, seen, now); fmt.Sprint(p.Actions) != "[scale ReplicaSet new 5 -> 3]" {
		t.Errorf("%v", p.Actions)
	}
}

// TestPodsToKeepInARestart: of a bounded release each side keeps what its share needs, of any other by routes one pod; at
// other times nothing is kept for that.
func TestPodsToKeepInARestart(t *testing.T) {
	bounded := func(high int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Surge, o.State.Traffic = 1, Traffic{Asked: high, Low: high, High: high}
		}
	}
	for name, c := range map[string]struct {
		change      func(*Spec, *Observed)
		stable, new int32
	}{
		"unbounded":       {nil, 1, 1},
		"without routes":  {func(s *Spec, _ *Observed) { s.Mover = BySelector }, 0, 0},
		"no release":      {all(bounded(20), func(_ *Spec, o *Observed) { o.State.Candidate = "" }), 0, 0},
		"at weight 20":    {bounded(20), 4, 1},
		"at weight 40":    {bounded(40), 3, 2},
		"at weight 80":    {bounded(80), 1, 2},
		"all of it":       {bounded(100), 1, 2},
		"without traffic": {bounded(0), 5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(c.change)
			if a, b := e.servingFloor(e.seen.ReplicaSets[0]), e.servingFloor(e.seen.ReplicaSets[1]); a != c.stable || b != c.new {
				t.Errorf("%d and %d, not %d and %d", a, b, c.stable, c.new)
			}
		})
	}
}
