package analysis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/analysis/condition"
	"github.com/sluicehq/sluice/analysis/evaluate"
)

// maxMessage bounds the message of a measurement, in bytes.
const maxMessage = 1 << 10

// maxShownInMessage bounds a value inside a message, in bytes.
const maxShownInMessage = 256

// Measure asks a provider once, within the metric's timeout, and judges the answer. The clock gives the times of the
// measurement. The error is that of ctx: when it has ended there is no measurement at all, since giving up is not an
// outage of the provider.
func Measure(ctx context.Context, p Provider, m Metric, now func() time.Time) (evaluate.Measurement, error) {
	out := evaluate.Measurement{Started: now()}
	limited, cancel := context.WithTimeout(ctx, m.Timeout())
	defer cancel()
	reading, err := p.Measure(limited, m.Provider)
	out.Finished = now()
	if ctx.Err() != nil {
		return evaluate.Measurement{}, ctx.Err()
	}
	switch {
	case err == nil:
		out.Value = Render(reading.Value)
		out.Phase, out.Message = m.judge(reading)
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		out.Phase, out.Message = evaluate.Pending, fmt.Sprintf("no answer within %s: %v", m.Timeout(), err)
	case errors.Is(err, ErrNoData):
		out.Phase, out.Message = evaluate.Pending, err.Error()
	default:
		out.Phase, out.Message = evaluate.Error, err.Error()
	}
	out.Message = oneLine(out.Message, maxMessage)
	return out, nil
}

// judge evaluates the conditions over a reading. The message names the condition that decided and the value.
func (m Metric) judge(reading Reading) (evaluate.Phase, string) {
	success, err := holds(m.Success, reading.Value)
	if err == nil {
		var failure *bool
		if failure, err = holds(m.Failure, reading.Value); err == nil {
			phase := evaluate.Judge(success, failure)
			return phase, m.because(phase, reading)
		}
	}
	return evaluate.Error, fmt.Sprintf("%v; the value is %s", err, cut(Render(reading.Value), maxShownInMessage))
}

// because words a verdict. A success needs no reason.
func (m Metric) because(phase evaluate.Phase, reading Reading) string {
	note := ""
	if reading.Note != "" {
		note = "; the provider says: " + reading.Note
	}
	value := cut(Render(reading.Value), maxShownInMessage)
	switch {
	case phase == evaluate.Successful && note == "":
		return ""
	case phase == evaluate.Successful:
		return "the value is " + value + note
	case phase == evaluate.Failed && m.Failure != nil:
		return fmt.Sprintf("%s is true for %s%s", m.Failure, value, note)
	case phase == evaluate.Failed:
		return fmt.Sprintf("%s is false for %s%s", m.Success, value, note)
	}
	return fmt.Sprintf("neither %s nor %s is true for %s%s", m.Success, m.Failure, value, note)
}

// holds evaluates a condition; nil for one that is not written.
func holds(c *condition.Condition, value any) (*bool, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // A condition that is not written has neither a value nor an error.
	}
	holds, err := c.Holds(value)
	if err != nil {
		return nil, err
	}
	return &holds, nil
}
