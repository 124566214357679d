// Package v1alpha1 is the API of Sluice: Rollout, AnalysisTemplate, ClusterAnalysisTemplate, AnalysisRun and GitSync.
//
// Field names are those that users of Argo Rollouts, Argo CD and Flux know, wherever the meaning is the same.
// Pod and Job templates are opaque to the schema: they are kept to the byte as they were applied and are checked by
// the API server's own validation (a dry run) before anything moves.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package="applyconfiguration"
// +groupName=sluice.dev
package v1alpha1
