package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/internal/ports"
)

// patience is how long a test waits for what must come; it is no expectation of speed.
const patience = 60 * time.Second

// lineLog keeps log lines and lets a test wait for one. It is an io.Writer that takes whole lines and parts of them.
type lineLog struct {
	mu      sync.Mutex
	part    []byte
	lines   []string
	changed chan struct{} // closed and replaced with each line
}

func newLineLog() *lineLog { return &lineLog{changed: make(chan struct{})} }

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		i := bytes.IndexByte(l.part, '\n')
		if i < 0 {
			return len(p), nil
		}
		l.lines = append(l.lines, string(l.part[:i]))
		l.part = l.part[i+1:]
		close(l.changed)
		l.changed = make(chan struct{})
	}
}

// all are the lines so far.
func (l *lineLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

func (l *lineLog) text() string { return strings.Join(l.all(), "\n") }

// matching are the lines that hold all of parts. Of another process's log they are those that were read by now: what it told
// before it answered may still be on its way, until it has ended; see await.
func (l *lineLog) matching(parts ...string) []string {
	var found []string
	for _, line := range l.all() {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			found = append(found, line)
		}
	}
	return found
}

// await waits until n lines hold all of parts and returns them; nil if stop is closed before.
func (l *lineLog) await(t *testing.T, stop <-chan struct{}, n int, parts ...string) []string {
	t.Helper()
	late := time.After(patience)
	for {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		if found := l.matching(parts...); len(found) >= n {
			return found
		}
		select {
		case <-changed:
		case <-stop:
			if found := l.matching(parts...); len(found) >= n {
				return found
			}
			return nil
		case <-late:
			t.Fatalf("no %d lines with %q in:\n%s", n, parts, l.text())
		}
	}
}

// process is the command running by itself.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    *lineLog
	stdout *lineLog
	done   chan struct{} // closed when it has ended and all output is read
	began  time.Time
	rpc    string // addresses, once up
	web    string
}

// launch starts the command with nothing in its environment but env. It is killed when the test ends.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	return launchBy(t, env, exec.Command(command, args...))
}

func launchBy(t *testing.T, env []string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, log: newLineLog(), stdout: newLineLog(), done: make(chan struct{})}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout = p.stdout
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_, _ = io.Copy(p.log, bufio.NewReader(stderr))
		_ = p.cmd.Wait() // the code is in ProcessState
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

var upLine = regexp.MustCompile(`rpc=(\S+) (https?)=(\S+) `)

// up waits until the node serves.
func (p *process) up() *process {
	p.t.Helper()
	lines := p.log.await(p.t, p.done, 1, "JournalNode is up")
	if lines == nil {
		p.t.Fatalf("it ended with code %d:\n%s", p.cmd.ProcessState.ExitCode(), p.log.text())
	}
	m := upLine.FindStringSubmatch(lines[0])
	if m == nil {
		p.t.Fatalf("no addresses in %q", lines[0])
	}
	p.rpc, p.web = m[1], m[2]+"://"+m[3]
	return p
}

// exit waits for the end and returns the exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("it does not end:\n%s", p.log.text())
	}
	return p.cmd.ProcessState.ExitCode()
}

// plain are the lines on stderr that are no log lines.
func (p *process) plain() []string {
	return slices.DeleteFunc(p.log.all(), func(s string) bool { return strings.HasPrefix(s, "time=") })
}

// loopback is what lets a test's node listen on free ports of the loopback and write below dir.
func loopback(dir string) map[string]string {
	return map[string]string{
		"dfs.journalnode.rpc-address":  "127.0.0.1:0",
		"dfs.journalnode.http-address": "127.0.0.1:0",
		"dfs.journalnode.edits.dir":    filepath.Join(dir, "edits"),
	}
}

// defines are the -D arguments of keys, sorted.
func defines(keys map[string]string) []string {
	var args []string
	for k, v := range keys {
		args = append(args, "-D"+k+"="+v)
	}
	slices.Sort(args)
	return args
}

// with is a copy of keys with more.
func with(keys map[string]string, more ...string) map[string]string {
	out := map[string]string{}
	for k, v := range keys {
		out[k] = v
	}
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

// siteXML is the text of a configuration file.
func siteXML(keys map[string]string) string {
	var b strings.Builder
	b.WriteString("<configuration>\n")
	for _, arg := range defines(keys) {
		k, v, _ := strings.Cut(strings.TrimPrefix(arg, "-D"), "=")
		b.WriteString("<property><name>" + k + "</name><value>" + v + "</value></property>\n")
	}
	b.WriteString("</configuration>\n")
	return b.String()
}

// confDir makes a configuration directory with hdfs-site.xml.
func confDir(t *testing.T, keys map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "hdfs-site.xml"), siteXML(keys))
	return dir
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// freePort is an address of the loopback where nobody listens, and nobody will but who is told of it.
func freePort(t *testing.T) string {
	t.Helper()
	p := ports.New()
	t.Cleanup(p.Close)
	port, err := p.Next()
	must(t, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// occupy listens on a free port of the loopback.
func occupy(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return l
}
