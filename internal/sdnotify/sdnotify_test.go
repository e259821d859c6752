package sdnotify

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// listen is the manager's side.
func listen(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func receive(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// TestSend: one datagram a message, to sockets with a path and to abstract ones; the variables are gone.
func TestSend(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@gojn-sdnotify-" + strconv.Itoa(os.Getpid())} {
		c := listen(t, name)
		t.Setenv("NOTIFY_SOCKET", name)
		t.Setenv("WATCHDOG_USEC", "2500000")
		t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
		m, err := FromEnvironment()
		if err != nil || m.Watchdog() != 2500*time.Millisecond {
			t.Fatalf("%s: %v, watchdog %v", name, err, m.Watchdog())
		}
		for _, v := range variables {
			if value, ok := os.LookupEnv(v); ok {
				t.Errorf("%s=%s is left for children", v, value)
			}
		}
		for _, states := range [][]State{{Ready, Status("serving")}, {Alive}, {Stopping}} {
			if err := m.Send(states...); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{"READY=1\nSTATUS=serving", "WATCHDOG=1", "STOPPING=1"} {
			if got := receive(t, c); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}

// TestNobodyListens: no manager is no error, one that is gone or does not read is, and soon.
func TestNobodyListens(t *testing.T) {
	m, err := fromVariables(func(string) string { return "" }, 1)
	if m != nil || err != nil || m.Send(Ready) != nil || m.Watchdog() != 0 {
		t.Errorf("without a manager: %v, %v", m, err)
	}
	name := filepath.Join(t.TempDir(), "notify")
	m = &Manager{socket: net.UnixAddr{Net: "unixgram", Name: name}}
	if err := m.Send(Ready); err == nil {
		t.Error("sent to a socket that is not there")
	}
	listen(t, name)
	for i := 0; i < 1_000_000 && err == nil; i++ { // until its queue is full
		err = m.Send(Alive)
	}
	if err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("nobody reads, and sending ended with %v", err)
	}
}

func TestVariables(t *testing.T) {
	for _, c := range []struct {
		name, socket, usec, pid string
		manager                 bool
		watchdog                time.Duration
		want                    string // part of the error
	}{
		{"nothing", "", "1000", "", false, 0, ""},
		{"no watchdog", "/run/n", "", "", true, 0, ""},
		{"watchdog of any process", "@n", "1000000", "", true, time.Second, ""},
		{"ours", "/run/n", "1000000", "42", true, time.Second, ""},
		{"another's", "/run/n", "1000000", "43", true, 0, ""},
		{"no number", "/run/n", "1s", "42", true, 0, "WATCHDOG_USEC"},
		{"negative", "/run/n", "-1", "", true, 0, "WATCHDOG_USEC"},
		{"too long", "/run/n", "9223372036854775807", "", true, 0, "WATCHDOG_USEC"},
		{"a relative path", "run/n", "", "", false, 0, "NOTIFY_SOCKET"},
		{"another family", "vsock:2:1234", "", "", false, 0, "NOTIFY_SOCKET"},
	} {
		env := map[string]string{"NOTIFY_SOCKET": c.socket, "WATCHDOG_USEC": c.usec, "WATCHDOG_PID": c.pid}
		m, err := fromVariables(func(k string) string { return env[k] }, 42)
		if (m != nil) != c.manager || m.Watchdog() != c.watchdog || (err != nil) != (c.want != "") ||
			err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, watchdog %v, %v", c.name, m, m.Watchdog(), err)
		}
	}
}

// TestStatusIsOneLine: a journal's id is whatever a stranger calls it.
func TestStatusIsOneLine(t *testing.T) {
	long := strings.Repeat("é", 2000)
	for text, want := range map[string]string{
		"fine":                "STATUS=fine",
		"ns\nMAINPID=1\r\x00": "STATUS=ns MAINPID=1  ",
		"a\xffb":              "STATUS=a?b",
	} {
		if got := Status(text); string(got) != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := string(Status(long)); len(got) > len("STATUS=")+maxStatus || !strings.HasSuffix(got, "é…") {
		t.Errorf("%d bytes, ends with %q", len(got), got[len(got)-6:])
	}
}
