package servlet_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gojn/internal/jmx"
	"gojn/servlet"
)

// TestHealth: the status and the reasons follow the values that were given.
func TestHealth(t *testing.T) {
	good := servlet.JournalHealth{JournalID: "ns1", Formatted: true}
	damaged := servlet.JournalHealth{JournalID: "ns2", Formatted: true, DamagedSegments: []servlet.DamagedSegment{
		{Name: "edits_inprogress_0000000000000000016", Reason: "no space left"}}}
	for name, c := range map[string]struct {
		health        servlet.Health
		status, ready int
		want          string
	}{
		"empty": {servlet.Health{Ready: true}, 200, 200, `{"status":"ok","ready":true,"journals":[]}`},
		"good": {servlet.Health{Ready: true, Journals: []servlet.JournalHealth{good, {JournalID: "new"}}}, 200, 200,
			`{"status":"ok","ready":true,"journals":[{"jid":"ns1","status":"ok","formatted":true},{"jid":"new","status":"ok","formatted":false}]}`},
		"damaged": {servlet.Health{Ready: true, Journals: []servlet.JournalHealth{good, damaged}}, 503, 200,
			`{"status":"degraded","ready":true,"journals":[{"jid":"ns1","status":"ok","formatted":true},` +
				`{"jid":"ns2","status":"degraded","formatted":true,"damagedSegments":[{"name":"edits_inprogress_0000000000000000016",` +
				`"reason":"no space left"}]}]}`},
		"full": {servlet.Health{Ready: true, Journals: []servlet.JournalHealth{{JournalID: "a", Formatted: true, SpaceError: "full",
			Space: &servlet.Space{FreeBytes: 1, TotalBytes: 2, FreeInodes: 3, ReserveBytes: 4, AsOf: time.UnixMilli(5).UTC()}}}}, 503, 200,
			`{"status":"degraded","ready":true,"journals":[{"jid":"a","status":"degraded","formatted":true,"spaceError":"full",` +
				`"space":{"freeBytes":1,"totalBytes":2,"freeInodes":3,"reserveBytes":4,"asOf":"1970-01-01T00:00:00.005Z"}}]}`},
		"open": {servlet.Health{Journals: []servlet.JournalHealth{{JournalID: "a", OpenError: "no permission"}}}, 503, 503,
			`{"status":"degraded","ready":false,"journals":[{"jid":"a","status":"degraded","formatted":false,"openError":"no permission"}]}`},
	} {
		base := serve(t, servlet.Config{Journals: &journals{}, Health: func() servlet.Health { return c.health }})
		got := get(t, base+"/health")
		var have, want any
		if err := json.Unmarshal(got.body, &have); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, have); diff != "" || got.status != c.status || c.health.OK() != (c.status == 200) {
			t.Errorf("%s: %d %s", name, got.status, diff)
		}
		if r := get(t, base+"/readyz"); r.status != c.ready {
			t.Errorf("%s: readyz %d", name, r.status)
		}
		if l := get(t, base+"/livez"); l.status != 200 {
			t.Errorf("%s: livez %d", name, l.status)
		}
	}
}

// TestProbes: what monitoring asks for to see that the process lives is below 400 in both forms.
func TestProbes(t *testing.T) {
	for _, release := range []servlet.Release{servlet.Hadoop27, servlet.Hadoop34} {
		base := serve(t, servlet.Config{Journals: &journals{}, Release: release})
		for _, url := range []string{"/", "/jmx", "/index.html", "/journalnode.html"} {
			if got := get(t, base+url); got.status >= 400 {
				t.Errorf("%v %s: %d", release, url, got.status)
			}
		}
	}
}

// TestNotBuilt: what Java has and we do not have yet is refused by name; what nobody has is not.
func TestNotBuilt(t *testing.T) {
	base := serve(t, servlet.Config{Journals: &journals{}})
	for _, url := range []string{"/logLevel", "/prom", "/metrics", "/logs", "/logs/", "/prof"} {
		got := get(t, base+url)
		if name := strings.TrimSuffix(url, "/") + " is not built yet"; got.status != 404 || !strings.Contains(string(got.body), name) {
			t.Errorf("%s: %d %s", url, got.status, got.body)
		}
	}
	for _, url := range []string{"/nosuch", "/getJournal/", "//getJournal?jid=ns1", "/GETJOURNAL", "/jmx/", "/index.html/.."} {
		got := get(t, base+url)
		if got.status != 404 || !strings.Contains(string(got.body), "<title>Error 404 Not Found</title>") {
			t.Errorf("%s: %d %s", url, got.status, got.body)
		}
	}
}

// TestStacks: the dump names this test's goroutine and is whole.
func TestStacks(t *testing.T) {
	got := get(t, serve(t, servlet.Config{Journals: &journals{}})+"/stacks")
	if got.status != 200 || !strings.HasPrefix(string(got.body), "Process Thread Dump: \n") ||
		!strings.Contains(string(got.body), "servlet_test.TestStacks") || len(got.body) > 1<<20+200 {
		t.Errorf("%d %.200s", got.status, got.body)
	}
}

// TestFilterNaN: hadoop.http.jmx.nan-filter.enabled reaches /jmx.
func TestFilterNaN(t *testing.T) {
	zero := 0.0
	beans := func() []jmx.Bean {
		return []jmx.Bean{{Name: "d:k=v", ModelerType: "m", Attrs: []jmx.Attr{{Name: "A", Value: zero / zero}}}}
	}
	for filter, want := range map[bool]string{false: `"A" : NaN`, true: `"A" : 0.0`} {
		base := serve(t, servlet.Config{Journals: &journals{}, Beans: beans, FilterNaN: filter})
		if got := get(t, base+"/jmx"); !strings.Contains(string(got.body), want) {
			t.Errorf("%v: %s", filter, got.body)
		}
	}
}

func TestBadQuery(t *testing.T) {
	base := serve(t, servlet.Config{Journals: &journals{}, Conf: sampleConf})
	for _, url := range []string{"/jmx?qry=%zz", "/conf?name=%zz", "/getJournal?%zz"} {
		if got := get(t, base+url); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", url, got.status)
		}
	}
}
