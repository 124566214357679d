// Package cli is the commands of kubectl-sluice: flags and arguments in, text and an exit code out. What it knows of the
// world comes in through Environment, so that tests run whole commands.
package cli
