// Package split is the arithmetic of weights: how one rule's weights change when a share of what goes to the stable
// Service is to go to the canary Service, and how to read such weights back.
//
// It is pure: numbers in, numbers out.
package split
