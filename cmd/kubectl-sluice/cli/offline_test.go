package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pausingManifest is a Rollout that waits for a person after a fifth of the traffic.
const pausingManifest = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
  strategy: {canary: {maxSurge: 1, maxUnavailable: 0, steps: [{setWeight: 20}, {pause: {}}]}}
`

// offline runs kubectl-sluice with a text coming in, and without any cluster.
func offline(t *testing.T, stdin string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), args, Environment{
		Streams:  genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &stdout, ErrOut: &stderr},
		Terminal: func() (int, int, bool) { return 0, 0, false },
		Now:      func() time.Time { return now },
		NewClient: func(*genericclioptions.ConfigFlags) (client.WithWatch, error) {
			t.Error("a cluster is asked for")
			return nil, errors.New("there is no cluster")
		},
	})
	return code, stdout.String(), stderr.String()
}

func TestPlan(t *testing.T) {
	for name, row := range map[string]struct {
		args   []string
		code   int
		prints string
	}{
		"a good release":       {nil, ExitDone, "Healthy: revision new serves with 5 of 5 pods available"},
		"by name":              {[]string{"web"}, ExitDone, "Rollout web"},
		"nobody promotes":      {[]string{"--no-promote"}, ExitTimeout, "it ends waiting for a person"},
		"an abort":             {[]string{"--events", "abort@step:2"}, ExitFailed, "Degraded: the release of revision new was aborted"},
		"two flags of events":  {[]string{"--events", "abort@step:2", "--events", "retry@aborted+1m"}, ExitDone, "somebody asks for retry"},
		"slow pods":            {[]string{"--pod-ready", "10m"}, ExitDone, "a pod is ready 10m after it is made"},
		"a slow person":        {[]string{"--promote-after", "1h"}, ExitDone, "1h waiting for persons (once)"},
		"created":              {[]string{"--create"}, ExitDone, "the Rollout is created"},
		"another name":         {[]string{"cart"}, ExitUnanswered, `error: there is no Rollout "cart"`},
		"a bad event":          {[]string{"--events", "explode@1m"}, ExitUnanswered, `error: --events: event "explode@1m": "explode" is nothing that may happen`},
		"a time that is none":  {[]string{"--pod-ready", "-1s"}, ExitUnanswered, "error: --pod-ready -1s must not be negative"},
		"another output":       {[]string{"-o", "xml"}, ExitUnanswered, `error: --output "xml"`},
		"two beginnings":       {[]string{"--create", "--from", "x.yaml"}, ExitUnanswered, "--create begins with nothing, and --from with something"},
		"one pipe for two":     {[]string{"--from", "-"}, ExitUnanswered, "cannot both be -"},
		"a person and nobody":  {[]string{"--no-promote", "--promote-after", "1m"}, ExitUnanswered, "contradict each other"},
		"a file that is gone":  {[]string{"--from", "missing.yaml"}, ExitUnanswered, "error: stat missing.yaml: no such file"},
		"more than one of one": {[]string{"web", "cart"}, ExitUnanswered, "accepts at most 1 arg"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := offline(t, pausingManifest, append([]string{"plan", "-f", "-"}, row.args...)...)
			if all := out + errOut; code != row.code || !strings.Contains(all, row.prints) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, row.code, row.prints, all)
			}
		})
	}
}

func TestPlanOfWhatCannotBe(t *testing.T) {
	code, _, errOut := offline(t, strings.Replace(pausingManifest, "setWeight: 20", "setWeight: 200", 1), "plan", "-f", "-")
	if code != ExitFailed || !strings.Contains(errOut, "<stdin>:11: Rollout web: spec.strategy.canary.steps[0].setWeight: Invalid value: 200") {
		t.Errorf("exit code %d:\n%s", code, errOut)
	}
	code, _, errOut = offline(t, "kind: Rollout", "plan", "-f", "-")
	if code != ExitUnanswered || !strings.Contains(errOut, "error: <stdin>:1: is no Kubernetes object") {
		t.Errorf("exit code %d:\n%s", code, errOut)
	}
	code, _, errOut = offline(t, "", "plan")
	if code != ExitUnanswered || !strings.Contains(errOut, `required flag(s) "filename" not set`) {
		t.Errorf("exit code %d:\n%s", code, errOut)
	}
}

func TestPlanForPrograms(t *testing.T) {
	code, out, _ := offline(t, pausingManifest, "plan", "-f", "-", "-o", "json")
	var got struct {
		Ending   string
		Timeline []struct{ Kind string }
		Totals   struct{ WaitsForPersons int }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != ExitDone {
		t.Fatalf("exit code %d, %v:\n%s", code, err, out)
	}
	if got.Ending != "AtRest" || got.Totals.WaitsForPersons != 1 || len(got.Timeline) == 0 {
		t.Errorf("got %+v", got)
	}
}

func TestLint(t *testing.T) {
	for name, row := range map[string]struct {
		change [2]string
		args   []string
		code   int
		prints []string
		not    string
	}{
		"warnings": {
			code:   ExitDone,
			prints: []string{"<stdin>:10: warning: Rollout web: spec.template.spec.containers: no container has a readinessProbe", "(probe-missing)", "1 object, 0 errors, 1 warning\n"},
			not:    "note:",
		},
		"warnings that count": {args: []string{"--strict"}, code: ExitFailed, prints: []string{"1 warning\n"}},
		"notes":               {args: []string{"--notes"}, code: ExitDone, prints: []string{"<stdin>:11: note: ", "(waits-for-person)"}},
		"a rule switched off": {args: []string{"--strict", "--disable", "probe-missing"}, code: ExitDone, prints: []string{"1 object, 0 errors, 0 warnings\n"}},
		"an error": {
			change: [2]string{"setWeight: 20", "setWeight: 200"}, code: ExitFailed,
			prints: []string{"<stdin>:11: error: Rollout web: spec.strategy.canary.steps[0].setWeight: Invalid value: 200", "1 error, 1 warning\n"},
		},
		"no object":        {change: [2]string{"kind: Rollout", ""}, code: ExitFailed, prints: []string{"<stdin>:2: error: is no Kubernetes object", "(unreadable)"}},
		"for programs":     {args: []string{"-o", "json"}, code: ExitDone, prints: []string{`"rule": "probe-missing"`, `"line": 10`, `"objects": 1`}},
		"no such rule":     {args: []string{"--disable", "nothing"}, code: ExitUnanswered, prints: []string{"error: --disable nothing: there is no such rule"}},
		"no such output":   {args: []string{"-o", "xml"}, code: ExitUnanswered, prints: []string{`error: --output "xml"`}},
		"a missing folder": {args: []string{"-f", "missing"}, code: ExitUnanswered, prints: []string{"error: stat missing: no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(pausingManifest, row.change[0], row.change[1], 1)
			code, out, errOut := offline(t, text, append([]string{"lint", "-f", "-"}, row.args...)...)
			all := out + errOut
			if code != row.code || row.not != "" && strings.Contains(all, row.not) {
				t.Errorf("exit code %d, want %d:\n%s", code, row.code, all)
			}
			for _, want := range row.prints {
				if !strings.Contains(all, want) {
					t.Errorf("%q was not printed, but:\n%s", want, all)
				}
			}
		})
	}
}

// TestHelpOfOfflineCommands holds that the help says what there is to choose from.
func TestHelpOfOfflineCommands(t *testing.T) {
	for command, want := range map[string]string{"plan": "pods-crash", "lint": "surge-doubles"} {
		if code, out, _ := offline(t, "", command, "--help"); code != ExitDone || !strings.Contains(out, want) {
			t.Errorf("%s --help: exit code %d:\n%s", command, code, out)
		}
	}
}
