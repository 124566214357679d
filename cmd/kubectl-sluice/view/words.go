package view

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// ShortCommit returns the first seven digits of a full commit hash, and anything else as it is.
func ShortCommit(commit string) string {
	if len(commit) >= 40 {
		return commit[:7]
	}
	return commit
}

// since returns how long ago a time was, such as "3m"; "" for no time.
func since(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration.HumanDuration(max(now.Sub(t), 0))
}

// until returns how long it is until a time, such as "12s left".
func until(t, now time.Time) string {
	if !t.After(now) {
		return "is over"
	}
	return duration.HumanDuration(t.Sub(now)) + " left"
}

func ago(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " " + since(t, now) + " ago"
}

// toReplace says how many of some pods are still to be replaced.
func toReplace(old, total int) string {
	switch old {
	case 0:
		return ": every pod is new"
	case 1:
		return fmt.Sprintf(": 1 of %d pods is still to be replaced", total)
	}
	return fmt.Sprintf(": %d of %d pods are still to be replaced", old, total)
}

func phaseMood(p v1alpha1.RolloutPhase) Mood {
	switch p {
	case v1alpha1.RolloutHealthy:
		return Good
	case v1alpha1.RolloutProgressing, v1alpha1.RolloutPaused:
		return Busy
	case v1alpha1.RolloutDegraded:
		return Bad
	}
	return Plain
}

func analysisMood(p v1alpha1.AnalysisPhase) Mood {
	switch p {
	case v1alpha1.AnalysisSuccessful:
		return Good
	case v1alpha1.AnalysisPending, v1alpha1.AnalysisRunning, v1alpha1.AnalysisInconclusive:
		return Busy
	case v1alpha1.AnalysisFailed, v1alpha1.AnalysisError:
		return Bad
	}
	return Plain
}

func percent(s Share) string {
	if s.Low == s.High {
		return fmt.Sprintf("%d %%", s.High)
	}
	return fmt.Sprintf("%d to %d %%", s.Low, s.High)
}

func or(s, absent string) string {
	if s == "" {
		return absent
	}
	return s
}
