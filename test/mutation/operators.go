package mutation

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/token"
	"strings"
)

// Operator is a kind of fault.
type Operator string

// The operators.
const (
	// ActionDropped leaves out a call that is given an Action.
	ActionDropped Operator = "action dropped"
	// CallDropped leaves out another call whose results nobody uses.
	CallDropped Operator = "call dropped"
	// AssignmentDropped leaves a variable or a field as it was.
	AssignmentDropped Operator = "assignment dropped"
	// NeighboursSwapped carries out two neighbouring statements the other way round.
	NeighboursSwapped Operator = "neighbours swapped"
	// ConditionNegated turns what an if, a for or a case without a tag asks for into its opposite.
	ConditionNegated Operator = "condition negated"
	// ReturnNegated returns the opposite truth.
	ReturnNegated Operator = "return negated"
	// ValueNegated stores or passes the opposite truth.
	ValueNegated Operator = "value negated"
	// OperandDropped takes one operand of && or || away.
	OperandDropped Operator = "operand dropped"
	// AndOrSwapped puts && for ||, and || for &&.
	AndOrSwapped Operator = "and/or swapped"
	// CaseDropped lets a case of a switch with a tag never be taken.
	CaseDropped Operator = "case dropped"
	// BoundShifted makes an order strict that was not, or the other way round; of numbers, and of times.
	BoundShifted Operator = "bound shifted"
	// ConstantShifted adds one to a whole number, or takes one away; a second, where a named constant is a duration.
	ConstantShifted Operator = "constant off by one"
	// MinMaxSwapped puts min for max, and max for min.
	MinMaxSwapped Operator = "min/max swapped"
)

// Operators in the order of the report.
func Operators() []Operator {
	return []Operator{
		ActionDropped, CallDropped, AssignmentDropped, NeighboursSwapped, ConditionNegated, ReturnNegated, ValueNegated,
		OperandDropped, AndOrSwapped, CaseDropped, BoundShifted, ConstantShifted, MinMaxSwapped,
	}
}

// Mutant is one fault.
type Mutant struct {
	// Number switches it on, from 1.
	Number int
	// Position in the source, for people: it is no part of what the mutant is known by.
	Position token.Position
	// Func is the function, with its receiver's type where it has one.
	Func     string
	Operator Operator
	// From is the text that is changed, and To what it is changed to; empty where it is left out. Both are on one line.
	From, To string
	// Again counts the mutants before it that are the same in all of the above.
	Again int
}

// ID is what the mutant is known by across edits elsewhere.
func (m Mutant) ID() string {
	sum := sha256.Sum256([]byte(m.heading() + "\n" + m.From + "\n" + m.To))
	return hex.EncodeToString(sum[:6])
}

func (m Mutant) heading() string {
	if m.Again > 0 {
		return fmt.Sprintf("[%s] %s #%d", m.Func, m.Operator, m.Again+1)
	}
	return fmt.Sprintf("[%s] %s", m.Func, m.Operator)
}

// String is the mutant as the list of equivalent ones has it.
func (m Mutant) String() string {
	text := m.heading() + "\n- " + m.From
	if m.To != "" {
		text += "\n+ " + m.To
	}
	return text
}

// oneLine is a piece of source on one line, without the comments at the ends of lines.
func oneLine(source string) string {
	var parts []string
	for line := range strings.Lines(source) {
		if before, _, ok := strings.Cut(line, "// "); ok {
			line = before
		}
		parts = append(parts, strings.Fields(line)...)
	}
	return strings.Join(parts, " ")
}
