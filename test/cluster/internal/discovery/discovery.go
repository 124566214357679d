// Package discovery tells Prometheus which pods to scrape. Debian's Prometheus is
// built without the discovery of Kubernetes, so this answers its HTTP discovery
// with the same meta labels.
package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/test/cluster/internal/kube"
)

// group is a target group in the format of Prometheus' HTTP discovery.
type group struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// pod is what is needed of a pod.
type pod struct {
	Metadata struct {
		Name, Namespace     string
		Labels, Annotations map[string]string
	}
	Spec struct {
		Containers []struct {
			Ports []struct {
				ContainerPort int
				Protocol      string
			}
		}
	}
	Status struct{ Phase, PodIP string }
}

// Serve answers on the address until ctx is done. Each answer is a fresh list.
func Serve(ctx context.Context, address string, client *kube.Client) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pods", func(out http.ResponseWriter, request *http.Request) {
		// Version 0 is answered from the server's memory.
		var list struct{ Items []pod }
		if err := client.Get(request.Context(), "/api/v1/pods?resourceVersion=0", &list); err != nil {
			http.Error(out, err.Error(), http.StatusBadGateway)
			return
		}
		out.Header().Set("Content-Type", "application/json")
		// A reader that went away asks again.
		_ = json.NewEncoder(out).Encode(groups(list.Items))
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("discovery: %w", err)
	}
	return nil
}

// notInName are the characters that a label's name may not hold.
var notInName = regexp.MustCompile(`[^a-zA-Z0-9_]`)

// groups are the targets of pods that ask to be scraped and have an address: one
// for each declared TCP port, as Prometheus itself does it.
func groups(pods []pod) []group {
	all := []group{}
	for _, pod := range pods {
		if pod.Status.PodIP == "" || pod.Metadata.Annotations["prometheus.io/scrape"] != "true" {
			continue
		}
		labels := map[string]string{
			"__meta_kubernetes_namespace": pod.Metadata.Namespace,
			"__meta_kubernetes_pod_name":  pod.Metadata.Name,
			"__meta_kubernetes_pod_ip":    pod.Status.PodIP,
			"__meta_kubernetes_pod_phase": pod.Status.Phase,
		}
		for name, value := range pod.Metadata.Labels {
			labels["__meta_kubernetes_pod_label_"+notInName.ReplaceAllString(name, "_")] = value
		}
		for name, value := range pod.Metadata.Annotations {
			labels["__meta_kubernetes_pod_annotation_"+notInName.ReplaceAllString(name, "_")] = value
		}
		all = append(all, group{Targets: targets(pod), Labels: labels})
	}
	return all
}

func targets(pod pod) []string {
	var found []string
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Protocol == "" || port.Protocol == "TCP" {
				found = append(found, net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(port.ContainerPort)))
			}
		}
	}
	if len(found) == 0 {
		found = []string{pod.Status.PodIP}
	}
	return found
}
