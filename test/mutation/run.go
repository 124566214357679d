package mutation

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Runner runs rungs with one mutant after the other.
type Runner struct {
	// Module is the folder of the module, under which the rungs' packages are.
	Module string
	Rungs  []Rung
	// Workers is how many mutants are run at a time.
	Workers int

	binaries []string
	// slow is after how long a rung counts as an endless loop.
	slow []time.Duration
	// reached are the mutants whose places each rung comes to.
	reached []map[int]bool
}

// Result is what became of a mutant.
type Result struct {
	Mutant
	// Killed says that a rung failed: the one with this name. How says in a line what it said.
	Killed bool
	Rung   string
	How    string
	// Reached says that some rung came to the place.
	Reached bool
}

// leastPatience is how long a rung is given at least, on a machine that may be busy.
const leastPatience = 20 * time.Second

// Prepare builds the rungs and runs each without a mutant: it must pass, and shows how long it takes and which mutants'
// places it comes to.
func (r *Runner) Prepare(ctx context.Context, s Schemata, scratch string) error {
	var err error
	if r.binaries, err = s.Build(ctx, r.Module, scratch, r.Rungs); err != nil {
		return err
	}
	for i, rung := range r.Rungs {
		file := filepath.Join(scratch, "reached"+strconv.Itoa(i))
		start := time.Now()
		out, err := r.command(ctx, i, "MUTANTS_REACHED="+file).CombinedOutput()
		if err != nil {
			return fmt.Errorf("rung %s fails without a mutant: %w\n%s", rung.Name, err, out)
		}
		r.slow = append(r.slow, leastPatience+5*time.Since(start))
		reached, err := numbers(file)
		if err != nil {
			return err
		}
		r.reached = append(r.reached, reached)
	}
	return nil
}

func numbers(file string) (map[int]bool, error) {
	text, err := os.ReadFile(file) //nolint:gosec // written by the rung that was just run
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	set := map[int]bool{}
	for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
		n, err := strconv.Atoi(scanner.Text())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		set[n] = true
	}
	return set, nil
}

func (r *Runner) command(ctx context.Context, rung int, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.binaries[rung], append([]string{"-test.failfast", "-test.timeout=0"}, r.Rungs[rung].Args...)...) //nolint:gosec // built by Prepare
	cmd.Dir = filepath.Join(r.Module, r.Rungs[rung].Package)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// Run runs mutants until all are done or the time is up, and returns what became of those that were run, by number.
// Prepare comes first.
func (r *Runner) Run(ctx context.Context, mutants []Mutant, until time.Time, done func(Result)) []Result {
	work := make(chan Mutant)
	var lock sync.Mutex
	var results []Result
	var workers sync.WaitGroup
	for range r.Workers {
		workers.Go(func() {
			for m := range work {
				result := r.one(ctx, m)
				lock.Lock()
				results = append(results, result)
				done(result)
				lock.Unlock()
			}
		})
	}
	for _, m := range mutants {
		if ctx.Err() != nil || (!until.IsZero() && time.Now().After(until)) {
			break
		}
		work <- m
	}
	close(work)
	workers.Wait()
	slices.SortFunc(results, func(a, b Result) int { return a.Number - b.Number })
	return results
}

func (r *Runner) one(ctx context.Context, m Mutant) Result {
	result := Result{Mutant: m}
	for i, rung := range r.Rungs {
		if !r.reached[i][m.Number] {
			continue
		}
		result.Reached = true
		limited, cancel := context.WithTimeout(ctx, r.slow[i])
		out, err := r.command(limited, i, "MUTANT="+strconv.Itoa(m.Number)).CombinedOutput()
		late := limited.Err() != nil
		cancel()
		if err != nil {
			result.Killed, result.Rung, result.How = true, rung.Name, reason(out, late)
			return result
		}
	}
	return result
}

// reason is the first line of what a failed test says.
func reason(out []byte, late bool) string {
	if late {
		return "does not end"
	}
	var first string
	for scanner := bufio.NewScanner(bytes.NewReader(out)); scanner.Scan(); {
		line := bytes.TrimSpace(scanner.Bytes())
		if bytes.HasPrefix(line, []byte("--- FAIL")) || bytes.HasPrefix(line, []byte("panic:")) {
			first = string(line)
		}
	}
	return first
}
