// Package crd tests the CustomResourceDefinitions of config/crd: tables of good and bad objects for every kind and every
// rule, what the rules cost, the size of the definitions, and the manifests that samples, examples and documentation show.
// It uses the API server's own libraries and needs no API server.
package crd
