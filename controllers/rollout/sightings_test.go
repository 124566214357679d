package rollout

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Only the version that was seen last counts as the present one, and only for a moment.
func TestSightings(t *testing.T) {
	s, web, now := newSightings(), types.NamespacedName{Namespace: "shop", Name: "web"}, time.Unix(1000, 0)
	if s.fresh(web, "1", now) || s.fresh(web, "", now) {
		t.Error("nothing has been seen yet")
	}
	s.put(web, "1", now)
	s.put(web, "2", now)
	for _, c := range []struct {
		version string
		after   time.Duration
		want    bool
	}{
		{"2", 0, true},
		{"2", sightingTTL - 1, true},
		{"2", sightingTTL, false},
		{"2", -1, false},
		{"1", 0, false},
	} {
		if got := s.fresh(web, c.version, now.Add(c.after)); got != c.want {
			t.Errorf("version %s, %s later: %v", c.version, c.after, got)
		}
	}
	if s.fresh(types.NamespacedName{Namespace: "shop", Name: "api"}, "2", now) {
		t.Error("another Rollout has not been seen")
	}
	s.forget(web)
	if s.fresh(web, "2", now) {
		t.Error("a Rollout that is gone is forgotten")
	}
}
