package hadoopconf_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gojn/internal/hadoopconf"
)

const (
	tailEdits     = "dfs.ha.tail-edits.in-progress"
	cacheBytes    = "dfs.journalnode.edit-cache-size.bytes"
	cacheFraction = "dfs.journalnode.edit-cache-size.fraction"
	sharedEdits   = "dfs.namenode.shared.edits.dir"
)

func TestKey_TailEditsInProgress(t *testing.T) {
	for _, release := range []hadoopconf.Release{r27, r34} {
		if c := read(t, release).Cache; c != (hadoopconf.EditsCache{}) {
			t.Errorf("%v: default %+v", release, c)
		}
		if c := read(t, release, tailEdits, "true").Cache; c != (hadoopconf.EditsCache{Enabled: true, Fraction: 0.5}) {
			t.Errorf("%v: %+v", release, c)
		}
	}
	// Who does not switch the cache on is not asked for its size, as in Java.
	if c := read(t, r34, cacheBytes, "junk", cacheFraction, "7").Cache; c != (hadoopconf.EditsCache{}) {
		t.Errorf("%+v", c)
	}
}

// JournaledEditsCache's constructor: an int in 3.4, a long in 3.5.
func TestKey_EditCacheSizeBytes(t *testing.T) {
	for value, want := range map[string]int64{"1048576": 1 << 20, "0x100": 256, " 5000000000 ": 5_000_000_000, "0": 1, "-5": 1} {
		j, warnings, err := tryRead(t, r34, tailEdits, "true", cacheBytes, value)
		if err != nil || j.Cache.Bytes != want || j.Cache.MaxBytes(1000) != want {
			t.Errorf("%q: %+v, %v", value, j, err)
		}
		if want == 1 && !strings.Contains(joined(warnings), "can hold nothing") {
			t.Errorf("%q: warnings %v", value, warnings)
		}
	}
	_, _, err := tryRead(t, r34, tailEdits, "true", cacheBytes, "1g")
	wantKeyError(t, err, cacheBytes, "1g", "not a whole number", false)
}

// JournaledEditsCache's constructor: more than 0 and less than 1.
func TestKey_EditCacheSizeFraction(t *testing.T) {
	for value, want := range map[string]float64{"0.25": 0.25, "0.75f": 0.75, " .5 ": 0.5} {
		c := read(t, r34, tailEdits, "true", cacheFraction, value).Cache
		if c.Fraction != want || c.MaxBytes(1000) != int64(1000*want) {
			t.Errorf("%q: %+v", value, c)
		}
	}
	for _, value := range []string{"0", "1", "-0.1", "1.5", "NaN", "Infinity"} {
		_, _, err := tryRead(t, r34, tailEdits, "true", cacheFraction, value)
		wantKeyError(t, err, cacheFraction, value, "it should be a positive float value, less than 1.0", false)
	}
	_, _, err := tryRead(t, r34, tailEdits, "true", cacheFraction, "half")
	wantKeyError(t, err, cacheFraction, "half", "not a number", false)
	if n := (hadoopconf.EditsCache{Fraction: 0.99}).MaxBytes(math.MaxInt64); n <= 0 {
		t.Errorf("of all memory: %d", n)
	}
}

// JournalNodeSyncer's constructor and JournalNode.getOrCreateJournal.
func TestKey_EnableSync(t *testing.T) {
	on := hadoopconf.Sync{Enabled: true, Interval: 2 * time.Minute, Timeout: 30 * time.Second}
	if got := read(t, r34).Sync; got != on {
		t.Errorf("default %+v", got)
	}
	off := []string{"dfs.journalnode.enable.sync", "false", "dfs.journalnode.sync.interval", "junk"}
	if got := read(t, r34, off...).Sync; got != (hadoopconf.Sync{}) {
		t.Errorf("off: %+v", got)
	}
	if got := read(t, r27, "dfs.journalnode.enable.sync", "TRUE").Sync; got != on {
		t.Errorf("2.7, switched on: %+v", got)
	}
}

func TestKey_EnableSyncFormat(t *testing.T) {
	if !read(t, r34, "dfs.journalnode.enable.sync.format", "true").Sync.Format {
		t.Error("not set")
	}
	if read(t, r34, "dfs.journalnode.enable.sync.format", "true", "dfs.journalnode.enable.sync", "false").Sync.Format {
		t.Error("set without sync")
	}
}

func TestKey_SyncInterval(t *testing.T) {
	for value, want := range map[string]time.Duration{"20000": 20 * time.Second, "0": 2 * time.Minute, "-1": 2 * time.Minute,
		"9223372036854775807": math.MaxInt64} {
		j, warnings, err := tryRead(t, r34, "dfs.journalnode.sync.interval", value)
		if err != nil || j.Sync.Interval != want {
			t.Errorf("%s: %+v, %v", value, j, err)
		}
		if said := strings.Contains(joined(warnings), "should be > 0"); said != (want == 2*time.Minute) {
			t.Errorf("%s: warnings %v", value, warnings)
		}
	}
	_, _, err := tryRead(t, r34, "dfs.journalnode.sync.interval", "2m")
	wantKeyError(t, err, "dfs.journalnode.sync.interval", "2m", "not a whole number", false)
}

func TestKey_EditLogTransferTimeout(t *testing.T) {
	for value, want := range map[string]time.Duration{"5": 5 * time.Millisecond, "0": 0, "-1": 0} {
		if got := read(t, r34, "dfs.edit.log.transfer.timeout", value).Sync.Timeout; got != want {
			t.Errorf("%s: %v", value, got)
		}
	}
	_, _, err := tryRead(t, r34, "dfs.edit.log.transfer.timeout", "2147483648")
	wantKeyError(t, err, "dfs.edit.log.transfer.timeout", "2147483648", "out of range", false)
}

func TestKey_EditLogTransferBandwidth(t *testing.T) {
	for value, want := range map[string]int64{"1000": 1000, "1m": 1 << 20, "0": 0, "-1": 0} {
		if got := read(t, r34, "dfs.edit.log.transfer.bandwidthPerSec", value).Sync.Bandwidth; got != want {
			t.Errorf("%s: %d", value, got)
		}
	}
	_, _, err := tryRead(t, r34, "dfs.edit.log.transfer.bandwidthPerSec", "fast")
	wantKeyError(t, err, "dfs.edit.log.transfer.bandwidthPerSec", "fast", "not a whole number", false)
}

// The values are taken as they are, but trimmed and expanded: what is wrong with them shows when somebody needs them.
func TestKey_SharedEditsDir(t *testing.T) {
	got := read(t, r34, sharedEdits, " qjournal://${h}:1/a\n", "h", "jn", sharedEdits+".ns1", "file:///x", sharedEdits+".ns2.nn1", "u",
		sharedEdits+".ns3", " ", "dfs.ha.namenodes.ns2", " nn1,\nnn2 ,nn1", "dfs.ha.namenodes.ns4", "", "dfs.nameservices", "ns1,ns2").SharedEdits
	want := hadoopconf.SharedEdits{
		Base: "qjournal://jn:1/a", BySuffix: map[string]string{"ns1": "file:///x", "ns2.nn1": "u"},
		NameNodes:    map[string][]string{"ns2": {"nn1", "nn2"}, "ns4": nil},
		Nameservices: []string{"ns1", "ns2"}, Resolver: hadoopconf.DNSResolver,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestKey_QJournalsResolution(t *testing.T) {
	const on, impl = "dfs.namenode.edits.qjournals.resolution-enabled", "dfs.namenode.edits.qjournals.resolver.impl"
	for _, c := range []struct {
		keys     []string
		enabled  bool
		resolver string
		warned   bool
	}{
		{nil, false, hadoopconf.DNSResolver, false},
		{[]string{on, "true"}, true, hadoopconf.DNSResolver, false},
		{[]string{on, "true", impl, " "}, true, hadoopconf.DNSResolver, false},
		{[]string{on, "true", impl, hadoopconf.DNSResolver + " "}, true, hadoopconf.DNSResolver, false},
		{[]string{impl, "com.acme.Resolver"}, false, "com.acme.Resolver", false},
		{[]string{on, "true", impl, "com.acme.Resolver"}, true, "com.acme.Resolver", true},
	} {
		j, warnings, err := tryRead(t, r34, c.keys...)
		if err != nil || j.SharedEdits.ResolveNames != c.enabled || j.SharedEdits.Resolver != c.resolver ||
			strings.Contains(joined(warnings), "'com.acme.Resolver'") != c.warned || len(warnings) > 1 {
			t.Errorf("%q: %+v, warnings %v, %v", c.keys, j.SharedEdits, warnings, err)
		}
	}
}

func joined(warnings []hadoopconf.Warning) string {
	var b strings.Builder
	for _, w := range warnings {
		b.WriteString(w.String() + "\n")
	}
	return b.String()
}
