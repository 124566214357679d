package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/test/load"
)

// How long the load's pod may take to answer, and to end the load: longer than a request of the load may.
const (
	statsTimeout = 5 * time.Second
	stopTimeout  = time.Minute
)

// traffic is the load generator's pod, which is reached by way of the API server.
type traffic struct {
	cluster *cluster
}

// startTraffic starts the load at so many requests per second and waits until it runs.
func (c *cluster) startTraffic(ctx context.Context, rate float64) (*traffic, error) {
	manifest, err := setup.ReadFile("setup/load.yaml")
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	objects, err := decode(manifest)
	if err != nil || len(objects) != 1 {
		return nil, errors.Join(err, errors.New("setup/load.yaml: want one Pod"))
	}
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(objects[0].Object, &pod); err != nil {
		return nil, fmt.Errorf("setup/load.yaml: %w", err)
	}
	args := &pod.Spec.Containers[0].Args
	*args = append(*args, "-rate="+strconv.FormatFloat(rate, 'f', -1, 64))
	// One that is left from an earlier run on the same cluster.
	old := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
	if err := c.client.Delete(ctx, old); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	err = await(ctx, "an earlier load to be gone", time.Minute, func(ctx context.Context) (bool, string, error) {
		err := c.client.Get(ctx, client.ObjectKeyFromObject(old), old)
		return client.IgnoreNotFound(err) == nil && err != nil, "still there", client.IgnoreNotFound(err)
	})
	if err != nil {
		return nil, err
	}
	if err := c.client.Create(ctx, &pod); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	t := &traffic{cluster: c}
	return t, await(ctx, "the load to run", time.Minute, func(ctx context.Context) (bool, string, error) {
		stats, err := t.stats(ctx, 0)
		if err != nil {
			return notYet(err)
		}
		return stats.Started != nil, "the app has not answered yet", nil
	})
}

// stats gives the load's counters, with the seconds from since on.
func (t *traffic) stats(ctx context.Context, since int64) (load.Stats, error) {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	return parseStats(t.request(http.MethodGet, "stats").Param("since", strconv.FormatInt(since, 10)).DoRaw(ctx))
}

// stop ends the load and gives the final counters and every record.
func (t *traffic) stop(ctx context.Context) (load.Stats, []load.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	stats, err := parseStats(t.request(http.MethodPost, "stop").DoRaw(ctx))
	if err != nil {
		return stats, nil, err
	}
	content, err := t.request(http.MethodGet, "records").DoRaw(ctx)
	if err != nil {
		return stats, nil, fmt.Errorf("records of the load: %w", err)
	}
	records, err := load.ReadRecords(bytes.NewReader(content))
	return stats, records, err
}

// request is one to the pod, by way of the API server.
func (t *traffic) request(verb, path string) *rest.Request {
	return t.cluster.core.CoreV1().RESTClient().Verb(verb).
		Namespace(demoNamespace).Resource("pods").Name("load:8089").SubResource("proxy").Suffix(path)
}

func parseStats(content []byte, err error) (load.Stats, error) {
	var stats load.Stats
	if err != nil {
		return stats, fmt.Errorf("stats of the load: %w", err)
	}
	if err := json.Unmarshal(content, &stats); err != nil {
		return stats, fmt.Errorf("stats of the load: %w", err)
	}
	return stats, nil
}

// writeRecords writes the records to a file.
func writeRecords(name string, records []load.Record) error {
	file, err := os.Create(name) //nolint:gosec // the file that -records names
	if err != nil {
		return fmt.Errorf("records: %w", err)
	}
	return errors.Join(load.WriteRecords(file, records), file.Close())
}
