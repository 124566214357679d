package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// memory is the most resident memory of a controller's process that was seen, in bytes.
type memory struct {
	most atomic.Int64
}

// watch looks every two seconds until the context ends. A controller that does not answer is left out.
func (m *memory) watch(ctx context.Context, c *cluster) {
	ticker := time.NewTicker(2 * time.Second)
	defer ticker.Stop()
	for {
		m.look(ctx, c)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *memory) look(ctx context.Context, c *cluster) {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	var pods corev1.PodList
	if err := c.client.List(ctx, &pods, client.InNamespace(controllerNamespace)); err != nil {
		return
	}
	for _, pod := range pods.Items {
		if pod.Status.Phase != corev1.PodRunning {
			continue
		}
		metrics, err := c.core.CoreV1().RESTClient().Get().
			Namespace(pod.Namespace).Resource("pods").Name(pod.Name + ":8080").SubResource("proxy").Suffix("metrics").DoRaw(ctx)
		if err != nil {
			continue
		}
		if bytes, ok := residentMemory(string(metrics)); ok {
			m.most.Store(max(m.most.Load(), bytes))
		}
	}
}

// residentMemory reads process_resident_memory_bytes from metrics in Prometheus's text form.
func residentMemory(metrics string) (int64, bool) {
	for line := range strings.Lines(metrics) {
		if text, found := strings.CutPrefix(line, "process_resident_memory_bytes "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			return int64(value), err == nil
		}
	}
	return 0, false
}

// String gives mebibytes.
func (m *memory) String() string {
	if m.most.Load() == 0 {
		return "not seen"
	}
	return fmt.Sprintf("%.1f MiB", float64(m.most.Load())/(1<<20))
}
