package view

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// maxRuns is how many runs of a revision are shown: the last ones.
const maxRuns = 5

// attachRuns puts the AnalysisRuns of the Rollout under the revisions that they are about and returns those without one
// that are still under way. What was found good of a revision that has long been stable is history.
func attachRuns(o Objects, revisions []Revision) []Run {
	var rest []Run
	for _, ar := range o.Runs {
		if !ownedBy(ar, o.Rollout) && ar.Labels[v1alpha1.LabelRollout] != o.Rollout.Name {
			continue
		}
		hash := runRevision(ar, o.Rollout, revisions)
		i := slices.IndexFunc(revisions, func(r Revision) bool { return hash != "" && r.Hash == hash })
		switch {
		case i >= 0 && hash == o.Rollout.Status.StableRevision && ar.Status.Phase == v1alpha1.AnalysisSuccessful:
		case i >= 0:
			revisions[i].Runs = append(revisions[i].Runs, run(ar))
		case hash == "" && !ar.Status.Phase.Completed():
			rest = append(rest, run(ar))
		}
	}
	for i := range revisions {
		sortRuns(revisions[i].Runs)
		revisions[i].Runs = revisions[i].Runs[max(0, len(revisions[i].Runs)-maxRuns):]
	}
	sortRuns(rest)
	return rest
}

func sortRuns(runs []Run) {
	slices.SortFunc(runs, func(a, b Run) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.Name, b.Name))
	})
}

// runRevision returns the revision that a run is about, and "" where nothing tells.
func runRevision(ar *v1alpha1.AnalysisRun, ro *v1alpha1.Rollout, revisions []Revision) string {
	s := &ro.Status
	if hash := ar.Labels[v1alpha1.LabelPodTemplateHash]; hash != "" {
		return hash
	}
	if r := s.Release; r != nil {
		for _, known := range []*v1alpha1.StepAnalysisStatus{r.AnalysisRun, r.BackgroundAnalysisRun} {
			if known != nil && known.Name == ar.Name {
				return r.Revision
			}
		}
	}
	for _, rejected := range s.Rejected {
		if rejected.AnalysisRun == ar.Name {
			return rejected.Revision
		}
	}
	for _, r := range revisions { // Runs are named after their revision.
		if strings.HasPrefix(ar.Name, ro.Name+"-"+r.Hash+"-") {
			return r.Hash
		}
	}
	return ""
}

func run(ar *v1alpha1.AnalysisRun) Run {
	out := Run{
		Name:      ar.Name,
		Phase:     cmp.Or(ar.Status.Phase, v1alpha1.AnalysisPending),
		Message:   ar.Status.Message,
		Step:      ar.Labels[v1alpha1.LabelStepIndex],
		Type:      ar.Labels[v1alpha1.LabelAnalysisType],
		CreatedAt: ar.CreationTimestamp.Time,
	}
	for _, wanted := range ar.Spec.Metrics {
		m := Metric{Name: wanted.Name, Phase: v1alpha1.AnalysisPending}
		for _, result := range ar.Status.MetricResults {
			if result.Name == wanted.Name {
				m = metric(result)
			}
		}
		out.Metrics = append(out.Metrics, m)
	}
	return out
}

func metric(r v1alpha1.MetricResult) Metric {
	m := Metric{
		Name: r.Name, Phase: cmp.Or(r.Phase, v1alpha1.AnalysisPending), Message: r.Message,
		Successful: r.Successful, Failed: r.Failed, Inconclusive: r.Inconclusive, Errors: r.Error, NoData: r.NoData,
	}
	for _, measurement := range slices.Backward(r.Measurements) {
		if measurement.Value != "" {
			m.Value = measurement.Value
			break
		}
	}
	return m
}
