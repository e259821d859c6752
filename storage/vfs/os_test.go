package vfs_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"gojn/storage/vfs"
)

const childFile = "GOJN_VFS_TEST_LOCK"

// TestMain lets this binary be the other process of TestOSLockAgainstPOSIXLock.
func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		os.Exit(lockAsJavaDoes(path))
	}
	os.Exit(m.Run())
}

// lockAsJavaDoes takes the record lock of FileChannel.tryLock, says how that went and holds it until stdin ends.
func lockAsJavaDoes(path string) int {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	err = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	fmt.Println(err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// startChild gives what the child said, and a function that ends it.
func startChild(t *testing.T, path string) (said string, end func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childFile+"="+path)
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	said, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Error(err)
	}
	return said, func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
	}
}

// Our lock and the POSIX record lock of a Java JournalNode exclude each other, whoever is first (spec 1.6).
func TestOSLockAgainstPOSIXLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in_use.lock")
	f, err := vfs.OS().OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	said, end := startChild(t, path)
	if said != "<nil>\n" {
		t.Errorf("child, first: %s", said)
	}
	if err := f.Lock(); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("while the other process holds the lock: %v", err)
	}
	end()
	if err := f.Lock(); err != nil {
		t.Errorf("after the other process ended: %v", err)
	}
	said, end = startChild(t, path)
	if want := fmt.Sprintln(unix.EAGAIN); said != want {
		t.Errorf("child, second: %q, want %q", said, want)
	}
	end()
}

func TestOSStatfsKind(t *testing.T) {
	info, err := vfs.OS().Statfs("/proc")
	if err != nil || info.Kind != "0x9fa0" {
		t.Errorf("proc: %+v, %v", info, err)
	}
	if _, err := os.Stat("/dev/shm"); err == nil {
		if info, err := vfs.OS().Statfs("/dev/shm"); err != nil || info.Kind != "tmpfs" {
			t.Errorf("/dev/shm: %+v, %v", info, err)
		}
	}
}

func TestOSAccessDenied(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Geteuid() == 0 {
			// Root may do everything, so this thread becomes nobody; it is not unlocked and ends with the goroutine.
			runtime.LockOSThread()
			const nobody = 65534
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
				t.Errorf("setresuid: %v", errno)
				return
			}
		} else if err := os.Chmod(dir, 0o500); err != nil {
			t.Error(err)
			return
		}
		if err := vfs.OS().Access(dir); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("read-only directory: %v", err)
		}
	}()
	<-done
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := vfs.OS().Access(dir); err != nil {
		t.Errorf("own directory: %v", err)
	}
}

// sendfile needs the real file; a wrapper must not hide it.
func TestFileOS(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for name, fsys := range map[string]vfs.FS{
		"OS":     vfs.OS(),
		"Inject": vfs.Inject(vfs.OS(), func(vfs.Op) error { return nil }),
	} {
		f, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if f.OS() == nil || f.OS().Name() != path {
			t.Errorf("%s: real file %v", name, f.OS())
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
