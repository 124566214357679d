package mutation

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// expression finds what can be wrong in an expression.
func (f *finder) expression(x ast.Expr) {
	if f.boolean(x) && !f.inBoolean() {
		f.truth(x)
	}
	switch x := x.(type) {
	case *ast.BinaryExpr:
		f.binary(x)
	case *ast.CallExpr:
		f.call(x)
	case *ast.BasicLit, *ast.Ident, *ast.SelectorExpr:
		f.constant(x)
	}
}

// boolean says whether an expression is a value that is true or false, and not something that is assigned to.
func (f *finder) boolean(x ast.Expr) bool {
	t, ok := f.p.types.Types[x]
	if !ok || !t.IsValue() || t.Type == nil {
		return false
	}
	basic, ok := t.Type.Underlying().(*types.Basic)
	if !ok || basic.Info()&types.IsBoolean == 0 {
		return false
	}
	switch parent := f.parent().(type) {
	case *ast.AssignStmt:
		return slices.Contains(parent.Rhs, x)
	case *ast.UnaryExpr:
		return parent.Op != token.AND
	case *ast.RangeStmt, *ast.IncDecStmt, *ast.ExprStmt, *ast.SelectorExpr, *ast.StarExpr:
		return false
	case *ast.KeyValueExpr:
		return parent.Value == x
	}
	return true
}

// inBoolean says whether the expression is a part of a larger truth, which is negated as a whole.
func (f *finder) inBoolean() bool {
	switch parent := f.parent().(type) {
	case *ast.ParenExpr:
		return true
	case *ast.UnaryExpr:
		return parent.Op == token.NOT
	case *ast.BinaryExpr:
		return true
	}
	return false
}

func (f *finder) truth(x ast.Expr) {
	operator := ValueNegated
	switch parent := f.parent().(type) {
	case *ast.IfStmt, *ast.ForStmt:
		operator = ConditionNegated
	case *ast.CaseClause:
		if _, tagged := f.wrap[x]; tagged {
			return
		}
		operator = ConditionNegated
	case *ast.ReturnStmt:
		operator = ReturnNegated
	case *ast.AssignStmt:
		// The value of a comma-ok form is not an expression of its own.
		if len(parent.Lhs) != len(parent.Rhs) {
			return
		}
	}
	from := f.source(x)
	n := f.add(x, operator, from, negation(x, from))
	f.around(x, func(text string) string { return fmt.Sprintf("((%s) != mutantAt(%d))", text, n) })
}

// negation is the opposite of a truth, as a person would write it.
func negation(x ast.Expr, text string) string {
	switch x := x.(type) {
	case *ast.UnaryExpr:
		return strings.TrimPrefix(text, "!")
	case *ast.BinaryExpr:
		if x.Op == token.EQL {
			return strings.Replace(text, "==", "!=", 1)
		}
		if x.Op == token.NEQ {
			return strings.Replace(text, "!=", "==", 1)
		}
		return "!(" + text + ")"
	}
	return "!" + text
}

func (f *finder) binary(x *ast.BinaryExpr) {
	if t := f.p.types.Types[x]; t.Value != nil {
		return
	}
	switch x.Op {
	case token.LAND, token.LOR:
		f.logical(x)
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		f.ordered(x)
	default:
	}
}

func (f *finder) logical(x *ast.BinaryExpr) {
	function, other, drop := "mutantAnd", "||", "(mutantAt(%d) || %s)"
	if x.Op == token.LOR {
		function, other, drop = "mutantOr", "&&", "(!mutantAt(%d) && %s)"
	}
	left, right := f.source(x.X), f.source(x.Y)
	for _, operand := range []struct {
		dropped ast.Expr
		left    string
	}{{x.X, right}, {x.Y, left}} {
		// a && b && c is (a && b) && c: the operands of the inner one are dropped there.
		if inner, ok := operand.dropped.(*ast.BinaryExpr); ok && inner.Op == x.Op {
			continue
		}
		n := f.add(operand.dropped, OperandDropped, f.source(x), operand.left)
		f.around(operand.dropped, func(text string) string { return fmt.Sprintf(drop, n, text) })
	}
	n := f.add(x, AndOrSwapped, f.source(x), left+" "+other+" "+right)
	f.build[x] = func() string {
		return fmt.Sprintf("%s(%d, %s, func() bool { return %s })", function, n, f.rewritten(x.X), f.rewritten(x.Y))
	}
}

// orders are the comparisons that have a bound: what the bound is shifted to, and the switch that does it.
var orders = map[token.Token]struct{ shifted, function string }{
	token.LSS: {"<=", "mutantLess"}, token.LEQ: {"<", "mutantLessEqual"},
	token.GTR: {">=", "mutantGreater"}, token.GEQ: {">", "mutantGreaterEqual"},
}

func (f *finder) ordered(x *ast.BinaryExpr) {
	order := orders[x.Op]
	n := f.add(x, BoundShifted, f.source(x), f.source(x.X)+" "+order.shifted+" "+f.source(x.Y))
	f.build[x] = func() string {
		return fmt.Sprintf("%s(%d, %s, %s)", order.function, n, f.rewritten(x.X), f.rewritten(x.Y))
	}
}

func (f *finder) call(x *ast.CallExpr) {
	if f.builtin(x, "min", "max") && f.p.types.Types[x].Value == nil {
		name := f.source(x.Fun)
		other := map[string]string{"min": "max", "max": "min"}[name]
		n := f.add(x, MinMaxSwapped, f.source(x), other+strings.TrimPrefix(f.source(x), name))
		f.build[x] = func() string {
			return fmt.Sprintf("mutant%s(%d, %s)", strings.ToUpper(name[:1])+name[1:], n, f.list(x.Args))
		}
		return
	}
	selector, ok := x.Fun.(*ast.SelectorExpr)
	if !ok || len(x.Args) != 1 || !isTime(f.p.types.TypeOf(selector.X)) {
		return
	}
	name := selector.Sel.Name
	if name != "Before" && name != "After" {
		return
	}
	shifted := map[string]string{"Before": "After", "After": "Before"}[name]
	n := f.add(x, BoundShifted, f.source(x), fmt.Sprintf("!%s.%s(%s)", f.source(selector.X), shifted, f.source(x.Args[0])))
	f.build[x] = func() string {
		return fmt.Sprintf("mutant%s(%d, %s, %s)", name, n, f.rewritten(selector.X), f.rewritten(x.Args[0]))
	}
}

func isTime(t types.Type) bool {
	named, ok := t.(*types.Named)
	return ok && named.Obj().Name() == "Time" && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "time"
}

func (f *finder) list(args []ast.Expr) string {
	texts := make([]string, len(args))
	for i, arg := range args {
		texts[i] = f.rewritten(arg)
	}
	return strings.Join(texts, ", ")
}

// constant finds whole numbers: written out, or named by a constant of the package that is a number and not a name for
// one of several cases.
func (f *finder) constant(x ast.Expr) {
	t := f.p.types.Types[x]
	if t.Value == nil || t.Value.Kind() != constant.Int || f.inConstant() {
		return
	}
	one := "1"
	if _, literal := x.(*ast.BasicLit); !literal {
		var ok bool
		if one, ok = f.unit(x); !ok {
			return
		}
	}
	name, ok := f.typeName(t.Type)
	if basic, is := t.Type.(*types.Basic); !ok || is && basic.Info()&types.IsUntyped != 0 {
		return
	}
	from, whole := f.source(x), f.surrounding(x)
	changed := func(sign string) string {
		return f.p.text(whole.Pos(), x.Pos()) + "(" + from + sign + one + ")" + f.p.text(x.End(), whole.End())
	}
	plus := f.add(x, ConstantShifted, f.source(whole), changed(" + "))
	minus := f.add(x, ConstantShifted, f.source(whole), changed(" - "))
	f.around(x, func(text string) string {
		return fmt.Sprintf("mutantOff(%d, %d, %s(%s), %s(%s))", plus, minus, name, text, name, one)
	})
}

// unit is what a named constant is shifted by; false where it is no number of this package.
func (f *finder) unit(x ast.Expr) (string, bool) {
	name, ok := x.(*ast.Ident)
	if !ok {
		return "", false
	}
	object, ok := f.p.types.Uses[name].(*types.Const)
	if !ok || object.Pkg() != f.p.self {
		return "", false
	}
	t, known := f.typeName(f.p.types.TypeOf(x))
	switch named, ok := types.Unalias(object.Type()).(*types.Named); {
	case !ok:
		return "1", true
	case known && named.Obj().Name() == "Duration":
		return t[:len(t)-len("Duration")] + "Second", true
	}
	return "", false
}

// inConstant says whether the expression is where Go wants a constant.
func (f *finder) inConstant() bool {
	for _, above := range f.path {
		switch above := above.(type) {
		case *ast.GenDecl:
			if above.Tok == token.CONST {
				return true
			}
		case *ast.ArrayType:
			return true
		}
	}
	return false
}

// surrounding is the expression, no longer than a call or an entry of a composite, that a constant is a part of: a bare
// number says nothing.
func (f *finder) surrounding(x ast.Expr) ast.Node {
	var whole ast.Node = x
	for _, above := range slices.Backward(f.path) {
		switch above := above.(type) {
		case *ast.BinaryExpr, *ast.UnaryExpr, *ast.ParenExpr, *ast.CallExpr, *ast.IndexExpr, *ast.SliceExpr, *ast.KeyValueExpr:
			whole = above
		case *ast.AssignStmt, *ast.ReturnStmt, *ast.IncDecStmt:
			return above
		default:
			return whole
		}
	}
	return whole
}
