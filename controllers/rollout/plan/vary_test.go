package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// input is all that a decision rests on.
type input struct {
	Spec Spec
	Seen Observed
	Now  time.Time
}

func (in input) clone() input {
	return deepCopy(reflect.ValueOf(in)).Interface().(input)
}

func deepCopy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		return v
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			out.Field(i).Set(deepCopy(v.Field(i)))
		}
	case v.Kind() == reflect.Slice && !v.IsNil():
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(deepCopy(v.Index(i)))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(deepCopy(v.Elem()))
	default:
		return v
	}
	return out
}

// variation is an input in which one thing is another.
type variation struct {
	what, value string
	input
}

// variations of an input: every number is one more, one less and 0, every truth is the opposite, every time is at and
// just before the end of everything that is waited for, every revision is another one, and everything that is one of
// several is each of the others, or is missing.
func variations(in input) (out []variation) {
	in = in.clone() // with nothing behind an interface
	v := varier{base: in}
	v.walk(reflect.ValueOf(in.Spec), "spec", func(root *input) reflect.Value { return reflect.ValueOf(&root.Spec).Elem() })
	v.walk(reflect.ValueOf(in.Seen), "seen", func(root *input) reflect.Value { return reflect.ValueOf(&root.Seen).Elem() })
	return v.out
}

type varier struct {
	base input
	out  []variation
}

// place finds a value in an input.
type place func(*input) reflect.Value

// texts are the fields that only people read, or that only tell things apart.
var texts = []string{"Message", "Waiting", "Original", "Rules", "Reason", "Name", "By", "ID", "PassedSteps"}

// named are the fields that name a revision.
var named = []string{"Revision", "Stable", "Candidate", "Pinned", "SwitchingFrom", "Switched", "WorkloadScaledFor"}

// cases is how many values each type has that is one of several.
var cases = map[reflect.Type]int64{
	reflect.TypeFor[Mover](): 3, reflect.TypeFor[WorkloadPolicy](): 3, reflect.TypeFor[StepKind](): 4,
	reflect.TypeFor[RunPhase](): 4,
}

var words = map[reflect.Type][]string{
	reflect.TypeFor[Verb](): {string(VerbPromote), string(VerbAbort), string(VerbRetry), string(VerbPause), string(VerbResume), string(VerbJump), "sing"},
	reflect.TypeFor[Role](): {string(RoleNone), string(RoleStable), string(RoleFormer), string(RoleRejected)},
	reflect.TypeFor[Mode](): {string(ModeSteps), string(ModeFull), string(ModeFullSkipAnalysis), string(ModeRollbackWindow)},
}

func (v *varier) set(what, value string, at place, change func(reflect.Value)) {
	in := v.base.clone()
	change(at(&in))
	if !reflect.DeepEqual(in, v.base) {
		v.out = append(v.out, variation{what, value, in})
	}
}

func (v *varier) walk(value reflect.Value, what string, at place) {
	switch {
	case value.Type() == reflect.TypeFor[time.Time]():
		v.times(what, at)
	case value.Type() == reflect.TypeFor[time.Duration]():
		for _, d := range []time.Duration{0, time.Second, time.Hour} {
			v.set(what, d.String(), at, func(x reflect.Value) { x.SetInt(int64(d)) })
		}
	case value.Type() == reflect.TypeFor[*Problem]():
		v.set(what, "set", at, func(x reflect.Value) { x.Set(reflect.ValueOf(&Problem{Reason: "Bad", Message: "mend it"})) })
	case cases[value.Type()] > 0:
		for n := range cases[value.Type()] {
			v.set(what, strconv.FormatInt(n, 10), at, func(x reflect.Value) { x.SetInt(n) })
		}
	case words[value.Type()] != nil:
		for _, word := range words[value.Type()] {
			v.set(what, fmt.Sprintf("%q", word), at, func(x reflect.Value) { x.SetString(word) })
		}
	default:
		v.walkKind(value, what, at)
	}
}

func (v *varier) walkKind(value reflect.Value, what string, at place) {
	switch value.Kind() {
	case reflect.Bool:
		v.set(what, strconv.FormatBool(!value.Bool()), at, func(x reflect.Value) { x.SetBool(!x.Bool()) })
	case reflect.Int, reflect.Int32, reflect.Int64:
		for _, n := range slices.Compact([]int64{value.Int() - 1, value.Int() + 1, 0}) {
			v.set(what, strconv.FormatInt(n, 10), at, func(x reflect.Value) { x.SetInt(n) })
		}
	case reflect.String:
		v.revisions(what, at)
	case reflect.Struct:
		for i := range value.NumField() {
			if field := value.Type().Field(i).Name; !slices.Contains(texts, field) {
				v.walk(value.Field(i), what+"."+field, func(root *input) reflect.Value { return at(root).Field(i) })
			}
		}
	case reflect.Slice:
		for i := range value.Len() {
			element := what + "[" + label(value.Index(i), i) + "]"
			v.set(element, "missing", at, func(x reflect.Value) {
				x.Set(reflect.AppendSlice(x.Slice3(0, i, i), x.Slice(i+1, x.Len())))
			})
			v.walk(value.Index(i), element, func(root *input) reflect.Value { return at(root).Index(i) })
		}
	default:
	}
}

// label names an element of a list for people.
func label(v reflect.Value, i int) string {
	switch x := v.Interface().(type) {
	case ReplicaSet:
		return x.Revision
	case Endpoints:
		return x.Revision
	case Step:
		return fmt.Sprintf("%d: %s", i+1, x.Key)
	case string:
		return x
	}
	return strconv.Itoa(i)
}

// revisions are old, new and none, where a text names one.
func (v *varier) revisions(what string, at place) {
	field := what[strings.LastIndex(what, ".")+1:]
	if !slices.Contains(named, field) {
		return
	}
	for _, revision := range []string{"", "old", "new", "third"} {
		v.set(what, fmt.Sprintf("%q", revision), at, func(x reflect.Value) { x.SetString(revision) })
	}
}

// times are those at which something that began then would be over now, or would be over at the next moment.
func (v *varier) times(what string, at place) {
	set := func(value string, to time.Time) {
		v.set(what, value, at, func(x reflect.Value) { x.Set(reflect.ValueOf(to)) })
	}
	set("never", time.Time{})
	set("now", v.base.Now)
	set("a moment ahead", v.base.Now.Add(1))
	for _, d := range v.waits(what[strings.LastIndex(what, ".")+1:]) {
		set(d.String()+" ago", v.base.Now.Add(-d))
		set("a moment less than "+d.String()+" ago", v.base.Now.Add(1-d))
	}
}

// waits are the times that are waited for since a time.
func (v *varier) waits(field string) []time.Duration {
	spec, state := v.base.Spec, v.base.Seen.State
	var out []time.Duration
	switch field {
	case "AckedAt", "StableServedAt", "StableClearAt", "CanaryServedAt":
		out = []time.Duration{spec.Settle}
	case "ProgressedAt", "ReleaseStarted":
		out = []time.Duration{spec.ProgressDeadline}
	case "StepStarted":
		out = []time.Duration{spec.ProgressDeadline}
		if i := int(state.Step); i >= 0 && i < len(spec.Steps) {
			out = append(out, spec.Steps[i].Duration)
		}
	case "Since":
		out = []time.Duration{unhealthyGrace}
	}
	return slices.DeleteFunc(out, func(d time.Duration) bool { return d == 0 })
}
