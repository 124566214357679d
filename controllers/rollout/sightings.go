package rollout

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// sightingTTL is how long a version of a Rollout that the API server has shown to be the present one is taken to be that
// yet. It is no longer than a change may take to arrive here anyway, and shorter than the lease: nobody else can have
// begun to lead meanwhile.
const sightingTTL = 5 * time.Second

// sightings remember which version of each Rollout was the present one a moment ago: the one that was just written, on the
// condition that nobody else had, or just read.
type sightings struct{ remembered[sighting] }

type sighting struct {
	version string
	at      time.Time
}

func newSightings() *sightings { return &sightings{} }

func (s *sightings) put(rollout types.NamespacedName, version string, now time.Time) {
	s.remembered.put(rollout, sighting{version, now})
}

// fresh says that a version was the present one a moment ago. A clock that went backwards makes nothing fresh.
func (s *sightings) fresh(rollout types.NamespacedName, version string, now time.Time) bool {
	last, ok := s.get(rollout)
	age := now.Sub(last.at)
	return ok && last.version == version && age >= 0 && age < sightingTTL
}

// present is a Rollout as it is stored: the cached one where the API server has just shown that it is, else what it says.
func (r *Reconciler) present(ctx context.Context, cached *v1alpha1.Rollout) (*v1alpha1.Rollout, error) {
	key, now := client.ObjectKeyFromObject(cached), r.clock.Now()
	if r.sightings.fresh(key, cached.ResourceVersion, now) {
		return cached, nil
	}
	live := &v1alpha1.Rollout{}
	if err := r.live.Get(ctx, key, live); err != nil {
		return nil, fmt.Errorf("get Rollout: %w", err)
	}
	r.sightings.put(key, live.ResourceVersion, now)
	return live, nil
}
