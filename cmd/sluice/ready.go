package main

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// readyWait is how long a probe waits for the caches, well within a kubelet's own timeout of 1 s.
const readyWait = 500 * time.Millisecond

// cacheSynced knows whether what is served from memory has been read once. The manager starts it after the caches, on a
// standby too.
type cacheSynced struct {
	cache   cache.Cache
	started atomic.Bool
}

// Start is called once the controllers' watches may begin.
func (c *cacheSynced) Start(context.Context) error {
	c.started.Store(true)
	return nil
}

// NeedLeaderElection says that a standby is ready as well.
func (c *cacheSynced) NeedLeaderElection() bool { return false }

// Check is the readiness check. A watch that cannot begin, since a right is missing, keeps it failing.
func (c *cacheSynced) Check(request *http.Request) error {
	if !c.started.Load() {
		return errors.New("not started yet")
	}
	ctx, cancel := context.WithTimeout(request.Context(), readyWait)
	defer cancel()
	if !c.cache.WaitForCacheSync(ctx) {
		return errors.New("a cache is not filled yet")
	}
	return nil
}
