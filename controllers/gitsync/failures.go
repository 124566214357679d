package gitsync

import (
	"errors"
	"time"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/changeset"
	"github.com/sluicehq/sluice/gitsync/fetch"
	"github.com/sluicehq/sluice/gitsync/render"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// classify returns the reason for which a look failed, and whether it stays so until somebody changes something.
func classify(a answer) (reason string, stalled bool) {
	if failure, ok := errors.AsType[*render.Error](a.err); ok {
		switch failure.Kind {
		case render.PathNotFound:
			return v1alpha1.ReasonPathNotFound, true
		case render.Unreadable:
			return v1alpha1.ReasonRenderFailed, false
		default:
			return v1alpha1.ReasonRenderFailed, true
		}
	}
	if failure, ok := errors.AsType[*fetch.Error](a.err); ok {
		return v1alpha1.ReasonFetchFailed, failure.Kind != fetch.Unreachable && failure.Kind != fetch.Broken
	}
	return v1alpha1.ReasonFetchFailed, a.secretErr
}

// fail notes that an object could not be written, and when that is tried again: later each time.
func (p *pass) fail(id changeset.ID, hash, text string) {
	before := p.memory.failed[id]
	if before.hash != hash {
		before = failure{hash: hash}
	}
	before.text = text
	before.attempts++
	before.retryAt = p.now.Add(min(firstRetry<<min(before.attempts-1, 10), lastRetry))
	p.memory.failed[id] = before
}

// resting tells whether an object failed so recently, with the same content, that it is not tried again yet.
func (p *pass) resting(id changeset.ID, hash string) bool {
	last, ok := p.memory.failed[id]
	return ok && last.hash == hash && p.request == "" && p.now.Before(last.retryAt)
}
