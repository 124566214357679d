package forecast

import (
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// entry is one that is true now.
func (p *player) entry(kind Kind) Entry {
	e := Entry{Kind: kind, At: p.elapsed(), Phase: p.out.Summary.Phase, Revisions: p.shares()}
	if p.state.Candidate != "" {
		e.Step = p.state.Step + 1
	}
	return e
}

func (p *player) happens(what string) {
	e := p.entry(Happens)
	e.What = what
	p.out.Entries = append(p.out.Entries, e)
	p.measure()
}

// record writes a decision down, unless it does nothing that anybody would see.
func (p *player) record(decided plan.Plan, changed bool) {
	p.out.Totals.Writes += len(decided.Actions)
	p.measure()
	if !changed || len(decided.Notes)+len(decided.Actions) == 0 {
		return
	}
	e := p.entry(Decides)
	e.Notes, e.Actions = decided.Notes, decided.Actions
	p.out.Entries = append(p.out.Entries, e)
}

// waits writes a wait down. One that goes on makes the entry before it longer.
func (p *player) waits(what string, length time.Duration) {
	if n := len(p.out.Entries); n > 0 {
		if last := &p.out.Entries[n-1]; last.Kind == Waits && last.What == what {
			last.For += length
			if length == 0 {
				last.For = 0
			}
			return
		}
	}
	e := p.entry(Waits)
	e.What, e.For = what, length
	p.out.Entries = append(p.out.Entries, e)
}

// measure keeps the extremes, and since when the wanted revision has had all the traffic.
func (p *player) measure() {
	t := &p.out.Totals
	t.PeakPods = max(t.PeakPods, p.totalPods())
	t.LeastAvailable = min(t.LeastAvailable, p.totalAvailable())
	all := false
	for _, r := range p.shares() {
		all = all || r.Name == p.spec.Revision && r.Share == fullShare
	}
	switch {
	case !all:
		t.Served = 0
	case t.Served == 0:
		t.Served = p.elapsed()
	}
}
