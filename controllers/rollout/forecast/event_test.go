package forecast

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseEvents(t *testing.T) {
	for text, want := range map[string][]Event{
		"":                         nil,
		" , ":                      nil,
		"abort":                    {{Do: DoAbort}},
		"abort@10m":                {{Do: DoAbort, Delay: 10 * time.Minute}},
		"abort@step:3":             {{Do: DoAbort, When: WhenStep, Threshold: 3}},
		"abort@step:3+30s":         {{Do: DoAbort, When: WhenStep, Threshold: 3, Delay: 30 * time.Second}},
		"jump:2@waiting+1h":        {{Do: DoJump, Number: 2, When: WhenWaiting, Delay: time.Hour}},
		"scale:0@weight:40":        {{Do: DoScale, When: WhenWeight, Threshold: 40}},
		"template@promoted, abort": {{Do: DoTemplate, When: WhenPromoted}, {Do: DoAbort}},
		"retry@aborted":            {{Do: DoRetry, When: WhenAborted}},
	} {
		got, err := ParseEvents(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
	}
}

func TestEventsThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"explode":            `event "explode": "explode" is nothing that may happen; it is one of promote,`,
		"abort@soon":         `"soon" is no time`,
		"abort@soon+1s":      `"soon" is no time to wait for`,
		"abort@-1m":          `"-1m" is no time`,
		"abort@step:0":       `"0" is no number from 1`,
		"abort@step":         `"" is no number from 1`,
		"abort@weight:101":   `"101" is no number from 0 to 100`,
		"abort@waiting:1":    "waiting takes no number",
		"abort@step:1+later": `"later" is no time`,
		"abort:1":            "abort takes no number",
		"jump":               "jump needs a number: jump:N",
		"jump:0":             `"0" is no number from 1`,
		"scale:-1":           `"-1" is no number from 0`,
		"scale:1000000":      `"1000000" is no number`,
		"abort@999999h":      `"999999h" is no time`,
		"promote,explode@1s": `event "explode@1s"`,
	} {
		if got, err := ParseEvents(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v, %v", text, want, got, err)
		}
	}
	if _, err := ParseEvents(strings.Repeat("abort,", maxEvents+1)); err == nil {
		t.Error("events without end are taken")
	}
}

// TestEventText holds that an event is written as it is read.
func TestEventText(t *testing.T) {
	for _, text := range []string{"abort@10m0s", "abort@step:3+30s", "jump:2@waiting+1h0m0s", "scale:0@weight:40", "retry@aborted", "abort@0s"} {
		events, err := ParseEvents(text)
		if err != nil || len(events) != 1 || events[0].String() != text {
			t.Errorf("%q: %v, %v", text, events, err)
		}
	}
}

// TestGrammar holds that the help names all that may happen.
func TestGrammar(t *testing.T) {
	for _, m := range meanings {
		if !strings.Contains(Grammar(), string(m.do)) {
			t.Errorf("%s is not in the help", m.do)
		}
	}
}
