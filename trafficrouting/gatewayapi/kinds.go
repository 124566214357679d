package gatewayapi

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"

	"github.com/sluicehq/sluice/trafficrouting/claims"
)

// group is the API group of all kinds here.
const group = "gateway.networking.k8s.io"

// kindGateway is what routes are attached to. Its class is served where it is.
const kindGateway = "Gateway"

// KindReferenceGrant is what lets objects of one namespace refer to those of another.
const KindReferenceGrant = "ReferenceGrant"

// KindBackendTLSPolicy says how a gateway speaks TLS to a Service.
const KindBackendTLSPolicy = "BackendTLSPolicy"

// versions of each kind in which it can be used, the one that is preferred first. All versions that a cluster serves show
// the same objects.
var versions = map[string][]string{
	claims.KindHTTPRoute: {"v1"},
	claims.KindGRPCRoute: {"v1"},
	claims.KindTCPRoute:  {"v1", "v1alpha2"},
	claims.KindTLSRoute:  {"v1", "v1alpha3", "v1alpha2"},
	kindGateway:          {"v1"},
	KindReferenceGrant:   {"v1", "v1beta1"},
	KindBackendTLSPolicy: {"v1", "v1alpha3"},
}

// notServedFor is how long a kind that is not served is taken to be so before the API server is asked again.
const notServedFor = 5 * time.Second

// Kinds knows in which version the cluster serves each kind. A kind whose definition is installed later is found then. It
// may be used from several goroutines.
type Kinds struct {
	mapper meta.RESTMapper
	clock  clock.PassiveClock

	mu    sync.Mutex
	known map[string]served
}

// served is what was learnt of a kind, and when; the zero kind means that it is not served.
type served struct {
	kind schema.GroupVersionKind
	at   time.Time
}

// NewKinds asks the mapper, which should ask the API server for what it does not know.
func NewKinds(mapper meta.RESTMapper, clock clock.PassiveClock) *Kinds {
	return &Kinds{mapper: mapper, clock: clock, known: map[string]served{}}
}

// Served is the kind in the version in which it is to be used. ok is false where the cluster does not serve it in any
// version that is known here. An error says that the API server could not be asked.
func (k *Kinds) Served(kind string) (found schema.GroupVersionKind, ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock.Now()
	known, asked := k.known[kind]
	if asked && (!known.kind.Empty() || now.Sub(known.at) < notServedFor) {
		return known.kind, !known.kind.Empty(), nil
	}
	for _, version := range versions[kind] {
		gvk := schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
		if ok, err = k.serves(gvk); err != nil {
			return schema.GroupVersionKind{}, false, err
		}
		if ok {
			k.known[kind] = served{kind: gvk}
			return gvk, true, nil
		}
	}
	k.known[kind] = served{at: now}
	return schema.GroupVersionKind{}, false, nil
}

// serves asks for one version.
func (k *Kinds) serves(kind schema.GroupVersionKind) (bool, error) {
	_, err := k.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("asking whether the cluster serves %s in %s: %w", kind.Kind, kind.GroupVersion(), err)
	}
	return true, nil
}

// forget lets a kind be asked for anew: it was not found where it should be, as after its definition was replaced.
func (k *Kinds) forget(kind string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, kind)
}
