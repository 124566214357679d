package timeline

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/controllers/rollout/forecast"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// row is one line: the time, a column for each revision, and what happens.
type row struct {
	time  string
	cells []string
	what  string
}

// Write writes the timeline for people.
func Write(out io.Writer, t *Timeline) error {
	var text strings.Builder
	t.head(&text)
	t.table(&text)
	t.foot(&text)
	_, err := io.WriteString(out, text.String())
	return err
}

func (t *Timeline) head(out *strings.Builder) {
	fmt.Fprintf(out, "Rollout %s\n", t.Rollout)
	for _, r := range t.Revisions {
		fmt.Fprintf(out, "  revision %-8s", r.Name)
		if r.Hash == "" {
			out.WriteString("the same with another pod template (--from gives the real one)\n")
			continue
		}
		fmt.Fprintf(out, "%s  %s\n", r.Hash, r.Images)
	}
	for i, step := range t.Steps {
		fmt.Fprintf(out, "  step %-12d%s\n", i+1, step)
	}
	for i, assumption := range t.Assumptions {
		label := ""
		if i == 0 {
			label = "assumed"
		}
		fmt.Fprintf(out, "  %-17s%s\n", label, assumption)
	}
	out.WriteString("\n")
}

// table writes the entries, with a share of the traffic and the available and wanted pods of each revision.
func (t *Timeline) table(out *strings.Builder) {
	rows := cut(t.rows())
	widths := make([]int, len(rows[0].cells)+1)
	for _, r := range rows {
		widths[0] = max(widths[0], width(r.time))
		for i, c := range r.cells {
			widths[i+1] = max(widths[i+1], width(c))
		}
	}
	for _, r := range rows {
		var line strings.Builder
		line.WriteString(strings.Repeat(" ", widths[0]-width(r.time)) + r.time)
		for i, c := range r.cells {
			line.WriteString("  " + c + strings.Repeat(" ", widths[i+1]-width(c)))
		}
		line.WriteString("  " + r.what)
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// Of a long timeline people are shown the beginning and the end; programs get all of it.
const (
	rowsAhead = 300
	rowsBack  = 60
)

func cut(rows []row) []row {
	gone := len(rows) - rowsAhead - rowsBack
	if gone <= 1 {
		return rows
	}
	more := row{cells: make([]string, len(rows[0].cells)), what: fmt.Sprintf("… %d more lines, which -o json has …", gone)}
	return slices.Concat(rows[:rowsAhead], []row{more}, rows[len(rows)-rowsBack:])
}

// rows are the head and the lines of the entries. What is as in the line above is left out, so that changes stand out.
func (t *Timeline) rows() []row {
	names := t.revisionNames()
	head := row{time: "TIME", what: "WHAT"}
	for _, name := range names {
		head.cells = append(head.cells, strings.ToUpper(name))
	}
	rows := []row{head}
	nothing := make([]string, len(names))
	last := ""
	for _, e := range t.Forecast.Entries {
		r := row{time: short(e.At), cells: cells(e.Revisions, names)}
		now := r.time + strings.Join(r.cells, "|")
		for i, what := range lines(e) {
			if i > 0 || now == last {
				r.time, r.cells = "", nothing
			}
			r.what = what
			rows = append(rows, r)
		}
		last = now
	}
	end := row{time: short(t.Forecast.Totals.Duration), cells: cells(t.Forecast.Revisions, names)}
	end.what = strings.ToLower(endings[t.Forecast.Ending])
	return append(rows, end)
}

func width(s string) int { return utf8.RuneCountInString(s) }

// revisionNames are those of all entries, in the order in which they appear.
func (t *Timeline) revisionNames() []string {
	var names []string
	seen := map[string]bool{}
	for _, e := range t.Forecast.Entries {
		for _, r := range e.Revisions {
			if !seen[r.Name] {
				seen[r.Name] = true
				names = append(names, r.Name)
			}
		}
	}
	return names
}

func cells(revisions []forecast.Revision, names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		for _, r := range revisions {
			if r.Name == name && (r.Desired > 0 || r.Pods > 0) {
				out[i] = fmt.Sprintf("%3d%% %d/%d", r.Share, r.Available, r.Desired)
			}
		}
	}
	return out
}

// lines are what an entry says: what happens from outside after a star, the controller's reasons, what it does after an
// arrow, and what it waits for after a dot.
func lines(e forecast.Entry) []string {
	switch e.Kind {
	case forecast.Happens:
		return []string{"* " + e.What}
	case forecast.Waits:
		if e.For == 0 {
			return []string{". without end: " + e.What}
		}
		return []string{". " + short(e.For) + ": " + e.What}
	case forecast.Decides:
	}
	var out []string
	for _, note := range e.Notes {
		text := note.Message
		if note.Warning {
			text = "WARNING " + text
		}
		out = append(out, text)
	}
	for _, action := range e.Actions {
		out = append(out, "  -> "+actionText(action))
	}
	return out
}

// actionText says what is done. The keys of analyses hold times, which are played ones here.
func actionText(action plan.Action) string {
	switch a := action.(type) {
	case plan.StartRun:
		if a.Step < 0 {
			return "start the analysis beside the steps"
		}
		return "start the analysis of step " + strconv.Itoa(int(a.Step)+1)
	case plan.StopRun:
		return "stop the analysis"
	default:
		return action.String()
	}
}

func (t *Timeline) foot(out *strings.Builder) {
	f, totals := t.Forecast, t.Forecast.Totals
	fmt.Fprintf(out, "\n%s after %s, %s: %s\n", endings[f.Ending], short(totals.Duration), f.Summary.Phase, f.Summary.Message)
	if f.Message != "" {
		fmt.Fprintf(out, "  %s\n", f.Message)
	}
	if totals.Served > 0 {
		fmt.Fprintf(out, "  traffic     all of it is where it is wanted after %s\n", short(totals.Served))
	}
	fmt.Fprintf(out, "  time        %s in pauses, %s in analysis, %s waiting for persons (%s)\n",
		short(totals.Pauses), short(totals.Analysis), short(totals.Persons), timesOrNever(totals.WaitsForPersons))
	fmt.Fprintf(out, "  pods        %d at rest, %d at most, never fewer than %d available; %s of pod time on top\n",
		totals.Replicas, totals.PeakPods, totals.LeastAvailable, short(totals.ExtraPodTime))
	fmt.Fprintf(out, "  controller  %d decisions, %d writes\n", totals.Decisions, totals.Writes)
	for i, warning := range t.Warnings {
		if i == 0 {
			out.WriteString("\nWarnings:\n")
		}
		fmt.Fprintf(out, "  - %s\n", warning)
	}
}

var endings = map[forecast.Ending]string{
	forecast.AtRest: "At rest", forecast.WaitsForPerson: "Waits for a person", forecast.Stuck: "Stuck", forecast.Endless: "Not at rest",
}

func timesOrNever(n int) string {
	if n == 0 {
		return "never"
	}
	return times(n)
}

// short writes a time without the units that are zero at its end, such as 5m for 5m0s, and with days where they help.
func short(d time.Duration) string {
	const day = 24 * time.Hour
	days := ""
	if d >= 2*day {
		days, d = strconv.Itoa(int(d/day))+"d", d%day
	}
	if d == 0 && days != "" {
		return days
	}
	text := d.String()
	if rest, zero := strings.CutSuffix(text, "m0s"); zero {
		text = rest + "m"
	}
	if rest, zero := strings.CutSuffix(text, "h0m"); zero {
		text = rest + "h"
	}
	return days + text
}
