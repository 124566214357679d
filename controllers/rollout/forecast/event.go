package forecast

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Do is what happens in an Event.
type Do string

// What may happen. Those up to DoJump are requests of a person, as the verbs of the plugin; then changes of the spec,
// then faults and what ends them.
const (
	DoPromote     Do = "promote"
	DoPromoteFull Do = "promote-full"
	// DoPromoteSkipping passes every pause and every analysis.
	DoPromoteSkipping Do = "promote-skip-analysis"
	DoAbort           Do = "abort"
	DoRetry           Do = "retry"
	DoPause           Do = "pause"
	DoResume          Do = "resume"
	// DoJump goes to the step that Number counts from 1.
	DoJump Do = "jump"

	// DoScale sets spec.replicas to Number.
	DoScale Do = "scale"
	// DoTemplate wants another revision, DoBack the one that was stable at the start, DoRestart other pods.
	DoTemplate Do = "template"
	DoBack     Do = "back"
	DoRestart  Do = "restart"
	// DoHold and DoRelease set and unset spec.paused.
	DoHold    Do = "hold"
	DoRelease Do = "release"

	// DoCrash lets the pods of the new revision crash, DoStuck lets pods that are made never become ready, DoSilent
	// lets the gateways acknowledge nothing. DoMend ends all of these.
	DoCrash  Do = "pods-crash"
	DoStuck  Do = "pods-stuck"
	DoSilent Do = "gateway-silent"
	DoMend   Do = "mend"
	// DoAnalysisFails and its neighbour end the analysis that runs, or the next one as soon as it does.
	DoAnalysisFails        Do = "analysis-fails"
	DoAnalysisInconclusive Do = "analysis-inconclusive"
)

// meaning is something that may happen, whether it takes a number, and what it means.
type meaning struct {
	do       Do
	numbered bool
	text     string
}

// meanings are all that may happen, in the order in which they are documented.
var meanings = []meaning{
	{DoPromote, false, "somebody ends the pause"},
	{DoPromoteFull, false, "somebody passes every pause"},
	{DoPromoteSkipping, false, "somebody passes every pause and every analysis"},
	{DoAbort, false, "somebody aborts the release"},
	{DoRetry, false, "somebody retries the aborted revision"},
	{DoPause, false, "somebody pauses the release"},
	{DoResume, false, "somebody resumes it"},
	{DoJump, true, "somebody jumps to step N"},
	{DoScale, true, "spec.replicas becomes N"},
	{DoTemplate, false, "the template changes again"},
	{DoBack, false, "the template goes back to the stable one"},
	{DoRestart, false, "spec.restartAt asks for other pods"},
	{DoHold, false, "spec.paused is set"},
	{DoRelease, false, "spec.paused is taken back"},
	{DoCrash, false, "the pods of the new revision crash"},
	{DoStuck, false, "pods that are made never become ready"},
	{DoSilent, false, "no gateway acknowledges anything"},
	{DoMend, false, "crashes, stuck pods and silent gateways end"},
	{DoAnalysisFails, false, "the analysis that runs, or the next one, fails"},
	{DoAnalysisInconclusive, false, "the analysis that runs, or the next one, is inconclusive"},
}

// When is what an Event waits for.
type When string

// What an Event may wait for.
const (
	// WhenElapsed: for Delay since the start.
	WhenElapsed When = ""
	// WhenStep: the release is at the step that Threshold counts from 1.
	WhenStep When = "step"
	// WhenWeight: the new revision is asked to have at least Threshold percent of the traffic.
	WhenWeight When = "weight"
	// WhenWaiting: the release waits for somebody.
	WhenWaiting When = "waiting"
	// WhenPromoted: another revision is stable than at the start.
	WhenPromoted When = "promoted"
	// WhenAborted: a release is aborted.
	WhenAborted When = "aborted"
)

// Event is something that happens once: Do, with its Number, Delay after When has come true for the first time.
type Event struct {
	Do        Do
	Number    int32
	When      When
	Threshold int32
	Delay     time.Duration
}

// String is the event as ParseEvents reads it.
func (e Event) String() string {
	text := string(e.Do)
	if e.numbered() {
		text += ":" + strconv.Itoa(int(e.Number))
	}
	at := string(e.When)
	if e.When == WhenStep || e.When == WhenWeight {
		at += ":" + strconv.Itoa(int(e.Threshold))
	}
	switch {
	case e.When == WhenElapsed:
		at = e.Delay.String()
	case e.Delay > 0:
		at += "+" + e.Delay.String()
	}
	return text + "@" + at
}

func (e Event) numbered() bool {
	return slices.ContainsFunc(meanings, func(m meaning) bool {
		return m.do == e.Do && m.numbered
	})
}

// Grammar says how events are written, for a help text.
func Grammar() string {
	var out strings.Builder
	out.WriteString("Events are written WHAT@WHEN, several with commas between them. WHAT is one of:\n")
	for _, m := range meanings {
		name := string(m.do)
		if m.numbered {
			name += ":N"
		}
		fmt.Fprintf(&out, "  %-22s %s\n", name, m.text)
	}
	out.WriteString(`WHEN is one of these, with a +DELAY where wanted:
  10m        that long after the start; without @WHEN: at the start
  step:N     the release is at step N, from 1
  weight:N   N percent of the traffic are asked for the new revision
  waiting    the release waits for somebody
  promoted   the release is over and has succeeded
  aborted    the release is aborted
Each happens once. Examples: abort@step:3+30s  promote@waiting+1h,template@promoted`)
	return out.String()
}

// The bounds of what ParseEvents takes.
const (
	maxEvents    = 100
	maxNumber    = 100_000
	maxDelay     = 10 * 365 * 24 * time.Hour
	maxPercent   = 100
	firstOrdinal = 1
)

// ParseEvents reads events as Grammar describes them. The error names the event and says what is allowed.
func ParseEvents(text string) ([]Event, error) {
	var events []Event
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		event, err := parseEvent(part)
		if err != nil {
			return nil, fmt.Errorf("event %q: %w", part, err)
		}
		if events = append(events, event); len(events) > maxEvents {
			return nil, fmt.Errorf("more than %d events", maxEvents)
		}
	}
	return events, nil
}

func parseEvent(text string) (e Event, err error) {
	what, when, _ := strings.Cut(text, "@")
	if e.Do, e.Number, err = readDo(what); err != nil || when == "" {
		return e, err
	}
	condition, delay, hasDelay := strings.Cut(when, "+")
	if e.When, e.Threshold, err = readWhen(condition); err != nil {
		return e, err
	}
	if e.When == WhenElapsed && hasDelay {
		return e, notATime(condition)
	}
	if e.When == WhenElapsed {
		delay, hasDelay = condition, true
	}
	if hasDelay {
		e.Delay, err = readDelay(delay)
	}
	return e, err
}

func readDo(text string) (do Do, number int32, err error) {
	name, value, hasNumber := strings.Cut(text, ":")
	do = Do(name)
	i := slices.IndexFunc(meanings, func(m meaning) bool { return m.do == do })
	switch {
	case i < 0:
		names := make([]string, len(meanings))
		for j, m := range meanings {
			names[j] = string(m.do)
		}
		return do, 0, fmt.Errorf("%q is nothing that may happen; it is one of %s", name, strings.Join(names, ", "))
	case hasNumber && !meanings[i].numbered:
		return do, 0, fmt.Errorf("%s takes no number", name)
	case !hasNumber && meanings[i].numbered:
		return do, 0, fmt.Errorf("%s needs a number: %s:N", name, name)
	case do == DoJump:
		number, err = readNumber(value, firstOrdinal, maxNumber)
	case hasNumber:
		number, err = readNumber(value, 0, maxNumber)
	}
	return do, number, err
}

// readWhen reads what is waited for; it is WhenElapsed where it is none of the words.
func readWhen(text string) (when When, threshold int32, err error) {
	name, number, hasNumber := strings.Cut(text, ":")
	switch when = When(name); when {
	case WhenStep:
		threshold, err = readNumber(number, firstOrdinal, maxNumber)
	case WhenWeight:
		threshold, err = readNumber(number, 0, maxPercent)
	case WhenWaiting, WhenPromoted, WhenAborted:
		if hasNumber {
			err = fmt.Errorf("%s takes no number", name)
		}
	default:
		when = WhenElapsed
	}
	return when, threshold, err
}

func readDelay(text string) (time.Duration, error) {
	delay, err := time.ParseDuration(text)
	if err != nil || delay < 0 || delay > maxDelay {
		return 0, notATime(text)
	}
	return delay, nil
}

func notATime(text string) error {
	return fmt.Errorf("%q is no time to wait for: it is a time such as 30s or 10m, step:N, weight:N, waiting, promoted or aborted", text)
}

func readNumber(text string, least, most int32) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || int32(n) < least || int32(n) > most {
		return 0, fmt.Errorf("%q is no number from %d to %d", text, least, most)
	}
	return int32(n), nil
}
