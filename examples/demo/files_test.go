package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sluicev1alpha1 "github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/load"
)

func TestAReleaseChangesItsThreeSettings(t *testing.T) {
	t.Parallel()
	files, err := bad.files()
	if err != nil {
		t.Fatal(err)
	}
	content := string(files[releaseFile])
	for _, want := range []string{"name: VERSION\n          value: v3\n", "name: ERROR_RATE\n          value: \"0.3\"\n", "name: LATENCY\n          value: 1ms\n"} {
		if !strings.Contains(content, want) {
			t.Errorf("%s lacks %q:\n%s", releaseFile, want, content)
		}
	}
}

func TestSetupDecodes(t *testing.T) {
	t.Parallel()
	for name, kinds := range map[string][]string{
		"demo.yaml": {"Namespace", "ServiceAccount", "Role", "RoleBinding", "RoleBinding", "GitSync"},
		"git.yaml":  {"Service", "Pod"},
		"load.yaml": {"Pod"},
	} {
		content, err := setup.ReadFile("setup/" + name)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := decode(content)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, object := range objects {
			got = append(got, object.GetKind())
		}
		if diff := cmp.Diff(kinds, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestLibraryPaths(t *testing.T) {
	t.Parallel()
	got := libraryPaths("\tlinux-vdso.so.1 (0x00007f63d8bc8000)\n" +
		"\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f63d8747000)\n" +
		"\t/lib64/ld-linux-x86-64.so.2 (0x00007f63d8bca000)\n\tlibmissing.so => not found\n")
	want := []string{"/lib/x86_64-linux-gnu/libz.so.1", "/lib64/ld-linux-x86-64.so.2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := libraryPaths("\tnot a dynamic executable\n"); got != nil {
		t.Errorf("%q of a static program", got)
	}
}

func TestResidentMemory(t *testing.T) {
	t.Parallel()
	got, ok := residentMemory("# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 5.24288e+07\n")
	if !ok || got != 50<<20 {
		t.Errorf("%d, %v", got, ok)
	}
	if _, ok := residentMemory("go_goroutines 4\n"); ok {
		t.Error("read what is not there")
	}
}

func TestLiveLine(t *testing.T) {
	t.Parallel()
	stats := load.Stats{Sent: 500, Seconds: []load.Second{
		{Second: 1, Versions: map[string]int{"v1": 80, "v2": 20}}, {Second: 2, Versions: map[string]int{"v1": 82, "v2": 18}, Errors: 3},
	}}
	m := step(0, "new", 20, 0, 20)
	m.status.Phase, m.status.Step, m.status.Message = sluicev1alpha1.RolloutProgressing, "2/5", "waiting"
	got := liveLine(m, stats)
	want := "███████████████████▒▒▒▒▒ v1 81.0 % v2 19.0 % | 3 errors of the app | step 2/5 | asked 20 % | 500 sent, 0 lost | Progressing: waiting"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := bar(nil); got != "no answers" {
		t.Errorf("bar of nothing: %q", got)
	}
}

func TestTheLastLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	report{promoted: "0123456789abcdef", rolledBack: "fedcba9876543210", stats: goodStats()}.print(&out)
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	if got := lines[len(lines)-1]; got != "demo: promoted=0123456 rolled-back=fedcba9 requests=10500 lost=0" {
		t.Errorf("last line %q", got)
	}
}
