package analysis

import (
	"fmt"
	"strings"
)

// maxProblems is how many problems a message names.
const maxProblems = 10

// InvalidError is everything that is wrong with a spec, so that it can be mended in one go.
type InvalidError struct {
	// Problems each name the metric or argument, what is wrong with it, and what to do.
	Problems []string
}

// Error names the problems in one line.
func (e *InvalidError) Error() string {
	shown := e.Problems
	more := ""
	if len(shown) > maxProblems {
		more = fmt.Sprintf("; and %d more", len(shown)-maxProblems)
		shown = shown[:maxProblems]
	}
	return "invalid analysis: " + strings.Join(shown, "; ") + more
}

func (e *InvalidError) addf(format string, args ...any) {
	e.Problems = append(e.Problems, fmt.Sprintf(format, args...))
}

// orNil is the error, or nil where there are no problems.
func (e *InvalidError) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}
