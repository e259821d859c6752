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
	now := validAt(t, "rsa.jks")
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
	step("it is tried again, and not told again", time.Minute, "RSA", 1)
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
	if !strings.Contains(log.String(), "was read again\" file="+file+" not_after=") {
		t.Errorf("no end in\n%s", log.String())
	}
}

// validAt is a day on which the certificates of the test stores are valid, for long.
func validAt(t *testing.T, store string) time.Time {
	t.Helper()
	keys, err := Store{Location: "../keystore/testdata/" + store, Type: "jks", Password: "storepass", KeyPassword: "keypass"}.keys()
	if err != nil {
		t.Fatal(err)
	}
	return keys[0].Leaf.NotBefore.Add(24 * time.Hour)
}

// TestReloadTriesAgain: a store that could not be used is tried again although it has not changed: its owner was mended, or
// what failed was the disk's or the process's. Each reason is told once. Another file of the same size and time is another
// store.
func TestReloadTriesAgain(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var log bytes.Buffer
	dir := t.TempDir()
	file := filepath.Join(dir, "x.jks")
	put := func() {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chtimes(file+".new", now, time.Unix(1, 0)), os.Rename(file+".new", file)); err != nil {
			t.Fatal(err)
		}
	}
	put()
	loads, loadErr := 0, error(nil)
	load := func() (int, error) { loads++; return loads, loadErr }
	r, err := newReloading(Surroundings{Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil))},
		time.Second, []Store{{Location: file}}, load, noKeys)
	if err != nil {
		t.Fatal(err)
	}
	step := func(what string, err error, value, tried, lines int) {
		t.Helper()
		now, loadErr = now.Add(time.Second), err
		got, told := *r.get(), strings.Count(log.String(), "\n")
		if got != value || loads != tried || told != lines {
			t.Errorf("%s: value %d, want %d; %d loads, want %d; %d lines, want %d\n%s", what, got, value, loads, tried, told, lines,
				log.String())
		}
	}
	denied, many := errors.New("permission denied"), errors.New("too many open files")
	step("as it was", denied, 1, 1, 0)
	put()
	step("renewed, as root's", denied, 1, 2, 1)
	step("still root's", denied, 1, 3, 1)
	step("another reason", many, 1, 4, 2)
	step("chown", nil, 5, 5, 3)
	step("used", denied, 5, 5, 3)
	put()
	step("the same reason, after another change", denied, 5, 6, 4)
}

func noKeys(int) []tls.Certificate { return nil }

// TestReloadNamesTheStore: the one that cannot be used, even if it was another one that has changed last.
func TestReloadNamesTheStore(t *testing.T) {
	now := validAt(t, "rsa.jks")
	var log bytes.Buffer
	keys, trust := filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "trust")
	copyStore(t, "chain.jks", keys, now)
	copyStore(t, "trust.jks", trust, now)
	server, err := Server(ServerConfig{KeyStore: Store{Location: keys, Type: "jks", Password: "storepass"},
		TrustStore: Store{Location: trust, Type: "jks", Password: "storepass"}, MinVersion: tls.VersionTLS12, ReloadInterval: time.Second,
		Surroundings: Surroundings{Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil))}})
	if err != nil {
		t.Fatal(err)
	}
	step := func(what string) {
		t.Helper()
		log.Reset()
		now = now.Add(time.Second)
		if _, err := server.GetConfigForClient(nil); err != nil {
			t.Fatal(err)
		}
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=ERROR") ||
			!strings.Contains(text, "file="+trust) {
			t.Errorf("%s: %q", what, text)
		}
	}
	if err := os.WriteFile(trust, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	step("a trust store that is none")
	copyStore(t, "chain.jks", keys, now.Add(time.Hour))
	step("then another key")
}

// TestClientReload: each store is looked at in its own interval.
func TestClientReload(t *testing.T) {
	now := validAt(t, "rsa.jks")
	var log bytes.Buffer
	keys, trust := filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "trust")
	copyStore(t, "chain.jks", keys, now)
	copyStore(t, "trust.jks", trust, now)
	client, err := NewClient(ClientConfig{KeyStore: Store{Location: keys, Type: "jks", Password: "storepass"},
		TrustStore: Store{Location: trust, Type: "jks", Password: "storepass"}, KeyReloadInterval: time.Minute, TrustReloadInterval: time.Hour,
		Surroundings: Surroundings{Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil))}})
	if err != nil {
		t.Fatal(err)
	}
	copyStore(t, "ec.jks", keys, now.Add(time.Second))
	copyStore(t, "ec.jks", trust, now.Add(time.Second))
	step := func(passed time.Duration, algorithm, told, untold string) {
		t.Helper()
		now = now.Add(passed)
		got := client.TLS("h").Certificates[0].Leaf.PublicKeyAlgorithm.String()
		if got != algorithm || !strings.Contains(log.String(), told) || strings.Contains(log.String(), untold) {
			t.Errorf("a key for %s, want %s\n%s", got, algorithm, log.String())
		}
	}
	step(time.Second, "RSA", "", "again")
	step(time.Minute, "ECDSA", "was read again\" file="+keys, "file="+trust)
	step(time.Hour, "ECDSA", "was read again\" file="+trust, "none")
}

// TestExpiry: a certificate that is not valid, or not for long, is told when it is read, and each day, however often the store
// is looked at.
func TestExpiry(t *testing.T) {
	keys, err := testStore("chain.jks").keys()
	if err != nil {
		t.Fatal(err)
	}
	leaf := keys[0].Leaf
	const day = 24 * time.Hour
	for _, c := range []struct {
		now  time.Time
		want string
	}{
		{leaf.NotBefore.Add(-time.Second), "is not valid yet"},
		{leaf.NotBefore.Add(day), ""},
		{leaf.NotAfter.Add(-30 * day), ""},
		{leaf.NotAfter.Add(-30*day + time.Second), "expires soon"},
		{leaf.NotAfter.Add(time.Second), "has expired"},
	} {
		now := c.now
		var log bytes.Buffer
		server, err := Server(ServerConfig{KeyStore: testStore("chain.jks"), MinVersion: tls.VersionTLS12, ReloadInterval: time.Second,
			Surroundings: Surroundings{Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil))}})
		if err != nil {
			t.Fatal(err)
		}
		told := func(n int) {
			t.Helper()
			if _, err := server.GetConfigForClient(nil); err != nil {
				t.Fatal(err)
			}
			if c.want == "" && log.Len() > 0 || c.want != "" && (strings.Count(log.String(), c.want) != n ||
				!strings.Contains(log.String(), "file="+testStore("chain.jks").Location)) {
				t.Errorf("at %v: want %q %d times, got\n%s", now, c.want, n, log.String())
			}
		}
		told(1)
		now = now.Add(time.Minute)
		told(1)
	}
	for _, every := range []time.Duration{0, time.Second, 100 * day} {
		now := leaf.NotAfter.Add(-31 * day)
		var log bytes.Buffer
		server, err := Server(ServerConfig{KeyStore: testStore("chain.jks"), MinVersion: tls.VersionTLS12, ReloadInterval: every,
			Surroundings: Surroundings{Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil))}})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 * 24 {
			now = now.Add(time.Hour)
			if _, err := server.GetConfigForClient(nil); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(log.String(), "expires soon"); n != 2 {
			t.Errorf("every %v: told %d times in three days\n%s", every, n, log.String())
		}
	}
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
		r, err := newReloading(around, every, []Store{{Location: file}, {}}, load, noKeys)
		if err != nil {
			t.Fatal(err)
		}
		r.seen[0] = nil // as if it had changed
		if got := *r.get(); got != want {
			t.Errorf("every %v: loaded %d times, want %d", every, got, want)
		}
		r.seen[0] = nil
		r.mu.Lock() // another one looks
		if got := *r.get(); got != want {
			t.Errorf("every %v: got %d beside another one who looks", every, got)
		}
		r.mu.Unlock()
	}
	if _, err := newReloading(around, 0, nil, func() (int, error) { return 0, errors.New("no") }, noKeys); err == nil {
		t.Error("no error")
	}
}
