package evaluate

import (
	"fmt"
	"slices"
	"time"
)

// unwatched is the longest time without a look at the provider that still counts as part of a gap in the data. A
// controller that was down for longer does not know what it missed, so that the gap begins anew.
const unwatched = 2 * time.Minute

// Next adds a measurement to a result. A completed result stays as it is. Neither argument is changed.
func Next(m Metric, r Result, s Measurement) Result {
	if r.Phase.Completed() {
		return r
	}
	r.Measurements = slices.Clone(r.Measurements)
	r = count(r, s)
	r.Measurements = append(r.Measurements, s)
	if surplus := len(r.Measurements) - KeptMeasurements; surplus > 0 {
		r.Measurements = slices.Delete(r.Measurements, 0, surplus)
	}
	r.Phase, r.Message = verdict(m, r, s)
	return r
}

// count adds a measurement to the counters. It must be called before the measurement is appended.
func count(r Result, s Measurement) Result {
	if s.Phase == Pending {
		r.NoData++
		if r.NoDataSince.IsZero() || unseen(r, s) {
			r.NoDataSince = s.Started
		}
		return r
	}
	r.NoDataSince = time.Time{}
	if s.Phase == Error {
		r.Error++
		r.ConsecutiveError++
		return r
	}
	r.ConsecutiveError = 0
	r.Count++
	switch s.Phase {
	case Failed:
		r.Failed++
	case Inconclusive:
		r.Inconclusive++
	case Successful, Pending, Running, Error:
		r.Successful++
	}
	return r
}

// unseen says whether too long passed between the last measurement and this one for the gap to be known.
func unseen(r Result, s Measurement) bool {
	if len(r.Measurements) == 0 {
		return false
	}
	return s.Started.Sub(r.Measurements[len(r.Measurements)-1].Finished) > unwatched
}

func verdict(m Metric, r Result, s Measurement) (Phase, string) {
	switch {
	case exceeds(r.Failed, m.FailureLimit):
		return Failed, fmt.Sprintf("%s (%s)", s.Message, borne("failed", r.Failed, m.FailureLimit))
	case exceeds(r.ConsecutiveError, m.ConsecutiveErrorLimit):
		return Error, fmt.Sprintf("%s (%s)", s.Message, borne("errors in a row", r.ConsecutiveError, m.ConsecutiveErrorLimit))
	case exceeds(r.Inconclusive, m.InconclusiveLimit):
		return Inconclusive, fmt.Sprintf("%s (%s)", s.Message, borne("inconclusive", r.Inconclusive, m.InconclusiveLimit))
	case s.Phase == Pending:
		return gap(m, r, s)
	case m.Count != Endless && r.Count >= m.Count:
		return full(r)
	case s.Phase == Successful:
		return Running, progress(m, r)
	}
	return Running, s.Message
}

func exceeds(n, limit int32) bool { return limit != AnyNumber && n > limit }

func borne(what string, n, limit int32) string {
	return fmt.Sprintf("%d %s, %d borne", n, what, limit)
}

// gap says what a measurement without data means.
func gap(m Metric, r Result, s Measurement) (Phase, string) {
	since := r.NoDataSince.UTC().Format(time.RFC3339)
	if m.NoData == Wait && m.NoDataAfter == 0 || s.Finished.Sub(r.NoDataSince) < m.NoDataAfter {
		return Running, fmt.Sprintf("no data since %s: %s", since, s.Message)
	}
	message := fmt.Sprintf("no data for %s since %s, noData.action is %s: %s", m.NoDataAfter, since, m.NoData, s.Message)
	switch m.NoData {
	case Fail:
		return Failed, message
	case Pass:
		return Successful, message
	case Wait, MakeInconclusive:
		return Inconclusive, message
	}
	return Inconclusive, message
}

// full is the verdict of a metric that has all its measurements and no limit exceeded.
func full(r Result) (Phase, string) {
	if r.Successful == 0 {
		return Inconclusive, fmt.Sprintf("none of %d measurements was successful", r.Count)
	}
	return Successful, fmt.Sprintf("%d of %d measurements successful", r.Successful, r.Count)
}

func progress(m Metric, r Result) string {
	if m.Count == Endless {
		return fmt.Sprintf("%d of %d measurements successful so far", r.Successful, r.Count)
	}
	return fmt.Sprintf("%d of %d measured", r.Count, m.Count)
}

// End stops a metric before it has all its measurements. One without a successful measurement is not Successful. A
// completed result stays as it is.
func End(r Result, why string) Result {
	if r.Phase.Completed() {
		return r
	}
	if r.Successful == 0 {
		r.Phase, r.Message = Inconclusive, why+"; there was no successful measurement before"
		return r
	}
	r.Phase, r.Message = Successful, fmt.Sprintf("%s; %d of %d measurements were successful before", why, r.Successful, r.Count)
	return r
}
