package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// playWorkers is how many ReplicaSets are played at a time, so that the harness is not what is waited for.
const playWorkers = 8

// player plays the controller of ReplicaSets: every ReplicaSet has at once the pods that it is to have, all of them
// available. The pods are numbers in its status, unless there is somebody to make real ones.
type player struct {
	client client.Client
	sets   cache.Cache
	queue  workqueue.TypedInterface[types.NamespacedName]
	// pods is nil where none are made.
	pods *podMaker

	mutex  sync.Mutex
	failed error
}

// startPlayer plays until ctx is done. The returned function waits until it has ended and gives what went wrong.
func startPlayer(ctx context.Context, s *server, withPods bool) (ended func() error, err error) {
	p := &player{
		client: s.client,
		queue:  workqueue.NewTyped[types.NamespacedName](),
	}
	if withPods {
		p.pods = newPodMaker(s.client)
	}
	if p.sets, err = cache.New(s.config, cache.Options{
		Scheme: s.client.Scheme(), Mapper: s.client.RESTMapper(), DefaultTransform: cache.TransformStripManagedFields(),
	}); err != nil {
		return nil, fmt.Errorf("make a cache: %w", err)
	}
	informer, err := p.sets.GetInformer(ctx, &appsv1.ReplicaSet{})
	if err != nil {
		return nil, fmt.Errorf("watch ReplicaSets: %w", err)
	}
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    p.enqueue,
		UpdateFunc: func(_, o any) { p.enqueue(o) },
		DeleteFunc: p.enqueue,
	}); err != nil {
		return nil, fmt.Errorf("watch ReplicaSets: %w", err)
	}
	var running sync.WaitGroup
	running.Go(func() { p.keep(p.sets.Start(ctx)) })
	running.Go(func() { <-ctx.Done(); p.queue.ShutDown() })
	if !p.sets.WaitForCacheSync(ctx) {
		return nil, errors.New("watch ReplicaSets: the cache was not filled")
	}
	for range playWorkers {
		running.Go(func() { p.work(ctx) })
	}
	return func() error { running.Wait(); return p.failed }, nil
}

func (p *player) enqueue(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if set, ok := object.(*appsv1.ReplicaSet); ok {
		p.queue.Add(client.ObjectKeyFromObject(set))
	}
}

func (p *player) work(ctx context.Context) {
	for {
		name, shutdown := p.queue.Get()
		if shutdown {
			return
		}
		if err := p.play(ctx, name); err != nil && ctx.Err() == nil {
			p.keep(err)
		}
		p.queue.Done(name)
	}
}

// keep remembers the first error. There should be none: nobody else writes what the player writes.
func (p *player) keep(err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.failed == nil {
		p.failed = err
	}
}

// play does one round for a ReplicaSet.
func (p *player) play(ctx context.Context, name types.NamespacedName) error {
	set := &appsv1.ReplicaSet{}
	err := p.sets.Get(ctx, name, set, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return p.pods.scale(ctx, name, nil)
	}
	if err != nil {
		return fmt.Errorf("get ReplicaSet %s: %w", name.Name, err)
	}
	n := *set.Spec.Replicas
	if set.Status.ObservedGeneration == set.Generation && set.Status.Replicas == n && set.Status.AvailableReplicas == n {
		return nil
	}
	if err := p.pods.scale(ctx, name, set); err != nil {
		return err
	}
	// As the real controller does: the whole status, on the condition that the ReplicaSet is the one that was seen. Without
	// managed fields the server keeps those that there are.
	written := set.DeepCopy()
	written.Status = appsv1.ReplicaSetStatus{
		ObservedGeneration: set.Generation, Replicas: n, FullyLabeledReplicas: n, ReadyReplicas: n, AvailableReplicas: n,
	}
	err = p.client.Status().Update(ctx, written)
	if apierrors.IsConflict(err) {
		return nil // it has changed, and the watch will tell
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("play ReplicaSet %s: %w", name.Name, err)
	}
	return nil
}
