package load

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Outcome is what became of a scheduled request.
type Outcome uint8

// The outcomes.
const (
	// Answered means that the app answered, with whatever code.
	Answered Outcome = iota
	// Lost means that the app's answer did not arrive whole.
	Lost
	// Unsent means that the generator was too late, or had too many requests open, to send it.
	Unsent
)

// String gives the word that records are written with.
func (o Outcome) String() string {
	switch o {
	case Answered:
		return "answered"
	case Lost:
		return "lost"
	case Unsent:
		return "unsent"
	}
	return "outcome " + strconv.Itoa(int(o))
}

// Record is one scheduled request.
type Record struct {
	// Due is when it was to be sent.
	Due time.Time
	// Done is when its answer had arrived, or when it was given up.
	Done time.Time
	// Outcome is what became of it.
	Outcome Outcome
	// Version is what the answering app calls itself in X-Version; empty where the app did not answer.
	Version string
	// Code is the HTTP status, 0 where there was none.
	Code int
	// Cause says why it was lost.
	Cause string
}

// Latency is the time from when the request was due to its end.
func (r Record) Latency() time.Duration { return r.Done.Sub(r.Due) }

// recordsHeader is the first line of written records.
const recordsHeader = "due_us\tdone_us\toutcome\tversion\tcode\tcause"

// maxLine bounds a written record in bytes.
const maxLine = 4096

// WriteRecords writes the records as tab-separated lines, times as microseconds since 1970.
func WriteRecords(w io.Writer, records []Record) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, recordsHeader)
	for _, r := range records {
		fmt.Fprintf(out, "%d\t%d\t%s\t%s\t%d\t%s\n",
			r.Due.UnixMicro(), r.Done.UnixMicro(), r.Outcome, oneField(r.Version, 64), r.Code, oneField(r.Cause, 512))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	return nil
}

// ReadRecords reads what WriteRecords wrote. The error names the line.
func ReadRecords(r io.Reader) ([]Record, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, maxLine), maxLine)
	if !lines.Scan() || lines.Text() != recordsHeader {
		return nil, fmt.Errorf("records: the first line is not %q", recordsHeader)
	}
	var records []Record
	for number := 2; lines.Scan(); number++ {
		record, err := parseRecord(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("records line %d: %w", number, err)
		}
		records = append(records, record)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	return records, nil
}

func parseRecord(line string) (Record, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != strings.Count(recordsHeader, "\t")+1 {
		return Record{}, fmt.Errorf("%d fields", len(fields))
	}
	due, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("due time: %w", err)
	}
	done, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("end time: %w", err)
	}
	code, err := strconv.Atoi(fields[4])
	if err != nil {
		return Record{}, fmt.Errorf("code: %w", err)
	}
	record := Record{Due: time.UnixMicro(due), Done: time.UnixMicro(done), Version: fields[3], Code: code, Cause: fields[5]}
	for _, outcome := range []Outcome{Answered, Lost, Unsent} {
		if outcome.String() == fields[2] {
			record.Outcome = outcome
			return record, nil
		}
	}
	return Record{}, fmt.Errorf("unknown outcome %q", fields[2])
}

// oneField makes a text fit into one field of a line.
func oneField(text string, limit int) string {
	if len(text) > limit {
		text = text[:limit]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text)
}
