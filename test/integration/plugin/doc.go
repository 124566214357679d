// Package plugin holds the tests of kubectl-sluice on a real API server: what only its defaults, its validation and its
// field ownership can show.
package plugin
