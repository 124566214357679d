package mutation_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/test/mutation"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMutants makes every mutant of a small package, and holds which they are and what its tests see of them. A mutation
// test that calls everything killed, or nothing, would show here.
func TestMutants(t *testing.T) {
	module, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	const weigh = "./testdata/weigh"
	p, err := mutation.Load(t.Context(), module, weigh)
	if err != nil {
		t.Fatal(err)
	}
	schemata := p.Mutate()
	runner := &mutation.Runner{Module: module, Rungs: []mutation.Rung{{Name: "weigh", Package: weigh}}, Workers: 2}
	if err := runner.Prepare(t.Context(), schemata, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, r := range runner.Run(t.Context(), schemata.Mutants, time.Time{}, func(mutation.Result) {}) {
		fate := "survived"
		switch {
		case r.Killed:
			fate = "killed"
		case !r.Reached:
			fate = "not reached"
		}
		fmt.Fprintf(&got, "%s\n= %s\n\n", r, fate)
	}
	golden := filepath.Join("testdata", "weigh.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the mutants have changed (-update writes them anew):\n%s", diff)
	}
}

func TestEquivalents(t *testing.T) {
	m := mutation.Mutant{Func: "engine.passed", Operator: mutation.BoundShifted, From: "a < b", To: "a <= b", Again: 1}
	for name, c := range map[string]struct {
		text, want, problem string
	}{
		"a block":                 {text: "# for readers\n" + m.String() + "\n= they are\n  never alike\n", want: "they are never alike"},
		"two blocks":              {text: "[f] call dropped\n- f()\n= nothing\n\n" + m.String() + "\n= why\n", want: "why"},
		"no reason":               {text: m.String() + "\n", problem: "the reason"},
		"an operator of nobody's": {text: "[f] call swallowed\n- f()\n= why\n", problem: `no operator "call swallowed"`},
		"listed twice":            {text: m.String() + "\n= why\n\n" + m.String() + "\n= why\n", problem: "listed twice"},
		"no heading":              {text: "- f()\n= why\n", problem: "no heading"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "equivalents.txt")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := mutation.ReadEquivalents(path)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("got error %v, want one with %q", err, c.problem)
				}
				return
			}
			if err != nil || got[m.ID()] != c.want {
				t.Errorf("got %q, %v, want %q", got[m.ID()], err, c.want)
			}
		})
	}
}

func TestSample(t *testing.T) {
	var mutants []mutation.Mutant
	equivalent := mutation.Equivalents{}
	for i := range 20 {
		m := mutation.Mutant{Func: fmt.Sprint("f", i), Operator: mutation.CallDropped, From: "g()"}
		mutants = append(mutants, m)
		if i < 17 {
			equivalent[m.ID()] = "why"
		}
	}
	if sample := mutation.Sample(mutants, equivalent, 5); len(sample) != 3 {
		t.Errorf("%d of the 3 that are not equivalent", len(sample))
	}
	sample, again := mutation.Sample(mutants, nil, 5), mutation.Sample(mutants, nil, 5)
	if diff := cmp.Diff(sample, again); diff != "" || len(sample) != 5 {
		t.Errorf("%d, and another sample the second time:\n%s", len(sample), diff)
	}
}
