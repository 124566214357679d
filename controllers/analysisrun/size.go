package analysisrun

import (
	"encoding/json"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// The bounds of a status, in bytes. An object that is too large for the API server could not be written at all, so that
// a run of many metrics with long answers keeps less of each.
const (
	maxStatus      = 256 << 10
	maxCrowdedText = 128
)

// bound cuts the texts of a status that is too large. Verdicts, counters and times stay whole.
func bound(status v1alpha1.AnalysisRunStatus) (v1alpha1.AnalysisRunStatus, error) {
	raw, err := json.Marshal(status)
	if err != nil || len(raw) <= maxStatus {
		return status, err
	}
	status = *status.DeepCopy()
	for i := range status.MetricResults {
		result := &status.MetricResults[i]
		result.Query = shorten(result.Query, maxCrowdedText)
		result.Message = shorten(result.Message, maxCrowdedText)
		for j := range result.Measurements {
			measurement := &result.Measurements[j]
			measurement.Value = shorten(measurement.Value, maxCrowdedText)
			measurement.Message = shorten(measurement.Message, maxCrowdedText)
		}
	}
	return status, nil
}
