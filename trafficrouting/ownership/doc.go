// Package ownership gives a field back to the field managers that it was taken from.
//
// A route's spec.rules and a Service's spec.selector are atomic: they belong to their managers as a whole, so that the
// first write of a release takes them. Who owned the field is noted before that, and when the release is over it is given
// back. That takes two writes: the API server assigns every changed field to the writer, so that only a write that changes
// nothing else can say whose a field is.
//
// It is pure.
package ownership
