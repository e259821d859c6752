package authorize_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gojn/internal/authorize"
	"gojn/internal/hadoopconf"
)

// directory is a system that knows users, counts questions and can fail.
type directory struct {
	mu     sync.Mutex
	groups map[string][]string
	err    error
	asked  int
}

func (d *directory) look(_ context.Context, user string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	return d.groups[user], d.err
}

func mapping() hadoopconf.GroupMapping {
	return hadoopconf.GroupMapping{CacheTime: 300 * time.Second, NegativeCacheTime: 30 * time.Second, Timeout: time.Minute,
		Static: map[string][]string{"dr.who": nil, "fixed": {"a", "b"}}}
}

// Java Groups: refreshAfterWrite, expireAfterWrite of ten times as long, the negative cache, static mappings.
func TestGroups(t *testing.T) {
	d := &directory{groups: map[string][]string{"ann": {"one"}, "fixed": {"c"}, "dr.who": {"c"}}}
	now, failures := time.Unix(1000, 0), 0
	g := authorize.NewGroups(mapping(), d.look, func() time.Time { return now }, func(string, error) { failures++ })
	step := func(after time.Duration, user string, asked, failed int, want ...string) {
		t.Helper()
		now = now.Add(after)
		d.asked, failures = 0, 0
		got, err := g.Of(t.Context(), user)
		if !slices.Equal(got, want) || d.asked != asked || failures != failed {
			t.Errorf("%s is in %q, want %q; asked %d, failed %d", user, got, want, d.asked, failures)
		}
		if fails := d.err != nil && len(want) == 0; (err != nil) != fails {
			t.Errorf("%s: %v, want an error: %t", user, err, fails)
		}
	}
	step(0, "fixed", 0, 0, "a", "b")
	step(0, "dr.who", 0, 0)
	step(0, "ann", 1, 0, "one")
	d.groups["ann"] = []string{"two"}
	step(299*time.Second, "ann", 0, 0, "one")
	step(time.Second, "ann", 1, 0, "two")
	d.err = errors.New("no directory")
	step(300*time.Second, "ann", 1, 1, "two") // what was known holds
	step(2699*time.Second, "ann", 1, 1, "two")
	step(time.Second, "ann", 1, 1) // but not for ever
	step(29*time.Second, "ann", 0, 0)
	d.err = nil
	step(time.Second, "ann", 1, 0, "two")
	delete(d.groups, "ann")
	step(300*time.Second, "ann", 1, 0, "two") // she has left, or a directory is down
	step(2699*time.Second, "ann", 1, 0, "two")
	step(time.Second, "ann", 1, 0)
	step(29*time.Second, "ann", 0, 0)
	step(time.Second, "ann", 1, 0)

	long := strings.Repeat("x", 256)
	step(0, long, 1, 0)
	step(0, long, 0, 0)
	for _, name := range []string{long + "x", "", "a\x00b", "a\nb", "a:b", "a\u0085b"} { // no system has users like that
		step(0, name, 0, 0)
	}

	conf := mapping()
	conf.CacheTime = math.MaxInt64
	g = authorize.NewGroups(conf, d.look, func() time.Time { return now }, func(string, error) { failures++ })
	d.groups["ann"] = []string{"one"}
	step(0, "ann", 1, 0, "one")
	step(24*365*time.Hour, "ann", 0, 0, "one")

	conf = mapping()
	conf.NegativeCacheTime = 0
	g = authorize.NewGroups(conf, d.look, func() time.Time { return now }, func(string, error) { failures++ })
	step(0, "bob", 1, 0)
	step(0, "bob", 1, 0)
}

// TestGroupsTogether: who asks for a user that is being looked up waits for that; one whose context ends does not.
func TestGroupsTogether(t *testing.T) {
	asked, answer := make(chan struct{}, 10), make(chan struct{})
	g := authorize.NewGroups(mapping(), func(ctx context.Context, _ string) ([]string, error) {
		asked <- struct{}{}
		select {
		case <-answer:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return []string{"one"}, nil
	}, time.Now, func(user string, err error) { t.Errorf("%s: %v", user, err) })
	results := make(chan []string, 3)
	for range 3 {
		go func() {
			groups, _ := g.Of(context.Background(), "ann")
			results <- groups
		}()
	}
	<-asked
	ended, end := context.WithCancel(context.Background())
	end()
	if got, err := g.Of(ended, "ann"); got != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %q, %v", got, err)
	}
	close(answer)
	for range 3 {
		if got := <-results; !slices.Equal(got, []string{"one"}) {
			t.Errorf("got %q", got)
		}
	}
	if len(asked) > 0 {
		t.Error("asked more than once")
	}
}

// TestGroupsTimeout: a look-up that hangs ends after its time, and counts as failed.
func TestGroupsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conf := mapping()
		conf.Timeout = time.Millisecond
		var failed error
		g := authorize.NewGroups(conf, func(ctx context.Context, _ string) ([]string, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}, time.Now, func(_ string, err error) { failed = err })
		got, err := g.Of(t.Context(), "ann")
		if got != nil || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(failed, context.DeadlineExceeded) {
			t.Errorf("got %q, %v, %v", got, err, failed)
		}
	})
}

// TestGroupsStarved: who finds no place among those that look has no answer, and so has one whose connection ends; the next
// question is asked anew.
func TestGroupsStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conf := mapping()
		conf.Timeout = 10 * time.Millisecond
		hanging, free := make(chan struct{}), make(chan struct{})
		g := authorize.NewGroups(conf, func(_ context.Context, user string) ([]string, error) {
			if strings.HasPrefix(user, "made-up") {
				hanging <- struct{}{}
				<-free
				return nil, nil
			}
			return []string{"one"}, nil
		}, time.Now, func(string, error) {})
		var others sync.WaitGroup
		for i := range 8 {
			others.Go(func() { _, _ = g.Of(t.Context(), fmt.Sprint("made-up", i)) })
		}
		for range 8 {
			<-hanging
		}
		if got, err := g.Of(t.Context(), "ann"); got != nil || err == nil {
			t.Errorf("with eight before her: %q, %v", got, err)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if got, err := g.Of(ended, "bob"); got != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("without a connection: %q, %v", got, err)
		}
		close(free)
		others.Wait()
		for _, user := range []string{"ann", "bob"} {
			if got, err := g.Of(t.Context(), user); err != nil || !slices.Equal(got, []string{"one"}) {
				t.Errorf("then %s: %q, %v", user, got, err)
			}
		}
	})
}

// TestGroupsWait: waiting for a place does not shorten a look-up's own time.
func TestGroupsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conf := mapping()
		conf.Timeout = 10 * time.Second
		g := authorize.NewGroups(conf, func(ctx context.Context, _ string) ([]string, error) {
			select {
			case <-time.After(6 * time.Second):
				return []string{"one"}, nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}, time.Now, func(user string, err error) { t.Errorf("%s: %v", user, err) })
		for i := range 16 {
			go func() { _, _ = g.Of(t.Context(), fmt.Sprint("user", i)) }()
		}
		time.Sleep(time.Minute)
	})
}

// TestGroupsCrowd: a crowd of made-up users does not drive out those who have groups.
func TestGroupsCrowd(t *testing.T) {
	d := &directory{groups: map[string][]string{}}
	now := time.Unix(1000, 0)
	g := authorize.NewGroups(mapping(), d.look, func() time.Time { return now }, func(string, error) {})
	for i := range 50 {
		user := fmt.Sprint("ann", i)
		d.groups[user] = []string{"one"}
		_, _ = g.Of(t.Context(), user)
	}
	now = now.Add(time.Hour / 2) // old, but still usable
	for i := range 20000 {
		_, _ = g.Of(t.Context(), fmt.Sprint("made-up", i))
	}
	d.err = errors.New("no directory")
	for user := range d.groups {
		if got, err := g.Of(t.Context(), user); err != nil || !slices.Equal(got, []string{"one"}) {
			t.Errorf("%s: %q, %v", user, got, err)
		}
	}
}

// TestSystemGroups: what id says of this machine's first user, and nothing of users that are none.
func TestSystemGroups(t *testing.T) {
	look, byFiles := authorize.SystemGroups()
	if byFiles {
		t.Skip("there is no command id")
	}
	out, err := exec.Command("id", "-Gn", "root").Output()
	if err != nil {
		t.Skipf("id knows no root: %v", err)
	}
	if got, err := look(t.Context(), "root"); err != nil || !slices.Equal(got, strings.Fields(string(out))) {
		t.Errorf("root: %q, %v; id says %q", got, err, out)
	}
	for _, name := range []string{"no-such-user", "0", "+0", "", "--help", "-u", "a b", "$(id)"} {
		if got, err := look(t.Context(), name); err != nil || len(got) > 0 {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := look(t.Context(), "a\x00b"); err == nil {
		t.Error("a name with a NUL was looked up")
	}
}

// TestOtherSystems: an id that separates by blanks only, one that cannot name a group, and no id at all.
func TestOtherSystems(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("there is no /bin/sh")
	}
	for name, c := range map[string]struct {
		script string
		want   []string
		err    string
	}{
		"whole": {`case $1 in -Gnz) printf 'staff\000domain users\000';; esac`, []string{"staff", "domain users"}, ""},
		"old":   {`case $1 in -Gn) echo staff users;; *) echo usage >&2; exit 1;; esac`, []string{"staff", "users"}, ""},
		"nameless": {`case $1 in -Gnz) printf 'staff\0004711\00012\000'; exit 1;; -Gz) printf '50\0004711\00013\000';; esac`,
			[]string{"staff", "12"}, ""},
		"unknown": {`exit 1`, nil, ""},
		"torn":    {`case $1 in -Gnz) printf 'staff\000'; exit 1;; -Gz) exit 1;; esac`, nil, "1 names of groups, and 0 numbers"},
		"killed":  {`kill -9 $$`, nil, "signal: killed"},
		"half":    {`printf 'staff\000'; kill -9 $$`, nil, "signal: killed"},
		"failing": {`exit 2`, nil, "exit status 2"},
		"later":   {`case $1 in -Gnz) exit 1;; *) kill -9 $$;; esac`, nil, "signal: killed"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "id"), []byte("#!/bin/sh\n"+c.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir)
			look, byFiles := authorize.SystemGroups()
			got, err := look(t.Context(), "ann")
			if byFiles || !slices.Equal(got, c.want) || (err != nil) != (c.err != "") {
				t.Errorf("got %q, %v, by files %t", got, err, byFiles)
			}
			if err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, want %q", err, c.err)
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	look, byFiles := authorize.SystemGroups()
	if _, err := look(t.Context(), "no-such-user"); err != nil || !byFiles {
		t.Errorf("by files %t: %v", byFiles, err)
	}
}
