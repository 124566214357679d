package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/cache"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	sluicev1alpha1 "github.com/sluicehq/sluice/api/v1alpha1"
)

// The objects of the demo, as examples/demo/deploy names them.
const (
	appName       = "app"
	canaryService = "app-canary"
	gitSyncName   = "demo"
)

// follow writes what happens in the demo's namespace into the history, until the context ends, and tells say the news.
func (c *cluster) follow(ctx context.Context, seen *history, say func(format string, args ...any)) error {
	informers, err := ctrlcache.New(c.config, ctrlcache.Options{
		Scheme:            c.scheme,
		DefaultNamespaces: map[string]ctrlcache.Config{demoNamespace: {}},
	})
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	for _, watch := range []struct {
		object client.Object
		note   func(object any)
	}{
		{&sluicev1alpha1.Rollout{}, func(object any) { noteRollout(seen, object, say) }},
		{&sluicev1alpha1.AnalysisRun{}, func(object any) { noteRun(seen, object, say) }},
		{&gatewayv1.HTTPRoute{}, func(object any) { noteRoute(seen, object) }},
		{&corev1.Pod{}, func(object any) { notePod(seen, object) }},
	} {
		informer, err := informers.GetInformer(ctx, watch.object, ctrlcache.BlockUntilSynced(false))
		if err != nil {
			return fmt.Errorf("watch %T: %w", watch.object, err)
		}
		_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    watch.note,
			UpdateFunc: func(_, object any) { watch.note(object) },
		})
		if err != nil {
			return fmt.Errorf("watch %T: %w", watch.object, err)
		}
	}
	go func() {
		if err := informers.Start(ctx); err != nil && ctx.Err() == nil {
			say("watch: %v", err)
		}
	}()
	if !informers.WaitForCacheSync(ctx) {
		return errors.New("watch: the caches did not fill")
	}
	return nil
}

func noteRollout(seen *history, object any, say func(string, ...any)) {
	rollout, ok := object.(*sluicev1alpha1.Rollout)
	if !ok || rollout.Name != appName {
		return
	}
	before := seen.last()
	now := moment{
		at:      time.Now(),
		status:  *rollout.Status.DeepCopy(),
		commit:  rollout.Annotations[sluicev1alpha1.AnnotationCommit],
		current: rollout.Status.ObservedGeneration >= rollout.Generation,
	}
	if before.commit == now.commit && before.current == now.current && equality.Semantic.DeepEqual(before.status, now.status) {
		return
	}
	seen.addMoment(now)
	if was, is := before.weights(), now.weights(); was.Asked != is.Asked {
		say("weight of the canary: %d -> %d %%", was.Asked, is.Asked)
	}
	if len(now.status.Rejected) > len(before.status.Rejected) {
		rejected := now.status.Rejected[len(now.status.Rejected)-1]
		say("revision %s rejected: %s: %s", rejected.Revision, rejected.Reason, rejected.Message)
	}
	if before.status.StableRevision != now.status.StableRevision {
		say("stable revision: %s", now.status.StableRevision)
	}
}

func noteRun(seen *history, object any, say func(string, ...any)) {
	run, ok := object.(*sluicev1alpha1.AnalysisRun)
	if !ok {
		return
	}
	if seen.addRun(judged{at: time.Now(), name: run.Name, phase: run.Status.Phase}) && run.Status.Phase.Completed() {
		say("analysis %s: %s %s", run.Name, run.Status.Phase, run.Status.Message)
	}
}

func noteRoute(seen *history, object any) {
	route, ok := object.(*gatewayv1.HTTPRoute)
	if !ok || route.Name != appName {
		return
	}
	weights := map[string]int32{}
	for _, rule := range route.Spec.Rules {
		for _, backend := range rule.BackendRefs {
			weight := int32(1) // what Gateway API takes where none is given
			if backend.Weight != nil {
				weight = *backend.Weight
			}
			weights[string(backend.Name)] += weight
		}
	}
	seen.addRoute(time.Now(), weights)
}

func notePod(seen *history, object any) {
	if pod, ok := object.(*corev1.Pod); ok {
		seen.addPod(time.Now(), pod.Labels[sluicev1alpha1.LabelPodTemplateHash])
	}
}
