package plan

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestDecisions holds what is decided in some situations, and how the decision differs when any one thing that it rests
// on is another: testdata/decisions has a file for each situation, with the different decisions, and under each what
// leads to it. What makes no difference is left out.
func TestDecisions(t *testing.T) {
	for name, in := range situations(t) {
		t.Run(name, func(t *testing.T) {
			before := in.clone()
			golden(t, filepath.Join("testdata", "decisions", name+".txt"), decisions(in))
			if !reflect.DeepEqual(before, in) {
				t.Error("a decision has changed what it was made from")
			}
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if line, was, is := firstDifference(string(want), got); line > 0 {
		t.Errorf("%s:%d differs, and maybe more: was %q, is %q\ngo test ./controllers/rollout/plan -update writes it anew; git diff shows what has changed",
			path, line, was, is)
	}
}

// firstDifference is the first line, from 1, in which two texts differ; 0 where they do not.
func firstDifference(a, b string) (line int, was, is string) {
	before, after := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(before), len(after)) {
		was, is = "", ""
		if i < len(before) {
			was = before[i]
		}
		if i < len(after) {
			is = after[i]
		}
		if was != is {
			return i + 1, was, is
		}
	}
	return 0, "", ""
}

// decisions is the text of a situation.
func decisions(in input) string {
	same := Next(in.Spec, in.Seen, in.Now)
	base := decision(in, same)
	others := map[string]map[string][]string{}
	for _, v := range variations(in) {
		p := Next(v.Spec, v.Seen, v.Now)
		if reflect.DeepEqual(p, same) {
			continue
		}
		text := difference(base, decision(v.input, p))
		if others[text] == nil {
			others[text] = map[string][]string{}
		}
		others[text][v.what] = append(others[text][v.what], v.value)
	}
	return strings.Join(base, "\n") + "\n" + grouped(others)
}

// grouped lists what leads to each text.
func grouped(others map[string]map[string][]string) string {
	var out strings.Builder
	delete(others, "")
	for _, text := range slices.Sorted(maps.Keys(others)) {
		fmt.Fprintf(&out, "\n%s\n", text)
		for _, what := range slices.Sorted(maps.Keys(others[text])) {
			fmt.Fprintf(&out, "    %s: %s\n", what, strings.Join(others[text][what], ", "))
		}
	}
	return out.String()
}

// difference is what a decision has and the base has not, and the other way round.
func difference(base, other []string) string {
	var lines []string
	for _, line := range base {
		if !slices.Contains(other, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range other {
		if !slices.Contains(base, line) {
			lines = append(lines, "+ "+line)
		}
	}
	if len(lines) == 0 && !slices.Equal(base, other) {
		return "+ in another order: " + strings.Join(other, "; ")
	}
	return strings.Join(lines, "\n")
}

// decision is a plan in lines.
func decision(in input, p Plan) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	add("%s, %s: %s", p.Summary.Phase, p.Summary.Reason, p.Summary.Message)
	for _, a := range p.Actions {
		add("do: %s", a)
	}
	was, is := reflect.ValueOf(in.Seen.State), reflect.ValueOf(p.Status)
	for i := range was.NumField() {
		if a, b := show(was.Field(i), in.Now), show(is.Field(i), in.Now); a != b {
			add("state: %s = %s", was.Type().Field(i).Name, b)
		}
	}
	for _, n := range p.Notes {
		add("note: %s: %s%s", n.Reason, n.Message, map[bool]string{true: " (a warning)"}[n.Warning])
	}
	for _, r := range p.Ended {
		add("ended: %s", show(reflect.ValueOf(r), in.Now))
	}
	if !p.WakeAt.IsZero() {
		add("wake: %s", show(reflect.ValueOf(p.WakeAt), in.Now))
	}
	if p.Engaged {
		add("engaged")
	}
	if p.NeedsLive() {
		add("needs live reads")
	}
	return lines
}

// show writes a value with its times as seen from now.
func show(v reflect.Value, now time.Time) string {
	switch x := v.Interface().(type) {
	case time.Time:
		switch {
		case x.IsZero():
			return "never"
		case x.Equal(now):
			return "now"
		case x.After(now):
			return "in " + x.Sub(now).String()
		}
		return now.Sub(x).String() + " ago"
	case time.Duration, fmt.Stringer:
		return fmt.Sprint(x)
	}
	switch v.Kind() {
	case reflect.Struct:
		var fields []string
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				fields = append(fields, v.Type().Field(i).Name+" "+show(v.Field(i), now))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case reflect.Slice:
		elements := make([]string, v.Len())
		for i := range elements {
			elements[i] = show(v.Index(i), now)
		}
		return "[" + strings.Join(elements, ", ") + "]"
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	default:
		return fmt.Sprint(v.Interface())
	}
}
