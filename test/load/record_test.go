package load

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRecordsSurviveWriting(t *testing.T) {
	t.Parallel()
	at := time.UnixMicro(1_700_000_000_123_456)
	records := []Record{
		{Due: at, Done: at.Add(time.Second), Version: "v1", Code: 200},
		{Due: at, Done: at, Outcome: Unsent},
		{Due: at, Done: at.Add(time.Minute), Outcome: Lost, Code: 503, Cause: "GET: tab\tand\nline"},
	}
	var text bytes.Buffer
	if err := WriteRecords(&text, records); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRecords(&text)
	if err != nil {
		t.Fatal(err)
	}
	records[2].Cause = "GET: tab and line"
	if diff := cmp.Diff(records, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "x", recordsHeader + "\n1\t2\n", recordsHeader + "\n1\t2\tmaybe\tv\t200\t\n", recordsHeader + "\n1\tb\tlost\tv\t200\t\n"} {
		if _, err := ReadRecords(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	var records []Record
	for i := range 1000 {
		version := "v1"
		if i%5 == 0 {
			version = "v2"
		}
		records = append(records, Record{Due: at.Add(time.Duration(i) * time.Second / 100), Version: version, Code: 200})
	}
	records = append(records, Record{Due: at.Add(3 * time.Second), Outcome: Lost}, Record{Due: at.Add(3 * time.Second), Outcome: Unsent})
	hits, total := Share(records, "v2", at.Add(2*time.Second), at.Add(7*time.Second))
	if hits != 100 || total != 500 {
		t.Errorf("%d of %d, want 100 of 500", hits, total)
	}
	for _, test := range []struct {
		hits, total, percent int
		fits                 bool
	}{
		{100, 500, 20, true},
		{140, 500, 20, true},
		{60, 500, 20, true},
		{145, 500, 20, false},
		{55, 500, 20, false},
		{0, 500, 20, false},
		{250, 500, 20, false},
		{500, 500, 100, true},
		{499, 500, 100, false},
		{0, 500, 0, true},
		{1, 500, 0, false},
		{0, 0, 20, false},
		{0, 0, 0, false},
	} {
		if got := Fits(test.hits, test.total, test.percent); got != test.fits {
			t.Errorf("%d of %d at %d %%: %v (tolerance %.1f)", test.hits, test.total, test.percent, got, Tolerance(test.total, test.percent))
		}
	}
}

func TestSummariseShowsSecondsFromWhenAsked(t *testing.T) {
	t.Parallel()
	record := func(second int64, outcome Outcome, code int) Record {
		at := time.Unix(second, 0)
		return Record{Due: at, Done: at.Add(10 * time.Millisecond), Outcome: outcome, Version: map[Outcome]string{Answered: "v1"}[outcome], Code: code}
	}
	stats := Summarise([]Record{
		record(5, Answered, 200), record(7, Answered, 500), record(6, Answered, 200), record(7, Lost, 503), record(7, Unsent, 0),
	}, 6)
	want := []Second{
		{Second: 6, Versions: map[string]int{"v1": 1}},
		{Second: 7, Versions: map[string]int{"v1": 1}, Errors: 1, Lost: 1, Unsent: 1},
	}
	if diff := cmp.Diff(want, stats.Seconds); diff != "" {
		t.Error(diff)
	}
	if stats.Sent != 4 || stats.Answered != 3 || stats.Lost != 1 || stats.Unsent != 1 || stats.Codes["v1"]["500"] != 1 {
		t.Errorf("%+v", stats)
	}
}
