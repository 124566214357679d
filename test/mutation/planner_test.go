package mutation_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/mutation"
)

var (
	long   = flag.Bool("long", false, "run every mutant")
	only   = flag.String("only", "", "run the mutants of these functions, separated by commas, and show how each was killed")
	budget = flag.Duration("budget", 2*time.Minute, "how long a short run may take")
)

// engine is the package that decides.
const engine = "./controllers/rollout/plan"

// sampled is how many of the mutants a short run looks at.
const sampled = 400

// enough is the least share of all mutants that is to be killed, in percent; those that are equivalent count as not killed.
// enoughOfSample is the same for a sample, which has no equivalent ones: a few new survivors fail a long run, and many a
// short one.
const (
	enough         = 95
	enoughOfSample = 96
)

// rungs look for mutants, the cheapest first.
func rungs() []mutation.Rung {
	// What fails needs no smaller example here, nor a file of it.
	rapid := []string{"-rapid.seed=1", "-rapid.shrinktime=1ns", "-rapid.nofailfile"}
	const quick, slow = "^TestDecisions$|Violations$", "^TestBoundedSurgeWithRoutes$"
	return []mutation.Rung{
		{Name: "decisions", Package: engine, Args: []string{"-test.run=" + quick}},
		{Name: "plan", Package: engine, Args: append(rapid, "-test.skip="+quick+"|"+slow)},
		{Name: "traces", Package: "./test/traces"},
		{Name: "plan-long", Package: engine, Args: []string{"-test.run=" + slow}},
		{Name: "explore", Package: "./test/mutation/explore"},
	}
}

func TestPlanner(t *testing.T) {
	module, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	p, err := mutation.Load(t.Context(), module, engine)
	if err != nil {
		t.Fatal(err)
	}
	equivalent, err := mutation.ReadEquivalents("equivalents.txt")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	schemata := p.Mutate()
	runner := &mutation.Runner{Module: module, Rungs: rungs(), Workers: runtime.NumCPU()}
	if err := runner.Prepare(t.Context(), schemata, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d mutants, ready after %s", len(schemata.Mutants), time.Since(start).Round(time.Second))

	mutants, until := schemata.Mutants, time.Time{}
	switch {
	case *only != "":
		functions := strings.Split(*only, ",")
		mutants = slices.DeleteFunc(slices.Clone(mutants), func(m mutation.Mutant) bool { return !slices.Contains(functions, m.Func) })
	case !*long:
		mutants, until = mutation.Sample(mutants, equivalent, sampled), start.Add(*budget)
	}
	t.Logf("%d mutants are run", len(mutants))
	done := 0
	report := mutation.Report{Equivalent: equivalent, Module: module}
	report.Results = runner.Run(t.Context(), mutants, until, func(r mutation.Result) {
		if done++; done%500 == 0 {
			t.Logf("%d are done after %s", done, time.Since(start).Round(time.Second))
		}
		if *only != "" && r.Killed {
			t.Logf("killed by %s (%s): %s", r.Rung, r.How, strings.ReplaceAll(r.String(), "\n", " "))
		}
	})
	judge(t, report, schemata.Mutants, len(mutants))
	t.Logf("took %s", time.Since(start).Round(time.Second))
}

func judge(t *testing.T, report mutation.Report, all []mutation.Mutant, asked int) {
	t.Helper()
	var text strings.Builder
	if err := report.Print(&text); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &text)
	byRung := report.ByRung()
	for _, rung := range slices.Sorted(maps.Keys(byRung)) {
		t.Logf("killed by %s: %d", rung, byRung[rung])
	}
	if left := asked - len(report.Results); left > 0 {
		t.Logf("%d were not run: the time was up", left)
	}
	least := enoughOfSample
	if *long {
		least = enough
	}
	if killed := report.Total().Percent(); *only == "" && killed < float64(least) {
		t.Errorf("%.1f %% of the mutants were killed, fewer than %d %%", killed, least)
	}
	for _, m := range report.KilledEquivalents() {
		t.Errorf("listed as equivalent, and killed by %s: take it out of equivalents.txt\n%s", m.Rung, m)
	}
	if !*long {
		return
	}
	if n := len(report.Survivors()); n > 0 {
		t.Errorf("%d mutants survive: write a test that sees each, or delete what nothing needs, or list it in equivalents.txt with the reason", n)
	}
	left := maps.Clone(map[string]string(report.Equivalent))
	for _, m := range all {
		delete(left, m.ID())
	}
	for id, why := range left {
		t.Errorf("equivalents.txt lists a mutant (%s) that is not there any more: %s", id, why)
	}
}

// covered is the least share of the engine's statements that its tests come to, in percent.
const covered = 95

func TestCoverage(t *testing.T) {
	module, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	c, err := mutation.Cover(t.Context(), module, t.TempDir(), engine, engine, "./test/traces", "./test/mutation/explore")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f %% of %d statements are covered; not covered: %s", c.Percent(), c.Statements, strings.Join(c.Uncovered, "\n"))
	if c.Percent() <= covered {
		t.Errorf("%.1f %% of the engine's statements are covered, which is not more than %d %%", c.Percent(), covered)
	}
}

// TestNothingIsWritten holds that the tree stays as it is.
func TestNothingIsWritten(t *testing.T) {
	if _, err := os.Stat(filepath.Join("..", "..", engine, "zz_mutants.go")); err == nil {
		t.Error("the mutants are in the tree: they belong into the overlay")
	}
}
