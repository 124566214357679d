package rollout

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Of two Rollouts that name one Service the one whose release drives it has it, else the older one; of the same second, the
// one whose name comes first.
func TestComesBefore(t *testing.T) {
	early, late := metav1.Unix(1000, 0), metav1.Unix(1001, 0)
	of := func(name string, made metav1.Time, drives ...v1alpha1.ReleaseDrives) *v1alpha1.Rollout {
		ro := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: made}}
		if len(drives) > 0 {
			ro.Status.Release = &v1alpha1.ReleaseStatus{Drives: &drives[0]}
		}
		return ro
	}
	stable, canary := v1alpha1.ReleaseDrives{StableService: "web"}, v1alpha1.ReleaseDrives{CanaryService: "web"}
	other := v1alpha1.ReleaseDrives{StableService: "shop", CanaryService: "shop-canary"}
	for name, c := range map[string]struct {
		a, b *v1alpha1.Rollout
		want bool
	}{
		"older":                           {of("z", early), of("a", late), true},
		"younger":                         {of("a", late), of("z", early), false},
		"same second, name before":        {of("a", early), of("z", early), true},
		"same second, name after":         {of("z", early), of("a", early), false},
		"younger, drives it as stable":    {of("a", late, stable), of("z", early), true},
		"younger, drives it as canary":    {of("a", late, canary), of("z", early), true},
		"younger, drives another":         {of("a", late, other), of("z", early), false},
		"older, the other one drives it":  {of("a", early), of("z", late, stable), false},
		"older, both drive it":            {of("a", early, canary), of("z", late, stable), true},
		"older, the other drives another": {of("a", early), of("z", late, other), true},
	} {
		if got := comesBefore(c.a, c.b, "web"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := comesBefore(c.b, c.a, "web"); got == c.want {
			t.Errorf("%s: the other way round it is %v as well", name, got)
		}
	}
}
