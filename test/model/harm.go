package model

import (
	"fmt"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// harm says how a move loses requests through what the controller did; empty when it does not. What pods that fail by
// themselves lose, what something else writes into the route, and what a spec of no pods loses is not the controller's.
func harm(before *World, m *move, after *World) string {
	switch m.do {
	case carryOut:
		return before.overdrawn(m.action)
	case podsFollow:
		return lastPod(before, m.revision, after)
	case dataWeight, dataEndpoints, passTick, hourPasses:
		return unserved(before, after)
	default:
		return ""
	}
}

// overdrawn says that an action takes pods that are needed. What is on its way out already does not count.
func (w *World) overdrawn(action plan.Action) string {
	var rs *replicaSet
	var left int32
	switch a := action.(type) {
	case plan.ScaleReplicaSet:
		if rs = w.Live.Sets.find(a.Revision); rs == nil {
			return ""
		}
		left = min(rs.Avail, a.To)
	case plan.EvictPods:
		if rs = w.Live.Sets.find(a.Revision); rs == nil {
			return ""
		}
		left = min(rs.Avail, rs.Desired) - max(0, min(a.Count, rs.Old)-(rs.Old-rs.OldAvail))
	case plan.ScaleWorkload:
		return w.bereft(a)
	default:
		return ""
	}
	if left >= min(rs.Avail, rs.Desired) {
		return ""
	}
	replicas := min(w.Replicas, w.PlannedFor)
	if w.Entrance == plan.ByReplicas {
		return w.short(rs.Revision, left, replicas)
	}
	for service, share := range w.Gateway.shares() {
		if w.Opening || share == 0 || w.Gateway.Endpoints[service]&(1<<index(rs.Revision)) == 0 || w.Gateway.Foreign || w.excused(service) {
			continue
		}
		n := w.serving(service) - rs.Avail + left
		if least := n + w.driven().Unavailable; !carries(least, share, replicas) {
			return fmt.Sprintf("%d pods of %d replicas are left for the %d%% that the data plane sends to the %s Service",
				n, replicas, share, serviceNames[service])
		}
	}
	return ""
}

// bereft says that a workload's pods go before as many others are available.
func (w *World) bereft(a plan.ScaleWorkload) string {
	available := a.To
	for _, rs := range w.Live.Sets.list() {
		if rs.Failed {
			return ""
		}
		available += rs.Avail
	}
	if least := min(w.Replicas, w.PlannedFor) - w.driven().Unavailable; a.To < a.From && available < least {
		return fmt.Sprintf("%d pods stay available with the workload's, of at least %d", available, least)
	}
	return ""
}

// short says that too few pods are left in all when a revision has some left.
func (w *World) short(revision string, left, replicas int32) string {
	for _, rs := range w.Live.Sets.list() {
		if rs.Failed {
			return ""
		}
		if rs.Revision != revision {
			left += min(rs.Avail, rs.Desired)
		}
	}
	if least := replicas - w.driven().Unavailable; left < least {
		return fmt.Sprintf("%d pods stay available in all, of at least %d", left, least)
	}
	return ""
}

// lastPod says that the last pod of a revision goes while requests reach it.
func lastPod(before *World, revision string, after *World) string {
	rs := before.Live.Sets.find(revision)
	if before.Opening || before.Entrance == plan.ByReplicas || rs.Avail == 0 || after.Live.Sets.avail(revision) > 0 || rs.Shared || min(after.Replicas, rs.Floor) == 0 {
		return ""
	}
	for service, share := range before.Gateway.shares() {
		known := before.Gateway.Endpoints[service]&(1<<index(revision)) != 0
		if share > 0 && known && !before.Gateway.Foreign && !rs.Failed {
			return fmt.Sprintf("the last pod of %s goes while the data plane sends it requests", revision)
		}
	}
	return ""
}

// carries says whether a number of pods carries a share, give or take the rounding to whole percents.
func carries(pods, share, replicas int32) bool {
	return pods >= replicas || pods*100 > (share-1)*replicas
}

// unserved says that requests go where no ready pod is known, though they were served before.
func unserved(before, after *World) string {
	if before.Entrance == plan.ByReplicas || before.Opening || after.Zeroed || after.Gateway.Foreign || before.Gateway.Foreign {
		return ""
	}
	if before.deserted() {
		return ""
	}
	was := before.Gateway.shares()
	for service, share := range after.Gateway.shares() {
		served := was[service] == 0 || before.serving(service) > 0
		if share > 0 && served && after.serving(service) == 0 && !after.excused(service) && !before.excused(service) {
			return fmt.Sprintf("the data plane sends %d%% to the %s Service, behind which it knows no ready pod",
				share, serviceNames[service])
		}
	}
	return ""
}

// deserted says that pods have failed where all requests went: no move can lose what nobody answers.
func (w *World) deserted() bool {
	for service, share := range w.Gateway.shares() {
		if share > 0 && w.serving(service) > 0 {
			return false
		}
	}
	return w.failed()
}

var serviceNames = [2]string{"stable", "canary"}

func (g *gateway) shares() [2]int32 { return [2]int32{100 - g.Weight, g.Weight} }

// serving counts the available pods that the data plane knows behind a Service.
func (w *World) serving(service int) (n int32) {
	for _, rs := range w.Live.Sets.list() {
		if w.Gateway.Endpoints[service]&(1<<index(rs.Revision)) != 0 {
			n += rs.Avail
		}
	}
	return n
}

// excused says that a pod of a revision that the Service is or was for, or that the data plane knows behind it, has
// failed by itself.
func (w *World) excused(service int) bool {
	pin := w.Live.Services.Pins[service]
	late := w.wantedReady()[service] != w.Live.Services.Ready[service]
	for _, rs := range w.Live.Sets.list() {
		known := w.Gateway.Endpoints[service]&(1<<index(rs.Revision)) != 0
		if rs.Failed && (known || late || pin == "" || pin == rs.Revision) {
			return true
		}
	}
	return false
}
