package request

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/live"
)

// Await waits until the controller has looked at the request with that id and returns what became of it. It fails with a
// RefusedError where another request took its place first, and with the cause of the end of ctx when that comes before.
func Await(
	ctx context.Context, c client.WithWatch, trouble func(error), rollout client.ObjectKey, id string,
) (v1alpha1.RolloutRequestOutcome, error) {
	var outcome v1alpha1.RolloutRequestOutcome
	query := live.Query{List: &v1alpha1.RolloutList{}, Namespace: rollout.Namespace, Name: rollout.Name}
	err := live.Follow(ctx, c, trouble, query, func(ro *v1alpha1.Rollout, exists bool) (bool, error) {
		if !exists {
			return false, fmt.Errorf("the Rollout %s was deleted before the controller looked at the request", rollout)
		}
		request, last := ro.Status.Request, ro.Status.LastRequest
		if last != nil && last.ID == id {
			outcome = *last
			return true, nil
		}
		if request != nil && request.ID != id {
			return false, refuse("another request took the place of this one before its outcome was seen: %s by %q; "+
				"look at the Rollout before you ask again: kubectl sluice get rollout %s -n %s",
				request.Verb, request.By, rollout.Name, rollout.Namespace)
		}
		return false, nil
	})
	return outcome, err
}
