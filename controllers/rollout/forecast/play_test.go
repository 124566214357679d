package forecast

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// canary is a spec with three steps, of which two wait.
func canary(revision string) plan.Spec {
	return plan.Spec{
		Revision: revision, Replicas: 4, Surge: plan.Unbounded, ScaleDownLimit: plan.Unbounded,
		Steps: []plan.Step{
			{Kind: plan.StepSetWeight, Weight: 25, Key: "25"},
			{Kind: plan.StepAnalysis, Key: "analysis"},
			{Kind: plan.StepPause, Indefinite: true, Key: "pause"},
			{Kind: plan.StepSetWeight, Weight: 50, Key: "50"},
			{Kind: plan.StepPause, Duration: 10 * time.Minute, Key: "pause 10m"},
		},
		Settle: 5 * time.Second, ScaleDownDelay: 30 * time.Second, AbortScaleDownDelay: 30 * time.Second,
		ProgressDeadline: 10 * time.Minute, ProgressDeadlineAbort: true, HistoryLimit: 10, Unavailable: 1,
	}
}

func scenario(t *testing.T, events string) Scenario {
	t.Helper()
	parsed, err := ParseEvents(events)
	if err != nil {
		t.Fatal(err)
	}
	return Scenario{
		Before: canary("old"), After: canary("new"), StableService: true, CanaryService: true, Routes: []string{"shop"},
		Events: parsed,
		Assume: Assumptions{
			PodReady: 10 * time.Second, OtherAnalysis: 5 * time.Minute, Background: NoEnd, Promotes: true, PromoteAfter: time.Minute,
		},
	}
}

func TestForecasts(t *testing.T) {
	for name, events := range map[string]string{
		"promoted":             "",
		"aborted":              "abort@step:5+1m",
		"analysis-fails":       "analysis-fails@step:2+30s",
		"inconclusive":         "analysis-inconclusive@step:2+30s",
		"pods-crash":           "pods-crash@step:4",
		"pods-stuck":           "pods-stuck",
		"gateway-silent":       "gateway-silent@step:4,mend@step:4+2m",
		"superseded":           "template@step:5",
		"taken-back":           "back@step:5",
		"scaled":               "scale:8@step:5",
		"aborted-and-retried":  "abort@step:3,retry@aborted+2m",
		"two-in-a-row":         "template@promoted+1m",
		"refused":              "promote@step:5,abort@promoted",
		"never":                "abort@step:17",
		"promoted-by-somebody": "promote@waiting+20s",
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Play(scenario(t, events))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join("testdata", name+".txt"), text(f))
		})
	}
}

// compare holds a text to a golden file.
func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s has changed (go test ./controllers/rollout/forecast -update writes it anew):\n%s", golden, diff)
	}
}

// text is a forecast for people who look at golden files.
func text(f Forecast) string {
	var out strings.Builder
	for _, e := range f.Entries {
		var shares []string
		for _, r := range e.Revisions {
			shares = append(shares, fmt.Sprintf("%s %d%% %d/%d", r.Name, r.Share, r.Available, r.Desired))
		}
		fmt.Fprintf(&out, "%7s  %-36s", e.At, strings.Join(shares, ", "))
		switch e.Kind {
		case Happens:
			fmt.Fprintf(&out, "! %s\n", e.What)
		case Waits:
			fmt.Fprintf(&out, ". %s: %s\n", e.For, e.What)
		case Decides:
			fmt.Fprintln(&out, "=")
			for _, n := range e.Notes {
				fmt.Fprintf(&out, "%47s%s: %s\n", "", n.Reason, n.Message)
			}
			for _, a := range e.Actions {
				fmt.Fprintf(&out, "%47s-> %s\n", "", a)
			}
		}
	}
	fmt.Fprintf(&out, "%s %s %s: %s\n%+v\nunused %v\n", f.Ending, f.Message, f.Summary.Phase, f.Summary.Message, f.Totals, f.Unused)
	return out.String()
}
