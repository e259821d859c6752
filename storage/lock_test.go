package storage_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/vfs"
)

const holdEnv = "GOJN_TEST_HOLD_LOCK"

// TestMain lets this binary be the other process of TestLockHeldByAnotherProcess.
func TestMain(m *testing.M) {
	if name := os.Getenv(holdEnv); name != "" {
		os.Exit(holdLock(name))
	}
	os.Exit(m.Run())
}

// holdLock takes the lock as Java's FileChannel.tryLock does, says so and keeps it until its input ends.
func holdLock(name string) int {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return 3
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock); err != nil {
		return 4
	}
	_, _ = os.Stdout.WriteString("locked\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

func osOptions(root string) storage.Options {
	o := options(vfs.OS())
	o.Root = root
	return o
}

// TestLockHeldByAnotherProcess is start-up state s15, and then the other way round: a Java node comes second.
func TestLockHeldByAnotherProcess(t *testing.T) {
	root := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"="+filepath.Join(root, "in_use.lock"))
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "locked\n" {
		t.Fatalf("%q %v", line, err)
	}
	words := "Cannot lock storage " + root + ". The directory is already locked"
	for range 2 {
		_, err = storage.Open(osOptions(root))
		wantError(t, err, javaerr.IOException, words)
	}
	must(t, stdin.Close())
	must(t, cmd.Wait())

	d, err := storage.Open(osOptions(root)) // the file is still there, the lock is not
	must(t, err)
	_, err = storage.Open(osOptions(root)) // in the same process
	wantError(t, err, javaerr.IOException, words)
	second := exec.Command(os.Args[0])
	second.Env = append(os.Environ(), holdEnv+"="+filepath.Join(root, "in_use.lock"))
	if err := second.Run(); second.ProcessState.ExitCode() != 4 {
		t.Errorf("another process got the lock as well: %v", err)
	}
	must(t, d.Close())
	if _, err := os.Stat(filepath.Join(root, "in_use.lock")); err != nil {
		t.Errorf("the lock file was unlinked: %v", err)
	}
	d, err = storage.Open(osOptions(root))
	must(t, err)
	must(t, d.Close())
}

func TestLockText(t *testing.T) {
	for _, old := range []string{"", "1@a", "123456789@a-much-longer-host-name.example.com"} {
		mem := newDisk(t).put("in_use.lock", old).settled()
		mustOpen(t, mem)
		if got := readFrom(t, mem, rootDir+"/in_use.lock"); got != owner {
			t.Errorf("after %q: %q", old, got)
		}
	}
}

// TestLockOfAFileThatIsGone: a Java node unlinks in_use.lock at exit, between our open and our lock perhaps. A lock on the
// old file would be one that nobody else sees.
func TestLockOfAFileThatIsGone(t *testing.T) {
	for _, replace := range []bool{false, true} {
		mem := newDisk(t).settled()
		times := 0
		fsys := vfs.Inject(mem, func(op vfs.Op) error {
			if op.Kind == "lock" && times < 3 {
				times++
				must(t, mem.Remove(op.Path))
				if replace {
					writeTo(t, mem, op.Path, nil)
				}
			}
			return nil
		})
		mustOpen(t, fsys)
		if times != 3 {
			t.Errorf("the file was opened %d times", times)
		}
		_, err := storage.Open(options(mem))
		wantError(t, err, javaerr.IOException, "Cannot lock storage "+rootDir+". The directory is already locked")
	}
}

// TestLockThatIsAlwaysReplaced must end.
func TestLockThatIsAlwaysReplaced(t *testing.T) {
	mem := newDisk(t).settled()
	fsys := vfs.Inject(mem, func(op vfs.Op) error {
		if op.Kind == "lock" {
			must(t, mem.Remove(op.Path))
		}
		return nil
	})
	_, err := storage.Open(options(fsys))
	wantError(t, err, javaerr.IOException, "Cannot lock storage "+rootDir+". in_use.lock was replaced 10 times")
}
