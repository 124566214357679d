//go:build linux

package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestParseStart(t *testing.T) {
	const tail = " 1 1 1 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 4711 1000 10"
	for name, test := range map[string]struct {
		stat string
		want uint64
		ok   bool
	}{
		"plain":               {"12 (etcd) S" + tail, 4711, true},
		"parentheses in name": {"12 (a) R (b)) S" + tail, 4711, true},
		"zombie":              {"12 (etcd) Z" + tail, 0, false},
		"no command":          {"12 etcd S" + tail, 0, false},
		"cut":                 {"12 (etcd) S 1 1", 0, false},
	} {
		got, err := parseStart(test.stat)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%s: got %d, %v", name, got, err)
		}
	}
}

func TestARecordIsOfOneProcessOnly(t *testing.T) {
	child := exec.Command("sleep", "600")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "records")
	if err := Append(file, "part", child.Process.Pid); err != nil {
		t.Fatal(err)
	}
	records, err := Records(file)
	if err != nil || len(records) != 1 || records[0].Component != "part" {
		t.Fatalf("records %+v, %v", records, err)
	}
	later := records[0]
	later.Start++ // as if another process had got the id
	if !records[0].Alive() || later.Alive() {
		t.Errorf("alive: %v, and a later process of the same id: %v", records[0].Alive(), later.Alive())
	}
	later.Kill()
	if !records[0].Alive() {
		t.Error("a process was killed by the record of another one")
	}
	records[0].Kill()
	_ = child.Wait() // it ends by the signal
	if records[0].Alive() || Running(child.Process.Pid) {
		t.Error("the killed process is alive")
	}
}

func TestRecordsLeavesOutAHalfWrittenLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "records")
	if records, err := Records(file); err != nil || records != nil {
		t.Errorf("a missing file: %v, %v", records, err)
	}
	if err := os.WriteFile(file, []byte("{\"component\":\"a\",\"pid\":7,\"start\":1}\n{\"compo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if records, err := Records(file); err != nil || len(records) != 1 || records[0].PID != 7 {
		t.Errorf("got %v, %v", records, err)
	}
}
