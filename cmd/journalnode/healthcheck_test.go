package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// healthOf runs the health command as a process.
func healthOf(t *testing.T, env []string, args ...string) (code int, line string) {
	t.Helper()
	p := launch(t, env, append([]string{"health"}, args...)...)
	code = p.exit()
	if lines := p.stdout.all(); len(lines) == 1 && len(p.log.all()) == 0 {
		return code, lines[0]
	}
	t.Fatalf("code %d, not one line: stdout %q, stderr %q", code, p.stdout.text(), p.log.text())
	return
}

// TestHealthCheckOfANode: with the configuration of a running node, given in each way, the command finds it, also behind a
// wildcard; when the node has gone it says so.
func TestHealthCheckOfANode(t *testing.T) {
	for _, c := range []struct{ name, host, bind string }{
		{"loopback", "127.0.0.1", ""}, {"wildcard", "0.0.0.0", ""}, {"IPv6 wildcard", "[::]", ""},
		{"bind host", "jn.invalid", "0.0.0.0"}, {"IPv6", "[::1]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.host, ":") {
				needIPv6(t)
			}
			_, port, _ := strings.Cut(freePort(t), ":") // both must know it beforehand
			keys := with(loopback(t.TempDir()), "dfs.journalnode.http-address", c.host+":"+port)
			if c.bind != "" {
				keys["dfs.journalnode.http-bind-host"] = c.bind
			}
			conf := confDir(t, keys)
			p := launch(t, nil, "--config", conf).up()
			writer := dial(t, p.rpc, "ns1")
			must(t, writer.format())
			for _, way := range []struct{ env, args []string }{
				{nil, []string{"--config", conf}},
				{[]string{"HADOOP_CONF_DIR=" + conf}, nil},
				{nil, []string{"-conf", filepath.Join(conf, "hdfs-site.xml"), "--timeout=30s"}},
				{[]string{"HADOOP_CONF_DIR=/not/there", "http_proxy=http://127.0.0.1:1"}, defines(keys)},
			} {
				if code, line := healthOf(t, way.env, way.args...); code != 0 || line != "healthy: 1 journals in order" {
					t.Errorf("%v %v: code %d, %q", way.env, way.args, code, line)
				}
			}
			must(t, p.cmd.Process.Kill())
			<-p.done
			if code, line := healthOf(t, nil, "--config", conf); code != 1 || !strings.Contains(line, "connection refused") {
				t.Errorf("of a dead node: code %d, %q", code, line)
			}
		})
	}
}

// TestHealthCheckAnswers: what a peer may answer, and what the command makes of it.
func TestHealthCheckAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		code   int
		want   string
	}{
		{"well", says(200, `{"status":"ok","ready":true,"journals":[{"jid":"a","status":"ok"},{"jid":"b","status":"ok"}]}`),
			0, "healthy: 2 journals in order"},
		{"no journals yet", says(200, `{"status":"ok","ready":true,"journals":[]}`), 0, "healthy: 0 journals in order"},
		{"stopping", says(200, `{"status":"ok","ready":false,"journals":[]}`), 1, "unhealthy: not ready"},
		{"degraded", says(503, `{"status":"degraded","ready":true,"journals":[{"jid":"a","status":"degraded","openError":"no\nVERSION"},
			{"jid":"b","status":"degraded","damagedSegments":[{"name":"edits_1-2","reason":"bad checksum"}]},
			{"jid":"c","status":"degraded","spaceError":"the disk is full"}]}`),
			1, "unhealthy: degraded (503 Service Unavailable): a: no VERSION; b: edits_1-2: bad checksum; c: the disk is full"},
		{"503 of something else", says(503, "<html>\nno backend"), 1, `503 Service Unavailable, which is no JournalNode's: "<html>\nno backend"`},
		{"200 of something else", says(200, "<html>welcome"), 1, "which is no JournalNode's"},
		{"200 with other JSON", says(200, `{"ok":true}`), 1, "which is no JournalNode's"},
		{"ok with another code", says(500, `{"status":"ok","ready":true}`), 1, "unhealthy: ok (500"},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/elsewhere" {
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
				return
			}
			says(200, `{"status":"ok","ready":true}`)(w, r)
		}, 1, "302 Found"},
		{"no answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 1, "no answer within 300ms"},
		{"half an answer", func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(w, `{"status":"ok","ready":true,`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, 1, "no answer within 300ms"},
		{"without end", func(w http.ResponseWriter, _ *http.Request) {
			for part := []byte(strings.Repeat("x", 1<<16)); ; {
				if _, err := w.Write(part); err != nil {
					return
				}
			}
		}, 1, "which is no JournalNode's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/health" && r.URL.Path != "/elsewhere" {
					t.Errorf("asked for %s", r.URL)
				}
				c.answer(w, r)
			}))
			timeout := "1m"
			if strings.Contains(c.want, "300ms") {
				timeout = "300ms"
			}
			defer s.Close()
			code, line := healthOf(t, nil, "--url", s.URL, "--timeout", timeout)
			if code != c.code || !strings.Contains(line, c.want) {
				t.Errorf("code %d, %q, want %d, %q", code, line, c.code, c.want)
			}
		})
	}
}

func says(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = fmt.Fprint(w, body)
	}
}

// TestHealthCheckSilence: a peer that takes the connection and says nothing, as a stopped process does, and one that talks
// something else.
func TestHealthCheckSilence(t *testing.T) {
	silent := occupy(t) // the kernel accepts for it
	if code, line := healthOf(t, nil, "--url", "http://"+silent.Addr().String(), "--timeout", "200ms"); code != 1 ||
		!strings.Contains(line, "no answer within 200ms") {
		t.Errorf("code %d, %q", code, line)
	}
	for _, asked := range []bool{true, false} { // some talk without being asked
		babbler := occupy(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			c, err := babbler.Accept()
			if err != nil {
				return
			}
			if asked {
				_, _ = c.Read(make([]byte, 1))
			}
			_, _ = c.Write([]byte("SSH-2.0-x\r\n\r\n"))
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}()
		if code, line := healthOf(t, nil, "--url=http://"+babbler.Addr().String()); code != 1 ||
			asked && !strings.Contains(line, "malformed HTTP") {
			t.Errorf("asked %v: code %d, %q", asked, code, line)
		}
		<-done
	}
}

// TestHealthCheckArguments: what cannot be asked is refused in one line, with code 1 as everything that is not well.
func TestHealthCheckArguments(t *testing.T) {
	conf := confDir(t, loopback(t.TempDir()))
	broken := t.TempDir()
	writeFile(t, filepath.Join(broken, "hdfs-site.xml"), "<configuration>\n<property")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--config", conf}, "dfs.journalnode.http-address has port 0"},
		{[]string{"--config", "/not/there"}, "/not/there"},
		{[]string{"--config"}, "--config needs a directory"},
		{[]string{"--config", broken}, "hdfs-site.xml"},
		{[]string{"-Ddfs.journalnode.http-address=a b"}, "Does not contain a valid host:port authority: a b"},
		{[]string{"--url"}, "--url needs a value"},
		{[]string{"--timeout"}, "--timeout needs a value"},
		{[]string{"--timeout", "5"}, "--timeout 5: not a duration above 0"},
		{[]string{"--timeout=0s"}, "--timeout 0s: not a duration above 0"},
		{[]string{"--timeout=-1s"}, "--timeout -1s: not a duration above 0"},
		{[]string{"--url", ""}, "must be http://host:port"},
		{[]string{"--url", "127.0.0.1:8480"}, "--url"},
		{[]string{"--url", "ftp://127.0.0.1:8480"}, "must be http://host:port or https://host:port"},
		{[]string{"--url", "http://127.0.0.1:8480/jmx"}, "must be http://host:port"},
		{[]string{"--url", "http://127.0.0.1:8480/?x=1"}, "must be http://host:port"},
		{[]string{"--url", "http://127.0.0.1:port/"}, "invalid port"},
		{[]string{"--print-client-config"}, "is an option of run"},
		{[]string{"now"}, `"now" ignored`},
		{[]string{"-D", "a.key"}, "no '='"},
		{[]string{"-conf", "/not/there.xml"}, "connection refused"}, // the node, too, starts with its defaults then
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			args := c.args
			if slices.Contains(args, "-conf") {
				args = append([]string{"-Ddfs.journalnode.http-address=" + freePort(t)}, args...)
			}
			code, line := healthOf(t, nil, args...)
			if code != 1 || !strings.HasPrefix(line, "unhealthy: ") || !strings.Contains(line, c.want) {
				t.Errorf("code %d, %q, want %q", code, line, c.want)
			}
		})
	}
}
