package lint

import (
	"path/filepath"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// kind is a kind of objects, by its group, which is empty for the core kinds.
type kind struct{ group, name string }

var (
	kindRollout         = kind{"sluice.dev", "Rollout"}
	kindTemplate        = kind{"sluice.dev", "AnalysisTemplate"}
	kindClusterTemplate = kind{"sluice.dev", "ClusterAnalysisTemplate"}
	kindService         = kind{"", "Service"}
	kindDeployment      = kind{"apps", "Deployment"}
	kindGrant           = kind{gatewayv1.GroupName, "ReferenceGrant"}
	kindAutoscaler      = kind{"autoscaling", "HorizontalPodAutoscaler"}
	kindScaledObject    = kind{"keda.sh", "ScaledObject"}
	kindBudget          = kind{"policy", "PodDisruptionBudget"}
)

// index finds objects.
type index struct {
	byKind map[kind][]*manifest.Object
	// variants are pairs of folders that have the same object: they are not applied together, and know nothing of each
	// other, as those of two environments.
	variants map[[2]string]bool
}

func newIndex(objects []*manifest.Object) *index {
	i := &index{byKind: map[kind][]*manifest.Object{}, variants: map[[2]string]bool{}}
	folders := map[identity][]string{}
	for _, o := range objects {
		k := kind{o.Group(), o.Kind()}
		i.byKind[k] = append(i.byKind[k], o)
		if o.Name() == "" {
			continue
		}
		for _, folder := range folders[identityOf(o)] {
			i.variants[[2]string{folder, folderOf(o)}], i.variants[[2]string{folderOf(o), folder}] = true, true
		}
		folders[identityOf(o)] = append(folders[identityOf(o)], folderOf(o))
	}
	return i
}

// identity is what there may be one object of.
type identity struct {
	kind
	namespace, object string
}

func identityOf(o *manifest.Object) identity {
	return identity{kind{o.Group(), o.Kind()}, o.Namespace(), o.Name()}
}

func folderOf(o *manifest.Object) string { return filepath.Dir(o.File) }

// in are the objects of a kind that one may refer to or meet: those that may be in its namespace, and all of a kind that
// has none. An object that names no namespace goes wherever the others are applied.
func (i *index) in(k kind, from *manifest.Object) []*manifest.Object {
	return i.inNamespace(k, from, from.Namespace())
}

// inNamespace are the objects of a kind that may be in a namespace, as one sees it that refers there.
func (i *index) inNamespace(k kind, from *manifest.Object, namespace string) []*manifest.Object {
	var out []*manifest.Object
	for _, o := range i.byKind[k] {
		near := k == kindClusterTemplate || manifest.MayShareNamespace(o.Namespace(), namespace)
		apart := folderOf(o) != folderOf(from) && i.variants[[2]string{folderOf(o), folderOf(from)}]
		if near && !apart {
			out = append(out, o)
		}
	}
	return out
}

// find is the object of a name; others says whether there are some of its kind where it is looked for, so that it is
// missing where it is not found.
func (i *index) find(k kind, from *manifest.Object, name string) (found *manifest.Object, others bool) {
	return i.findIn(k, from, from.Namespace(), name)
}

// findIn is find, in a namespace that is given.
func (i *index) findIn(k kind, from *manifest.Object, namespace, name string) (found *manifest.Object, others bool) {
	all := i.inNamespace(k, from, namespace)
	for _, o := range all {
		if o.Name() == name {
			return o, true
		}
	}
	return nil, len(all) > 0
}
