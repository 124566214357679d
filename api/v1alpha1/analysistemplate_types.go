package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// AnalysisTemplate says what is measured and what a good value is. Rollouts make AnalysisRuns of it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=at,categories=sluice
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type AnalysisTemplate struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what is measured.
	// +required
	Spec AnalysisTemplateSpec `json:"spec,omitzero"`
}

// AnalysisTemplateList is a list of AnalysisTemplates.
//
// +kubebuilder:object:root=true
type AnalysisTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AnalysisTemplate `json:"items"`
}

// ClusterAnalysisTemplate is an AnalysisTemplate for every namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=cat,categories=sluice
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterAnalysisTemplate struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what is measured.
	// +required
	Spec AnalysisTemplateSpec `json:"spec,omitzero"`
}

// ClusterAnalysisTemplateList is a list of ClusterAnalysisTemplates.
//
// +kubebuilder:object:root=true
type ClusterAnalysisTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterAnalysisTemplate `json:"items"`
}

// AnalysisTemplateSpec says what is measured.
type AnalysisTemplateSpec struct {
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
}

// Argument is a named value; one without a value must be given by whoever uses the template.
type Argument struct {
	// name of the argument.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
	// value of the argument, or its default in a template.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Value *string `json:"value,omitempty"`
}

// Metric is one thing that is measured, how often, and what a good value is.
//
// +kubebuilder:validation:XValidation:rule="!has(self.count) || type(self.count) != int || self.count <= 1 || has(self.interval)",message="interval must be set where count is greater than 1"
type Metric struct {
	// name of the metric, unique in the run.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
	// interval between two measurements; absent means one measurement.
	// +optional
	Interval *Duration `json:"interval,omitempty"`
	// initialDelay before the first measurement; absent means none.
	// +optional
	InitialDelay *Duration `json:"initialDelay,omitempty"`
	// count of measurements; absent means 1 without an interval, and without end with one.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=300
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 1000000 : self.matches('^(-?[0-9]{1,6}|[{][{].*[}][}])$')",message="count must be a whole number from 0 to 1000000 or an argument such as {{args.count}}"
	// +optional
	Count *intstr.IntOrString `json:"count,omitempty"`
	// successCondition is a CEL expression over result, such as "result[0] >= 0.99": a measurement for which it is
	// true is a success. Where only one of the two conditions is given, the other is its opposite.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	SuccessCondition string `json:"successCondition,omitempty"`
	// failureCondition is a CEL expression over result: a measurement for which it is true is a failure, whatever
	// successCondition says. Where both are given and neither is true the measurement is inconclusive.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	FailureCondition string `json:"failureCondition,omitempty"`
	// failureLimit is how many failures are borne; absent means 0: the first one fails the run. -1 means any number.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=300
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= -1 && self <= 1000000 : self.matches('^(-?[0-9]{1,6}|[{][{].*[}][}])$')",message="failureLimit must be a whole number from -1 to 1000000 or an argument such as {{args.limit}}"
	// +optional
	FailureLimit *intstr.IntOrString `json:"failureLimit,omitempty"`
	// inconclusiveLimit is how many inconclusive measurements are borne; absent means 0. -1 means any number.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=300
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= -1 && self <= 1000000 : self.matches('^(-?[0-9]{1,6}|[{][{].*[}][}])$')",message="inconclusiveLimit must be a whole number from -1 to 1000000 or an argument such as {{args.limit}}"
	// +optional
	InconclusiveLimit *intstr.IntOrString `json:"inconclusiveLimit,omitempty"`
	// consecutiveErrorLimit is how many errors of evaluation in a row are borne; absent means 4. Errors of fetching and
	// empty answers are not counted here: see noData.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=300
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= -1 && self <= 1000000 : self.matches('^(-?[0-9]{1,6}|[{][{].*[}][}])$')",message="consecutiveErrorLimit must be a whole number from -1 to 1000000 or an argument such as {{args.limit}}"
	// +optional
	ConsecutiveErrorLimit *intstr.IntOrString `json:"consecutiveErrorLimit,omitempty"`
	// noData says what happens when the provider cannot be reached or answers with nothing; absent means wait.
	// +optional
	NoData *NoDataPolicy `json:"noData,omitempty"`
	// provider is where the value comes from.
	// +required
	Provider MetricProvider `json:"provider,omitzero"`
}

// NoDataPolicy says what an outage of the provider or an empty answer means. Neither is a bad release.
type NoDataPolicy struct {
	// action is wait (the default: measure again until data arrives), inconclusive, fail or pass.
	// +kubebuilder:validation:Enum=wait;inconclusive;fail;pass
	// +optional
	Action NoDataAction `json:"action,omitempty"`
	// after is for how long there must have been no data for the action to be taken; absent means 5m. With wait, the
	// metric ends as Inconclusive after that time, so that a person decides; "0s" waits without end.
	// +optional
	After *Duration `json:"after,omitempty"`
}

// NoDataAction is what is done when there is no data.
type NoDataAction string

// The actions for no data.
const (
	NoDataWait         NoDataAction = "wait"
	NoDataInconclusive NoDataAction = "inconclusive"
	NoDataFail         NoDataAction = "fail"
	NoDataPass         NoDataAction = "pass"
)

// MetricProvider is where a value comes from: exactly one of its fields is set.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type MetricProvider struct {
	// prometheus asks anything that speaks the Prometheus API.
	// +optional
	Prometheus *PrometheusMetric `json:"prometheus,omitempty"`
}

// PrometheusMetric is a PromQL query. An instant vector gives result as a list of numbers, a scalar gives a number.
type PrometheusMetric struct {
	// address such as http://prometheus.monitoring:9090; absent means the controller's --prometheus-address.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	Address string `json:"address,omitempty"`
	// query in PromQL.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	// +required
	Query string `json:"query,omitempty"`
	// timeoutSeconds of a query; absent means 30.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=600
	// +optional
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`
}
