package rollout

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

// objectKind is a kind that this controller writes: one of these, or what routeObject gives.
type objectKind string

const (
	kindRollout     objectKind = "Rollout"
	kindReplicaSet  objectKind = "ReplicaSet"
	kindService     objectKind = "Service"
	kindAnalysisRun objectKind = "AnalysisRun"
	kindDeployment  objectKind = "Deployment"
)

// new is an empty object of the kind, as it is cached.
func (k objectKind) new() client.Object {
	switch k {
	case kindRollout:
		return &v1alpha1.Rollout{}
	case kindReplicaSet:
		return &appsv1.ReplicaSet{}
	case kindService:
		return &corev1.Service{}
	case kindAnalysisRun:
		return &v1alpha1.AnalysisRun{}
	case kindDeployment:
		return newDeploymentMetadata()
	}
	if kind, _ := schema.ParseKindArg(string(k)); kind != nil && gatewayapi.IsRoute(*kind) {
		return gatewayapi.NewRoute(*kind)
	}
	panic("unknown kind " + string(k))
}

// routeObject is a kind of route in the version in which it is cached: such as HTTPRoute.v1.gateway.networking.k8s.io.
func routeObject(kind schema.GroupVersionKind) objectKind {
	return objectKind(kind.Kind + "." + kind.Version + "." + kind.Group)
}

// expectationTTL bounds how long a write is awaited. A cache that is so far behind, or an object that somebody deleted
// right after the write, must not hold a release up for ever; what takes something away is planned from live reads.
const expectationTTL = 30 * time.Second

type objectRef struct {
	kind objectKind
	name types.NamespacedName
}

// expected is what the cache must have seen of an object.
type expected struct {
	version string    // at least this resourceVersion
	gone    types.UID // or, for a deleted object, that this one is gone
	at      time.Time
}

// expectations remember the own writes that the caches have not seen yet, for each Rollout.
type expectations struct {
	mu      sync.Mutex
	pending map[types.NamespacedName]map[objectRef]expected
}

func newExpectations() *expectations {
	return &expectations{pending: map[types.NamespacedName]map[objectRef]expected{}}
}

// remember expects the cache to see the object as it was just written.
func (e *expectations) remember(rollout types.NamespacedName, kind objectKind, written client.Object, now time.Time) {
	e.rememberVersion(rollout, kind, client.ObjectKeyFromObject(written), written.GetResourceVersion(), now)
}

func (e *expectations) rememberVersion(rollout types.NamespacedName, kind objectKind, name types.NamespacedName, version string, now time.Time) {
	e.put(rollout, objectRef{kind, name}, expected{version: version, at: now})
}

// forgetObject expects the cache to see that the object is gone.
func (e *expectations) forgetObject(rollout types.NamespacedName, kind objectKind, deleted client.Object, now time.Time) {
	e.put(rollout, objectRef{kind, client.ObjectKeyFromObject(deleted)}, expected{gone: deleted.GetUID(), at: now})
}

func (e *expectations) put(rollout types.NamespacedName, ref objectRef, what expected) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pending[rollout] == nil {
		e.pending[rollout] = map[objectRef]expected{}
	}
	e.pending[rollout][ref] = what
}

// forget drops all that is expected for a Rollout.
func (e *expectations) forget(rollout types.NamespacedName) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.pending, rollout)
}

// met says whether the cache has seen every write for the Rollout, and drops what it has seen. A Rollout is worked on by
// one worker at a time, so that nothing is added meanwhile.
func (e *expectations) met(ctx context.Context, cache client.Reader, rollout types.NamespacedName, now time.Time) (bool, error) {
	e.mu.Lock()
	pending := maps.Clone(e.pending[rollout])
	e.mu.Unlock()
	for ref, what := range pending {
		seen, err := what.seen(ctx, cache, ref)
		if err != nil {
			return false, err
		}
		if !seen && now.Sub(what.at) < expectationTTL {
			return false, nil
		}
	}
	e.forget(rollout)
	return true, nil
}

func (x expected) seen(ctx context.Context, cache client.Reader, ref objectRef) (bool, error) {
	object := ref.kind.new()
	err := cache.Get(ctx, ref.name, object, client.UnsafeDisableDeepCopy)
	switch {
	case apierrors.IsNotFound(err):
		return x.gone != "", nil
	case meta.IsNoMatchError(err):
		return true, nil // the kind itself is gone
	case err != nil:
		return false, fmt.Errorf("look for the own write of %s %s: %w", ref.kind, ref.name.Name, err)
	case x.gone != "":
		return object.GetUID() != x.gone || object.GetDeletionTimestamp() != nil, nil
	}
	order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), x.version)
	if err != nil {
		// Versions that cannot be ordered can only be compared.
		return object.GetResourceVersion() == x.version, nil //nolint:nilerr // said above
	}
	return order >= 0, nil
}
