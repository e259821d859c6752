package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// TestExit: what is lost, interrupted or missing is told, and is no success.
func TestExit(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		code int
		says string
	}{
		{"well", t.Context(), nil, 0, ""},
		{"lost", t.Context(), fmt.Errorf("x: %w", &lossError{[]string{"/a is missing"}}), exitFailed,
			"LOST: 1 problems, such as\n  /a is missing"},
		{"no JDK", t.Context(), fmt.Errorf("x: %w", hadoop.ErrNoRuntime), exitFailed, "It needs java and javac of a JDK 17"},
		{"broken", t.Context(), errors.New("port on fire"), exitFailed, "could not go on: port on fire"},
		{"interrupted", interrupted, errors.New("killed"), exitInterrupted, "Interrupted"},
	} {
		var out bytes.Buffer
		code := run(c.ctx, &out, func(context.Context, *narrator) error { return c.err })
		if code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: code %d, said %q", c.name, code, out.String())
		}
	}
}

// quorum is three nodes with transactions 1 to last, and what the viewer reads of them.
func quorum(last int64) ([]oracle.Copy, map[string][]oracle.Record) {
	var copies []oracle.Copy
	views := make(map[string][]oracle.Record)
	for _, node := range []string{"jn1", "jn2", "jn3"} {
		s := oracle.Segment{Name: "edits_1", First: 1, Last: last}
		for txid := int64(1); txid <= last; txid++ {
			s.Frames = append(s.Frames, oracle.Frame{TxID: txid, Bytes: []byte{byte(txid)}})
			views[node] = append(views[node], oracle.Record{OpCode: "OP_MKDIR", TxID: txid, Path: fmt.Sprint("/", txid)})
		}
		copies = append(copies, oracle.Copy{Node: node, Segments: []oracle.Segment{s}})
	}
	return copies, views
}

// TestJudge: the verdict is a loss whenever anything acknowledged is on one node only, or was found missing before.
func TestJudge(t *testing.T) {
	const last = 9
	for _, c := range []struct {
		name     string
		problems []string
		spoil    func(copies []oracle.Copy, views map[string][]oracle.Record)
		want     string // part of the loss
	}{
		{"well", nil, nil, ""},
		{"one node lags", nil, func(c []oracle.Copy, v map[string][]oracle.Record) {
			c[2], v["jn3"] = c[2].Without(last), v["jn3"][:last-1]
		}, ""},
		{"a file is missing", []string{"/f is missing"}, nil, "/f is missing"},
		{"two nodes lost one", nil, func(c []oracle.Copy, v map[string][]oracle.Record) {
			for i, node := range []string{"jn1", "jn2"} {
				c[i], v[node] = c[i].Without(4), slices.Delete(slices.Clone(v[node]), 3, 4)
			}
		}, "acknowledged txid 4 lies on 1 of 3 nodes"},
		{"two nodes lost the first, which no client asked for", nil, func(c []oracle.Copy, v map[string][]oracle.Record) {
			for i, node := range []string{"jn1", "jn2"} {
				c[i], v[node] = c[i].Without(1), v[node][1:]
				c[i].Segments[0].First = 2
			}
		}, "acknowledged txid 1 lies on 1 of 3 nodes"},
		{"other bytes", nil, func(c []oracle.Copy, _ map[string][]oracle.Record) {
			c[1].Segments[0].Frames[2].Bytes = []byte("other")
		}, "txid 3 differs"},
		{"an edit that nobody has", nil, func(c []oracle.Copy, v map[string][]oracle.Record) {
			for node := range v {
				v[node][5].Path = "/elsewhere"
			}
		}, "/6"},
	} {
		var out bytes.Buffer
		s := &story{narrator: newNarrator(&out)}
		for txid := 2; txid <= last; txid++ {
			s.ledger.Acknowledge(oracle.Ack{OpCode: "OP_MKDIR", Path: fmt.Sprint("/", txid)})
		}
		copies, views := quorum(last)
		if c.spoil != nil {
			c.spoil(copies, views)
		}
		err := s.judge(copies, views, last, c.problems)
		var lost *lossError
		if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &lost) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if c.want != "" && out.Len() > 0 {
			t.Errorf("%s: it says %q of what is lost", c.name, out.String())
		}
	}
	s := &story{narrator: newNarrator(new(bytes.Buffer))} // nothing was acknowledged: nothing is proved
	copies, views := quorum(last)
	if err := s.judge(copies, views, last, nil); err == nil {
		t.Error("an empty ledger passes")
	}
}

const nodeLog = `time=2026-11-22T04:00:01.500Z level=INFO msg="JournalNode is up" rpc=127.0.0.1:1 http=127.0.0.1:2
time=2026-11-22T04:00:02.500Z level=INFO msg="promised epoch raised" jid=ns1 from=0 to=1 client=127.0.0.1
time=2026-11-22T04:00:03Z level=INFO msg="log segment finalized" jid=ns1 first=1 last=3
time=2026-11-22T04:00:04Z level=INFO msg="log segment closed without being finalized" jid=ns1 first=4 last=9 reason="it said \"no\""
panic: no log line
time=2026-11-22T04:00:05Z level=INFO msg=audit op=format user=hdfs result=done
time=2026-11-22T04:00:06Z level=INFO msg="log segment finalized" jid=ns1 first=4 last=9
`

func TestEvents(t *testing.T) {
	began := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	want := []string{
		"[  2.5 s] promised epoch raised: from 0, to 1",
		`[  4.0 s] log segment closed without being finalized: first 4, last 9, reason it said "no"`,
		"[  5.0 s] audit: op format, user hdfs, result done",
	}
	if got := events(nodeLog, began); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if n := count(nodeLog, "log segment finalized"); n != 2 {
		t.Errorf("%d finalized", n)
	}
}

func TestReadFigures(t *testing.T) {
	beans := `{"LastPromisedEpoch": 2, "LastWrittenTxId": 77, "TxnsWritten": 78, "BatchesWritten": 9,
		"BytesWritten": 1234}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("qry") == "Hadoop:service=JournalNode,name=Journal-ns1" {
			_, _ = fmt.Fprintf(w, `{"beans": [%s]}`, beans)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	want := figures{LastPromisedEpoch: 2, LastWrittenTxID: 77, TxnsWritten: 78, BatchesWritten: 9, BytesWritten: 1234}
	if got, err := readFigures(address); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	beans = ""
	if got, err := readFigures(address); err == nil {
		t.Errorf("no bean: %+v", got)
	}
}
