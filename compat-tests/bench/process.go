package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gojn/compat-tests/hadoop"
)

// nodes are processes whose processor time counts together.
type nodes []*hadoop.JournalNode

// withCPU runs a timing and takes the processor time that the nodes used meanwhile.
func withCPU(of nodes, round func() (timing, error)) (values, error) {
	before, err := of.cpu()
	if err != nil {
		return nil, err
	}
	t, err := round()
	if err != nil {
		return nil, err
	}
	after, err := of.cpu()
	if err != nil {
		return nil, err
	}
	return t.values(after - before), nil
}

func (n nodes) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, node := range n {
		used, err := cpuOf(node.PID())
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// cpuOf is the processor time of a process's threads, in nanoseconds as the scheduler counts it: utime and stime of
// /proc/PID/stat come in steps of 10 ms. Threads that have ended are not in it; in these servers none does under load.
func cpuOf(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	if len(files) == 0 {
		return 0, fmt.Errorf("no schedstat of process %d: the kernel lacks CONFIG_SCHED_INFO, or it has ended", pid)
	}
	var sum time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		running, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(running, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

// memory is what /proc tells of a process, in bytes.
type memory struct{ resident, peak int64 }

func memoryOf(pid int) (memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, err
	}
	var m memory
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		into := map[string]*int64{"VmRSS": &m.resident, "VmHWM": &m.peak}[name]
		if into == nil {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return memory{}, err
		}
		*into = kib << 10
	}
	if m.resident == 0 || m.peak == 0 {
		return memory{}, fmt.Errorf("no VmRSS and VmHWM of process %d", pid)
	}
	return m, nil
}
