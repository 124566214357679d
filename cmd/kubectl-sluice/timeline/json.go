package timeline

import (
	"encoding/json"
	"io"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/forecast"
)

// document is a timeline for programs. Times are seconds.
type document struct {
	Rollout     string          `json:"rollout"`
	Revisions   []Revision      `json:"revisions"`
	Steps       []string        `json:"steps"`
	Assumptions []string        `json:"assumptions"`
	Timeline    []entry         `json:"timeline"`
	AtTheEnd    []share         `json:"atTheEnd"`
	Ending      forecast.Ending `json:"ending"`
	Phase       string          `json:"phase"`
	Reason      string          `json:"reason"`
	Message     string          `json:"message"`
	Totals      totals          `json:"totals"`
	Warnings    []string        `json:"warnings"`
}

type entry struct {
	Kind       forecast.Kind `json:"kind"`
	AtSeconds  float64       `json:"atSeconds"`
	ForSeconds float64       `json:"forSeconds,omitempty"`
	What       string        `json:"what,omitempty"`
	Notes      []note        `json:"notes,omitempty"`
	Actions    []string      `json:"actions,omitempty"`
	Step       int32         `json:"step,omitempty"`
	Phase      string        `json:"phase,omitempty"`
	Revisions  []share       `json:"revisions"`
	WithoutEnd bool          `json:"withoutEnd,omitempty"`
}

type note struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Warning bool   `json:"warning,omitempty"`
}

type share struct {
	Name      string `json:"name"`
	Share     int32  `json:"sharePercent"`
	Available int32  `json:"availablePods"`
	Pods      int32  `json:"pods"`
	Desired   int32  `json:"desiredPods"`
}

type totals struct {
	DurationSeconds     float64 `json:"durationSeconds"`
	ServedSeconds       float64 `json:"servedSeconds"`
	PausesSeconds       float64 `json:"pausesSeconds"`
	AnalysisSeconds     float64 `json:"analysisSeconds"`
	PersonsSeconds      float64 `json:"personsSeconds"`
	WaitsForPersons     int     `json:"waitsForPersons"`
	Replicas            int32   `json:"replicas"`
	PeakPods            int32   `json:"peakPods"`
	LeastAvailable      int32   `json:"leastAvailablePods"`
	ExtraPodTimeSeconds float64 `json:"extraPodTimeSeconds"`
	Decisions           int     `json:"decisions"`
	Writes              int     `json:"writes"`
}

// WriteJSON writes the timeline for programs.
func WriteJSON(out io.Writer, t *Timeline) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(t.document())
}

func (t *Timeline) document() document {
	f := t.Forecast
	d := document{
		Rollout: t.Rollout, Revisions: t.Revisions, Steps: notNil(t.Steps), Assumptions: notNil(t.Assumptions),
		Ending: f.Ending, Phase: string(f.Summary.Phase), Reason: f.Summary.Reason, Message: f.Summary.Message,
		Warnings: notNil(t.Warnings), Timeline: make([]entry, 0, len(f.Entries)), AtTheEnd: shares(f.Revisions),
	}
	if f.Message != "" {
		d.Message = f.Message
	}
	for _, e := range f.Entries {
		d.Timeline = append(d.Timeline, entryOf(e))
	}
	s := time.Duration.Seconds
	d.Totals = totals{
		DurationSeconds: s(f.Totals.Duration), ServedSeconds: s(f.Totals.Served), PausesSeconds: s(f.Totals.Pauses),
		AnalysisSeconds: s(f.Totals.Analysis), PersonsSeconds: s(f.Totals.Persons), WaitsForPersons: f.Totals.WaitsForPersons,
		Replicas: f.Totals.Replicas, PeakPods: f.Totals.PeakPods, LeastAvailable: f.Totals.LeastAvailable,
		ExtraPodTimeSeconds: s(f.Totals.ExtraPodTime), Decisions: f.Totals.Decisions, Writes: f.Totals.Writes,
	}
	return d
}

func entryOf(e forecast.Entry) entry {
	out := entry{
		Kind: e.Kind, AtSeconds: e.At.Seconds(), ForSeconds: e.For.Seconds(), What: e.What, Step: e.Step, Phase: string(e.Phase),
		WithoutEnd: e.Kind == forecast.Waits && e.For == 0, Revisions: shares(e.Revisions),
	}
	for _, n := range e.Notes {
		out.Notes = append(out.Notes, note{Reason: n.Reason, Message: n.Message, Warning: n.Warning})
	}
	for _, a := range e.Actions {
		out.Actions = append(out.Actions, actionText(a))
	}
	return out
}

func shares(revisions []forecast.Revision) []share {
	out := make([]share, 0, len(revisions))
	for _, r := range revisions {
		out = append(out, share{Name: r.Name, Share: r.Share, Available: r.Available, Pods: r.Pods, Desired: r.Desired})
	}
	return out
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
