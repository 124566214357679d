package lint

import "github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"

// kind is a kind of objects, by its group, which is empty for the core kinds.
type kind struct{ group, name string }

var (
	kindRollout         = kind{"sluice.dev", "Rollout"}
	kindTemplate        = kind{"sluice.dev", "AnalysisTemplate"}
	kindClusterTemplate = kind{"sluice.dev", "ClusterAnalysisTemplate"}
	kindService         = kind{"", "Service"}
	kindDeployment      = kind{"apps", "Deployment"}
	kindHTTPRoute       = kind{"gateway.networking.k8s.io", "HTTPRoute"}
	kindAutoscaler      = kind{"autoscaling", "HorizontalPodAutoscaler"}
	kindScaledObject    = kind{"keda.sh", "ScaledObject"}
	kindBudget          = kind{"policy", "PodDisruptionBudget"}
)

// index finds objects.
type index struct {
	byKind map[kind][]*manifest.Object
}

func newIndex(objects []*manifest.Object) *index {
	i := &index{byKind: map[kind][]*manifest.Object{}}
	for _, o := range objects {
		k := kind{o.Group(), o.Kind()}
		i.byKind[k] = append(i.byKind[k], o)
	}
	return i
}

// in are the objects of a kind that may be in a namespace, and all of a kind that has none. An object that names no
// namespace goes wherever the others are applied.
func (i *index) in(k kind, namespace string) []*manifest.Object {
	var out []*manifest.Object
	for _, o := range i.byKind[k] {
		if k == kindClusterTemplate || manifest.MayShareNamespace(o.Namespace(), namespace) {
			out = append(out, o)
		}
	}
	return out
}

// find is the object of a name; others says whether there are some of its kind in the namespace, so that it is missing
// where it is not found.
func (i *index) find(k kind, namespace, name string) (found *manifest.Object, others bool) {
	all := i.in(k, namespace)
	for _, o := range all {
		if o.Name() == name {
			return o, true
		}
	}
	return nil, len(all) > 0
}
