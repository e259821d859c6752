package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// TestMain is the first process of the namespaces too, as main is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == insideFlag {
		status, err := runInside(os.Args[2])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 2
		}
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// shell runs a script inside and returns its output and exit status.
func shell(t *testing.T, keep, script string, during func(*exec.Cmd)) (string, int) {
	t.Helper()
	if err := canIsolate(); err != nil {
		if hadoop.Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	classes := filepath.Join(keep, "tests")
	if err := os.MkdirAll(classes, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(classes, "A.class"), []byte("class"), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(inside{Keep: []string{keep}, Classes: classes, Argv: []string{"sh", "-c", script}})
	if err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(keep, "inside.json")
	if err := os.WriteFile(plan, text, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", insideFlag, plan)
	cmd.SysProcAttr = namespaces()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if during != nil {
		during(cmd)
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// tmpDir is one below /tmp, which the namespaces hide.
func tmpDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "gojn-inside-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestInside: a JVM sees a /tmp and a network of its own, the directories that it needs, and copies of the test
// classes.
func TestInside(t *testing.T) {
	keep, hidden := tmpDir(t), tmpDir(t)
	got, status := shell(t, keep, `
		stat -f -c 'room %b %S' /tmp; ls /tmp; ls; hostname; pwd; echo mine > ../classes/A.class; cat ../classes/A.class
		echo kept > `+keep+`/kept
		ls -d `+hidden+` 2>/dev/null
		tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '
		bash -c 'exec 3<>/dev/tcp/127.0.0.1/1' 2>&1
		exit 7`, nil)
	if status != 7 {
		t.Errorf("exit status %d", status)
	}
	lines := strings.Split(got, "\n")
	for _, want := range []string{filepath.Base(keep), "suite", "localhost", root + "/work", "mine", "lo", "log",
		"Connection refused",
		fmt.Sprintf("room %d 4096", 4<<30/4096)} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %q in %q", want, lines)
		}
	}
	if strings.Contains(got, hidden) {
		t.Errorf("another directory of /tmp is seen: %q", lines)
	}
	if text, err := os.ReadFile(filepath.Join(keep, "kept")); err != nil || string(text) != "kept\n" {
		t.Errorf("what was written inside is %q, %v", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(keep, "tests", "A.class")); err != nil || string(text) != "class" {
		t.Errorf("the class outside is %q, %v", text, err)
	}
}

// TestGuard: a class that takes too long is asked for a thread dump, then ended with all of its processes.
func TestGuard(t *testing.T) {
	keep := tmpDir(t)
	var told string
	start := time.Now()
	got, status := shell(t, keep, `trap 'echo dump' QUIT; sleep 1000 & echo begun > `+keep+`/begun; while true; do wait; done`,
		func(cmd *exec.Cmd) {
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				if _, err := os.Stat(filepath.Join(keep, "begun")); err == nil {
					break
				}
			}
			told = guard(context.Background(), cmd.Process, make(chan struct{}), time.Millisecond)
		})
	if !strings.Contains(got, "dump") || status != -1 || !strings.Contains(told, "budget") {
		t.Errorf("after %v: exit status %d, %q, %q", time.Since(start), status, got, told)
	}
}

// TestNotIsolated: who is not root is told so, and who is root what else it may be.
func TestNotIsolated(t *testing.T) {
	refused := &os.PathError{Op: "fork/exec", Path: "/proc/self/exe", Err: syscall.EPERM}
	for _, c := range []struct {
		name string
		uid  int
		err  error
		said string
		want string
	}{
		{"not root", 1000, refused, "", "needs root"}, {"root in a container", 0, refused, "", "seccomp"},
		{"a mount fails", 0, errors.New("exit status 2"), "mount /tmp: operation not permitted", "exit status 2: mount /tmp"},
	} {
		if got := notIsolated(c.uid, c.err, c.said); !strings.Contains(got.Error(), c.want) || !errors.Is(got, c.err) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestNodeTool: without what starts nodes there is no run, and the reason is told.
func TestNodeTool(t *testing.T) {
	shell(t, tmpDir(t), "true", nil) // skips without root
	t.Setenv("PATH", t.TempDir())
	if err := canIsolate(); err == nil || !strings.Contains(err.Error(), nodeTool) {
		t.Errorf("without %s: %v", nodeTool, err)
	}
}
