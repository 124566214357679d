package mutation

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Coverage is which statements of a package tests come to.
type Coverage struct {
	Statements, Covered int
	// Uncovered are the places that no test comes to, as file:line.column,line.column.
	Uncovered []string
}

// Percent of the statements that are covered; all of none.
func (c Coverage) Percent() float64 {
	if c.Statements == 0 {
		return 100
	}
	return 100 * float64(c.Covered) / float64(c.Statements)
}

// Cover runs the tests of some packages and returns what they cover of one, all together.
func Cover(ctx context.Context, module, scratch, covered string, tests ...string) (Coverage, error) {
	profile := filepath.Join(scratch, "cover.out")
	args := append([]string{"test", "-vet=off", "-coverpkg", covered, "-coverprofile", profile}, tests...)
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the caller's packages
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return Coverage{}, fmt.Errorf("covering %s: %w\n%s", covered, err, out)
	}
	return readCoverage(profile)
}

// readCoverage reads a profile in which each test binary has a line for every block: file:from,to statements count.
func readCoverage(profile string) (Coverage, error) {
	f, err := os.Open(profile) //nolint:gosec // written by Cover
	if err != nil {
		return Coverage{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	statements, hits := map[string]int{}, map[string]bool{}
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		place, numbers, ok := strings.Cut(scanner.Text(), " ")
		if !ok || strings.HasPrefix(place, "mode:") {
			continue
		}
		var n, count int
		if _, err := fmt.Sscan(numbers, &n, &count); err != nil {
			return Coverage{}, fmt.Errorf("%s: %q: %w", profile, scanner.Text(), err)
		}
		statements[place] = n
		hits[place] = hits[place] || count > 0
	}
	var c Coverage
	for place, n := range statements {
		c.Statements += n
		if hits[place] {
			c.Covered += n
		} else {
			c.Uncovered = append(c.Uncovered, place)
		}
	}
	slices.Sort(c.Uncovered)
	return c, scanner.Err()
}
