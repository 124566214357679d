package evaluate

import "time"

// retryAfter is how soon a metric is looked at again that had no data or could not be judged, where its interval is not
// shorter still.
const retryAfter = 10 * time.Second

// Due says when a metric is to be measured next; false means never. Regular measurements lie on a grid from the run's own
// start, so that they do not drift, runs are spread as their starts are, and slots missed while nobody looked are left
// out and not made up for in a burst.
func Due(m Metric, started time.Time, r Result) (time.Time, bool) {
	if r.Phase.Completed() {
		return time.Time{}, false
	}
	first := started.Add(m.InitialDelay)
	if len(r.Measurements) == 0 {
		return first, true
	}
	last := r.Measurements[len(r.Measurements)-1]
	retry := last.Finished.Add(retryAfter)
	if m.Interval <= 0 {
		return retry, true
	}
	due := first
	if since := last.Finished.Sub(first); since >= 0 {
		due = first.Add((since/m.Interval + 1) * m.Interval) //nolint:durationcheck // a count times a duration
	}
	if (last.Phase == Pending || last.Phase == Error) && retry.Before(due) {
		due = retry
	}
	return due, true
}
