package condition

import (
	"fmt"
	"math/big"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// renamed are CEL's functions that give integers, and ours that give doubles instead.
var renamed = map[string]string{
	"size": fnLen, "int": fnAsInt, "uint": fnAsInt, "double": fnAsFloat, operators.Modulo: fnRemainder,
}

// promote turns a parsed condition, in place, into one whose numbers are all doubles. The literal of an index stays
// an integer.
func promote(root ast.Expr) error {
	index := map[int64]bool{}
	ast.PreOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Index {
			return
		}
		if args := e.AsCall().Args(); len(args) == 2 && args[1].Kind() == ast.LiteralKind {
			index[args[1].ID()] = true
		}
	}))
	var failed error
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.LiteralKind:
			if index[e.ID()] {
				return
			}
			number, ok, err := asDouble(e)
			if err != nil {
				failed = err
			}
			if ok {
				e.SetKindCase(factory.NewLiteral(e.ID(), number))
			}
		case ast.CallKind:
			rename(e, factory)
		default: // nothing to promote or to rename
		}
	}))
	return failed
}

func asDouble(e ast.Expr) (types.Double, bool, error) {
	var exact *big.Int
	switch v := e.AsLiteral().(type) {
	case types.Int:
		exact = big.NewInt(int64(v))
	case types.Uint:
		exact = new(big.Int).SetUint64(uint64(v))
	default:
		return 0, false, nil
	}
	number, accuracy := new(big.Float).SetInt(exact).Float64()
	if accuracy != big.Exact {
		return 0, false, fmt.Errorf("%s is not a number that a double can hold exactly", exact)
	}
	return types.Double(number), true, nil
}

func rename(e ast.Expr, factory ast.ExprFactory) {
	call := e.AsCall()
	name, ok := renamed[call.FunctionName()]
	if !ok {
		return
	}
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	e.SetKindCase(factory.NewCall(e.ID(), name, args...))
}
