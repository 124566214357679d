package change

import (
	"fmt"
	"reflect"
	"strings"
)

// defaulting tells what the API server's defaults fill into a pod template.
type defaulting struct {
	// written is a template as a person wrote it, and made what the API server made of it; made may be nil.
	written, made map[string]any
}

// strip returns the template without what defaults have filled in: fields that are also filled in between written and
// made, and those that Kubernetes is known to fill in. A field that written has itself is kept, unless all is set.
func (d defaulting) strip(template map[string]any, all bool) map[string]any {
	stripped, _ := d.walk(nil, template, d.written, d.made, all).(map[string]any)
	return stripped
}

func (d defaulting) walk(path []string, value, written, made any, all bool) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		w, _ := written.(map[string]any)
		m, _ := made.(map[string]any)
		for key, entry := range v {
			_, kept := w[key]
			filled := !kept && m[key] != nil && reflect.DeepEqual(m[key], entry)
			if filled || (isDefault(path, key, entry, v) && (all || !kept)) {
				continue
			}
			out[key] = d.walk(append(path[:len(path):len(path)], key), entry, w[key], m[key], all)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, entry := range v {
			out[i] = d.walk(path, entry, counterpart(written, entry, i), counterpart(made, entry, i), all)
		}
		return out
	}
	return value
}

// counterpart returns the element of another list that stands for the same: that of the same name, or at the same place.
func counterpart(list, element any, index int) any {
	others, _ := list.([]any)
	object, _ := element.(map[string]any)
	if name, ok := object["name"]; ok {
		for _, other := range others {
			if o, ok := other.(map[string]any); ok && o["name"] == name {
				return o
			}
		}
		return nil
	}
	if index < len(others) {
		return others[index]
	}
	return nil
}

// constants are the fields that are filled in with the same value everywhere, by the last parts of their path.
var constants = map[string]any{
	"spec.restartPolicy":                      "Always",
	"spec.terminationGracePeriodSeconds":      30,
	"spec.dnsPolicy":                          "ClusterFirst",
	"spec.schedulerName":                      "default-scheduler",
	"containers.terminationMessagePath":       "/dev/termination-log",
	"containers.terminationMessagePolicy":     "File",
	"initContainers.terminationMessagePath":   "/dev/termination-log",
	"initContainers.terminationMessagePolicy": "File",
	"ports.protocol":                          "TCP",
	"httpGet.scheme":                          "HTTP",
	"httpGet.path":                            "/",
	"grpc.service":                            "",
	"fieldRef.apiVersion":                     "v1",
	"configMap.defaultMode":                   420,
	"secret.defaultMode":                      420,
	"projected.defaultMode":                   420,
	"downwardAPI.defaultMode":                 420,
	"serviceAccountToken.expirationSeconds":   3600,
	"hostPath.type":                           "",
}

// probeConstants are those of probes.
var probeConstants = map[string]any{"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}

// isDefault says whether a field of a pod template has the value that Kubernetes fills in. Its siblings are the other
// fields of the same object.
func isDefault(path []string, key string, value any, siblings map[string]any) bool {
	parent := ""
	if len(path) > 0 {
		parent = path[len(path)-1]
	}
	if want, ok := constants[parent+"."+key]; ok {
		return fmt.Sprint(value) == fmt.Sprint(want)
	}
	if want, ok := probeConstants[key]; ok && strings.HasSuffix(parent, "Probe") {
		return fmt.Sprint(value) == fmt.Sprint(want)
	}
	switch key {
	case "imagePullPolicy":
		image, _ := siblings["image"].(string)
		return value == pullPolicy(image)
	case "serviceAccount": // the former name of serviceAccountName
		return parent == "spec" && value == siblings["serviceAccountName"]
	case "requests":
		return parent == "resources" && reflect.DeepEqual(value, siblings["limits"])
	}
	return false
}

// pullPolicy is what an image's pull policy is where none is given.
func pullPolicy(image string) string {
	name := image[strings.LastIndexByte(image, '/')+1:]
	if strings.Contains(name, "@") {
		return "IfNotPresent"
	}
	if _, tag, ok := strings.Cut(name, ":"); ok && tag != "latest" {
		return "IfNotPresent"
	}
	return "Always"
}
