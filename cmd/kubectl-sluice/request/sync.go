package request

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/live"
)

// Sync asks a GitSync to look at its repository at once, under a stamp that no earlier request had. A suspended GitSync
// refuses with a RefusedError.
func Sync(ctx context.Context, c client.Client, key client.ObjectKey, stamp string) error {
	gs := &v1alpha1.GitSync{}
	if err := c.Get(ctx, key, gs); err != nil {
		return err
	}
	if gs.DeletionTimestamp != nil {
		return refuse("cannot sync: GitSync %s is being deleted", key)
	}
	if gs.Spec.Suspend {
		return refuse("cannot sync: GitSync %s is suspended; set spec.suspend to false first", key)
	}
	base := gs.DeepCopy()
	metav1.SetMetaDataAnnotation(&gs.ObjectMeta, v1alpha1.AnnotationSyncRequestedAt, stamp)
	return c.Patch(ctx, gs, client.MergeFrom(base), client.FieldOwner(v1alpha1.ManagerCLI))
}

// AwaitSync waits until the request with that stamp, or a later one that took its place, was handled. It returns the
// GitSync as it then was; Synced tells how it went.
func AwaitSync(
	ctx context.Context, c client.WithWatch, trouble func(error), key client.ObjectKey, stamp string,
) (*v1alpha1.GitSync, error) {
	var handled *v1alpha1.GitSync
	query := live.Query{List: &v1alpha1.GitSyncList{}, Namespace: key.Namespace, Name: key.Name}
	err := live.Follow(ctx, c, trouble, query, func(gs *v1alpha1.GitSync, exists bool) (bool, error) {
		if !exists {
			return false, fmt.Errorf("the GitSync %s was deleted before the request was handled", key)
		}
		last := gs.Status.LastHandledSyncRequest
		if last != "" && (last == stamp || last == gs.Annotations[v1alpha1.AnnotationSyncRequestedAt]) {
			handled = gs.DeepCopy()
			return true, nil
		}
		return false, nil
	})
	return handled, err
}

// Synced returns a sentence on what the GitSync has applied, or a RefusedError with the reason why it could not.
func Synced(gs *v1alpha1.GitSync) (string, error) {
	name := gs.Namespace + "/" + gs.Name
	applied := meta.FindStatusCondition(gs.Status.Conditions, v1alpha1.ConditionApplied)
	if applied == nil {
		applied = meta.FindStatusCondition(gs.Status.Conditions, v1alpha1.ConditionReady)
	}
	switch {
	case applied == nil:
		return "", refuse("GitSync %s handled the request but says nothing of its outcome; see: kubectl sluice get gitsync %s -n %s",
			name, gs.Name, gs.Namespace)
	case applied.Status == metav1.ConditionTrue:
		return fmt.Sprintf("GitSync %s applied revision %s, %d objects", name, gs.Status.Revision, gs.Status.Objects), nil
	}
	var message strings.Builder
	fmt.Fprintf(&message, "GitSync %s could not apply commit %s: %s: %s",
		name, orNone(gs.Status.LastAttemptedRevision), applied.Reason, applied.Message)
	for _, failure := range gs.Status.Failures {
		fmt.Fprintf(&message, "\n  %s: %s", failure.Object, failure.Message)
	}
	return "", &RefusedError{Message: message.String()}
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
