// Package manifest reads Kubernetes objects from files, and knows the line of each of their fields. Nothing is sent to a
// cluster, and nothing that a file contains is run.
package manifest
