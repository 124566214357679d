// Package analysisrun reconciles AnalysisRuns: it measures the metrics that are due, adds the measurements to the results,
// and writes status once where something changed.
//
// Everything that a run remembers is in its status, and the time to look again is computed from it, so that another
// controller goes on where this one stopped. A write names the version of the object that was read: a round that began
// from a stale copy is dropped, never added, so that no measurement is counted twice and no verdict is changed.
//
// The files follow the data: observe.go reads, measure.go asks the providers, status.go writes and tells.
package analysisrun
