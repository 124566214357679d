package rollout

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// series are the values of all series, each by its name and its labels.
func series(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			parts := []string{family.GetName()}
			for _, label := range metric.GetLabel() {
				parts = append(parts, label.GetValue())
			}
			name := strings.Join(parts, " ")
			switch {
			case metric.GetGauge() != nil:
				out[name] = metric.GetGauge().GetValue()
			case metric.GetCounter() != nil:
				out[name] = metric.GetCounter().GetValue()
			default:
				out[name] = metric.GetHistogram().GetSampleSum()
			}
		}
	}
	return out
}

func TestMeters(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := newMeters(registry)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := newMeters(registry); err != nil || again != m {
		t.Errorf("a second manager has metrics of its own: %v", err)
	}
	ro := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "web"}, Status: v1alpha1.RolloutStatus{
		Phase: v1alpha1.RolloutPaused, Replicas: 5, UpdatedReplicas: 2, ReadyReplicas: 4, AvailableReplicas: 3,
		Release: &v1alpha1.ReleaseStatus{
			Revision: "a", StepIndex: 1, PausedSeconds: 9, Weights: &v1alpha1.ReleaseWeights{Asked: 20, Low: 10, High: 30},
		},
	}}
	m.show(ro, 6, 4)
	m.violated(client.ObjectKeyFromObject(ro), 2)
	start := time.Unix(1000, 0)
	m.ended(ro, []plan.Release{
		{Outcome: plan.Aborted, Started: start, Finished: start.Add(time.Minute), Paused: 5 * time.Second},
		{Outcome: plan.Promoted},
	})
	want := map[string]float64{
		"sluice_rollout_info web n Progressing": 0, "sluice_rollout_info web n Paused": 1,
		"sluice_rollout_info web n Healthy": 0, "sluice_rollout_info web n Degraded": 0,
		"sluice_rollout_weight_percent asked web n": 20, "sluice_rollout_weight_percent low web n": 10,
		"sluice_rollout_weight_percent high web n": 30,
		"sluice_rollout_step web n":                2, "sluice_rollout_steps web n": 4, "sluice_rollout_paused_seconds web n": 9,
		"sluice_rollout_replicas web n desired": 6, "sluice_rollout_replicas web n current": 5,
		"sluice_rollout_replicas web n updated": 2, "sluice_rollout_replicas web n ready": 4,
		"sluice_rollout_replicas web n available":         3,
		"sluice_rollout_invariant_violations_total web n": 2,
		"sluice_rollout_releases_total web n Promoted":    1, "sluice_rollout_releases_total web n FastPromoted": 0,
		"sluice_rollout_releases_total web n Aborted": 1, "sluice_rollout_releases_total web n Superseded": 0,
		"sluice_rollout_releases_total web n RolledBack": 0,
		"sluice_release_duration_seconds Aborted":        60, "sluice_release_paused_seconds Aborted": 5,
	}
	if diff := cmp.Diff(want, series(t, registry)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	ro.Status.Release, ro.Status.Phase = nil, v1alpha1.RolloutHealthy
	m.show(ro, 6, 4)
	got := series(t, registry)
	if got["sluice_rollout_step web n"] != 0 || got["sluice_rollout_info web n Paused"] != 0 ||
		got["sluice_rollout_weight_percent high web n"] != 0 || got["sluice_rollout_releases_total web n Aborted"] != 1 {
		t.Errorf("at rest: %v", got)
	}
	m.forget(client.ObjectKeyFromObject(ro))
	for name := range series(t, registry) {
		if strings.Contains(name, "web") {
			t.Errorf("%s is left of a Rollout that is gone", name)
		}
	}
}

// metrics.md lists what there is.
func TestMetricsAreListed(t *testing.T) {
	content, err := os.ReadFile("metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	m, err := newMeters(registry)
	if err != nil {
		t.Fatal(err)
	}
	ro := &v1alpha1.Rollout{}
	m.show(ro, 0, 0)
	m.ended(ro, []plan.Release{{Started: time.Unix(1, 0), Finished: time.Unix(2, 0)}})
	families, err := registry.Gather()
	if err != nil || len(families) != 10 {
		t.Fatalf("%d metrics, %v", len(families), err)
	}
	for _, family := range families {
		if !strings.Contains(string(content), "`"+family.GetName()+"`") {
			t.Errorf("%s is not listed", family.GetName())
		}
	}
}
