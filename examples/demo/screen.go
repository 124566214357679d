package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/sluicehq/sluice/test/load"
)

// barWidth is the length of the bar of shares in characters.
const barWidth = 24

// maxMessage is how much of the Rollout's message is in the live view, in characters.
const maxMessage = 100

// fills tell the versions in a bar apart.
var fills = []rune("█▒░▓")

// screen prints news as lines and, below them, a live view: in place on a terminal, as a line a second elsewhere.
type screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal int // file descriptor, or -1
	start    time.Time
	live     string
}

func newScreen(out *os.File, start time.Time) *screen {
	s := &screen{out: out, terminal: -1, start: start}
	if term.IsTerminal(int(out.Fd())) {
		s.terminal = int(out.Fd())
	}
	return s
}

// say prints a line of news.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.out, "[%6.1fs] %s\n", time.Since(s.start).Seconds(), fmt.Sprintf(format, args...))
	s.draw()
}

// show makes a line the live view; an empty one ends it.
func (s *screen) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.live = line
	if s.terminal < 0 && line != "" {
		fmt.Fprintf(s.out, "[%6.1fs] %s\n", time.Since(s.start).Seconds(), line)
	}
	s.draw()
}

func (s *screen) clear() {
	if s.terminal >= 0 && s.live != "" {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}

func (s *screen) draw() {
	if s.terminal < 0 || s.live == "" {
		return
	}
	width, _, err := term.GetSize(s.terminal)
	if err != nil {
		width = 80
	}
	line := []rune(s.live)
	fmt.Fprint(s.out, string(line[:min(len(line), max(0, width-1))]))
}

// liveLine is the live view: the share of each version in the last seconds, the release, and the load.
func liveLine(now moment, stats load.Stats) string {
	counts := map[string]int{}
	errors := 0
	for _, second := range stats.Seconds {
		for version, n := range second.Versions {
			counts[version] += n
		}
		errors += second.Errors
	}
	parts := []string{bar(counts)}
	if errors > 0 {
		parts = append(parts, fmt.Sprintf("%d errors of the app", errors))
	}
	if now.status.Step != "" {
		parts = append(parts, "step "+now.status.Step)
	}
	if weights := now.weights(); weights.Asked != 0 || weights.High != 0 {
		parts = append(parts, fmt.Sprintf("asked %d %%", weights.Asked))
	}
	parts = append(parts,
		fmt.Sprintf("%d sent, %d lost", stats.Sent, stats.Lost),
		shorten(fmt.Sprintf("%s: %s", now.status.Phase, now.status.Message), maxMessage))
	return strings.Join(parts, " | ")
}

// shorten cuts a text to so many characters.
func shorten(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}

// bar draws the counts as parts of a whole, as in "v1 80 % ████████▒▒ v2 20 %".
func bar(counts map[string]int) string {
	type part struct {
		version string
		count   int
	}
	var parts []part
	total := 0
	for version, count := range counts {
		parts = append(parts, part{version, count})
		total += count
	}
	if total == 0 {
		return "no answers"
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.version, b.version) })
	var names, line strings.Builder
	drawn, sum := 0, 0
	for i, part := range parts {
		sum += part.count
		end := (sum*barWidth + total/2) / total
		line.WriteString(strings.Repeat(string(fills[i%len(fills)]), end-drawn))
		drawn = end
		fmt.Fprintf(&names, " %s %.1f %%", part.version, percent(part.count, total))
	}
	return line.String() + names.String()
}
