package hadoop

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"gojn/internal/ports"
)

const (
	// pollInterval is the pause between two looks at something that will change.
	pollInterval = 50 * time.Millisecond
	// startTimeout bounds the start of one process on a busy machine.
	startTimeout = 90 * time.Second
	// commandTimeout bounds one admin command.
	commandTimeout = 120 * time.Second
)

// Site is the place of one test: a directory, loopback ports, and every process that the test starts there.
type Site struct {
	Dir     string
	Install *Installation
	// Journals are the kinds of the JournalNodes of this site's clusters where a test has no wish of its own; nil: it has.
	Journals []Kind

	ports    *ports.Ports
	launcher *launcher
	http     *http.Client
}

// NewSite makes a site in dir, which must exist and be the test's own. Close ends it.
func NewSite(dir string, install *Installation) (*Site, error) {
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o755); err != nil {
		return nil, fmt.Errorf("new site: %w", err)
	}
	return &Site{
		Dir: dir, Install: install, ports: ports.New(), launcher: newLauncher(),
		http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}, nil
}

// Close kills every process that still runs, waits for it and gives the ports back.
func (s *Site) Close() {
	s.launcher.close()
	s.ports.Close()
}

// Logs returns the last lines of every log, oldest process first.
func (s *Site) Logs(lines int) []string {
	s.launcher.mu.Lock()
	defer s.launcher.mu.Unlock()
	var logs []string
	for _, p := range s.launcher.processes {
		logs = append(logs, p.Tail(lines))
	}
	return logs
}

// address returns a new loopback address.
func (s *Site) address() (string, error) {
	port, err := s.ports.Next()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", port), nil
}

// addresses returns n new loopback addresses.
func (s *Site) addresses(n int) ([]string, error) {
	all := make([]string, n)
	for i := range all {
		var err error
		if all[i], err = s.address(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// startJava starts a JVM that is to keep running.
func (s *Site) startJava(name string, c javaCommand) (*Process, error) {
	return s.launcher.start(name, s.Dir, s.Install.argv(c, filepath.Join(s.Dir, "tmp")), nil)
}

// CommandError is an admin command that ended with another code than 0.
type CommandError struct {
	Name   string
	Code   int
	Output string
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("%s: exit code %d\n%s", e.Name, e.Code, tail(e.Output, 40))
}

// run starts a JVM and waits for its end; what it printed comes back also with the error.
func (s *Site) run(ctx context.Context, name string, c javaCommand, more ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	p, err := s.launcher.start(name, s.Dir, s.Install.argv(c, filepath.Join(s.Dir, "tmp"), more...), nil)
	if err != nil {
		return "", err
	}
	return outputOf(ctx, p)
}

// outputOf waits for the end of a command.
func outputOf(ctx context.Context, p *Process) (string, error) {
	code, err := p.ExitCode(ctx)
	if err != nil {
		p.Kill()
		return "", fmt.Errorf("%w\n%s", err, p.Tail(40))
	}
	output, err := os.ReadFile(p.Log)
	if err != nil {
		return "", fmt.Errorf("run %s: %w", p.Name, err)
	}
	if code != 0 {
		return string(output), &CommandError{Name: p.Name, Code: code, Output: string(output)}
	}
	return string(output), nil
}

// Interactive is a Java driver that takes one command per line and answers each with one line.
type Interactive struct {
	*Process
	in  io.WriteCloser
	out *lineReader
}

// interactive starts one of this package's driver classes with pipes on its standard input and output.
func (s *Site) interactive(ctx context.Context, name, class, conf string, args ...string) (*Interactive, error) {
	drivers, err := s.Install.drivers(ctx)
	if err != nil {
		return nil, err
	}
	return s.converse(name, javaCommand{conf: conf, heap: "160m", class: class, args: args}, drivers)
}

// converse starts a JVM with pipes on its standard input and output; more goes first on its class path.
func (s *Site) converse(name string, c javaCommand, more ...string) (*Interactive, error) {
	var in io.WriteCloser
	var out io.ReadCloser
	var pipes error
	argv := s.Install.argv(c, filepath.Join(s.Dir, "tmp"), more...)
	p, err := s.launcher.start(name, s.Dir, argv, func(cmd *exec.Cmd) {
		cmd.Stdout = nil
		var inErr, outErr error
		in, inErr = cmd.StdinPipe()
		out, outErr = cmd.StdoutPipe()
		pipes = errors.Join(inErr, outErr)
	})
	if err := errors.Join(err, pipes); err != nil {
		return nil, err
	}
	return &Interactive{Process: p, in: in, out: newLineReader(out)}, nil
}

// waitFor polls until ready returns nil, one of the processes ends, or the time is over. The error holds ready's last
// error and the tail of the processes' logs.
func waitFor(ctx context.Context, what string, timeout time.Duration, ready func() error, watched ...*Process) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		for _, p := range watched {
			if !p.Running() {
				return fmt.Errorf("%s: %s: %w\n%s", what, p.Name, errors.Join(errEnded, p.err), p.Tail(40))
			}
		}
		select {
		case <-ctx.Done():
			err = fmt.Errorf("%s: %w: %w", what, ctx.Err(), err)
			for _, p := range watched {
				err = fmt.Errorf("%w\n%s", err, p.Tail(40))
			}
			return err
		case <-time.After(pollInterval):
		}
	}
}

// dial tells whether something listens.
func dial(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// UseTLS is for daemons whose HTTP address begins with https://.
func (s *Site) UseTLS(config *tls.Config) {
	s.http.Transport.(*http.Transport).TLSClientConfig = config
}

// jmx reads one bean from a daemon's /jmx into bean. The address may have a scheme; it is http otherwise.
func (s *Site) jmx(address, name string, bean any) error {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	resp, err := s.http.Get(address + "/jmx?qry=" + url.QueryEscape(name))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("jmx %s: %s", name, resp.Status)
	}
	var answer struct {
		Beans []json.RawMessage `json:"beans"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("jmx %s: %w", name, err)
	}
	if len(answer.Beans) != 1 {
		return fmt.Errorf("jmx %s: %d beans", name, len(answer.Beans))
	}
	return json.Unmarshal(answer.Beans[0], bean)
}
