package change

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/request"
)

// subject is a Rollout, and what holds its pod template. Both are kept as plain JSON values, so that pod fields that
// these libraries do not know stay as they are.
type subject struct {
	rollout *v1alpha1.Rollout
	raw     *unstructured.Unstructured
	// holder of spec.template: the Rollout, or the Deployment that it refers to.
	holder *unstructured.Unstructured
}

func refuse(format string, args ...any) error {
	return &request.RefusedError{Message: fmt.Sprintf(format, args...)}
}

// read reads the Rollout and what holds its template. doing is the verb, for refusals.
func read(ctx context.Context, c client.Client, doing string, key client.ObjectKey) (*subject, error) {
	raw := &unstructured.Unstructured{}
	raw.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Rollout"))
	if err := c.Get(ctx, key, raw); err != nil {
		return nil, err
	}
	ro := &v1alpha1.Rollout{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw.Object, ro); err != nil {
		return nil, fmt.Errorf("read Rollout %s: %w", key, err)
	}
	if ro.DeletionTimestamp != nil {
		return nil, refuse("cannot %s: Rollout %s is being deleted", doing, key)
	}
	s := &subject{rollout: ro, raw: raw, holder: raw}
	ref := ro.Spec.WorkloadRef
	if ref == nil {
		return s, nil
	}
	deployment := &unstructured.Unstructured{}
	deployment.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	err := c.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: ref.Name}, deployment)
	if apierrors.IsNotFound(err) {
		return nil, refuse("cannot %s: Deployment %s/%s, which spec.workloadRef of Rollout %s names, is not there",
			doing, key.Namespace, ref.Name, key)
	}
	if err != nil {
		return nil, fmt.Errorf("read the Deployment of spec.workloadRef: %w", err)
	}
	s.holder = deployment
	return s, nil
}

// describe names an object as people do.
func describe(o *unstructured.Unstructured) string {
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

// template is spec.template as plain JSON values; it is the holder's own.
func (s *subject) template() map[string]any {
	template, _, _ := unstructured.NestedFieldNoCopy(s.holder.Object, "spec", "template")
	out, _ := template.(map[string]any)
	return out
}

// keptInGit refuses to change an object that a GitSync applied. instead says what to do in Git, and meanwhile, which may
// be empty, what can be done until then.
func keptInGit(ctx context.Context, c client.Client, doing string, o *unstructured.Unstructured, instead, meanwhile string) error {
	owner := o.GetLabels()[v1alpha1.LabelGitSync]
	if owner == "" {
		return nil
	}
	name, where := owner, ""
	if namespace, rest, ok := strings.Cut(owner, "."); ok {
		name = namespace + "/" + rest
		gs := &v1alpha1.GitSync{}
		// Where it cannot be read, its name has to do.
		if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: rest}, gs); err == nil {
			where = " in " + gs.Spec.Source.RepoURL
			if gs.Spec.Source.Path != "" {
				where += ", path " + gs.Spec.Source.Path
			}
		}
	}
	return refuse("cannot %s: GitSync %s keeps %s as it is in Git and would put that back; %s%s%s",
		doing, name, describe(o), instead, where, meanwhile)
}

// save writes what differs between two states of an object, if the object is still the one that was read.
func save(ctx context.Context, c client.Client, changed, before *unstructured.Unstructured) error {
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.Patch(ctx, changed, patch, client.FieldOwner(v1alpha1.ManagerCLI)); err != nil {
		if apierrors.IsConflict(err) {
			return err
		}
		return fmt.Errorf("change %s: %w", describe(before), err)
	}
	return nil
}

// again does something anew while others change the object between its being read and written.
func again(do func() error) error {
	return retry.OnError(retry.DefaultRetry, apierrors.IsConflict, do)
}
