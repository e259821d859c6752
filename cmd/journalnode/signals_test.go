package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gojn/storage/editlog"
)

// stopContract is what operators and scripts count on (HADOOP_STOP_TIMEOUT, after which they kill).
const stopContract = 5 * time.Second

// TestSignals: exit codes are those of a JVM (spec rpc.md 5.4). Connections that are open and idle do not hold it up.
func TestSignals(t *testing.T) {
	if stopLimit >= stopContract || stopGrace >= stopLimit {
		t.Errorf("stopGrace %v, stopLimit %v: the stop takes longer than %v", stopGrace, stopLimit, stopContract)
	}
	for sig, want := range map[syscall.Signal]struct {
		code int
		name string
	}{
		syscall.SIGTERM: {143, "RECEIVED SIGNAL 15: SIGTERM"},
		syscall.SIGINT:  {130, "RECEIVED SIGNAL 2: SIGINT"},
		syscall.SIGHUP:  {129, "RECEIVED SIGNAL 1: SIGHUP"},
	} {
		t.Run(want.name, func(t *testing.T) {
			if signal.Ignored(sig) {
				t.Skip("whoever runs the tests had it ignored")
			}
			dir := t.TempDir()
			p := launch(t, nil, defines(loopback(dir))...).up()
			c := dial(t, p.rpc, "ns1")
			c.write(3, 10)
			web, err := net.Dial("tcp", strings.TrimPrefix(p.web, "http://"))
			must(t, err)
			defer func() { _ = web.Close() }()
			_, err = io.WriteString(web, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
			must(t, err)
			if line, err := bufio.NewReader(web).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
				t.Fatalf("%q %v", line, err)
			}

			began := time.Now()
			must(t, p.cmd.Process.Signal(sig))
			code := p.exit()
			took := time.Since(began)
			t.Logf("stopped in %v", took)
			if code != want.code || took > stopContract {
				t.Errorf("exit code %d after %v, want %d", code, took, want.code)
			}
			if len(p.log.matching(want.name)) != 1 || len(p.log.matching("SHUTDOWN_MSG")) != 1 {
				t.Errorf("log:\n%s", p.log.text())
			}
			if len(p.plain()) > 0 {
				t.Errorf("besides log lines: %q", p.plain())
			}
			// The segment stays as it is, for the next writer to recover.
			if scan := scanFile(t, filepath.Join(dir, "edits/ns1/current/edits_inprogress_0000000000000000001")); scan.End != 3 {
				t.Errorf("the segment ends at %d", scan.End)
			}
		})
	}
}

// TestNohup: a signal that was ignored when the node began stays ignored.
func TestNohup(t *testing.T) {
	args := append([]string{"-c", `trap "" HUP; exec "$0" "$@"`, command}, defines(loopback(t.TempDir()))...)
	p := launchBy(t, nil, exec.Command("/bin/sh", args...)).up()
	must(t, p.cmd.Process.Signal(syscall.SIGHUP))
	if resp, _ := get(t, p.web+"/livez"); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	if code := p.exit(); code != 143 || len(p.log.matching("RECEIVED SIGNAL")) != 1 {
		t.Errorf("exit code %d:\n%s", code, p.log.text())
	}
}

func scanFile(t *testing.T, name string) editlog.Scan {
	t.Helper()
	f, err := os.Open(name)
	must(t, err)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	must(t, err)
	scan, err := editlog.ScanSegment(f, info.Size())
	must(t, err)
	return scan
}
