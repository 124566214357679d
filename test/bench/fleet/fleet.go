package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// fleetNamespace holds all Rollouts: none may cost more because the others are there.
const fleetNamespace = "fleet"

// writers is how many Rollouts are created or changed at a time.
const writers = 16

// rolloutManifest is one Rollout of the fleet.
//
//go:embed testdata/rollout.yaml
var rolloutManifest string

// fleet is the Rollouts, and what a bystander sees of them.
type fleet struct {
	client client.Client

	mutex sync.Mutex
	// seen is what was seen last of each Rollout, wanted the generation at which it is to be healthy, and unsettled
	// those that are not.
	seen      map[string]seen
	wanted    map[string]int64
	unsettled map[string]bool
	// rest has something to receive when the last one has become healthy.
	rest chan struct{}
}

// seen is what is kept of a Rollout.
type seen struct {
	generation, observed int64
	phase                v1alpha1.RolloutPhase
	message              string
	// released says that the wanted revision is the stable one.
	released bool
}

// startFleet makes the namespace and watches until ctx is done. The returned function waits until it has ended.
func startFleet(ctx context.Context, s *server) (_ *fleet, ended func() error, err error) {
	f := &fleet{
		client: s.client, seen: map[string]seen{}, wanted: map[string]int64{}, unsettled: map[string]bool{},
		rest: make(chan struct{}, 1),
	}
	if err := s.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fleetNamespace}}); err != nil {
		return nil, nil, fmt.Errorf("make the namespace: %w", err)
	}
	// Nothing is read from the cache: only the watch is needed.
	rollouts, err := cache.New(s.config, cache.Options{
		Scheme: s.client.Scheme(), Mapper: s.client.RESTMapper(),
		DefaultNamespaces: map[string]cache.Config{fleetNamespace: {}},
		DefaultTransform:  cache.TransformStripManagedFields(),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("make a cache: %w", err)
	}
	informer, err := rollouts.GetInformer(ctx, &v1alpha1.Rollout{})
	if err != nil {
		return nil, nil, fmt.Errorf("watch Rollouts: %w", err)
	}
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: f.see, UpdateFunc: func(_, o any) { f.see(o) },
	}); err != nil {
		return nil, nil, fmt.Errorf("watch Rollouts: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- rollouts.Start(ctx) }()
	if !rollouts.WaitForCacheSync(ctx) {
		return nil, nil, errors.New("watch Rollouts: the cache was not filled")
	}
	return f, func() error { return <-done }, nil
}

func (f *fleet) see(object any) {
	ro, ok := object.(*v1alpha1.Rollout)
	if !ok {
		return
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.seen[ro.Name] = seen{
		generation: ro.Generation, observed: ro.Status.ObservedGeneration, phase: ro.Status.Phase, message: ro.Status.Message,
		released: ro.Status.CurrentRevision != "" && ro.Status.StableRevision == ro.Status.CurrentRevision,
	}
	f.judge(ro.Name)
}

// judge finds out whether a Rollout is healthy with what it was given last. The mutex is held.
func (f *fleet) judge(name string) {
	s, wanted := f.seen[name], f.wanted[name]
	if s.generation < wanted || s.observed != s.generation || s.phase != v1alpha1.RolloutHealthy || !s.released {
		f.unsettled[name] = true
		return
	}
	delete(f.unsettled, name)
	if len(f.unsettled) == 0 {
		select {
		case f.rest <- struct{}{}:
		default: // somebody is told already
		}
	}
}

// nameOf is the name of Rollout number i.
func nameOf(i int) string { return fmt.Sprintf("app-%04d", i) }

// manifest is Rollout number i.
func manifest(i int) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(rolloutManifest, "NAME", nameOf(i))), &object.Object); err != nil {
		return nil, fmt.Errorf("read the manifest of a Rollout: %w", err)
	}
	object.SetNamespace(fleetNamespace)
	return object, nil
}

// create creates the Rollouts from number from to number to-1, and waits for none of them.
func (f *fleet) create(ctx context.Context, from, to int) error {
	return inParallel(ctx, from, to, func(ctx context.Context, i int) error {
		object, err := manifest(i)
		if err != nil {
			return err
		}
		if err := f.client.Create(ctx, object); err != nil {
			return fmt.Errorf("create Rollout %s: %w", object.GetName(), err)
		}
		f.want(object.GetName(), object.GetGeneration())
		return nil
	})
}

// release gives the Rollouts from number from to number to-1 another image.
func (f *fleet) release(ctx context.Context, from, to int, tag string) error {
	change := fmt.Appendf(nil, `[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"registry.example.com/fleet/app:%s"}]`, tag)
	return inParallel(ctx, from, to, func(ctx context.Context, i int) error { return f.change(ctx, i, change) })
}

// touch changes a Rollout number i in a way that concerns nobody: it is looked at, and that is all.
func (f *fleet) touch(ctx context.Context, i, turn int) error {
	return f.change(ctx, i, fmt.Appendf(nil, `[{"op":"add","path":"/metadata/labels","value":{"turn":"%d"}}]`, turn))
}

func (f *fleet) change(ctx context.Context, i int, patch []byte) error {
	ro := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Namespace: fleetNamespace, Name: nameOf(i)}}
	if err := f.client.Patch(ctx, ro, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("change Rollout %s: %w", ro.Name, err)
	}
	f.want(ro.Name, ro.Generation)
	return nil
}

func (f *fleet) want(name string, generation int64) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.wanted[name] = generation
	f.judge(name)
}

// settled waits until every Rollout is healthy with what it was given last. An error names one that is not.
func (f *fleet) settled(ctx context.Context, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		f.mutex.Lock()
		left := slices.Sorted(maps.Keys(f.unsettled))
		f.mutex.Unlock()
		if len(left) == 0 {
			return nil
		}
		select {
		case <-f.rest:
		case <-limited.Done():
			f.mutex.Lock()
			defer f.mutex.Unlock()
			first := f.seen[left[0]]
			return fmt.Errorf("%d of %d Rollouts are not healthy within %s: %s is %q: %s", len(left), len(f.wanted), limit,
				left[0], first.phase, first.message)
		}
	}
}

// inParallel does something for every number in a range, some at a time, and returns the first error.
func inParallel(ctx context.Context, from, to int, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var working sync.WaitGroup
	for range min(writers, to-from) {
		working.Go(func() {
			for i := range numbers {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := from; i < to && ctx.Err() == nil; i++ {
		numbers <- i
	}
	close(numbers)
	working.Wait()
	return context.Cause(ctx)
}
