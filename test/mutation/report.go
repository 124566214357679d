package mutation

import (
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
)

// Report is what a run found.
type Report struct {
	// Results of the mutants that were run.
	Results    []Result
	Equivalent Equivalents
	// Module is the folder that positions are shown under.
	Module string
}

// Count is a line of the table.
type Count struct {
	Mutants, Killed, Equivalent, Survived int
}

// Percent of the mutants that were killed; all of none.
func (c Count) Percent() float64 {
	if c.Mutants == 0 {
		return 100
	}
	return 100 * float64(c.Killed) / float64(c.Mutants)
}

// Total counts all mutants.
func (r Report) Total() Count {
	return r.count(func(Result) bool { return true })
}

func (r Report) count(which func(Result) bool) Count {
	var c Count
	for _, result := range r.Results {
		if !which(result) {
			continue
		}
		c.Mutants++
		switch {
		case result.Killed:
			c.Killed++
		case r.Equivalent[result.ID()] != "":
			c.Equivalent++
		default:
			c.Survived++
		}
	}
	return c
}

// Survivors are the mutants that were not killed and are not known to be equivalent.
func (r Report) Survivors() []Result {
	var list []Result
	for _, result := range r.Results {
		if !result.Killed && r.Equivalent[result.ID()] == "" {
			list = append(list, result)
		}
	}
	return list
}

// KilledEquivalents are those that are listed as equivalent, and were killed all the same.
func (r Report) KilledEquivalents() []Result {
	var list []Result
	for _, result := range r.Results {
		if result.Killed && r.Equivalent[result.ID()] != "" {
			list = append(list, result)
		}
	}
	return list
}

// Print writes the table by operator and by rung, and the survivors, each as a block for the list of equivalent ones.
func (r Report) Print(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "operator\tmutants\tkilled\tequivalent\tsurvived\t%\t")
	line := func(name string, c Count) {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%.1f\t\n", name, c.Mutants, c.Killed, c.Equivalent, c.Survived, c.Percent())
	}
	for _, operator := range Operators() {
		line(string(operator), r.count(func(result Result) bool { return result.Operator == operator }))
	}
	line("total", r.Total())
	if err := table.Flush(); err != nil {
		return err
	}
	for _, result := range r.Survivors() {
		fmt.Fprintf(out, "\n# %s%s\n%s\n", r.position(result), r.unreached(result), result)
	}
	return nil
}

// ByRung counts the killed mutants by the rung that killed them.
func (r Report) ByRung() map[string]int {
	counts := map[string]int{}
	for _, result := range r.Results {
		if result.Killed {
			counts[result.Rung]++
		}
	}
	return counts
}

func (r Report) position(result Result) string {
	name, err := filepath.Rel(r.Module, result.Position.Filename)
	if err != nil {
		name = result.Position.Filename
	}
	return fmt.Sprintf("%s:%d:%d", name, result.Position.Line, result.Position.Column)
}

func (r Report) unreached(result Result) string {
	if result.Reached {
		return ""
	}
	return " (no test comes here)"
}
