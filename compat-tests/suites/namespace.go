package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideFlag makes this program the first process of a class's namespaces; behind it stands the file of its inside.
const insideFlag = "-inside"

// root is where a JVM has its files in memory, see inside. It exists in the JVM's mount namespace only.
const root = "/tmp/suite"

// workDirs are below the working directory; Hadoop's build makes them too, for the properties that name them (see
// job.argv).
var workDirs = []string{"data", "tmp", "log"}

// tmpSize is the room there, of which only what is used costs memory: a test that writes without end fails alone.
const tmpSize = "4g"

// inside says what runs in namespaces of its own: its network has the loopback interface only, because tests of
// Hadoop listen on the wildcard address and on fixed ports; its /tmp is empty and in memory, because some wipe
// /tmp/hadoop; and none of its processes outlives the first one.
type inside struct {
	Keep    []string // directories that are seen inside although they lie below /tmp
	Classes string   // of the tests; copied, because some tests write beside their classes
	Argv    []string
}

// namespaces are made by the kernel when the process is started.
func namespaces() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL, Setpgid: true,
	}
}

// nodeTool is what the tests' JVM starts a node with, so that none outlives it.
const nodeTool = "setpriv"

// canIsolate tells why this process cannot start others in namespaces; nil if it can.
func canIsolate() error {
	cmd := exec.Command("/proc/self/exe", insideFlag, "")
	cmd.SysProcAttr = namespaces()
	if out, err := cmd.CombinedOutput(); err != nil {
		return notIsolated(os.Geteuid(), err, strings.TrimSpace(string(out)))
	}
	if _, err := exec.LookPath(nodeTool); err != nil {
		return fmt.Errorf("needs %s, of util-linux: %w", nodeTool, err)
	}
	return nil
}

// notIsolated says why: who is root may still be kept from it, in a container for instance.
func notIsolated(uid int, err error, said string) error {
	why := "cannot start processes in namespaces of their own"
	switch {
	case uid != 0:
		why = fmt.Sprintf("needs root, to start processes in namespaces of their own (this is user %d)", uid)
	case errors.Is(err, syscall.EPERM):
		why = "is root, but may not make namespaces: a seccomp filter, or no CAP_SYS_ADMIN"
	}
	if said != "" {
		return fmt.Errorf("%s: %w: %s", why, err, said)
	}
	return fmt.Errorf("%s: %w", why, err)
}

// runInside is this program as the first process of the namespaces: it prepares them, runs Argv and returns its exit
// status. SIGQUIT goes to the program. With an empty file name it only prepares.
func runInside(file string) (int, error) {
	var plan inside
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		if err := json.Unmarshal(text, &plan); err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
	}
	if err := errors.Join(loopbackUp(), unix.Sethostname([]byte("localhost"))); err != nil {
		return 0, err
	}
	if err := mounts(plan.Keep); err != nil {
		return 0, err
	}
	if file == "" {
		return 0, nil
	}
	work := filepath.Join(root, "work")
	for _, dir := range workDirs {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			return 0, err
		}
	}
	if err := os.CopyFS(filepath.Join(root, "classes"), os.DirFS(plan.Classes)); err != nil {
		return 0, fmt.Errorf("copy the test classes: %w", err)
	}
	return runAsInit(plan.Argv, work)
}

// runAsInit starts argv and waits for it, and for every orphan, as the first process of a namespace must.
func runAsInit(argv []string, dir string) (int, error) {
	program, err := exec.LookPath(argv[0])
	if err != nil {
		return 0, err
	}
	quits := make(chan os.Signal, 1)
	signal.Notify(quits, syscall.SIGQUIT)
	defer signal.Stop(quits)
	child, err := syscall.ForkExec(program, argv, &syscall.ProcAttr{Dir: dir, Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", program, err)
	}
	go func() { // ends with this process
		for range quits {
			_ = syscall.Kill(child, syscall.SIGQUIT)
		}
	}()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait for %s: %w", program, err)
		case pid == child && status.Signaled():
			return 128 + int(status.Signal()), nil
		case pid == child:
			return status.ExitStatus(), nil
		}
	}
}

// mounts gives the process a /tmp and a /proc of its own.
func mounts(keep []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	keep = slices.DeleteFunc(slices.Clone(keep), func(dir string) bool { return !strings.HasPrefix(dir, "/tmp/") })
	var kept []int
	for _, dir := range keep {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", dir, err)
		}
		defer closeFD(fd)
		kept = append(kept, fd)
	}
	if err := unix.Mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777,size="+tmpSize); err != nil {
		return fmt.Errorf("mount /tmp: %w", err)
	}
	for i, dir := range keep {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("/proc/self/fd/"+strconv.Itoa(kept[i]), dir, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	return nil
}

// closeFD closes a descriptor that nothing was written to.
func closeFD(fd int) { _ = unix.Close(fd) }

// loopbackUp brings up the one interface that a new network namespace has.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	defer closeFD(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	return nil
}
