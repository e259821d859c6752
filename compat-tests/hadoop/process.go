package hadoop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is how long a process may take to end after SIGTERM before it is killed.
const stopTimeout = 20 * time.Second

var errEnded = errors.New("ended early")

// Process is a started program. It leads its own process group, writes into a log file, and dies with the test
// process, however that ends.
type Process struct {
	Name    string
	Log     string // path of the file that gets its standard output and error
	Started time.Time

	cmd  *exec.Cmd
	done chan struct{} // closed once err is set
	err  error         // of Wait
}

// PID returns its process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended and its sockets are closed.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running tells whether it has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ExitCode waits for the end and returns the exit code, -1 after a signal.
func (p *Process) ExitCode(ctx context.Context) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for %s to end: %w", p.Name, ctx.Err())
	}
}

// Kill sends SIGKILL to its group and waits for the end.
func (p *Process) Kill() { p.signal(syscall.SIGKILL); <-p.done }

// Stop sends SIGTERM and waits; what does not end in time is killed, which is an error.
func (p *Process) Stop() error {
	if !p.Running() {
		return nil
	}
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
		p.Kill()
		return fmt.Errorf("%s did not end within %v of SIGTERM\n%s", p.Name, stopTimeout, p.Tail(30))
	}
}

func (p *Process) signal(sig syscall.Signal) {
	if p.Running() {
		// The group's id is the pid, and stays taken until Wait has returned.
		_ = syscall.Kill(-p.PID(), sig)
	}
}

// FullLog returns all that it has printed, or why that cannot be read.
func (p *Process) FullLog() string {
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Tail returns the last lines of the log, under a line that says whose they are.
func (p *Process) Tail(lines int) string {
	return fmt.Sprintf("--- %s, last lines of its log:\n%s", p.Name, tail(p.FullLog(), lines))
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
