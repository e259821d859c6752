package hadoop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestOnce_LeftOvers: what an interrupted run left is thrown away, a failed fill leaves nothing, and processes that
// come at the same time make the directory once.
func TestOnce_LeftOvers(t *testing.T) {
	cache := t.TempDir()
	dir := filepath.Join(cache, "1.0")
	if err := os.MkdirAll(filepath.Join(dir+".tmp", "half-done"), 0o755); err != nil {
		t.Fatal(err)
	}
	complete := func() bool { return exists(filepath.Join(dir, "jar")) }
	broken := errors.New("line is down")
	if err := once(cache, dir, complete, func(string) error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("once: %v, want the error of fill", err)
	}
	if exists(dir) || exists(dir+".tmp") {
		t.Fatal("a failed fill left a directory")
	}
	if err := os.MkdirAll(filepath.Join(dir, "of another list"), 0o755); err != nil {
		t.Fatal(err)
	}
	var fills atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := once(cache, dir, complete, func(tmp string) error {
				fills.Add(1)
				return os.WriteFile(filepath.Join(tmp, "jar"), []byte("x"), 0o644)
			})
			if err != nil || !exists(filepath.Join(dir, "jar")) {
				t.Errorf("once: %v, or an incomplete directory", err)
			}
		})
	}
	all.Wait()
	if fills.Load() != 1 || exists(filepath.Join(dir, "half-done")) || exists(filepath.Join(dir, "of another list")) ||
		exists(dir+".old") {
		t.Errorf("filled %d times, want 1, without the left-overs", fills.Load())
	}
}

// TestSite_CloseEndsAll: Close ends processes that nobody stopped, with their children, and a process that ends by
// itself is reported with its log.
func TestSite_CloseEndsAll(t *testing.T) {
	site, err := NewSite(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := site.launcher.start("sleeper", site.Dir, []string{"sh", "-c", "sleep 600 & echo child $!; wait"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	failed, err := site.launcher.start("failing", site.Dir, []string{"sh", "-c", "echo no such key >&2; exit 3"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, err := failed.ExitCode(t.Context()); code != 3 || err != nil {
		t.Errorf("exit code %d, %v, want 3", code, err)
	}
	never := func() error { return errors.New("not yet") }
	err = waitFor(t.Context(), "start failing", startTimeout, never, failed)
	if err == nil || !strings.Contains(err.Error(), "no such key") {
		t.Errorf("waitFor: %v, want the log", err)
	}
	var child int
	err = waitFor(t.Context(), "read the child's pid", startTimeout, func() error {
		text, err := os.ReadFile(p.Log)
		if err == nil {
			_, err = fmt.Sscanf(string(text), "child %d\n", &child)
		}
		return err
	}, p)
	if err != nil {
		t.Fatal(err)
	}
	site.Close()
	if p.Running() {
		t.Error("a process outlived its site")
	}
	err = waitFor(t.Context(), "end of the child", startTimeout, func() error {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		if errors.Is(err, os.ErrNotExist) || strings.Contains(string(stat), ") Z ") {
			return nil
		}
		return errors.New("still there")
	})
	if err != nil {
		t.Errorf("a child outlived its group: %v", err)
	}
	if _, err := site.launcher.start("late", site.Dir, []string{"true"}, nil); err == nil {
		t.Error("a closed site started a process")
	}
}
