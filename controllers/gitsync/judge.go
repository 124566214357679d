package gitsync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/gitsync/changeset"
	"github.com/sluicehq/sluice/gitsync/health"
)

// unseenHealthAge is how often an object that no watch shows is looked at while it is not healthy.
const unseenHealthAge = 10 * time.Second

// summary is the health of all that is applied.
type summary struct {
	failed, progressing []verdict
}

// verdict is one object that is not healthy.
type verdict struct {
	id   changeset.ID
	text string
}

func (s summary) ok() bool { return len(s.failed)+len(s.progressing) == 0 }

// maxNamed is how many objects a message names.
const maxNamed = 3

// text names the first objects that are not healthy, the failed ones first.
func (s summary) text() string {
	all := slices.Concat(s.failed, s.progressing)
	var parts []string
	for _, v := range all[:min(len(all), maxNamed)] {
		parts = append(parts, v.id.String()+": "+v.text)
	}
	text := strings.Join(parts, "; ")
	if more := len(all) - maxNamed; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// judge looks at the health of what is applied. Only objects that changed since are read.
func (r *Reconciler) judge(ctx context.Context, p *pass) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, entry := range r.unjudged(p) {
		group.Go(func() error {
			object, err := p.account.cluster.Get(ctx, entry.ID, entry.Version)
			judged := seenHealth{Assessment: health.Assess(object)}
			switch {
			case err != nil:
				judged.Assessment = health.Assessment{State: health.Progressing, Text: "cannot be read: " + apply.Explain(entry.ID, err)}
			case object != nil:
				judged.version = object.GetResourceVersion()
			}
			mu.Lock()
			defer mu.Unlock()
			p.memory.health[entry.ID] = judged
			return nil
		})
	}
	_ = group.Wait() // What could not be read is noted as such.
	p.done.health = p.summarize()
}

// unjudged are the objects whose health may have changed.
func (r *Reconciler) unjudged(p *pass) []changeset.Entry {
	var out []changeset.Entry
	for _, object := range p.memory.desired.list {
		entry, applied := p.memory.inventory.entries[object.ID]
		if !applied || entry.UID == "" || !r.canBeUnhealthy(p, object.ID) {
			continue
		}
		judged, before := p.memory.health[object.ID]
		seen, known := r.seen(p, object.ID)
		switch {
		case !before, known && seen.version != judged.version:
			out = append(out, entry)
		case !known && judged.State != health.Healthy:
			out = append(out, entry)
			p.done.soon(unseenHealthAge)
		}
	}
	return out
}

// canBeUnhealthy leaves out kinds without status, and the GitSync itself, which would wait for itself.
func (r *Reconciler) canBeUnhealthy(p *pass, id changeset.ID) bool {
	self := id.Group == v1alpha1.GroupName && id.Kind == "GitSync" && id.Namespace == p.name.Namespace && id.Name == p.name.Name
	return !self && health.HasStatus(id.Group, id.Kind)
}

// summarize gathers what is not healthy, sorted.
func (p *pass) summarize() summary {
	var s summary
	for _, object := range p.memory.desired.list {
		id := object.ID
		if live, known := p.live[id]; known && !live.Exists {
			s.progressing = append(s.progressing, verdict{id, "is missing"})
			continue
		}
		if self := id.Group == v1alpha1.GroupName && id.Kind == "GitSync" && id.Namespace == p.name.Namespace && id.Name == p.name.Name; self {
			continue
		}
		judged, ok := p.memory.health[id]
		switch {
		case !ok || !health.HasStatus(id.Group, id.Kind):
		case judged.State == health.Failed:
			s.failed = append(s.failed, verdict{id, judged.Text})
		case judged.State == health.Progressing:
			s.progressing = append(s.progressing, verdict{id, judged.Text})
		}
	}
	byID := func(a, b verdict) int { return changeset.Compare(a.id, b.id) }
	slices.SortFunc(s.failed, byID)
	slices.SortFunc(s.progressing, byID)
	return s
}

// failures lists the objects that could not be written, sorted, with those that cannot be applied as Git has them.
func (p *pass) failures() []v1alpha1.ObjectFailure {
	texts := map[changeset.ID]string{}
	for id, failed := range p.memory.failed {
		texts[id] = failed.text
	}
	if p.memory.desired != nil {
		for _, problem := range p.memory.desired.problems {
			texts[problem.ID] = problem.Text
		}
	}
	out := make([]v1alpha1.ObjectFailure, 0, len(texts))
	for id, text := range texts {
		out = append(out, v1alpha1.ObjectFailure{Object: id.String(), Message: text})
	}
	slices.SortFunc(out, func(a, b v1alpha1.ObjectFailure) int { return strings.Compare(a.Object, b.Object) })
	return out
}
