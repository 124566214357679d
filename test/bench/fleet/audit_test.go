package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAuditLog(t *testing.T) {
	log := &auditLog{path: filepath.Join(t.TempDir(), "audit.log")}
	if got, err := log.count(); err != nil || len(got) > 0 {
		t.Fatalf("before the first request: %v, %v", got, err)
	}
	lines := []string{
		`{"stage":"ResponseComplete","verb":"patch","requestURI":"/x?fieldManager=a","objectRef":{"resource":"rollouts","subresource":"status"},"responseStatus":{"code":200}}`,
		`{"stage":"ResponseComplete","verb":"patch","requestURI":"/x","objectRef":{"resource":"rollouts","subresource":"status"},"responseStatus":{"code":409}}`,
		`{"stage":"ResponseComplete","verb":"create","requestURI":"/x?dryRun=All","objectRef":{"resource":"replicasets"},"responseStatus":{"code":201}}`,
		`{"stage":"ResponseComplete","verb":"create","requestURI":"/x","objectRef":{"resource":"events"},"responseStatus":{"code":201}}`,
		`{"stage":"ResponseComplete","verb":"get","requestURI":"/apis","responseStatus":{"code":200}}`,
		`{"stage":"ResponseComplete","verb":"update","requestURI":"/x","objectRef":{"resource":"leases"},"responseStatus":{"code":200}}`,
		// A watch counts when it begins, unless it is refused.
		`{"stage":"ResponseStarted","verb":"watch","requestURI":"/x","objectRef":{"resource":"pods"},"responseStatus":{"code":200}}`,
		`{"stage":"ResponseComplete","verb":"watch","requestURI":"/x","objectRef":{"resource":"pods"},"responseStatus":{"code":200}}`,
		`{"stage":"ResponseComplete","verb":"watch","requestURI":"/x","objectRef":{"resource":"pods"},"responseStatus":{"code":403}}`,
	}
	half := len(lines[0]) / 2
	write := func(text string) {
		t.Helper()
		file, err := os.OpenFile(log.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Join(lines, "\n") + "\n" + lines[0][:half])
	got, err := log.count()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(requests{
		{Verb: "patch", Resource: "rollouts/status"}:               1,
		{Verb: "patch", Resource: "rollouts/status", Failed: true}: 1,
		{Verb: "create", Resource: "replicasets", DryRun: true}:    1,
		{Verb: "create", Resource: "events"}:                       1,
		{Verb: "get", Resource: "discovery"}:                       1,
		{Verb: "update", Resource: "leases"}:                       1,
		{Verb: "watch", Resource: "pods"}:                          1,
		{Verb: "watch", Resource: "pods", Failed: true}:            1,
	}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	type sums struct{ Writes, Events, DryRuns, Refused, Reads, Unasked int }
	want := sums{Writes: 2, Events: 1, DryRuns: 1, Refused: 1, Reads: 1, Unasked: 5}
	if diff := cmp.Diff(want, sums{
		got.objectWrites(), got.events(), got.dryRuns(), got.refused(), got.reads(), got.unasked(),
	}); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	write(lines[0][half:] + "\n")
	after, err := log.count()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(requests{{Verb: "patch", Resource: "rollouts/status"}: 1}, after.since(got)); diff != "" {
		t.Errorf("after the other half of a line, -want +got:\n%s", diff)
	}
}
