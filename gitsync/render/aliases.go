package render

import (
	"bytes"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// maxExpanded bounds the nodes that a YAML file may grow to when its aliases are replaced by what they stand for.
const maxExpanded = 200_000

// checkAliases refuses YAML whose aliases make it grow beyond all measure, or contain themselves. What is no YAML
// passes: it is not read as such.
func checkAliases(file string, data []byte) error {
	if !bytes.ContainsRune(data, '&') || !bytes.ContainsRune(data, '*') {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var document yaml.Node
		if err := decoder.Decode(&document); err != nil {
			return nil //nolint:nilerr // Its end, or no YAML: whoever reads it as YAML says so.
		}
		e := expansion{sizes: map[*yaml.Node]int{}}
		switch n := e.size(&document); {
		case e.circular:
			return refused(file, "a YAML alias contains itself")
		case n > maxExpanded:
			return refused(file, "its YAML aliases stand for more than %d nodes", maxExpanded)
		}
	}
}

// expansion counts nodes with aliases replaced, never beyond maxExpanded+1.
type expansion struct {
	sizes    map[*yaml.Node]int
	circular bool
}

const beingCounted = -1

func (e *expansion) size(n *yaml.Node) int {
	if known, ok := e.sizes[n]; ok {
		if known == beingCounted {
			e.circular = true
			return 0
		}
		return known
	}
	e.sizes[n] = beingCounted
	total := 1
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		total = e.size(n.Alias)
	}
	for _, child := range n.Content {
		if total = min(total+e.size(child), maxExpanded+1); e.circular {
			break
		}
	}
	e.sizes[n] = total
	return total
}
