package main

import (
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/controllers/rollout"
)

// cacheOptions keeps the memory small: only the pods and ReplicaSets of Rollouts, and of them only what is read.
// No namespaces means all of them.
func cacheOptions(namespaces []string) cache.Options {
	options := cache.Options{ByObject: rollout.CacheByObject(), DefaultTransform: rollout.CacheTransform}
	if len(namespaces) > 0 {
		options.DefaultNamespaces = make(map[string]cache.Config, len(namespaces))
		for _, name := range namespaces {
			options.DefaultNamespaces[name] = cache.Config{}
		}
	}
	return options
}

// clientOptions has Secrets and ConfigMaps read live. A cache of them would need the right to list every Secret, and
// would hold what nobody asked for.
func clientOptions() client.Options {
	return client.Options{Cache: &client.CacheOptions{
		DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}},
	}}
}
