package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// measured is a row with every figure.
func measured(settle time.Duration) result {
	return result{
		row: row{name: "N=2", rollouts: 2, targets: targets{
			settle: 15 * time.Second, processor: 20 * time.Millisecond, objectWrites: 18, events: 4, peakMemory: 120 * mebibyte,
		}},
		released: span{took: settle, controller: 30 * time.Millisecond, requests: requests{
			{Verb: "patch", Resource: "rollouts/status"}:            12,
			{Verb: "patch", Resource: "replicasets"}:                20,
			{Verb: "create", Resource: "replicasets", DryRun: true}: 2,
			{Verb: "create", Resource: "events"}:                    7,
			{Verb: "get", Resource: "rollouts"}:                     4,
			{Verb: "update", Resource: "leases"}:                    5,
		}},
		idle:   span{took: time.Minute, requests: requests{{Verb: "update", Resource: "leases"}: 30}},
		looks:  50,
		memory: memory{Now: 60 * mebibyte, Peak: 80 * mebibyte},
	}
}

func TestFiguresAndTargets(t *testing.T) {
	type figure struct {
		What, Value, Bound string
		Met                bool
	}
	var got []figure
	for _, c := range measured(16 * time.Second).checks() {
		got = append(got, figure{c.what, c.value, c.bound, c.met})
	}
	want := []figure{
		{"settle", "16.0 s", "15.0 s", false},
		{"CPU per update", "15.00 ms", "20.00 ms", true},
		{"object writes per update", "16.00", "18.00", true},
		{"events per update", "3.50", "4.00", true},
		{"dry runs per update", "1.00", "", true},
		{"reads per update", "2.00", "", true},
		{"looks per update", "25.00", "", true},
		{"refused writes", "0", "", true},
		{"RSS at the end", "60 MiB", "", true},
		{"most RSS", "80 MiB", "120 MiB", true},
		{"requests when idle", "0", "0", true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMissesAreSaid(t *testing.T) {
	r := report{rows: []result{measured(15 * time.Second), measured(16 * time.Second)}, failed: []string{"N=3: no luck"}}
	want := []string{"N=3: no luck", "N=2: settle is 16.0 s, more than 15.0 s"}
	if diff := cmp.Diff(want, r.misses()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var text strings.Builder
	if err := r.write(&text); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"15.0 s (15.0 s)", "16.0 s ✗ (15.0 s)", "| patch replicasets", "create replicasets (dry run)", "✗ Not measured: N=3: no luck"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the report does not say %q:\n%s", part, text.String())
		}
	}
}

func TestFleetSettles(t *testing.T) {
	f := &fleet{
		seen: map[string]seen{}, wanted: map[string]int64{}, unsettled: map[string]bool{}, rest: make(chan struct{}, 1),
	}
	f.want("a", 1)
	if err := f.settled(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "1 of 1 Rollouts are not healthy") {
		t.Errorf("before anything was seen: %v", err)
	}
	f.mutex.Lock()
	f.seen["a"] = seen{generation: 1, observed: 1, phase: "Healthy", released: true}
	f.judge("a")
	f.mutex.Unlock()
	if err := f.settled(t.Context(), time.Minute); err != nil {
		t.Error(err)
	}
	// What was healthy before a change is not healthy with it.
	f.want("a", 2)
	if err := f.settled(t.Context(), 0); err == nil {
		t.Error("settled before the change was seen")
	}
}
