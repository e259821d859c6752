package ssl

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func copyStore(t *testing.T, name, to string, modified time.Time) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../keystore/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(to, modified, modified); err != nil {
		t.Fatal(err)
	}
}

// TestReload: a store is looked at once in the interval; what has changed counts if it is any good, a store that goes and
// comes back does too, and nothing waits for a look that hangs.
func TestReload(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var log bytes.Buffer
	file := filepath.Join(t.TempDir(), "x.jks")
	copyStore(t, "rsa.jks", file, now)
	conf := ServerConfig{KeyStore: Store{Location: file, Type: "jks", Password: "storepass", KeyPassword: "keypass"},
		MinVersion: tls.VersionTLS12, ReloadInterval: 10 * time.Second,
		Surroundings: Surroundings{Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil))}}
	server, err := Server(conf)
	if err != nil {
		t.Fatal(err)
	}
	algorithm := func() string {
		c, err := server.GetConfigForClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Certificates[0].Leaf.PublicKeyAlgorithm.String()
	}
	step := func(what string, passed time.Duration, want string, lines int) {
		t.Helper()
		now = now.Add(passed)
		if got, told := algorithm(), strings.Count(log.String(), "\n"); got != want || told != lines {
			t.Errorf("%s: a key for %s, want %s; %d lines, want %d\n%s", what, got, want, told, lines, log.String())
		}
	}
	step("at first", 0, "RSA", 0)
	later := now.Add(time.Second)
	copyStore(t, "ec.jks", file, later)
	step("too early", 9*time.Second, "RSA", 0)
	step("its key has another password", time.Second, "RSA", 1)
	step("and is not tried again", time.Minute, "RSA", 1)
	copyStore(t, "rsa.jks", file, later.Add(time.Second))
	step("good again", time.Minute, "RSA", 2)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	step("gone", time.Minute, "RSA", 3)
	copyStore(t, "rsa.jks", file, later.Add(time.Second))
	step("back", time.Minute, "RSA", 4)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	step("not looked at yet", time.Second, "RSA", 4)
}

// TestReloadOnce: an interval of 0 is none, and a look that hangs keeps nobody waiting.
func TestReloadOnce(t *testing.T) {
	now := time.Unix(0, 0)
	around := Surroundings{Now: func() time.Time { now = now.Add(time.Hour); return now }}
	file := filepath.Join(t.TempDir(), "x")
	copyStore(t, "trust.jks", file, time.Unix(1, 0))
	loads := 0
	load := func() (int, error) { loads++; return loads, nil }
	for every, want := range map[time.Duration]int{0: 1, time.Second: 2} {
		loads = 0
		r, err := newReloading(around, every, []Store{{Location: file}, {}}, load)
		if err != nil {
			t.Fatal(err)
		}
		r.seen[0].size++ // as if it had changed
		if got := *r.get(); got != want {
			t.Errorf("every %v: loaded %d times, want %d", every, got, want)
		}
		r.seen[0].size++
		r.mu.Lock() // another one looks
		if got := *r.get(); got != want {
			t.Errorf("every %v: got %d beside another one who looks", every, got)
		}
		r.mu.Unlock()
	}
	if _, err := newReloading(around, 0, nil, func() (int, error) { return 0, errors.New("no") }); err == nil {
		t.Error("no error")
	}
}
