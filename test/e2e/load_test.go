package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/load"
)

// loadRate is how many requests are sent each second.
const loadRate = 120

// traffic is a constant load from a pod in the user's namespace.
type traffic struct {
	user user
}

// throughGateway sends to the hostname of a route.
func (u user) throughGateway(host string) traffic {
	u.t.Helper()
	return u.send("-url=http://gateway.gateway.svc/", "-host="+host)
}

// throughService sends to a Service by its address in the cluster.
func (u user) throughService(name string) traffic {
	u.t.Helper()
	return u.send("-url=http://" + name + "." + u.namespace + ".svc/")
}

// send starts the demo's load with another target, and waits for its first requests.
func (u user) send(target ...string) traffic {
	u.t.Helper()
	pod := edited(u.t, "examples/demo/setup/load.yaml", "namespace: demo", "namespace: "+u.namespace,
		"-url=http://gateway.gateway.svc/, -host=app.demo.example,", fmt.Sprintf("%s, -rate=%d,", strings.Join(target, ", "), loadRate))
	u.do("create", "-f", pod)
	l := traffic{u}
	u.until("the load to run", func() (string, bool) {
		stats, err := l.stats(0)
		return fmt.Sprint(err), err == nil && stats.Sent > 0
	})
	return l
}

func (l traffic) path(suffix string) string {
	return "/api/v1/namespaces/" + l.user.namespace + "/pods/load:8089/proxy/" + suffix
}

// stats are the load's counters, with the last seconds of it.
func (l traffic) stats(lastSeconds int64) (load.Stats, error) {
	out, err := l.user.try(l.user.kubectl, "get", "--raw", l.path(fmt.Sprintf("stats?since=%d", time.Now().Unix()-lastSeconds)))
	if err != nil {
		return load.Stats{}, fmt.Errorf("%w: %s", err, out)
	}
	var stats load.Stats
	err = json.Unmarshal([]byte(out), &stats)
	return stats, err
}

// alone waits until nothing but a version has answered for a few seconds.
func (l traffic) alone(version string) {
	l.user.t.Helper()
	l.user.until(version+" alone to answer", func() (string, bool) {
		stats, err := l.stats(4)
		seen := map[string]int{}
		for _, second := range stats.Seconds {
			for name, count := range second.Versions {
				seen[name] += count
			}
		}
		return fmt.Sprint(seen, err), err == nil && len(seen) == 1 && seen[version] >= loadRate
	})
}

// only checks that no other version has answered since the load began.
func (l traffic) only(version string) {
	l.user.t.Helper()
	stats, err := l.stats(0)
	if err != nil || len(stats.Codes) != 1 || stats.Codes[version]["200"] == 0 {
		l.user.t.Errorf("want answers of %s only: %v, %v", version, stats.Codes, err)
	}
}

// end ends the load and judges it: nothing may be lost, and each of the versions has answered.
func (l traffic) end(versions ...string) {
	l.user.t.Helper()
	out := l.user.do("create", "--raw", l.path("stop"), "-f", os.DevNull)
	var stats load.Stats
	if err := json.Unmarshal([]byte(out), &stats); err != nil {
		l.user.t.Fatalf("stats of the load: %v\n%s", err, out)
	}
	judge(l.user.t, stats, versions)
}

func judge(t *testing.T, stats load.Stats, versions []string) {
	t.Helper()
	t.Logf("%d requests in %.0f s: %d lost, %d unsent; by version %v; latency %v ms",
		stats.Sent, float64(stats.Sent+stats.Unsent)/loadRate, stats.Lost, stats.Unsent, stats.Codes, stats.LatencyMillis)
	if stats.Lost > 0 {
		t.Errorf("%d requests were lost:\n%s", stats.Lost, strings.Join(stats.Causes, "\n"))
	}
	if stats.Unsent*100 > stats.Sent {
		t.Errorf("%d of %d requests could not be sent in time: the machine was too busy", stats.Unsent, stats.Sent+stats.Unsent)
	}
	for _, version := range versions {
		if stats.Codes[version]["200"] == 0 {
			t.Errorf("%s has never answered", version)
		}
	}
	if len(stats.Codes) != len(versions) {
		t.Errorf("answers of %v, want only those of %v", stats.Codes, versions)
	}
}
