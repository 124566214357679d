package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// print writes the summary; its last line is the one that scripts read.
func (r report) print(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(what, value string) { fmt.Fprintf(table, "%s\t%s\n", what, value) }
	fmt.Fprintln(table)
	row("cluster start", seconds(r.clusterStart))
	for _, t := range r.pushToPods {
		row("git push to canary pods created, "+t.version, seconds(t.took))
	}
	verdict := "not seen"
	if r.verdictSeen {
		verdict = seconds(r.verdictToRoute)
	}
	row("verdict of failure to route at 100 % stable", verdict)
	row("controller's resident memory, the most", r.memory)
	row("whole demo", seconds(r.whole))
	if r.kills > 0 {
		row("controller killed", fmt.Sprintf("%d times", r.kills))
	}
	for _, share := range r.shares {
		row("weight on the wire", share.String())
	}
	for _, version := range slices.Sorted(maps.Keys(r.stats.Codes)) {
		codes := r.stats.Codes[version]
		var answers strings.Builder
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			fmt.Fprintf(&answers, "%d x %s, ", codes[code], code)
		}
		latency := r.stats.LatencyMillis[version]
		row("answers of "+version, fmt.Sprintf("%sp50 %.1f ms, p99 %.1f ms, slowest %.1f ms", &answers, latency.P50, latency.P99, latency.Max))
	}
	_ = table.Flush() // standard output: who reads it has gone if it fails
	fmt.Fprintf(out, "\ndemo: promoted=%.7s rolled-back=%.7s requests=%d lost=%d\n", r.promoted, r.rolledBack, r.stats.Sent, r.stats.Lost)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
