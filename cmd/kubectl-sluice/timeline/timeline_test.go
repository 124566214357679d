package timeline

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
	"github.com/sluicehq/sluice/controllers/rollout/forecast"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, time.March, 1, 10, 0, 0, 0, time.UTC)

func objects(t *testing.T, files ...string) []*manifest.Object {
	t.Helper()
	for i := range files {
		files[i] = filepath.Join("testdata", files[i])
	}
	found, problems, err := manifest.Read(files, false, strings.NewReader(""))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	return found
}

func text(t *testing.T, yaml string) []*manifest.Object {
	t.Helper()
	found, problems, err := manifest.Read([]string{manifest.Stdin}, false, strings.NewReader(yaml))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	return found
}

// input is one with the assumptions of the command.
func input(found []*manifest.Object) Input {
	return Input{Objects: found, Now: now, PodReady: 10 * time.Second, OtherAnalysis: 5 * time.Minute, Promotes: true}
}

// TestStories holds what people see to golden files, which are to be read.
func TestStories(t *testing.T) {
	for name, row := range map[string]struct {
		file, from, events string
		change             func(*Input)
		good, waits        bool
	}{
		"canary":               {file: "canary.yaml", from: "canary-before.yaml", good: true},
		"canary-aborted":       {file: "canary.yaml", events: "abort@step:5+1m"},
		"canary-deadline":      {file: "canary.yaml", events: "pods-stuck@step:3"},
		"canary-analysis":      {file: "canary.yaml", events: "analysis-fails@step:2+40s"},
		"canary-jump":          {file: "canary.yaml", events: "jump:5@step:1+2s", good: true},
		"canary-superseded":    {file: "canary.yaml", events: "template@step:5", good: true},
		"canary-nobody":        {file: "canary.yaml", change: func(in *Input) { in.Promotes = false }, waits: true},
		"canary-unchanged":     {file: "canary.yaml", from: "canary.yaml", good: true},
		"canary-created":       {file: "canary.yaml", change: func(in *Input) { in.Create = true }, good: true},
		"canary-scaled":        {file: "canary.yaml", events: "scale:8@step:5,restart@promoted", good: true},
		"pods":                 {file: "pods.yaml", good: true},
		"pods-crash":           {file: "pods.yaml", events: "pods-crash@weight:50+20s"},
		"bluegreen":            {file: "bluegreen.yaml", good: true},
		"bluegreen-taken-back": {file: "bluegreen.yaml", events: "analysis-fails@step:5+1m"},
		"workload-created":     {file: "workload.yaml", change: func(in *Input) { in.Create = true }, good: true},
		"workload":             {file: "workload.yaml", good: true},
		"adopt":                {file: "adopt.yaml", from: "adopt-before.yaml", good: true},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(objects(t, row.file))
			if row.from != "" {
				in.From = objects(t, row.from)
			}
			var err error
			if in.Events, err = forecast.ParseEvents(row.events); err != nil {
				t.Fatal(err)
			}
			if row.change != nil {
				row.change(&in)
			}
			made, err := Build(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if made.Good() != row.good || made.Waits() != row.waits {
				t.Errorf("good %t, waits %t", made.Good(), made.Waits())
			}
			if v := made.Forecast.Violations; len(v) > 0 {
				t.Errorf("broken invariants: %v", v)
			}
			var out strings.Builder
			if err := Write(&out, made); err != nil {
				t.Fatal(err)
			}
			compare(t, name+".txt", out.String())
		})
	}
}

// TestSamples plays the Rollouts that we show to people: each ends well.
func TestSamples(t *testing.T) {
	found, problems, err := manifest.Read([]string{"../../../config/samples"}, false, nil)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	for _, o := range found {
		if o.Kind() != "Rollout" {
			continue
		}
		in := input(found)
		in.Name = o.Name()
		if ref, ok := o.At("spec", "workloadRef", "name").(string); ok {
			in.Objects = append(text(t, strings.ReplaceAll(deploymentOfSample, "NAME", ref)), found...)
		}
		made, err := Build(t.Context(), in)
		if err != nil {
			t.Errorf("%s: %v", o, err)
			continue
		}
		if !made.Good() || len(made.Forecast.Violations) > 0 {
			t.Errorf("%s ends %s: %s %v", o, made.Forecast.Ending, made.Forecast.Summary.Message, made.Forecast.Violations)
		}
	}
}

const deploymentOfSample = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: NAME}, spec: {replicas: 2, template: ` +
	`{metadata: {labels: {app: NAME}}, spec: {containers: [{name: app, image: "app:1"}]}}}}`

func TestJSON(t *testing.T) {
	made, err := Build(t.Context(), input(objects(t, "pods.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := WriteJSON(&out, made); err != nil {
		t.Fatal(err)
	}
	compare(t, "pods.json", out.String())
}

// compare holds a text to a golden file.
func compare(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name)
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
		t.Errorf("%s has changed (go test ./cmd/kubectl-sluice/timeline -update writes it anew):\n%s", name, diff)
	}
}

func TestRefused(t *testing.T) {
	const rollout = `{apiVersion: sluice.dev/v1alpha1, kind: Rollout, metadata: {name: web}, spec: {workloadRef: {name: web}, ` +
		`strategy: {canary: {steps: [{setWeight: 50}]}}}}`
	for name, row := range map[string]struct {
		yaml, name string
		change     func(*Input)
		want       string
	}{
		"nothing":            {yaml: `{apiVersion: v1, kind: Service, metadata: {name: web}}`, want: "there is no Rollout among the 1 objects"},
		"another name":       {yaml: rollout, name: "cart", want: `there is no Rollout "cart" among the 1 objects`},
		"two":                {yaml: rollout + "\n---\n" + strings.ReplaceAll(rollout, "name: web", "name: cart"), want: "there are 2 Rollouts; name one of them: cart, web"},
		"no Deployment":      {yaml: rollout, want: `Deployment "web", whose template it runs, is not among the objects`},
		"of another tool":    {yaml: strings.Replace(rollout, "sluice.dev", "argoproj.io", 1), want: "is of argoproj.io/v1alpha1; kubectl sluice lint says what to change"},
		"a bad weight":       {yaml: strings.Replace(rollout, "50", "101", 1), want: "<stdin>:1: Rollout web: spec.strategy.canary.steps[0].setWeight: Invalid value: 101"},
		"from without it":    {yaml: text2, change: func(in *Input) { in.From = in.Objects[:1] }, want: "--from has neither Rollout web nor Deployment web"},
		"from that is empty": {yaml: text2, change: func(in *Input) { in.From = []*manifest.Object{} }, want: "--from has neither"},
		"from that is bad": {yaml: text2, change: func(in *Input) {
			in.From = text(t, strings.Replace(text2, "setWeight: 50", "setWeight: 500", 1))
		}, want: "<stdin>:3: Rollout web: spec.strategy.canary.steps[0].setWeight: Invalid value: 500"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(text(t, row.yaml))
			in.Name = row.name
			if row.change != nil {
				row.change(&in)
			}
			_, err := Build(t.Context(), in)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("want %q, got %v", row.want, err)
			}
			if _, invalid := errors.AsType[*InvalidError](err); invalid != strings.Contains(row.want, "Invalid value") {
				t.Errorf("an InvalidError: %t", invalid)
			}
		})
	}
}

// text2 is a Rollout after something else.
const text2 = `{apiVersion: v1, kind: Service, metadata: {name: other}}
---
{apiVersion: sluice.dev/v1alpha1, kind: Rollout, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: "web:1"}]}}, strategy: {canary: {steps: [{setWeight: 50}]}}}}`

// TestLongTimelines holds that a timeline is never too long to read, and never without its end.
func TestLongTimelines(t *testing.T) {
	in := input(text(t, strings.Replace(text2, "spec: {selector", "spec: {replicas: 500, selector", 1)))
	var err error
	if in.Events, err = forecast.ParseEvents("scale:501"); err != nil {
		t.Fatal(err)
	}
	in.Objects[1].Content["spec"].(map[string]any)["strategy"].(map[string]any)["canary"].(map[string]any)["maxSurge"] = int64(1)
	in.Objects[1].Content["spec"].(map[string]any)["strategy"].(map[string]any)["canary"].(map[string]any)["maxUnavailable"] = int64(0)
	made, err := Build(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Write(&out, made); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines > 400 || !made.Good() ||
		!strings.Contains(out.String(), "more lines, which -o json has") || !strings.Contains(out.String(), "revision new is promoted") {
		t.Errorf("%d lines, good %t:\n%s", lines, made.Good(), out.String())
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", time.Minute: "1m", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Minute: "1h30m",
		time.Hour + 5*time.Second: "1h0m5s", 48 * time.Hour: "2d", 49*time.Hour + time.Minute: "2d1h1m", 47 * time.Hour: "47h",
		1500 * time.Millisecond: "1.5s", 20 * time.Minute: "20m", 100 * time.Hour: "4d4h",
	} {
		if got := short(d); got != want {
			t.Errorf("%s: want %s, got %s", d, want, got)
		}
	}
}

// TestAnalysisLengths holds how long an analysis is taken to take.
func TestAnalysisLengths(t *testing.T) {
	find := func(made *Timeline, part string) bool {
		return strings.Contains(strings.Join(made.Assumptions, "\n"), part)
	}
	for name, row := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"its templates": {func(*Input) {}, "the analysis of step 2 succeeds after 1m30s (its templates)"},
		"the flag":      {func(in *Input) { in.Analysis = new(time.Hour) }, "the analysis of step 2 succeeds after 1h (--analysis)"},
		"nothing known": {func(in *Input) { in.Objects = in.Objects[:1] }, "the analysis of step 2 succeeds after 5m (template success is not among the objects)"},
	} {
		in := input(objects(t, "canary.yaml"))
		row.change(&in)
		made, err := Build(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if !find(made, row.want) {
			t.Errorf("%s: want %q among %q", name, row.want, made.Assumptions)
		}
	}
}
