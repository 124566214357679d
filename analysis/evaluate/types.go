package evaluate

import "time"

// Phase is the state of a run, a metric or a measurement.
type Phase string

// The phases. Of a measurement, Pending means that there was no data.
const (
	Pending      Phase = "Pending"
	Running      Phase = "Running"
	Successful   Phase = "Successful"
	Inconclusive Phase = "Inconclusive"
	Error        Phase = "Error"
	Failed       Phase = "Failed"
)

// Completed says whether the phase is final.
func (p Phase) Completed() bool { return p.severity() > 0 }

// severity orders the final phases from good to bad, from 1. It is 0 for the others.
func (p Phase) severity() int {
	switch p {
	case Pending, Running:
		return 0
	case Successful:
		return 1
	case Inconclusive:
		return 2
	case Error:
		return 3
	case Failed:
		return 4
	}
	return 0
}

// Action is what a gap in the data means.
type Action string

// The actions for no data.
const (
	Wait             Action = "wait"
	MakeInconclusive Action = "inconclusive"
	Fail             Action = "fail"
	Pass             Action = "pass"
)

// AnyNumber as a limit means that there is none.
const AnyNumber int32 = -1

// Endless as a count means that measuring goes on until the run is ended.
const Endless int32 = 0

// Metric is how often one thing is measured and how much is borne.
type Metric struct {
	// Name of the metric, unique in the run.
	Name string
	// InitialDelay from the start of the run to the first measurement.
	InitialDelay time.Duration
	// Interval between measurements; 0 only where Count is 1.
	Interval time.Duration
	// Count of measurements that give a value, or Endless.
	Count int32
	// FailureLimit is how many failures are borne, or AnyNumber.
	FailureLimit int32
	// InconclusiveLimit is how many inconclusive measurements are borne, or AnyNumber.
	InconclusiveLimit int32
	// ConsecutiveErrorLimit is how many errors in a row are borne, or AnyNumber.
	ConsecutiveErrorLimit int32
	// NoData is what a gap in the data means.
	NoData Action
	// NoDataAfter is how long the gap must be for that. With Wait, 0 means for ever.
	NoDataAfter time.Duration
}

// Result is what was measured of one metric.
type Result struct {
	Phase   Phase
	Message string
	// Count is Successful + Failed + Inconclusive.
	Count, Successful, Failed, Inconclusive int32
	// Error counts the measurements that could not be judged, ConsecutiveError the last of them in a row.
	Error, ConsecutiveError int32
	// NoData counts the measurements that had no data.
	NoData int32
	// NoDataSince is when the present gap began, or zero.
	NoDataSince time.Time
	// Measurements are the last of them, oldest first: at most KeptMeasurements.
	Measurements []Measurement
}

// KeptMeasurements is how many measurements of a metric are remembered.
const KeptMeasurements = 10

// Measurement is one look at a metric.
type Measurement struct {
	Phase Phase
	// Value as JSON; empty where there is none.
	Value string
	// Message says why, except for a success.
	Message string
	// Started is when the provider was asked, Finished when it had answered.
	Started, Finished time.Time
}

// Run is a whole analysis.
type Run struct {
	// Started is when the run was first looked at; zero before that.
	Started time.Time
	// Completed is when the verdict was reached; zero before that.
	Completed time.Time
	// Terminate asks for the end of the run.
	Terminate bool
	Phase     Phase
	Message   string
	// Metrics and Results belong together by their index.
	Metrics []Metric
	Results []Result
}
