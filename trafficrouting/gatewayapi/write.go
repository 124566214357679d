package gatewayapi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
	"github.com/sluicehq/sluice/trafficrouting/ownership"
)

// attempts is how often a write is tried on a route that somebody else writes at the same time.
const attempts = 5

// SetWeight implements trafficrouting.Router.
func (r *Router) SetWeight(
	ctx context.Context, target trafficrouting.Target, originals map[string]string, percent int32,
) (map[string]string, error) {
	if percent < 0 || percent > 100 {
		return nil, fmt.Errorf("a share of %d percent was asked for: it must be from 0 to 100", percent)
	}
	return r.each(target, func(ref trafficrouting.RouteRef) (string, error) {
		recorded, _ := recordOf(originals, target.NameOf(ref))
		if recorded == nil {
			return "", errNoRecord
		}
		return r.retried(func() (string, error) {
			route, err := r.getToWrite(ctx, ref, recorded)
			if err != nil {
				return "", err
			}
			return r.update(ctx, route, withWeight(route, servicesOf(target, ref), recorded, percent))
		})
	})
}

// Restore implements trafficrouting.Router.
func (r *Router) Restore(
	ctx context.Context, target trafficrouting.Target, originals map[string]string,
) (map[string]string, error) {
	return r.each(target, func(ref trafficrouting.RouteRef) (string, error) {
		recorded, _ := recordOf(originals, target.NameOf(ref))
		if recorded == nil {
			recorded = &original{Version: originalVersion}
		}
		back := &handBack{}
		version, err := r.retried(func() (string, error) {
			route, err := r.getToWrite(ctx, ref, recorded)
			if err != nil {
				return "", err
			}
			return r.restore(ctx, route, servicesOf(target, ref), recorded, back)
		})
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			return "", nil
		}
		return version, err
	})
}

// handBack is who gets spec.rules back. It is decided before the first of the two writes, which takes the field from
// whoever owns it, and kept when the second one has to be tried again.
type handBack struct {
	owners []ownership.Owner
	begun  bool
}

// decide gives the field to who owns it now, and to who owned it before the release if we took it from them.
func (h *handBack) decide(route *unstructured.Unstructured, recorded *original) {
	if h.begun {
		return
	}
	h.owners = rulesField.Owners(route.GetManagedFields(), v1alpha1.ManagerController)
	if _, ours := rulesField.HeldBy(route.GetManagedFields(), v1alpha1.ManagerController); ours || len(h.owners) == 0 {
		h.owners = ownership.Union(h.owners, recorded.Owners)
	}
}

func (r *Router) restore(
	ctx context.Context, route *unstructured.Unstructured, s services, recorded *original, back *handBack,
) (string, error) {
	if atRest(route, s) {
		return "", nil
	}
	back.decide(route, recorded)
	wanted := restored(route, s, recorded)
	version, err := r.update(ctx, route, wanted)
	if err != nil {
		return "", err
	}
	back.begun = back.begun || version != ""

	// wanted is now what the API server has; the second write builds on it.
	entries := wanted.GetManagedFields()
	anything, ours := rulesField.HeldBy(entries, v1alpha1.ManagerController)
	if !anything {
		return version, nil
	}
	owners := back.owners
	if !ours {
		owners = nil // Nobody but the present owner has a right to them.
	}
	shared := claims.MarkedByOthers(wanted.GetAnnotations(), s.mark())
	entries, err = rulesField.GiveBack(entries, v1alpha1.ManagerController, owners, shared)
	if err != nil {
		return version, err
	}
	owned := wanted.DeepCopy()
	owned.SetManagedFields(entries)
	second, err := r.update(ctx, wanted, owned)
	if second != "" {
		version = second
	}
	return version, err
}

// each does one thing to every route, also after one of them failed.
func (r *Router) each(
	target trafficrouting.Target, do func(ref trafficrouting.RouteRef) (string, error),
) (map[string]string, error) {
	written := map[string]string{}
	var failed []error
	for _, ref := range target.Routes {
		version, err := do(ref)
		if version != "" {
			written[target.NameOf(ref)] = version
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", ref, err))
		}
	}
	return written, errors.Join(failed...)
}

// retried does it again after a conflict; a version that was written before the conflict is kept.
func (r *Router) retried(do func() (string, error)) (string, error) {
	var written string
	var err error
	for range attempts {
		var version string
		if version, err = do(); version != "" {
			written = version
		}
		if !apierrors.IsConflict(err) {
			break
		}
	}
	return written, err
}

// getToWrite reads a route live, in the version in which its owner wrote its rules, where that is still served. Versions
// differ in what they allow: a TLSRoute has up to 16 rules in v1alpha2 and one in v1, so that rules of the one may be
// refused in the other.
func (r *Router) getToWrite(ctx context.Context, ref trafficrouting.RouteRef, recorded *original) (*unstructured.Unstructured, error) {
	route, err := r.get(ctx, r.live, ref)
	if err != nil || len(versions[ref.Kind]) == 1 {
		return route, err
	}
	owners := slices.Concat(rulesField.Owners(route.GetManagedFields(), v1alpha1.ManagerController), recorded.Owners)
	for _, owner := range owners {
		kind := schema.FromAPIVersionAndKind(owner.APIVersion, ref.Kind)
		if kind.Group != group || !slices.Contains(versions[ref.Kind], kind.Version) {
			continue
		}
		if ok, err := r.kinds.serves(kind); err != nil || !ok {
			return route, err
		}
		return r.getAs(ctx, kind, ref)
	}
	return route, nil
}

func (r *Router) getAs(ctx context.Context, kind schema.GroupVersionKind, ref trafficrouting.RouteRef) (*unstructured.Unstructured, error) {
	route := NewRoute(kind)
	if err := r.live.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, route); err != nil {
		return nil, err
	}
	return route, nil
}

// update writes the wanted route if it differs, under the condition that nobody has written it since it was read, and
// reads the result into it. It returns the new resourceVersion, empty if nothing was written.
func (r *Router) update(ctx context.Context, route, wanted *unstructured.Unstructured) (string, error) {
	if equality.Semantic.DeepEqual(route.Object, wanted.Object) {
		return "", nil
	}
	if err := r.client.Update(ctx, wanted, client.FieldOwner(v1alpha1.ManagerController)); err != nil {
		return "", err
	}
	return wanted.GetResourceVersion(), nil
}
