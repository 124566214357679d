package cli

import (
	"strings"
	"testing"
)

func TestFrame(t *testing.T) {
	const up, clearLine, clearBelow = "\x1b[%A", "\x1b[K\n", "\x1b[J"
	for name, c := range map[string]struct {
		text          string
		drawn, height int
		want          string
		lines         int
	}{
		"the first":    {"a\nb\n", 0, 24, "\ra" + clearLine + "b" + clearLine + clearBelow, 2},
		"over another": {"a\n", 3, 24, strings.ReplaceAll(up, "%", "3") + "\ra" + clearLine + clearBelow, 1},
		"too high":     {"a\nb\nc\nd\ne\n", 0, 4, "\ra" + clearLine + "b" + clearLine + "… and 3 more lines" + clearLine + clearBelow, 3},
		"just fitting": {"a\nb\nc\n", 0, 4, "\ra" + clearLine + "b" + clearLine + "c" + clearLine + clearBelow, 3},
	} {
		t.Run(name, func(t *testing.T) {
			got, lines := frame(c.text, c.drawn, c.height)
			if got != c.want || lines != c.lines {
				t.Errorf("got %q and %d lines, want %q and %d", got, lines, c.want, c.lines)
			}
		})
	}
}
