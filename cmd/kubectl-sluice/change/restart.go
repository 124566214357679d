package change

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Restart asks for every pod of the Rollout that was made before a time to be replaced; the time has a precision of
// seconds. The error is a RefusedError where it makes no sense, and the API server's otherwise.
func Restart(ctx context.Context, c client.Client, key client.ObjectKey, at time.Time) error {
	const doing = "restart"
	return again(func() error {
		s, err := read(ctx, c, doing, key)
		if err != nil {
			return err
		}
		if s.rollout.Spec.Replicas != nil && *s.rollout.Spec.Replicas == 0 {
			return refuse("nothing to restart: spec.replicas of Rollout %s is 0", key)
		}
		if err := keptInGit(ctx, c, doing, s.raw, "set spec.restartAt", ""); err != nil {
			return err
		}
		changed := s.raw.DeepCopy()
		if err := unstructured.SetNestedField(changed.Object, at.UTC().Format(time.RFC3339), "spec", "restartAt"); err != nil {
			return err
		}
		return save(ctx, c, changed, s.raw)
	})
}
