// Package wanted reads what a Rollout asks for: its spec becomes a plan.Spec, with every default filled in, and its pod
// template gets the name of its revision. The controller, and whatever foretells what the controller would do, read a
// spec by the same code.
//
// It reads the spec alone. What the cluster says, such as the marks on ReplicaSets or what a release that is under way
// moves traffic by, is the controller's to add.
package wanted
