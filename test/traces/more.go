package traces

import (
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/test/model"
)

// sized are the stories of sizes and deadlines.
func sized() []Story {
	window := scope(2, routed(weight(50), analysis))
	window.RollbackWindow = 2
	reported := scope(2, routed(weight(50)))
	reported.Deadline = 5
	aborted := reported
	aborted.DeadlineAbort = true
	bounded := routed(weight(50))
	bounded.Surge = 1
	dynamic := routed(weight(50), pause)
	dynamic.DynamicStable = true
	return []Story{
		{
			Name: "rollback-inside-the-window", Scope: window,
			Tale: "With rollbackWindow 2: B is promoted; then the template goes back to A, which takes no steps.",
			Do:   []string{"spec wants B", "until Healthy: revision B", "spec wants A"},
		},
		{
			Name: "progress-deadline-reported", Scope: reported, Without: []string{"a pod of B is ready"},
			Tale: "The pods of B never become ready. After 5 s the Rollout says so; nothing is aborted.",
			Do:   []string{"spec wants B"},
		},
		{
			Name: "progress-deadline-aborts", Scope: aborted, Without: []string{"a pod of B is ready"},
			Tale: "The pods of B never become ready. With progressDeadlineAbort B is rejected after 5 s.",
			Do:   []string{"spec wants B"},
		},
		{
			Name: "replicas-changed-in-mid-release", Scope: scope(2, routed(weight(50), pause)),
			Tale: "At weight 50 an autoscaler asks for 4 pods instead of 2, and later for 1.",
			Do:   []string{"spec wants B", "until paused at step 2/2", "spec wants 4 replicas", "for 5 seconds", "spec wants 1 replicas", "for 5 seconds", "somebody asks to promote"},
		},
		{
			Name: "dynamic-stable-scale-aborted", Scope: scope(4, dynamic),
			Tale: "With dynamicStableScale A shrinks as its share is gone. At weight 50 somebody aborts: A grows before it gets its share back.",
			Do:   []string{"spec wants B", "until paused at step 2/2", "for 5 seconds", "somebody asks to abort"},
		},
		{
			Name: "bounded-surge-with-a-route", Scope: scope(4, bounded),
			Tale: "With maxSurge 1 there are never more than five pods, so each weight is reached by weights between.",
			Do:   []string{"spec wants B"},
		},
	}
}

// unsteered are the stories of canaries without a route.
func unsteered() []Story {
	return []Story{
		{
			Name: "canary-without-a-route", Scope: scope(4, unrouted(1, 0, weight(20), pause, weight(50))),
			Tale: "Without a route the numbers of pods are the weight.",
			Do:   []string{"spec wants B", "until paused at step 2/3", "somebody asks to promote"},
		},
		{
			Name: "canary-without-a-route-aborted", Scope: scope(4, unrouted(1, 0, weight(50), pause)),
			Tale: "Without a route, somebody aborts at weight 50.",
			Do:   []string{"spec wants B", "until paused at step 2/2", "for 2 seconds", "somebody asks to abort"},
		},
	}
}

// switched are the stories of blue-green releases.
func switched() []Story {
	steps := []plan.Step{preview, pause, weight(100), analysis}
	return []Story{
		{
			Name: "blue-green", Scope: scope(2, blueGreen(steps...)),
			Tale: "B is brought up behind the preview Service, waits for somebody, and is switched to; the analysis after the switch succeeds.",
			Do:   []string{"spec wants B", "until paused at step 2/4", "for 2 seconds", "somebody asks to promote"},
		},
		{
			Name: "blue-green-rolled-back", Scope: scope(2, blueGreen(steps...)),
			Tale: "The analysis after the switch fails: the active Service goes back to A, whose pods are still there.",
			Do:   []string{"spec wants B", "until paused at step 2/4", "for 2 seconds", "somebody asks to promote", "analysis fails"},
		},
		{
			Name: "blue-green-with-a-route", Scope: scope(2, model.Strategy{
				Name: "blue-green with a route", BlueGreen: true, Surge: plan.Unbounded, Steps: []plan.Step{preview, weight(100), analysis},
			}),
			Tale: "With a route the switch is made by weight.",
			Do:   []string{"spec wants B"},
		},
	}
}

// seldom are the stories of what is seldom.
func seldom() []Story {
	workload := scope(2, unrouted(1, 0))
	workload.Created, workload.Workload = true, plan.WorkloadGoesOnSuccess
	watched := routed(weight(20), pause)
	watched.Background = plan.Background{Key: "background"}
	steps := []plan.Step{preview, pause, weight(100), analysis}
	return []Story{
		{
			Name: "background-analysis-failed", Scope: scope(2, watched),
			Tale: "An analysis runs in the background of all steps; it fails in a pause, which does not save the release.",
			Do:   []string{"spec wants B", "until paused at step 2/2", "background analysis fails"},
		},
		{
			Name: "restarted", Scope: scope(2, unrouted(1, 0)),
			Tale: "With maxUnavailable 0 somebody asks for a restart: a pod is added before an old one goes, until none is left.",
			Do:   []string{"somebody asks for a restart"},
		},
		{
			Name: "restarted-by-evictions", Scope: scope(2, unrouted(0, 1)),
			Tale: "With maxUnavailable 1 old pods are evicted one at a time.",
			Do:   []string{"somebody asks for a restart"},
		},
		{
			Name: "workload-scaled-down-on-success", Scope: workload,
			Tale: "A Rollout is created for a Deployment (workloadRef, scaleDown onsuccess): the Deployment's pods go when its own are available.",
		},
		{
			Name: "strategy-changed-in-mid-release", Scope: scope(2, routed(weight(50), pause), blueGreen(steps...)),
			Tale: "At weight 50 the strategy is changed to blue-green: what the canary drives comes to rest first, and then B is released anew.",
			Do:   []string{"spec wants B", "until paused at step 2/2", "spec has strategy blue-green"},
		},
		{
			Name: "deleted-in-mid-release", Scope: scope(2, routed(weight(50), pause)),
			Tale: "At weight 50 the Rollout is deleted: Services and route are as they were before it goes.",
			Do:   []string{"spec wants B", "until paused at step 2/2", "Rollout is deleted"},
		},
		{
			Name: "route-overwritten", Scope: scope(2, routed(weight(50), pause)),
			Tale: "At weight 50 something else sets the route back to 0: the weight is written again.",
			Do:   []string{"spec wants B", "until paused at step 2/2", "something else sets weight 0"},
		},
	}
}
