//go:build linux

// Package mounts finds and undoes mounts below a folder.
package mounts

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Below lists the mount points at or below a folder, inner ones first.
func Below(folder string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("mounts: %w", err)
	}
	return below(string(text), folder), nil
}

func below(mountinfo, folder string) []string {
	var points []string
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		if point := unescape(fields[4]); point == folder || strings.HasPrefix(point, folder+"/") {
			points = append(points, point)
		}
	}
	slices.Reverse(points) // later mounts lie on or in earlier ones
	return points
}

// unescape undoes the octal escapes by which mountinfo writes spaces and the like.
func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if code, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// Undo unmounts everything at and below a folder.
func Undo(folder string) error {
	points, err := Below(folder)
	if err != nil {
		return err
	}
	for _, point := range points {
		// Detached: nothing of the cluster runs any more that could use it.
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil && err != unix.EINVAL {
			return fmt.Errorf("unmount %s: %w", point, err)
		}
	}
	return nil
}

// Containers lists the ids of the processes whose root file system is an overlay
// that keeps its changes below the folder: the containers of that folder.
func Containers(folder string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("processes: %w", err)
	}
	var ids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + entry.Name() + "/mountinfo")
		if err == nil && rootedIn(string(text), folder) {
			ids = append(ids, pid)
		}
	}
	return ids, nil
}

// rootedIn looks at the root mount only: other mounts of the folder may be seen
// by processes that have nothing to do with it.
func rootedIn(mountinfo, folder string) bool {
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 5 || fields[4] != "/" {
			continue
		}
		if strings.HasPrefix(after, "overlay ") && strings.Contains(after, "upperdir="+folder+"/") {
			return true
		}
	}
	return false
}
