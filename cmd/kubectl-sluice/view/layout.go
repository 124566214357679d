package view

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mood is how a text is meant, which becomes its colour.
type Mood int

// The moods.
const (
	Plain Mood = iota
	// Good is as it should be.
	Good
	// Busy is on its way.
	Busy
	// Bad needs a person.
	Bad
	// Idle matters less.
	Idle
	// Strong is a title.
	Strong
)

// ansi are the sequences that switch a mood on.
var ansi = map[Mood]string{Good: "\x1b[32m", Busy: "\x1b[33m", Bad: "\x1b[31m", Idle: "\x1b[2m", Strong: "\x1b[1m"}

const (
	ansiReset = "\x1b[0m"
	columnGap = 2
	keyWidth  = 11
)

// cell is a text in one mood.
type cell struct {
	text string
	mood Mood
}

// line is one line before layout. Lines of the same table, a number above 0, have their cells aligned; a line of no
// table is a key and a text, and the text is wrapped.
type line struct {
	table int
	cells []cell
}

func field(key, text string, mood Mood) line {
	return line{cells: []cell{{text: key, mood: Idle}, {text: text, mood: mood}}}
}

// Render returns the model as lines, each ended by a newline. No line is wider than width characters; 0 means without
// limit. With colour, moods become ANSI sequences, which do not count.
func Render(m Model, width int, colour bool) string {
	var out strings.Builder
	lines := m.lines()
	columns := measure(lines)
	for _, l := range lines {
		if l.table == 0 {
			for _, wrapped := range wrap(l, width) {
				emit(&out, wrapped, width, colour)
			}
			continue
		}
		emit(&out, pad(l.cells, columns[l.table]), width, colour)
	}
	return out.String()
}

// measure returns the width of each column of each table.
func measure(lines []line) map[int][]int {
	columns := map[int][]int{}
	for _, l := range lines {
		if l.table == 0 {
			continue
		}
		widths := columns[l.table]
		for i, c := range l.cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			// The last cell of a line needs no room to its right: it does not widen a column that others share.
			if i < len(l.cells)-1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(clean(c.text)))
			}
		}
		columns[l.table] = widths
	}
	return columns
}

// pad fills each cell but the last up to its column.
func pad(cells []cell, widths []int) []cell {
	out := make([]cell, 0, 2*len(cells))
	for i, c := range cells {
		c.text = clean(c.text)
		out = append(out, c)
		if i < len(cells)-1 {
			fill := widths[i] + columnGap - utf8.RuneCountInString(c.text)
			out = append(out, cell{text: strings.Repeat(" ", max(fill, columnGap))})
		}
	}
	return out
}

// wrap breaks the text of a key and text at spaces, with the text of each further line under that of the first.
func wrap(l line, width int) [][]cell {
	if len(l.cells) < 2 {
		return [][]cell{l.cells}
	}
	key, text := l.cells[0], l.cells[1]
	first := cell{text: key.text + strings.Repeat(" ", max(keyWidth-utf8.RuneCountInString(key.text), 1)), mood: key.mood}
	room := width - keyWidth
	if width <= 0 || room < 20 {
		return [][]cell{{first, {text: clean(text.text), mood: text.mood}}}
	}
	var out [][]cell
	lead := first
	for _, part := range breakAt(clean(text.text), room) {
		out = append(out, []cell{lead, {text: part, mood: text.mood}})
		lead = cell{text: strings.Repeat(" ", keyWidth)}
	}
	return out
}

// breakAt breaks a text at spaces into parts of at most room characters; a longer word stays whole.
func breakAt(text string, room int) []string {
	var parts []string
	current := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case current == "":
			current = word
		case utf8.RuneCountInString(current)+1+utf8.RuneCountInString(word) <= room:
			current += " " + word
		default:
			parts = append(parts, current)
			current = word
		}
	}
	return append(parts, current)
}

// emit writes one line, cut to width.
func emit(out *strings.Builder, cells []cell, width int, colour bool) {
	total, last := 0, 0
	for i, c := range cells {
		total += utf8.RuneCountInString(c.text)
		if strings.TrimSpace(c.text) != "" {
			last = i
		}
	}
	left := total
	if width > 0 && total > width {
		left = width - 1
	}
	for i, c := range cells {
		text := []rune(clean(c.text))
		if len(text) > left {
			text = text[:max(left, 0)]
		}
		left -= len(text)
		shown := string(text)
		if i >= last {
			shown = strings.TrimRight(shown, " ")
		}
		if colour && ansi[c.mood] != "" && shown != "" {
			shown = ansi[c.mood] + shown + ansiReset
		}
		out.WriteString(shown)
	}
	if width > 0 && total > width {
		out.WriteString("…")
	}
	out.WriteByte('\n')
}

// clean takes out what could steer a terminal: control and format characters. Line breaks become spaces.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
