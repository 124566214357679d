//go:build linux

// Package process records the processes of a cluster as they start, so that they
// can be ended by their ids later, whatever happened to the program that started
// them. A process is known by its id and its start time: ids are used again.
package process

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Record is one started process.
type Record struct {
	Component string `json:"component"`
	PID       int    `json:"pid"`
	// Start is the start time in clock ticks since boot.
	Start uint64 `json:"start"`
}

// Append adds the record of a process to a file of records.
func Append(name, component string, pid int) error {
	start, err := startTime(pid)
	if err != nil {
		return err
	}
	line, err := json.Marshal(Record{Component: component, PID: pid, Start: start})
	if err != nil {
		return fmt.Errorf("process record: %w", err)
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("process record: %w", err)
	}
	// One write of one short line, so that records of processes that start at
	// the same time do not mix.
	_, err = file.Write(append(line, '\n'))
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("process record: %w", err)
	}
	return nil
}

// Records reads a file of records; a missing file has none. A half-written last
// line is left out.
func Records(name string) ([]Record, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("process records: %w", err)
	}
	defer file.Close()
	var records []Record
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var record Record
		if json.Unmarshal(lines.Bytes(), &record) == nil && record.PID > 0 {
			records = append(records, record)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("process records %s: %w", name, err)
	}
	return records, nil
}

// Alive says whether the recorded process, and not a later one with the same
// id, still runs.
func (r Record) Alive() bool {
	start, err := startTime(r.PID)
	return err == nil && start == r.Start
}

// errEnded means that there is no such process, or only its exit status.
var errEnded = errors.New("process has ended")

// startTime is a running process's start in clock ticks since boot.
func startTime(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("process %d: %w", pid, err)
	}
	return parseStart(string(text))
}

// parseStart reads the start time from a line of /proc/PID/stat.
func parseStart(stat string) (uint64, error) {
	// The second field is the command in parentheses and may hold anything.
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, fmt.Errorf("process state %q has no command", stat)
	}
	fields := strings.Fields(stat[end+1:])
	const state, start = 0, 19 // counted after the command
	if len(fields) <= start {
		return 0, fmt.Errorf("process state %q is too short", stat)
	}
	if fields[state] == "Z" || fields[state] == "X" {
		return 0, errEnded
	}
	return strconv.ParseUint(fields[start], 10, 64)
}

// Kill ends the process of the given id at once. With a record, use Record.Kill.
func Kill(pid int) { signal(pid, 0) }

// Kill ends the recorded process at once; it is left alone if its id was taken
// over by another one.
func (r Record) Kill() { signal(r.PID, r.Start) }

// signal sends SIGKILL through a handle on the process, so that it cannot hit
// another one that got the id in between. A start of 0 fits any.
func signal(pid int, start uint64) {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(handle)
	if has, err := startTime(pid); err != nil || start != 0 && has != start {
		return
	}
	// It fails only if the process has ended, which is what is wanted.
	_ = unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0)
}

// Running says whether the process of the given id runs and is no zombie.
func Running(pid int) bool {
	_, err := startTime(pid)
	return err == nil
}
