package condition

import (
	"math"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// The functions that conditions have besides CEL's own.
const (
	fnLen     = "len"
	fnAsInt   = "asInt"
	fnAsFloat = "asFloat"
	fnIsNaN   = "isNaN"
	fnIsInf   = "isInf"
	fnIsNil   = "isNil"
	fnDefault = "default"
	// fnRemainder stands for the operator %.
	fnRemainder = "remainder"
)

func functions() []cel.EnvOption {
	return []cel.EnvOption{
		unary(fnLen, cel.DoubleType, length),
		unary(fnAsInt, cel.DoubleType, func(v ref.Val) ref.Val { return number(fnAsInt, v, math.Trunc) }),
		unary(fnAsFloat, cel.DoubleType, func(v ref.Val) ref.Val { return number(fnAsFloat, v, nil) }),
		unary(fnIsNaN, cel.BoolType, func(v ref.Val) ref.Val { return test(fnIsNaN, v, math.IsNaN) }),
		unary(fnIsInf, cel.BoolType, func(v ref.Val) ref.Val {
			return test(fnIsInf, v, func(f float64) bool { return math.IsInf(f, 0) })
		}),
		unary(fnIsNil, cel.BoolType, func(v ref.Val) ref.Val { return types.Bool(v.Type() == types.NullType) }),
		cel.Function(fnDefault, cel.Overload("default_dyn_dyn", []*cel.Type{cel.DynType, cel.DynType}, cel.DynType,
			cel.OverloadIsNonStrict(), cel.BinaryBinding(fallback))),
		// CEL's own % is for integers only, and all our numbers are doubles.
		cel.Function(fnRemainder, cel.Overload("remainder_dyn_dyn",
			[]*cel.Type{cel.DynType, cel.DynType}, cel.DoubleType, cel.BinaryBinding(remainder))),
	}
}

func unary(name string, result *cel.Type, f func(ref.Val) ref.Val) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_dyn", []*cel.Type{cel.DynType}, result, cel.UnaryBinding(f)))
}

func length(v ref.Val) ref.Val {
	sized, ok := v.(traits.Sizer)
	if !ok {
		return types.NewErr("len of a %s: want a list or a text", v.Type().TypeName())
	}
	n, ok := sized.Size().(types.Int)
	if !ok {
		return types.NewErr("len of a %s cannot be told", v.Type().TypeName())
	}
	return types.Double(n)
}

func number(name string, v ref.Val, change func(float64) float64) ref.Val {
	f, ok := float(v)
	if text, isText := v.(types.String); isText {
		parsed, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
		if err != nil {
			return types.NewErr("%s(%q): not a number", name, shorten(string(text)))
		}
		f, ok = parsed, true
	}
	if !ok {
		return types.NewErr("%s of a %s: want one number or a text, such as result[0]", name, v.Type().TypeName())
	}
	if change != nil {
		f = change(f)
	}
	return types.Double(f)
}

func test(name string, v ref.Val, is func(float64) bool) ref.Val {
	f, ok := float(v)
	if !ok {
		return types.NewErr("%s of a %s: want one number, such as result[0]", name, v.Type().TypeName())
	}
	return types.Bool(is(f))
}

func float(v ref.Val) (float64, bool) {
	switch n := v.(type) {
	case types.Double:
		return float64(n), true
	case types.Int:
		return float64(n), true
	case types.Uint:
		return float64(n), true
	}
	return 0, false
}

// fallback stands in only for what is not there. Other errors pass: they must not turn into a verdict.
func fallback(v, instead ref.Val) ref.Val {
	if types.IsUnknown(v) {
		return v
	}
	if err, ok := v.(*types.Err); ok {
		if strings.HasPrefix(err.Error(), "index out of bounds") {
			return instead
		}
		return v
	}
	if v.Type() == types.NullType {
		return instead
	}
	if list, ok := v.(traits.Lister); ok && list.Size() == types.IntZero {
		return instead
	}
	return v
}

func remainder(a, b ref.Val) ref.Val {
	x, okX := float(a)
	y, okY := float(b)
	if !okX || !okY {
		return types.NewErr("%% of a %s and a %s: want two numbers", a.Type().TypeName(), b.Type().TypeName())
	}
	return types.Double(math.Mod(x, y))
}
