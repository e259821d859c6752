package hadoop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Pause stops its group with SIGSTOP and returns when every thread of it stands still. Its sockets stay open, and the
// kernel goes on taking connections and bytes for it.
func (p *Process) Pause(ctx context.Context) error {
	p.signal(syscall.SIGSTOP)
	return waitFor(ctx, "pause "+p.Name, stopTimeout, func() error {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.PID()))
		if err != nil {
			return err
		}
		for _, thread := range threads {
			text, err := os.ReadFile(thread)
			if err != nil {
				return err
			}
			// The name, in parentheses, may hold anything; the state follows it (proc(5)).
			state := string(text[bytes.LastIndexByte(text, ')')+1:])
			if !strings.HasPrefix(state, " T") {
				return fmt.Errorf("thread %s is in state%.2s", filepath.Base(filepath.Dir(thread)), state)
			}
		}
		return nil
	}, p)
}

// Resume lets a paused group go on.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }
