package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// TestSmallFleet runs the benchmark with a handful of Rollouts. It holds what does not depend on the machine: how many
// requests an update costs, with and without pods, and that an idle fleet costs none.
func TestSmallFleet(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Skip("KUBEBUILDER_ASSETS is not set: run make integration")
	}
	ctrl.SetLogger(logr.Discard())
	b := &bench{
		root: "../../..", folder: t.TempDir(), say: t.Logf,
		limits: limits{settle: 2 * time.Minute, quiet: time.Second, idle: 2 * time.Second},
	}
	var err error
	if b.binary, err = build(t.Context(), b.root, b.folder, false); err != nil {
		t.Fatal(err)
	}
	fleet := rows()[0]
	fleet.name, fleet.rollouts = "few", 5
	fleet.targets.settle, fleet.targets.processor = 0, 0 // no test of time
	withPods := fleet
	withPods.name, withPods.pods = "few-with-pods", true
	r := report{machine: thisMachine(t.Context(), os.Getenv("KUBEBUILDER_ASSETS")), version: "under test"}
	for _, row := range []row{fleet, withPods} {
		measured, err := b.run(t.Context(), row)
		if err != nil {
			t.Fatal(err)
		}
		if len(measured.complaints) > 0 {
			t.Errorf("%s: the controller complains: %q", row.name, measured.complaints)
		}
		r.rows = append(r.rows, measured)
	}
	r.neighbours, err = b.lookAmong(t.Context(), crowd{others: []int{2, 6}, looks: 20, releases: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range r.neighbours {
		if asked := n.looking.requests.unasked(); asked > 0 {
			t.Errorf("looking at one Rollout among %d, with nothing to do, took %d requests: %v", n.others, asked, n.looking.requests)
		}
	}
	few, many := r.neighbours[0].releasing.requests.objectWrites(), r.neighbours[1].releasing.requests.objectWrites()
	if few != many || few == 0 {
		t.Errorf("a release takes %d object writes among few Rollouts and %d among more", few, many)
	}
	for _, missed := range r.misses() {
		t.Error(missed)
	}
	var text strings.Builder
	if err := r.write(&text); err != nil {
		t.Error(err)
	}
	t.Log("\n" + text.String())
}
