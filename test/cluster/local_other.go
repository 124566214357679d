//go:build !linux

package main

import (
	"context"
	"errors"
	"runtime"
)

// parts is empty where there are no local clusters.
var parts map[string]func(context.Context, []string) error

// localPossible says why there can be no local cluster on this machine.
func localPossible() error {
	return errors.New("a local cluster needs Linux, this is " + runtime.GOOS + ": use --provider kind or existing")
}

func newLocal(settings) (provider, error) { return nil, localPossible() }

func localStatus(settings) error { return localPossible() }

func localExec(settings, []string) error { return localPossible() }
