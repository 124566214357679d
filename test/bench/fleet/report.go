package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// report is all that was measured.
type report struct {
	machine    machine
	version    string
	rows       []result
	neighbours []neighbours
	// failed says of each row that could not be measured why.
	failed []string
	// settings are the arguments and the environment of the controller.
	settings string
}

// misses are the targets that were missed, in words.
func (r report) misses() []string {
	found := slices.Clone(r.failed)
	for _, row := range r.rows {
		for _, c := range row.checks() {
			if c.bound != "" && !c.met {
				found = append(found, fmt.Sprintf("%s: %s is %s, more than %s", row.row.name, c.what, c.value, c.bound))
			}
		}
	}
	return found
}

// check compares a figure with its bound.
type check struct {
	what, value, bound string
	met                bool
}

// checks are the figures of a row, in the order of the columns.
func (r result) checks() []check {
	t := r.row.targets
	asked := r.released.requests
	return []check{
		atMost("settle", r.released.took, t.settle, seconds),
		atMost("CPU per update", r.processorPerUpdate(), t.processor, milliseconds),
		atMost("object writes per update", r.perUpdate(asked.objectWrites()), t.objectWrites, hundredths),
		atMost("events per update", r.perUpdate(asked.events()), t.events, hundredths),
		atMost("dry runs per update", r.perUpdate(asked.dryRuns()), 0, hundredths),
		atMost("reads per update", r.perUpdate(asked.reads()), 0, hundredths),
		atMost("looks per update", r.perUpdate(r.looks), 0, hundredths),
		atMost("refused writes", asked.refused(), 0, plain),
		atMost("RSS at the end", r.memory.Now, 0, mebibytes),
		atMost("most RSS", r.memory.Peak, t.peakMemory, mebibytes),
		{what: "requests when idle", value: plain(r.idle.requests.unasked()), bound: "0", met: r.idle.requests.unasked() == 0},
	}
}

// atMost compares with a bound, of which 0 is none.
func atMost[N int | int64 | float64 | time.Duration](what string, value, bound N, text func(N) string) check {
	if bound == 0 {
		return check{what: what, value: text(value), met: true}
	}
	return check{what: what, value: text(value), bound: text(bound), met: value <= bound}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
func hundredths(f float64) string { return fmt.Sprintf("%.2f", f) }
func plain(n int) string          { return strconv.Itoa(n) }
func mebibytes(n int64) string    { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

// write writes the report as Markdown.
func (r report) write(out io.Writer) error {
	var text strings.Builder
	text.WriteString("# What a fleet costs\n\n")
	fmt.Fprintf(&text, "Written by `make bench-fleet`: Sluice %s as config/default runs it (`%s`), on %s.\n", r.version, r.settings, r.machine)
	text.WriteString(introduction)
	if len(r.rows) > 0 {
		r.writeTable(&text)
		text.WriteString("\nThe target is in brackets, and a figure that misses it is marked with ✗.\n")
	}
	for _, failure := range r.failed {
		fmt.Fprintf(&text, "\n✗ Not measured: %s\n", failure)
	}
	if len(r.rows) > 0 {
		r.writeSpans(&text)
	}
	r.writeNeighbours(&text)
	if len(r.rows) > 0 {
		r.writeRequests(&text)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

const introduction = `
N Rollouts in one namespace: 5 replicas, maxSurge 1, maxUnavailable 0, steps setWeight 20, pause 2s, setWeight 60,
pause 2s, no router. All are created, then all images are changed at once, then nothing happens; with 5000-pods there are
1000 Rollouts with real pods, of which 100 are released. etcd (without fsync), the
API server, the controller and the harness share the machine; there is no kubelet, and every ReplicaSet is ready as soon
as the harness has seen it. The harness measures from outside of the controller's process: settle time from the first
change of an image until the last Rollout is Healthy on its new revision, as a watch tells; CPU and memory from /proc;
requests from the audit log.

- *Object writes* are creates, patches and deletes of anything but events and the Lease, refused ones among them, dry runs
  not. *Reads* are gets and lists past the cache, and discovery. A *look* is one reconcile of one Rollout.
- *Idle* counts every request but those for the Lease, and watches that are opened anew as they are every few minutes.
- CPU and memory are those of the controller alone; what the others used is in the second table.

`

// writeTable writes the figures against their targets.
func (r report) writeTable(text *strings.Builder) {
	rows := [][]string{{"fleet"}}
	for i, row := range r.rows {
		cells := []string{row.row.name}
		for _, c := range row.checks() {
			if i == 0 {
				rows[0] = append(rows[0], c.what)
			}
			cells = append(cells, c.cell())
		}
		rows = append(rows, cells)
	}
	writeTable(text, rows)
}

func (c check) cell() string {
	if c.bound == "" {
		return c.value
	}
	mark := ""
	if !c.met {
		mark = " ✗"
	}
	return fmt.Sprintf("%s%s (%s)", c.value, mark, c.bound)
}

// writeSpans writes who used the processors meanwhile, so that a reader sees what else was in the way.
func (r report) writeSpans(text *strings.Builder) {
	text.WriteString("\n## Who used the processors\n\n")
	rows := [][]string{{"fleet", "what", "took", "controller", "API server", "etcd", "harness", "anybody else", "object writes", "events"}}
	for _, row := range r.rows {
		for _, part := range []struct {
			name string
			span
		}{{"create", row.created}, {"release", row.released}, {"idle", row.idle}} {
			rows = append(rows, []string{
				row.row.name, part.name, seconds(part.took), seconds(part.controller), seconds(part.apiServer), seconds(part.etcd),
				seconds(part.harness), seconds(part.others), plain(part.requests.objectWrites()), plain(part.requests.events()),
			})
		}
	}
	writeTable(text, rows)
	fmt.Fprintf(text, "\nThe load of the machine was %s before the first row.\n", r.machine.load)
	for _, row := range r.rows {
		fmt.Fprintf(text, "%s: RSS %s before the release.\n", row.row.name, mebibytes(row.atRest.Now))
		for _, complaint := range row.complaints[:min(len(row.complaints), maxComplaints)] {
			fmt.Fprintf(text, "- the controller complains: %s\n", complaint)
		}
	}
}

// maxComplaints is how many lines of a controller's log are shown.
const maxComplaints = 5

// writeNeighbours writes what one Rollout costs among others.
func (r report) writeNeighbours(text *strings.Builder) {
	if len(r.neighbours) == 0 {
		return
	}
	text.WriteString("\n## One Rollout among others\n\n" +
		"A look is a reconcile with nothing to do, after a change of a label; its CPU is that of the whole process, with the\n" +
		"decoding of the change. A release is that of this Rollout alone. The others are idle in the same namespace.\n\n")
	rows := [][]string{{
		"others", "looks", "requests by looks", "CPU per look", "releases", "object writes per release", "events per release",
		"dry runs per release", "reads per release", "CPU per release",
	}}
	for _, n := range r.neighbours {
		asked := n.releasing.requests
		rows = append(rows, []string{
			plain(n.others), plain(n.looks), plain(n.looking.requests.unasked()), milliseconds(n.processorPerLook()), plain(n.releases),
			hundredths(n.perRelease(asked.objectWrites())), hundredths(n.perRelease(asked.events())),
			hundredths(n.perRelease(asked.dryRuns())), hundredths(n.perRelease(asked.reads())), milliseconds(n.processorPerRelease()),
		})
	}
	writeTable(text, rows)
}

// writeRequests writes the requests of each row by verb and resource.
func (r report) writeRequests(text *strings.Builder) {
	text.WriteString("\n## Requests for each update\n\n")
	for _, row := range r.rows {
		rows := [][]string{{row.row.name, "for each update", "in all"}}
		for kind, count := range row.released.requests.sorted() {
			rows = append(rows, []string{kind.String(), hundredths(row.perUpdate(count)), plain(count)})
		}
		writeTable(text, rows)
		text.WriteString("\n")
	}
	for _, row := range r.rows {
		for kind, count := range row.idle.requests.sorted() {
			fmt.Fprintf(text, "- %s, idle for %s: %d %s\n", row.row.name, seconds(row.idle.took), count, kind)
		}
	}
}

// writeTable writes a table of Markdown whose columns are aligned, so that it can be read as it is.
func writeTable(text *strings.Builder, rows [][]string) {
	table := tabwriter.NewWriter(text, 0, 0, 1, ' ', 0)
	for i, cells := range rows {
		fmt.Fprintf(table, "| %s\t|\n", strings.Join(cells, "\t| "))
		if i == 0 {
			fmt.Fprintf(table, "|%s\n", strings.Repeat("---\t|", len(cells)))
		}
	}
	_ = table.Flush() // to memory
}
