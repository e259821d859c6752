package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gojn/compat-tests/hadoop"
)

// facts are the lines above the table: where, when and how it was measured.
type facts []struct{ name, value string }

func gather(ctx context.Context, command, dir string, install *hadoop.Installation, jvm []string) (facts, error) {
	root, err := hadoop.RepositoryRoot()
	if err != nil {
		return nil, err
	}
	commit, err := output(ctx, root, "git", "describe", "--always", "--dirty", "--abbrev=12")
	if err != nil {
		return nil, err
	}
	java, err := output(ctx, root, "java", "-version")
	if err != nil {
		return nil, err
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return nil, err
	}
	mount, err := mountOf(dir)
	if err != nil {
		return nil, err
	}
	flags := strings.Join(jvm, " ") + ", else the JVM's defaults"
	return facts{
		{"date", time.Now().UTC().Format("2006-01-02 15:04 UTC")},
		{"command", "`" + command + "`"},
		{"commit", commit},
		{"Hadoop", install.Release.Version + ", its JournalNode and its client; " + firstLine(java)},
		{"flags of Java's JournalNode", flags},
		{"our binary", "built with " + runtime.Version() + ", no flags, no environment"},
		{"machine", fmt.Sprintf("%d CPUs, %s, %s of memory, Linux %s", runtime.NumCPU(), cpuModel(), memoryText(),
			strings.TrimSpace(string(kernel)))},
		{"file system", mount},
	}, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, text)
	}
	return strings.TrimSpace(string(text)), nil
}

func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func memoryText() string {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return "an unknown size"
	}
	return fmt.Sprintf("%.0f GiB", float64(info.Totalram)*float64(info.Unit)/(1<<30))
}

// mountOf is type and options of the file system that holds dir.
func mountOf(dir string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", err
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	device := fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		left, right, ok := strings.Cut(line, " - ")
		if !ok || len(fields) < 6 || fields[2] != device {
			continue
		}
		kind := strings.Fields(right)
		if len(kind) == 0 || left == "" {
			continue
		}
		return kind[0] + " (" + fields[5] + ")", nil
	}
	return "unknown", nil
}
