package condition

import (
	"strconv"
	"strings"
)

// maxNesting bounds the translator's recursion.
const maxNesting = 40

// How tightly CEL's operators bind, loosest first.
const (
	bindTernary = iota
	bindOr
	bindAnd
	bindRelation
	bindSum
	bindProduct
	bindUnary
	bindPrimary
)

// part is translated text and how tightly its outermost operator binds. A range is kept in two halves until an operator
// in takes it.
type part struct {
	text   string
	bind   int
	lo, hi string
}

// in gives the text of a part as an operand of something that binds so tightly.
func (p part) in(bind int) string {
	if p.bind < bind {
		return "(" + p.text + ")"
	}
	return p.text
}

// operator is one of the former language's infix operators: how tightly it binds there, and what it becomes.
type operator struct {
	power int
	build func(left, right part) (part, error)
}

func infix(text string, bind int) func(part, part) (part, error) {
	return func(left, right part) (part, error) {
		// All of these are left-associative: the right operand must bind more tightly.
		return part{text: left.in(bind) + " " + text + " " + right.in(bind+1), bind: bind}, nil
	}
}

func method(name string) func(part, part) (part, error) {
	return func(left, right part) (part, error) {
		return part{text: left.in(bindPrimary) + "." + name + "(" + right.text + ")", bind: bindPrimary}, nil
	}
}

func within(left, right part) (part, error) {
	if right.lo == "" {
		return infix("in", bindRelation)(left, right)
	}
	value := left.in(bindRelation + 1)
	return part{text: value + " >= " + right.lo + " && " + value + " <= " + right.hi, bind: bindAnd}, nil
}

func between(left, right part) (part, error) {
	return part{bind: bindPrimary, lo: left.in(bindSum), hi: right.in(bindSum)}, nil
}

func orDefault(left, right part) (part, error) {
	return part{text: fnDefault + "(" + left.text + ", " + right.text + ")", bind: bindPrimary}, nil
}

// operators of the language that Argo Rollouts uses (expr-lang), with its own order of binding.
var infixes = map[string]operator{
	"or": {10, infix("||", bindOr)}, "||": {10, infix("||", bindOr)},
	"and": {15, infix("&&", bindAnd)}, "&&": {15, infix("&&", bindAnd)},
	"==": {20, infix("==", bindRelation)}, "!=": {20, infix("!=", bindRelation)},
	"<": {20, infix("<", bindRelation)}, ">": {20, infix(">", bindRelation)},
	"<=": {20, infix("<=", bindRelation)}, ">=": {20, infix(">=", bindRelation)},
	"in": {20, within}, "matches": {20, method("matches")}, "contains": {20, method("contains")},
	"startsWith": {20, method("startsWith")}, "endsWith": {20, method("endsWith")},
	"..": {25, between},
	"+":  {30, infix("+", bindSum)}, "-": {30, infix("-", bindSum)},
	"*": {60, infix("*", bindProduct)}, "/": {60, infix("/", bindProduct)}, "%": {60, infix("%", bindProduct)},
	"??": {500, orDefault},
}

// The powers of the former language's prefix operators.
const (
	powerNot   = 50
	powerMinus = 90
)

// predicates are the former language's functions over a list and a predicate, as CEL's macros.
var predicates = map[string]string{
	"all": "%s.all(%v, %p)", "any": "%s.exists(%v, %p)", "one": "%s.exists_one(%v, %p)", "none": "!%s.exists(%v, %p)",
	"filter": "%s.filter(%v, %p)", "map": "%s.map(%v, %p)", "count": "len(%s.filter(%v, %p))", "find": "%s.filter(%v, %p)[0]",
}

// translator reads tokens once, from left to right, by the power of the operators.
type translator struct {
	tokens []token
	at     int
	depth  int
	// predicates that are open, which names the variable of the innermost.
	open int
}

// translate gives the CEL that says what a condition of Argo Rollouts says. The error is errForeign where it cannot tell.
func translate(source string) (string, error) {
	tokens, err := lex(source)
	if err != nil {
		return "", err
	}
	t := &translator{tokens: tokens}
	out, err := t.expression(0)
	if err != nil {
		return "", err
	}
	if t.peek().kind != tokenEnd || out.lo != "" {
		return "", errForeign
	}
	return out.text, nil
}

func (t *translator) peek() token { return t.tokens[t.at] }

func (t *translator) next() token {
	out := t.tokens[t.at]
	if out.kind != tokenEnd {
		t.at++
	}
	return out
}

// take consumes the next token if it is the one that is meant.
func (t *translator) take(text string) bool {
	if next := t.peek(); next.text != text || next.kind == tokenText || next.kind == tokenEnd {
		return false
	}
	t.at++
	return true
}

// expression reads as far as operators bind at least as tightly as power.
func (t *translator) expression(power int) (part, error) {
	if t.depth++; t.depth > maxNesting {
		return part{}, errForeign
	}
	defer func() { t.depth-- }()
	left, err := t.prefix()
	for err == nil {
		negated := false
		if t.peek().text == "not" && t.peek().kind == tokenName {
			negated = true
			t.at++
		}
		op, known := infixes[t.peek().text]
		if t.peek().kind == tokenText || !known || op.power < power {
			if negated {
				return part{}, errForeign
			}
			break
		}
		t.at++
		var right part
		if right, err = t.expression(op.power + 1); err != nil {
			break
		}
		if left, err = op.build(left, right); err == nil && negated {
			left = part{text: "!" + left.in(bindPrimary), bind: bindUnary}
		}
	}
	if err != nil {
		return part{}, err
	}
	if power == 0 {
		return t.loosest(left)
	}
	return left, nil
}

// loosest reads what binds less than any operator: pipes and the choice a ? b : c.
func (t *translator) loosest(left part) (part, error) {
	for t.take("|") {
		name := t.next()
		if name.kind != tokenName {
			return part{}, errForeign
		}
		var err error
		if left, err = t.call(name.text, &left); err != nil {
			return part{}, err
		}
		if left, err = t.suffixes(left); err != nil {
			return part{}, err
		}
	}
	if !t.take("?") {
		return left, nil
	}
	yes, err := t.expression(0)
	if err != nil || !t.take(":") {
		return part{}, errForeign
	}
	no, err := t.expression(0)
	if err != nil {
		return part{}, err
	}
	return part{text: left.in(bindOr) + " ? " + yes.in(bindOr) + " : " + no.in(bindTernary), bind: bindTernary}, nil
}

func (t *translator) prefix() (part, error) {
	switch {
	case t.take("not"), t.take("!"):
		operand, err := t.expression(powerNot)
		return part{text: "!" + operand.in(bindUnary), bind: bindUnary}, err
	case t.take("-"):
		operand, err := t.expression(powerMinus)
		return part{text: "-" + operand.in(bindUnary), bind: bindUnary}, err
	case t.take("+"):
		return t.expression(powerMinus)
	}
	out, err := t.primary()
	if err != nil {
		return part{}, err
	}
	return t.suffixes(out)
}

//nolint:gocyclo // one case for each form that an operand may have
func (t *translator) primary() (part, error) {
	switch next := t.next(); {
	case next.kind == tokenNumber:
		return part{text: strings.ReplaceAll(next.text, "_", ""), bind: bindPrimary}, nil
	case next.kind == tokenText:
		return part{text: next.text, bind: bindPrimary}, nil
	case next.kind == tokenName && t.peek().text == "(" && t.peek().kind == tokenOperator:
		return t.call(next.text, nil)
	case next.kind == tokenName:
		return part{text: name(next.text), bind: bindPrimary}, nil
	case next.text == "#" && t.open > 0:
		return part{text: t.variable(), bind: bindPrimary}, nil
	case next.text == "." && t.open > 0 && t.peek().kind == tokenName:
		return part{text: t.variable() + "." + t.next().text, bind: bindPrimary}, nil
	case next.text == "(":
		inner, err := t.expression(0)
		if err != nil || !t.take(")") {
			return part{}, errForeign
		}
		return inner, nil
	case next.text == "[":
		elements, err := t.list("]")
		return part{text: "[" + strings.Join(elements, ", ") + "]", bind: bindPrimary}, err
	}
	return part{}, errForeign
}

// name of a variable or a constant.
func name(text string) string {
	if text == "nil" {
		return "null"
	}
	return text
}

// variable is the name of the element in the innermost predicate.
func (t *translator) variable() string {
	if t.open == 1 {
		return "r"
	}
	return "r" + strconv.Itoa(t.open)
}

// suffixes reads indices, fields and calls of methods.
func (t *translator) suffixes(p part) (part, error) {
	for {
		switch {
		case t.take("["):
			index, err := t.expression(0)
			if err != nil || !t.take("]") {
				return part{}, errForeign
			}
			p = part{text: p.in(bindPrimary) + "[" + index.text + "]", bind: bindPrimary}
		case t.take("."), t.take("?."):
			field := t.next()
			if field.kind != tokenName {
				return part{}, errForeign
			}
			p = part{text: p.in(bindPrimary) + "." + field.text, bind: bindPrimary}
		default:
			return p, nil
		}
	}
}

// call reads the arguments of a function, the first of which a pipe may have given.
func (t *translator) call(name string, first *part) (part, error) {
	if !t.take("(") {
		if first == nil {
			return part{}, errForeign
		}
		return part{text: name + "(" + first.text + ")", bind: bindPrimary}, nil
	}
	if form, ok := predicates[name]; ok {
		return t.predicate(form, first)
	}
	args, err := t.list(")")
	if first != nil {
		args = append([]string{first.text}, args...)
	}
	return part{text: name + "(" + strings.Join(args, ", ") + ")", bind: bindPrimary}, err
}

// predicate reads the list, where no pipe gave it, and the predicate, which may stand in braces.
func (t *translator) predicate(form string, first *part) (part, error) {
	if first == nil {
		list, err := t.expression(0)
		if err != nil || !t.take(",") {
			return part{}, errForeign
		}
		first = &list
	}
	t.open++
	braces := t.take("{")
	test, err := t.expression(0)
	variable := t.variable()
	t.open--
	if err != nil || braces && !t.take("}") || !t.take(")") {
		return part{}, errForeign
	}
	text := strings.NewReplacer("%s", first.in(bindPrimary), "%v", variable, "%p", test.text).Replace(form)
	if strings.HasPrefix(text, "!") {
		return part{text: text, bind: bindUnary}, nil
	}
	return part{text: text, bind: bindPrimary}, nil
}

// list reads expressions up to a closing bracket.
func (t *translator) list(end string) ([]string, error) {
	var out []string
	if t.take(end) {
		return out, nil
	}
	for {
		element, err := t.expression(0)
		if err != nil {
			return nil, err
		}
		if element.lo != "" {
			return nil, errForeign
		}
		out = append(out, element.text)
		if t.take(end) {
			return out, nil
		}
		if !t.take(",") {
			return nil, errForeign
		}
	}
}
