package condition

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
)

// The bounds of a condition. The cost is CEL's own measure: some 20 units for each of the thousand elements that a
// result may have.
const (
	maxLength     = 4096
	maxDepth      = 64
	maxCost       = 200_000
	variable      = "result"
	maxErrorChars = 300
)

// Condition is a compiled condition. It may be used by several goroutines at once.
type Condition struct {
	text    string
	program cel.Program
}

// environment is built once: it is the dear part of compiling.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := append(functions(),
		cel.Variable(variable, cel.DynType),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxLength),
		cel.ParserRecursionLimit(maxDepth),
	)
	return cel.NewEnv(options...)
})

// Compile reads a condition. The error gives the text, the place and the reason and, for forms of Argo Rollouts that CEL
// lacks, the CEL to write.
func Compile(text string) (*Condition, error) {
	if len(text) > maxLength {
		return nil, fmt.Errorf("condition is %d bytes long: at most %d are allowed", len(text), maxLength)
	}
	program, err := compile(text)
	if err == nil {
		return &Condition{text: text, program: program}, nil
	}
	err = fmt.Errorf("condition %q: %w", shorten(text), err)
	if hint := suggest(text); hint != "" {
		return nil, fmt.Errorf("%w; in CEL write: %s", err, hint)
	}
	return nil, err
}

// suggest translates a condition of Argo Rollouts. It returns nothing unless the translation compiles.
func suggest(text string) string {
	translated, err := translate(text)
	if err != nil || translated == text {
		return ""
	}
	if _, err := compile(translated); err != nil {
		return ""
	}
	return translated
}

func compile(text string) (cel.Program, error) {
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("building the CEL environment: %w", err)
	}
	tree, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, firstIssue(issues)
	}
	if err := promote(tree.NativeRep().Expr()); err != nil {
		return nil, err
	}
	checked, issues := env.Check(tree)
	if issues.Err() != nil {
		return nil, firstIssue(issues)
	}
	if out := checked.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("gives a %s: want true or false, such as result[0] >= 0.95", out)
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
	if err != nil {
		return nil, err
	}
	return program, nil
}

// firstIssue is the first of CEL's complaints in one line.
func firstIssue(issues *cel.Issues) error {
	first := issues.Errors()[0]
	message := strings.ReplaceAll(first.Message, "\n", " ")
	message = strings.TrimSuffix(message, " (in container '')")
	return fmt.Errorf("column %d: %s", first.Location.Column()+1, shorten(message))
}

// String returns the condition as it was written.
func (c *Condition) String() string { return c.text }

// Holds evaluates the condition over a value: a number (float64), a list of them ([]float64), or what JSON gives. The
// error says why it cannot be told; it is not a verdict.
func (c *Condition) Holds(value any) (bool, error) {
	out, _, err := c.program.Eval(map[string]any{variable: value})
	if err != nil {
		return false, fmt.Errorf("condition %q: %w", shorten(c.text), explain(err))
	}
	holds, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("condition %q: gives a %s: want true or false", shorten(c.text), out.Type().TypeName())
	}
	return holds, nil
}

// explain puts CEL's more laconic errors into words.
func explain(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "NaN values cannot be ordered"):
		return errors.New("the value is NaN, which is neither above nor below anything (0/0 in the query: no requests?);" +
			" say what it means with isNaN(result[0]) || (your condition)")
	case strings.Contains(text, "actual cost limit exceeded"), strings.Contains(text, "operation cancelled"):
		return errors.New("costs too much to evaluate: aggregate in the query instead")
	case strings.HasPrefix(text, "no such overload"), strings.HasPrefix(text, "no such key"):
		return errors.New(shorten(text) + ": the operator or function does not fit the value;" +
			" a vector is used as result[0] or result.all(r, ...), a scalar as result")
	}
	return errors.New(shorten(text))
}

func shorten(text string) string {
	if len(text) <= maxErrorChars {
		return text
	}
	return strings.ToValidUTF8(text[:maxErrorChars], "") + "…"
}
