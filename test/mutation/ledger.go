package mutation

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Equivalents are the mutants that a person has found to be equivalent, by ID, with the reason.
type Equivalents map[string]string

// ReadEquivalents reads the reviewed list: a block for each mutant, with an empty line between two, as Mutant.String
// gives it and a last line with the reason.
//
//	[engine.passed] bound shifted
//	- at.Before(e.plan.WakeAt)
//	+ !at.After(e.plan.WakeAt)
//	= the wake-up is set to the time that it has
//
// Lines that begin with # are for readers.
func ReadEquivalents(path string) (Equivalents, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the caller's list
	if err != nil {
		return nil, err
	}
	list := Equivalents{}
	var block []string
	take := func() error {
		if len(block) == 0 {
			return nil
		}
		m, why, err := parse(block)
		if err != nil {
			return fmt.Errorf("%s: %w:\n%s", path, err, strings.Join(block, "\n"))
		}
		if list[m.ID()] != "" {
			return fmt.Errorf("%s: listed twice:\n%s", path, m)
		}
		list[m.ID()], block = why, nil
		return nil
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case line != "":
			block = append(block, line)
			continue
		}
		if err := take(); err != nil {
			return nil, err
		}
	}
	return list, take()
}

func parse(block []string) (m Mutant, why string, err error) {
	heading, ok := strings.CutPrefix(block[0], "[")
	fn, operator, found := strings.Cut(heading, "] ")
	if !ok || !found {
		return m, "", fmt.Errorf("%q is no heading: [function] operator", block[0])
	}
	m.Func = fn
	name, again, numbered := strings.Cut(operator, " #")
	if numbered {
		if _, err := fmt.Sscanf(again, "%d", &m.Again); err != nil {
			return m, "", fmt.Errorf("%q is no number", again)
		}
		m.Again--
	}
	if m.Operator = Operator(name); !slices.Contains(Operators(), m.Operator) {
		return m, "", fmt.Errorf("there is no operator %q", name)
	}
	for _, line := range block[1:] {
		switch {
		case strings.HasPrefix(line, "- "):
			m.From = line[2:]
		case strings.HasPrefix(line, "+ "):
			m.To = line[2:]
		case strings.HasPrefix(line, "= "):
			why = line[2:]
		case strings.HasPrefix(line, "  ") && why != "":
			why += " " + strings.TrimSpace(line)
		default:
			return m, "", fmt.Errorf("%q begins with none of - + =", line)
		}
	}
	if m.From == "" || why == "" {
		return m, "", fmt.Errorf("the source (-) or the reason (=) is missing")
	}
	return m, why, nil
}

// Sample chooses what a short run looks at: some of the mutants that are not known to be equivalent, in the order of their
// IDs, which is as good as by lot, and the same each time.
func Sample(mutants []Mutant, equivalent Equivalents, size int) []Mutant {
	sample := slices.DeleteFunc(slices.Clone(mutants), func(m Mutant) bool { return equivalent[m.ID()] != "" })
	slices.SortFunc(sample, func(a, b Mutant) int { return strings.Compare(a.ID(), b.ID()) })
	return sample[:min(size, len(sample))]
}
