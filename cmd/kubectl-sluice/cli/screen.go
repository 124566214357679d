package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/live"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/view"
)

// tick is how often ages and times left are drawn anew on a terminal.
const tick = time.Second

// screen shows a model that changes: in place on a terminal, as one block after the other elsewhere.
type screen struct {
	out      io.Writer
	errOut   io.Writer
	terminal func() (width, height int, ok bool)
	colour   bool
	// drawn is how many lines the terminal shows of the last frame.
	drawn int
	// shown is the last block apart from its ages.
	shown string
}

func (a *app) screen() *screen {
	return &screen{out: a.Streams.Out, errOut: a.Streams.ErrOut, terminal: a.Terminal, colour: !a.NoColour}
}

// once shows a model that will not change.
func (s *screen) once(m view.Model) error {
	width, _, ok := s.terminal()
	_, err := io.WriteString(s.out, view.Render(m, width, ok && s.colour))
	return err
}

// show shows the model as it is now. Elsewhere than on a terminal, nothing is printed where only ages differ.
func (s *screen) show(m view.Model) error {
	width, height, ok := s.terminal()
	if ok {
		text, lines := frame(view.Render(m, width, s.colour), s.drawn, height)
		s.drawn = lines
		_, err := io.WriteString(s.out, text)
		return err
	}
	timeless := view.Render(m.At(time.Time{}), 0, false)
	if timeless == s.shown {
		return nil
	}
	gap := "\n"
	if s.shown == "" {
		gap = ""
	}
	s.shown = timeless
	_, err := io.WriteString(s.out, gap+view.Render(m, 0, false))
	return err
}

// frame returns what to send to a terminal that shows drawn lines of the last frame above its cursor, so that it shows
// the text instead, and how many lines that is. What is higher than the terminal is cut, since it could not be taken back.
func frame(text string, drawn, height int) (string, int) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if room := height - 1; len(lines) > room && room > 1 {
		rest := len(lines) - room + 1
		lines = append(lines[:room-1], fmt.Sprintf("… and %d more lines", rest))
	}
	var out strings.Builder
	if drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", drawn)
	}
	out.WriteString("\r")
	for _, l := range lines {
		out.WriteString(l)
		out.WriteString("\x1b[K\n")
	}
	out.WriteString("\x1b[J")
	return out.String(), len(lines)
}

// troubles are the errors of watches that are taken up again, for the one who draws the screen.
type troubles chan error

// tell keeps an error until the screen is drawn again; while one is kept, further ones are let go.
func (t troubles) tell(err error) {
	select {
	case t <- err:
	default:
	}
}

// follow shows what build makes of the feed after each change until ctx ends.
func (s *screen) follow(ctx context.Context, feed *live.Feed, troubles troubles, build func() view.Model) error {
	var ticks <-chan time.Time
	if _, _, ok := s.terminal(); ok {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		if err := s.show(build()); err != nil {
			return err
		}
		select {
		case <-feed.Changed():
		case <-ticks:
		case err := <-troubles:
			s.drawn = 0 // What is on the screen is no longer right above the cursor.
			if _, err := fmt.Fprintf(s.errOut, "%v; trying again\n", err); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
