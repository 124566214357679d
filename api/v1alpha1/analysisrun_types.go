package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AnalysisRun measures metrics and comes to a verdict.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ar,categories=sluice
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type AnalysisRun struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what is measured.
	// +required
	Spec AnalysisRunSpec `json:"spec,omitzero"`
	// status is what was measured and the verdict.
	// +optional
	Status AnalysisRunStatus `json:"status,omitzero"`
}

// AnalysisRunList is a list of AnalysisRuns.
//
// +kubebuilder:object:root=true
type AnalysisRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AnalysisRun `json:"items"`
}

// AnalysisRunSpec is what is measured. Only terminate may be changed.
//
// +kubebuilder:validation:XValidation:rule="self.metrics == oldSelf.metrics",message="metrics cannot be changed; make a new AnalysisRun"
// +kubebuilder:validation:XValidation:rule="has(self.args) == has(oldSelf.args) && (!has(self.args) || self.args == oldSelf.args)",message="args cannot be changed; make a new AnalysisRun"
type AnalysisRunSpec struct {
	// metrics are measured side by side.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	// +listType=map
	// +listMapKey=name
	// +required
	Metrics []Metric `json:"metrics,omitempty"`
	// args are the arguments that metrics may use as {{args.NAME}}.
	// +kubebuilder:validation:MaxItems=100
	// +listType=map
	// +listMapKey=name
	// +optional
	Args []Argument `json:"args,omitempty"`
	// terminate ends the run; one that has no good measurement by then is not Successful.
	// +optional
	Terminate bool `json:"terminate,omitempty"`
}

// AnalysisPhase is the state of a run, a metric or a measurement.
type AnalysisPhase string

// The phases of analysis.
const (
	AnalysisPending      AnalysisPhase = "Pending"
	AnalysisRunning      AnalysisPhase = "Running"
	AnalysisSuccessful   AnalysisPhase = "Successful"
	AnalysisFailed       AnalysisPhase = "Failed"
	AnalysisError        AnalysisPhase = "Error"
	AnalysisInconclusive AnalysisPhase = "Inconclusive"
)

// Completed says whether the phase is final.
func (p AnalysisPhase) Completed() bool {
	switch p {
	case AnalysisSuccessful, AnalysisFailed, AnalysisError, AnalysisInconclusive:
		return true
	case AnalysisPending, AnalysisRunning:
		return false
	}
	return false
}

// AnalysisRunStatus is what was measured and the verdict.
type AnalysisRunStatus struct {
	// conditions are Reconciling while it runs, and Stalled with the reason where it ended in Error.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// phase is the verdict, or Pending or Running before it.
	// +optional
	Phase AnalysisPhase `json:"phase,omitempty"`
	// message names the metric and the values that decided.
	// +optional
	Message string `json:"message,omitempty"`
	// startedAt is when the run was first looked at.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
	// completedAt is when the verdict was reached.
	// +optional
	CompletedAt *metav1.MicroTime `json:"completedAt,omitempty"`
	// metricResults are the results of each metric.
	// +kubebuilder:validation:MaxItems=50
	// +listType=map
	// +listMapKey=name
	// +optional
	MetricResults []MetricResult `json:"metricResults,omitempty"`
}

// MetricResult is what was measured of one metric.
type MetricResult struct {
	// name of the metric.
	// +kubebuilder:validation:MinLength=1
	// +required
	Name string `json:"name,omitempty"`
	// phase of the metric.
	// +optional
	Phase AnalysisPhase `json:"phase,omitempty"`
	// message says why.
	// +optional
	Message string `json:"message,omitempty"`
	// query as it was sent, with its arguments filled in.
	// +optional
	Query string `json:"query,omitempty"`
	// count of measurements that gave a value.
	// +optional
	Count int32 `json:"count,omitempty"`
	// successful measurements.
	// +optional
	Successful int32 `json:"successful,omitempty"`
	// failed measurements.
	// +optional
	Failed int32 `json:"failed,omitempty"`
	// inconclusive measurements.
	// +optional
	Inconclusive int32 `json:"inconclusive,omitempty"`
	// error counts the measurements whose conditions could not be evaluated.
	// +optional
	Error int32 `json:"error,omitempty"`
	// consecutiveError counts the last of those in a row.
	// +optional
	ConsecutiveError int32 `json:"consecutiveError,omitempty"`
	// noData counts the measurements for which the provider could not be reached or had nothing.
	// +optional
	NoData int32 `json:"noData,omitempty"`
	// noDataSince is when the present gap in the data began.
	// +optional
	NoDataSince *metav1.MicroTime `json:"noDataSince,omitempty"`
	// measurements are the last ten.
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	// +optional
	Measurements []Measurement `json:"measurements,omitempty"`
}

// Measurement is one value of a metric and its verdict.
type Measurement struct {
	// phase is Successful, Failed, Inconclusive or Error; Pending where there was no data.
	// +optional
	Phase AnalysisPhase `json:"phase,omitempty"`
	// value as JSON, at most 1 KiB of it.
	// +optional
	Value string `json:"value,omitempty"`
	// message says why.
	// +optional
	Message string `json:"message,omitempty"`
	// startedAt is when the provider was asked.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
	// finishedAt is when it had answered.
	// +optional
	FinishedAt *metav1.MicroTime `json:"finishedAt,omitempty"`
}
