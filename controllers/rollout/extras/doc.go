// Package extras knows what the pod template of a ReplicaSet carries beyond what the user wrote: the labels by which
// revisions are told apart, the labels and annotations of a strategy's canaryMetadata and stableMetadata, and the
// strategy's antiAffinity. It puts them on and takes them off again, so that the user's own template can be had from a
// ReplicaSet at any time, and it says what a live pod lacks of them.
//
// What was put on, and what was there before, is recorded in annotations of the ReplicaSet. Nothing here does I/O:
// ReplicaSets are the maps of decoded JSON, which are changed in place.
package extras
