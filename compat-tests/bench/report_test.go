package main

import (
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
)

// one is a row with one round of one quantity.
func one(name string, of quantity, ours, java float64) row {
	return row{
		scenario: scenario{name: name, writer: 1},
		series:   map[quantity]series{of: {Ours: []float64{ours}, Java: []float64{java}}},
	}
}

// met are rows with which every required limit is just met.
func met() []row {
	first := one("start to first answer", start, 100, 1000)
	first.series[resident] = series{Ours: []float64{30}, Java: []float64{100}}
	load := one("memory after the load", resident, 64, 400)
	load.series[settled] = series{Ours: []float64{64}, Java: []float64{400}}
	return []row{one("journal 150 B", p50, 70, 100), first, load, one("manifest of 50000 segments", p50, 50, 100)}
}

func fails(rows []row) (list []string) {
	for _, v := range judge(rows) {
		if !v.pass {
			list = append(list, v.what)
		}
	}
	return list
}

// TestJudge: each limit passes when it is met and fails when it is not, or when it was not measured.
func TestJudge(t *testing.T) {
	if list := fails(met()); len(list) > 0 {
		t.Errorf("limits that are met fail: %q", list)
	}
	for _, l := range required {
		rows := met()
		for i := range rows {
			if s, ok := rows[i].series[l.of]; ok && rows[i].name == l.scenario {
				rows[i].series[l.of] = series{Ours: []float64{s.Ours[0] * 1.02}, Java: s.Java}
			}
		}
		if list := fails(rows); len(list) != 1 || list[0] != l.what {
			t.Errorf("%s: 2%% beyond it these fail: %q", l.what, list)
		}
	}
	if list := fails(nil); len(list) != len(required) {
		t.Errorf("of nothing measured %d of %d fail", len(list), len(required))
	}
	if list := fails(append(met(), one("heartbeat", p50, 101, 100))); len(list) != 1 || !strings.HasPrefix(list[0], "heartbeat, p50") {
		t.Errorf("a heartbeat slower than Java's: %q", list)
	}
	if list := fails(append(met(), one("heartbeat", p99, 101, 100))); len(list) != 1 {
		t.Errorf("a tail slower than Java's: %q", list)
	}
}

// TestOrder: over two rounds each side comes first once, and both are in each.
func TestOrder(t *testing.T) {
	a, b := &side{kind: hadoop.Ours}, &side{kind: hadoop.Java}
	var got string
	for i := -2; i < 4; i++ {
		for _, s := range order(a, b, i) {
			got += string(s.kind[0])
		}
	}
	if want := "ojjoojjoojjo"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

const straceLog = `101   openat(AT_FDCWD, "/d/in_use.lock", O_RDWR|O_CREAT|O_SYNC|O_CLOEXEC, 0666) = 5
102   fdatasync(14)                     = 0
103   fdatasync(14 <unfinished ...>
102   fsync(7 <unfinished ...>
103   <... fdatasync resumed>)          = 0
102   <... fsync resumed>)              = 0
102   openat(AT_FDCWD, "/d/current", O_RDONLY|O_CLOEXEC) = 9
102   openat(AT_FDCWD, "/d/edits", O_RDWR|O_DSYNC|O_CLOEXEC) = 9
102   sync_file_range(9, 0, 0, 0)       = 0
102   +++ exited with 0 +++
`

func TestParseSyncs(t *testing.T) {
	if got, want := parseSyncs(straceLog), (syncs{data: 2, all: 1, durable: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestSyncShort: a side that syncs less often than its calls need is an error, whichever side.
func TestSyncShort(t *testing.T) {
	enough, fewer := syncs{data: countedCalls}, syncs{data: countedCalls - 1}
	for _, c := range []struct {
		ours, java syncs
		bad        bool
	}{
		{enough, enough, false}, {fewer, enough, true}, {enough, fewer, true},
		{syncs{all: countedCalls}, enough, false}, {syncs{durable: countedCalls}, enough, true},
	} {
		err := syncRow{countedCall{"journal", "", 1}, c.ours, c.java}.short()
		if (err != nil) != c.bad {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := (syncRow{countedCall{"heartbeat", "", 0}, syncs{}, syncs{}}).short(); err != nil {
		t.Error(err)
	}
}

// TestBetween: what is between the marks is replaced, the rest of the document stays.
func TestBetween(t *testing.T) {
	document := "# Head\n\n" + beginMark + "\nold\n" + endMark + "\n\ntail\n"
	for range 2 {
		var err error
		if document, err = between(document, "\nnew\n"); err != nil {
			t.Fatal(err)
		}
	}
	if want := "# Head\n\n" + beginMark + "\n\nnew\n\n" + endMark + "\n\ntail\n"; document != want {
		t.Errorf("%q, want %q", document, want)
	}
	for _, bad := range []string{"", beginMark, endMark + beginMark} {
		if _, err := between(bad, "x"); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestMarkdown: every row, limit and line of the verdict is in the report, and a rate is calls for small batches.
func TestMarkdown(t *testing.T) {
	r := report{
		rows: []row{{
			scenario: scenario{name: "journal 1 KiB", bytes: 1 << 10},
			series: map[quantity]series{
				p50:     {Ours: []float64{200}, Java: []float64{400}},
				perCall: {Ours: []float64{256}, Java: []float64{512}},
				cpu:     {Ours: []float64{30}, Java: []float64{90}},
			},
		}, one("start to first answer", start, 40, 2000)},
		floors:   []*floor{{name: "loopback round trip", p50: []float64{13}, p99: []float64{20}}},
		syncs:    []syncRow{{countedCall{"journal", "", 1}, syncs{data: 50}, syncs{data: 100}}},
		verdicts: []verdict{{"a limit", "0.5", true}, {"another", "2", false}},
	}
	text := r.markdown()
	for _, want := range []string{
		"| journal 1 KiB | 200 | 400 | **0.50** (0.50–0.50) |  |  |  | 4.00 MB/s | 2.00 MB/s | 30.0 | 90.0 | **0.33** (0.33–0.33) |",
		"| start to first answer | ms | 40.0 | 40.0 | 2000 | **0.02** (0.02–0.02) |",
		"| loopback round trip | 13.0 | 20.0 |  |",
		"| journal | 1 | 1.00 | 0.00 | 0.00 | 2.00 | 0.00 | 0.00 |",
		"| a limit | 0.5 | PASS |", "| another | 2 | FAIL |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}
