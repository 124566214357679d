package model

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Pods says how many pods of each revision are ready, of how many that are wanted, such as "A 2/2  B 0/1".
func (w *World) Pods() string {
	var out []string
	for _, rs := range w.Live.Sets.list() {
		if rs.Desired > 0 || rs.Pods > 0 {
			out = append(out, fmt.Sprintf("%s %d/%d", rs.Revision, rs.Avail, rs.Desired))
		}
	}
	if m := w.Live.Sets.Workload; m.Pods > 0 {
		out = append(out, fmt.Sprintf("Deployment %d", m.Pods))
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, "  ")
}

// Traffic says which share of the requests goes to which revision, such as "A 50%  B 50%"; "?" is nobody.
func (w *World) Traffic() string {
	var shares [revisions]float64
	var lost float64
	spread := func(share float64, pods func(revision int) int32) {
		var total int32
		for revision := range revisions {
			total += pods(revision)
		}
		if total == 0 {
			lost += share
			return
		}
		for revision := range revisions {
			shares[revision] += share * float64(pods(revision)) / float64(total)
		}
	}
	if w.Entrance == plan.ByReplicas {
		spread(100, func(revision int) int32 { return w.Live.Sets.avail(name(revision)) })
	} else {
		for service, share := range w.Gateway.shares() {
			spread(float64(share), func(revision int) int32 {
				if w.Gateway.Endpoints[service]&(1<<revision) == 0 {
					return 0
				}
				return w.Live.Sets.avail(name(revision))
			})
		}
	}
	var out []string
	for revision, share := range shares {
		if share > 0 {
			out = append(out, fmt.Sprintf("%s %.0f%%", name(revision), share))
		}
	}
	if lost > 0 {
		out = append(out, fmt.Sprintf("? %.0f%%", lost))
	}
	return strings.Join(out, "  ")
}

// Decision is what the controller would decide now.
func (w *World) Decision() plan.Plan { return w.decision() }

// Busy says that the controller carries out a plan, or has nothing to decide any more.
func (w *World) Busy() bool { return w.Done < len(w.Pending) || w.Deleting || w.Gone }
