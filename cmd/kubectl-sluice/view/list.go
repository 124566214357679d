package view

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// List is what is shown of many Rollouts.
type List struct {
	// Now is the time that ages are counted from.
	Now time.Time
	// Namespaces says whether to show the column.
	Namespaces bool
	Rows       []Row
	// Empty is said when there are no rows.
	Empty string
}

// Row is what is shown of a Rollout among others.
type Row struct {
	Namespace, Name string
	Phase           v1alpha1.RolloutPhase
	Step, Weight    string
	Ready           string
	Stable, New     string
	Commit, Message string
	CreatedAt       time.Time
}

// BuildList returns what is to be shown of Rollouts of one namespace, or of all when namespace is empty.
func BuildList(rollouts []*v1alpha1.Rollout, namespace string, now time.Time) List {
	l := List{Now: now, Namespaces: namespace == ""}
	l.Empty = "No Rollouts in namespace " + namespace
	if namespace == "" {
		l.Empty = "No Rollouts in any namespace"
	}
	for _, ro := range rollouts {
		s := &ro.Status
		row := Row{
			Namespace: ro.Namespace, Name: ro.Name,
			Phase:     s.Phase,
			Ready:     fmt.Sprintf("%d/%d", s.ReadyReplicas, deref(ro.Spec.Replicas, 1)),
			Stable:    s.StableRevision,
			Commit:    ShortCommit(s.Commit),
			Message:   s.Message,
			CreatedAt: ro.CreationTimestamp.Time,
		}
		if p := position(ro); p.Active {
			row.Step = fmt.Sprintf("%d/%d", min(p.Index+1, p.Total), p.Total)
			row.New = s.Release.Revision
		}
		if w := weights(Objects{Rollout: ro}); w != nil {
			row.Weight = fmt.Sprintf("%d %%", w.Asked)
		}
		l.Rows = append(l.Rows, row)
	}
	return l
}

// At returns the list as of another time.
func (l List) At(now time.Time) Model {
	l.Now = now
	return l
}

func (l List) lines() []line {
	if len(l.Rows) == 0 {
		return []line{{cells: []cell{{text: l.Empty}}}}
	}
	var out []line
	add := func(namespace string, cells ...cell) {
		if l.Namespaces {
			cells = append([]cell{{namespace, cells[0].mood}}, cells...)
		}
		out = append(out, line{table: 1, cells: cells})
	}
	add("NAMESPACE", cell{"NAME", Strong}, cell{"PHASE", Strong}, cell{"STEP", Strong}, cell{"WEIGHT", Strong},
		cell{"READY", Strong}, cell{"STABLE", Strong}, cell{"NEW", Strong}, cell{"COMMIT", Strong}, cell{"AGE", Strong},
		cell{"MESSAGE", Strong})
	for _, r := range l.Rows {
		add(r.Namespace, cell{r.Name, Plain}, cell{or(string(r.Phase), "-"), phaseMood(r.Phase)}, cell{or(r.Step, "-"), Plain},
			cell{or(r.Weight, "-"), Plain}, cell{r.Ready, Plain}, cell{or(r.Stable, "-"), Plain}, cell{or(r.New, "-"), Plain},
			cell{or(r.Commit, "-"), Plain}, cell{or(since(r.CreatedAt, l.Now), "-"), Idle}, cell{r.Message, Plain})
	}
	return out
}
