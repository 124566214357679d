// Package crd tests the CustomResourceDefinitions of config/crd: tables of good and bad objects for every kind, the cost
// of their CEL rules, and their size. It uses the API server's own libraries and needs no API server.
package crd
