package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of /proc, the same on every Linux that Go runs on.
const ticksPerSecond = 100

// The places of fields in /proc/PID/stat, counted from the one after the name.
const (
	statParent = 1
	statUser   = 11
	statSystem = 12
)

// processorTime is what a process has used of all processors since it started, with a precision of 10 ms.
func processorTime(pid int) (time.Duration, error) {
	fields, _, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	return ticks(fields[statUser]) + ticks(fields[statSystem]), nil
}

// readStat gives the fields of /proc/PID/stat after the name, and the name, which may hold anything.
func readStat(pid int) (fields []string, name string, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, "", fmt.Errorf("read the processor time: %w", err)
	}
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return nil, "", fmt.Errorf("/proc/%d/stat: %q has no name", pid, text)
	}
	fields = strings.Fields(string(text[end+1:]))
	if len(fields) <= statSystem {
		return nil, "", fmt.Errorf("/proc/%d/stat: has %d fields after the name", pid, len(fields))
	}
	return fields, string(text[open+1 : end]), nil
}

func ticks(field string) time.Duration {
	n, err := strconv.ParseInt(field, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second / ticksPerSecond
}

// childNamed is the process of this program's that runs a program; 0 where there is none.
func childNamed(program string) int {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		fields, name, err := readStat(pid)
		if err == nil && name == program && fields[statParent] == strconv.Itoa(os.Getpid()) {
			return pid
		}
	}
	return 0
}

// memory is what a process holds, in bytes.
type memory struct {
	// Now is the resident memory, Peak the most that it has been since the start.
	Now, Peak int64
}

func memoryOf(pid int) (memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, fmt.Errorf("read the memory: %w", err)
	}
	var found memory
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch {
		case err != nil:
		case name == "VmRSS":
			found.Now = kilobytes << 10
		case name == "VmHWM":
			found.Peak = kilobytes << 10
		}
	}
	return found, nil
}

// machineTime is how long the machine's processors have worked for anybody.
func machineTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("read the processor time: %w", err)
	}
	// cpu user nice system idle iowait irq softirq steal: all but idle and iowait, and what the host took.
	fields := strings.Fields(firstLine(text))
	if len(fields) < 8 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat: begins with %q", firstLine(text))
	}
	var sum time.Duration
	for _, field := range append(fields[1:4:4], fields[6:8]...) {
		sum += ticks(field)
	}
	return sum, nil
}
