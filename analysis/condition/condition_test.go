package condition

import (
	"math"
	"strings"
	"testing"
)

// The conditions are of the kinds that templates for Argo Rollouts hold.
func TestHolds(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	tests := []struct {
		condition string
		value     any
		want      bool
	}{
		{"result[0] >= 0.95", []float64{0.97}, true},
		{"result[0] >= 0.95", []float64{0.93}, false},
		{"result[0] > 1", []float64{2}, true},
		{"result[0] > 1", []float64{1}, false},
		{"result[0] == 1", []float64{1}, true},
		{"result[0] != 0", []float64{0}, false},
		{"result[0] <= 0.05 && result[1] < 500", []float64{0.01, 320}, true},
		{"result[0] <= 0.05 || result[1] < 500", []float64{0.5, 320}, true},
		{"!(result[0] > 5)", []float64{3}, true},
		{"result < 5", 4.5, true},
		{"result >= 1 && result <= 10", 7.0, true},
		{"result == 0", 0.0, true},
		{"result[0] * 100 >= 99", []float64{0.995}, true},
		{"100 - result[0] * 100 < 1", []float64{0.995}, true},
		{"result[0] / result[1] > 2", []float64{5, 2}, true},
		{"1 / 2 == 0.5", 0.0, true},
		{"result[0] + 1 > 2", []float64{1.5}, true},
		{"-result[0] < -1", []float64{2}, true},
		{"result[0] % 2 == 1", []float64{3}, true},
		{"len(result) > 0 && result[0] < 1", []float64{0.5}, true},
		{"len(result) == 0 || result[0] < 0.1", []float64{0.05}, true},
		{"result[len(result) - 1] > 5", []float64{1, 6}, true},
		{"size(result) - 1 == 1", []float64{1, 6}, true},
		{"result.size() >= 2", []float64{1, 6}, true},
		{"isNaN(result[0]) || result[0] >= 0.95", []float64{nan}, true},
		{"result[0] >= 0.95 || isNaN(result[0])", []float64{nan}, true},
		{"!isNaN(result[0]) && result[0] < 1", []float64{nan}, false},
		{"isNaN(result)", nan, true},
		{"isInf(result[0])", []float64{inf}, true},
		{"isInf(result[0])", []float64{math.Inf(-1)}, true},
		{"result[0] > 1000000", []float64{inf}, true},
		{"isNil(result)", nil, true},
		{"isNil(result) || result[0] < 1", []float64{0}, true},
		{"default(result, 0) < 5", nil, true},
		{"default(result[1], 0) < 5", []float64{9}, true},
		{"default(result[0], 0) < 5", []float64{9}, false},
		{"asFloat(result) > 0.5", "0.75", true},
		{"asFloat(result[0]) > 0.5", []float64{0.75}, true},
		{"asInt(result[0]) == 3", []float64{3.9}, true},
		{"asInt(result) == 200", "200", true},
		{"int(result[0]) == 3", []float64{3.9}, true},
		{"double(result) > 0", "1", true},
		{"result.all(r, r < 0.5)", []float64{0.1, 0.2}, true},
		{"result.all(r, r < 1)", []float64{0.1, 2}, false},
		{"result.exists(r, r > 1)", []float64{0.1, 2}, true},
		{"result.exists_one(r, r > 1)", []float64{3, 2}, false},
		{"len(result.filter(r, r > 1)) <= 2", []float64{3, 2, 0}, true},
		{"result.map(r, r * 2)[1] == 4", []float64{1, 2}, true},
		{"result[0] in [1, 2, 3]", []float64{2}, true},
		{"result[0] > 5 ? result[1] > 1 : true", []float64{6, 0}, false},
		{"result.all(r, result.all(s, r == s))", []float64{1, 1}, true},
		{"9007199254740992 > result", 1.0, true},
		{"true", 1.0, true},
	}
	for _, test := range tests {
		t.Run(test.condition, func(t *testing.T) {
			condition, err := Compile(test.condition)
			if err != nil {
				t.Fatal(err)
			}
			got, err := condition.Holds(test.value)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("%s for %v: got %v, want %v", test.condition, test.value, got, test.want)
			}
		})
	}
}

func TestCannotBeTold(t *testing.T) {
	tests := map[string]struct {
		condition string
		value     any
		want      string
	}{
		"an element that is not there":   {"result[1] > 0", []float64{1}, `condition "result[1] > 0": index out of bounds: 1`},
		"a list as a number":             {"result < 5", []float64{1}, "a vector is used as result[0]"},
		"a number as a list":             {"result[0] < 5", 1.0, "does not fit the value"},
		"an order with NaN":              {"result[0] < 5", []float64{math.NaN()}, "say what it means with isNaN(result[0])"},
		"an order of an integer and NaN": {"size('a') < result", math.NaN(), "the value is NaN"},
		"not true or false":              {"result", 1.0, "gives a double: want true or false"},
		"a text that is no number":       {"asInt(result) > 1", "abc", `asInt("abc"): not a number`},
		"isNaN of a list":                {"isNaN(result)", []float64{1}, "isNaN of a list: want one number"},
		"asFloat of a list":              {"asFloat(result) > 1", []float64{1}, "asFloat of a list: want one number"},
		"len of a number":                {"len(result) > 0", 1.0, "len of a double"},
		"a remainder of a list":          {"result % 2 == 0", []float64{1}, "% of a list and a double"},
		"a number as a list, which default must not hide": {
			"default(result[0], 0) < 5", 7.0, "does not fit the value",
		},
		"an error that default must not hide": {
			"default(result[0] < 'a', true)", []float64{1}, "no such overload",
		},
		"a cost beyond all bounds": {
			"result.all(a, result.all(b, result.all(c, a + b + c < 0 || true)))", make([]float64, 1000),
			"costs too much to evaluate",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			condition, err := Compile(test.condition)
			if err != nil {
				t.Fatal(err)
			}
			if holds, err := condition.Holds(test.value); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v and error %v, want an error with %q", holds, err, test.want)
			}
		})
	}
}

// What Argo Rollouts' language has and CEL has not is refused with the CEL to write.
func TestFormerLanguage(t *testing.T) {
	tests := []struct{ condition, want string }{
		{"all(result, # < 0.5)", "result.all(r, r < 0.5)"},
		{"all(result, {# < 0.5})", "result.all(r, r < 0.5)"},
		{"any(result, # > 5)", "result.exists(r, r > 5)"},
		{"none(result, # > 5)", "!result.exists(r, r > 5)"},
		{"one(result, # > 5)", "result.exists_one(r, r > 5)"},
		{"count(result, # > 5) < 3", "len(result.filter(r, r > 5)) < 3"},
		{"len(filter(result, # > 5)) == 0", "len(result.filter(r, r > 5)) == 0"},
		{"filter(result, # > 5)[0] < 9", "result.filter(r, r > 5)[0] < 9"},
		{"find(result, # > 5) < 9", "result.filter(r, r > 5)[0] < 9"},
		{"all(map(result, # * 2), # < 10)", "result.map(r, r * 2).all(r, r < 10)"},
		{"all(result, any(result, # > 1) and # > 0)", "result.all(r, result.exists(r2, r2 > 1) && r > 0)"},
		{"all(result, .value < 5)", "result.all(r, r.value < 5)"},
		{"result[0] >= 0.95 and result[1] < 500", "result[0] >= 0.95 && result[1] < 500"},
		{"result[0] >= 0.95 or result[1] < 500", "result[0] >= 0.95 || result[1] < 500"},
		{"(result[0] > 1 or result[0] < 0) and true", "(result[0] > 1 || result[0] < 0) && true"},
		{"not (result[0] > 5)", "!(result[0] > 5)"},
		{"not isNaN(result[0]) and result[0] > 1", "!isNaN(result[0]) && result[0] > 1"},
		{`result matches "^ok"`, `result.matches("^ok")`},
		{`not (result matches '^ok')`, `!result.matches('^ok')`},
		{`result contains "ok"`, `result.contains("ok")`},
		{`result startsWith "ok" or result endsWith "fine"`, `result.startsWith("ok") || result.endsWith("fine")`},
		{`result not in [1, 2]`, `!(result in [1, 2])`},
		{`result not matches "x"`, `!result.matches("x")`},
		{"result[0] in 1..5", "result[0] >= 1 && result[0] <= 5"},
		{"result[0] not in 1..5", "!(result[0] >= 1 && result[0] <= 5)"},
		{"result[0] in 0.5..len(result) + 1 or false", "result[0] >= 0.5 && result[0] <= len(result) + 1 || false"},
		{"result[0] ?? 0 < 5", "default(result[0], 0) < 5"},
		{"(result ?? [0])[0] < 5", "default(result, [0])[0] < 5"},
		{"result | len() > 0", ""},
		{"(result | len()) > 0", "len(result) > 0"},
		{"(result | filter(# > 1) | len) == 0", "len(result.filter(r, r > 1)) == 0"},
		{"result == nil or result[0] < 1", "result == null || result[0] < 1"},
		{"result[0] < 1_000", "result[0] < 1000"},
		{"result[0] > 5 ? result[1] > 1 and true : false", "result[0] > 5 ? result[1] > 1 && true : false"},
		{"result?.ok == true", "result.ok == true"},
		{"result[0] - (result[1] - 1) > 0 and true", "result[0] - (result[1] - 1) > 0 && true"},
		{"-result[0] < +1 and true", "-result[0] < 1 && true"},
		// What cannot be said in CEL has no hint.
		{"result[0] ** 2 > 4", ""},
		{"max(result) > 4", ""},
		{"result[0:1] == [1]", ""},
		{"let x = result[0]; x > 1", ""},
		{"all(result, # >", ""},
		{"# > 1", ""},
		{strings.Repeat("(", 100) + "1" + strings.Repeat(")", 100), ""},
	}
	for _, test := range tests {
		t.Run(test.condition, func(t *testing.T) {
			_, err := Compile(test.condition)
			if err == nil {
				t.Fatal("compiles")
			}
			_, hint, found := strings.Cut(err.Error(), "; in CEL write: ")
			if hint != test.want || found != (test.want != "") {
				t.Errorf("got the hint %q, want %q; the error: %v", hint, test.want, err)
			}
			if _, err := Compile(hint); found && err != nil {
				t.Errorf("the hint does not compile: %v", err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	tests := map[string]struct{ condition, want string }{
		"empty":                {"", "Syntax error"},
		"a syntax error":       {"result[0] >", `condition "result[0] >": column 12: Syntax error`},
		"an unknown name":      {"resul[0] > 1", "undeclared reference to 'resul'"},
		"an unknown function":  {"foo(result) > 1", "undeclared reference to 'foo'"},
		"a number":             {"asInt(result)", "gives a double: want true or false"},
		"a text":               {"'yes'", "gives a string: want true or false"},
		"too long":             {strings.Repeat("result[0] > 1 && ", 300) + "true", "at most 4096 are allowed"},
		"too deep":             {strings.Repeat("[", 200) + strings.Repeat("]", 200) + " == []", "recursion"},
		"an inexact integer":   {"result > 9007199254740993", "9007199254740993 is not a number that a double can hold exactly"},
		"a number and a text":  {"1 + 'a' == 'b'", "no matching overload"},
		"assignment":           {"result = 5", "Syntax error"},
		"several conditions":   {"result > 1; result < 2", "Syntax error"},
		"a template reference": {"result[0] > {{args.x}}", "Syntax error"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Compile(test.condition); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one with %q", err, test.want)
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %v", err)
			}
		})
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"result[0] >= 0.95", "all(result, # < 0.5)", "result in 1..5", "not (result matches 'a')", "a ?? b | c ? 1 : 2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		condition, err := Compile(source)
		if err != nil {
			return
		}
		for _, value := range []any{1.0, []float64{1, math.NaN()}, nil} {
			if holds, err := condition.Holds(value); err != nil && holds {
				t.Errorf("%q holds for %v in spite of an error", source, value)
			}
		}
	})
}
