package jnserver_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gojn/internal/jmx"
	"gojn/jnserver"
	"gojn/storage/vfs"
)

// capturedBeans are the beans of a real node by name, with the order of their attributes.
func capturedBeans(t *testing.T) map[string]*orderedBean {
	t.Helper()
	text, err := os.ReadFile("testdata/hadoop-3.4.2/jmx-journal-beans.json")
	must(t, err)
	return parseBeans(t, text)
}

type orderedBean struct {
	names  []string
	values map[string]any
}

func parseBeans(t *testing.T, text []byte) map[string]*orderedBean {
	t.Helper()
	var doc struct{ Beans []json.RawMessage }
	must(t, json.Unmarshal(text, &doc))
	out := make(map[string]*orderedBean)
	for _, raw := range doc.Beans {
		b := &orderedBean{values: make(map[string]any)}
		must(t, json.Unmarshal(raw, &b.values))
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		for depth := 0; ; {
			token, err := dec.Token()
			if err != nil {
				break
			}
			switch v := token.(type) {
			case json.Delim:
				depth += map[json.Delim]int{'{': 1, '[': 1, '}': -1, ']': -1}[v]
			case string:
				if _, ok := b.values[v]; depth == 1 && ok && !slices.Contains(b.names, v) {
					b.names = append(b.names, v)
				}
			}
		}
		out[b.values["name"].(string)] = b
	}
	return out
}

// The beans have the names, attributes, order and types of a real node's, and after the same calls the same counters (spec
// 7.1, 7.2).
func TestBeansLikeJava(t *testing.T) {
	java := capturedBeans(t)
	cfg := newConfig(vfs.NewMem(), noFetch)
	cfg.EditsCache = 1 << 20
	now := cfg.Clock.(*clock)
	n := newNode(t, cfg)
	c := &rpcClient{t: t, client: newClient(t, n), jid: "ns1", lv: 0xffffffff - 66}
	_, _ = c.format(false, nil), c.newEpoch(1, nil)
	committed := int64(-1)
	writeOps := func(first, last, segment uint64) {
		if got := c.edits(c.info(1, committed), segment, first, last); got != "OK null" {
			t.Fatal(got)
		}
		committed = int64(last)
	}
	for _, s := range [][2]uint64{{1, 3}, {4, 8}, {9, 15}} {
		_ = c.start(1, s[0])
		for tx := s[0]; tx <= s[1]; tx++ {
			writeOps(tx, tx, s[0])
		}
		_ = c.finalize(1, s[0], s[1])
	}
	_ = c.start(1, 16)
	writeOps(16, 16, 16)
	writeOps(17, 18, 16)
	writeOps(19, 19, 16)
	_ = c.journaledEdits(1, 100)
	info := jnserver.NodeInfo{HostName: "vm", HostAndPort: "localhost:21110", Version: "3.4.2, r84e8b89ee2ebe6923691205b9e171badde7a495c"}
	show := func() map[string]*orderedBean {
		text, err := jmx.Query(n.Beans(info), "", false, jmx.Options{})
		must(t, err)
		return parseBeans(t, text)
	}
	first := show()
	now.advance(75 * time.Second)
	ours := show()
	const journal, node = "Hadoop:service=JournalNode,name=Journal-ns1", "Hadoop:service=JournalNode,name=JournalNodeInfo"
	want := java[journal].names
	if got := ours[journal].names; !slices.Equal(got, want) {
		t.Errorf("attributes\n got  %v\n want %v", got, want)
	}
	slices.Sort(ours[node].names)
	slices.Sort(java[node].names)
	if !slices.Equal(ours[node].names, java[node].names) { // a Java bean has no order
		t.Errorf("attributes\n got  %v\n want %v", ours[node].names, java[node].names)
	}
	for _, bean := range []string{journal, node} {
		for _, name := range ours[bean].names {
			got, captured := ours[bean].values[name], java[bean].values[name]
			if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", captured) {
				t.Errorf("%s is %T, Java's is %T", name, got, captured)
			}
			switch name {
			case "BytesWritten", "BytesServedViaRpc", "LastJournalTimestamp", "JNStartedTimeInMillis", "JournalsStatus", "StorageInfos":
				continue // other edits, another time, other journals
			}
			if strings.Contains(name, "Latency") {
				continue
			}
			if fmt.Sprint(got) != fmt.Sprint(captured) {
				t.Errorf("%s is %v, Java's is %v", name, got, captured)
			}
		}
	}
	for name, want := range map[string]string{
		"BytesWritten":         fmt.Sprint(float64(19 * frameLen)),
		"BytesServedViaRpc":    fmt.Sprint(float64(8 + 19*frameLen)),
		"LastJournalTimestamp": fmt.Sprint(float64(now.Now().Add(-75 * time.Second).UnixMilli())),
	} {
		if got := fmt.Sprint(ours[journal].values[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if got := first[journal].values["Syncs60sNumOps"]; got != float64(0) {
		t.Errorf("%v syncs are shown before the first interval has ended", got)
	}
	if got := fmt.Sprint(ours[node].values["StorageInfos"]); got != fmt.Sprint(java[node].values["StorageInfos"].([]any)[:1]) {
		t.Errorf("StorageInfos %s", got)
	}
}

// The gauges of a journal that is not formatted, and the lag of one that missed edits (Java Journal.getCurrentLagTxns).
func TestJournalGauges(t *testing.T) {
	mem := vfs.NewMem()
	must(t, mem.MkdirAll(editsDir+"/empty/current", 0o755))
	n := newNode(t, newConfig(mem, noFetch))
	c := &rpcClient{t: t, client: newClient(t, n), jid: "ns1", lv: 0xffffffff - 66}
	_, _, _ = c.format(false, nil), c.newEpoch(4, nil), c.start(4, 1)
	_ = c.edits(c.info(4, -1), 1, 1, 3)
	_ = c.edits(c.info(4, 7), 1, 4, 5)
	c.jid = "empty"
	_ = c.isFormatted()
	gauges := map[string]string{}
	for _, b := range n.Beans(jnserver.NodeInfo{}) {
		for _, a := range b.Attrs {
			gauges[b.ModelerType+" "+a.Name] = fmt.Sprint(a.Value)
		}
	}
	for name, want := range map[string]string{
		"Journal-ns1 LastPromisedEpoch": "4", "Journal-ns1 LastWriterEpoch": "4", "Journal-ns1 LastWrittenTxId": "5",
		"Journal-ns1 CurrentLagTxns": "2", "Journal-ns1 BatchesWrittenWhileLagging": "1", "Journal-ns1 BatchesWritten": "2",
		"Journal-empty LastPromisedEpoch": "-1", "Journal-empty LastWriterEpoch": "-1", "Journal-empty LastWrittenTxId": "0",
		"Journal-empty CurrentLagTxns": "0", "Journal-empty LastJournalTimestamp": "0",
	} {
		if gauges[name] != want {
			t.Errorf("%s is %q, want %s", name, gauges[name], want)
		}
	}
}

// JournalsStatus is a string that holds JSON with string booleans; what lies on disk counts before anybody asks for it, what
// is no journal does not (Java counts every directory).
func TestJournalsStatus(t *testing.T) {
	mem := vfs.NewMem()
	copyFixture(t, mem, "3.4.2", editsDir+"/ns1/current")
	copyFixture(t, mem, "3.4.2", "/other/ns2/current")
	must(t, mem.MkdirAll(editsDir+"/lost+found", 0o755))
	must(t, mem.MkdirAll(editsDir+"/empty/current", 0o755))
	writeTo(t, mem, editsDir+"/.hidden/current/VERSION", nil)
	cfg := newConfig(mem, noFetch)
	cfg.EditsDirByNameservice = map[string]string{"other": "/other", "missing": "/missing"}
	n := newNode(t, cfg)
	for _, dir := range n.EditsDirs() {
		must(t, n.FindJournals(dir))
	}
	status := func() string {
		for _, a := range n.Beans(jnserver.NodeInfo{})[0].Attrs {
			if a.Name == "JournalsStatus" {
				return a.Value.(string)
			}
		}
		return ""
	}
	if got, want := status(), `{"ns2":{"Formatted":"true"},"ns1":{"Formatted":"true"}}`; got != want {
		t.Errorf("status %s, want %s", got, want)
	}
	for _, jid := range []string{"ns1", "empty", "nosuch"} {
		if _, err := n.Journal(jid, ""); err != nil {
			t.Fatal(err)
		}
	}
	// As java.util.HashMap goes through them: it has them in that order.
	want := `{"ns2":{"Formatted":"true"},"ns1":{"Formatted":"true"},"empty":{"Formatted":"false"},"nosuch":{"Formatted":"false"}}`
	if got := status(); got != want {
		t.Errorf("status %s, want %s", got, want)
	}
	for i := range 1000 { // what peers name is remembered within bounds
		_, err := n.Journal(fmt.Sprintf("made-up-%d", i), "")
		must(t, err)
	}
	if got := strings.Count(status(), "Formatted"); got > 300 {
		t.Errorf("%d journals are named", got)
	}
	copyFixture(t, mem, "3.4.2", editsDir+"/made-up-0/current") // a journal now, which leaves its place to another id
	for _, jid := range []string{"made-up-0", "one-more"} {
		if _, err := n.Journal(jid, ""); err != nil {
			t.Fatal(err)
		}
	}
	if got := status(); !strings.Contains(got, `"made-up-0":{"Formatted":"true"}`) || !strings.Contains(got, `"one-more"`) {
		t.Errorf("status %s", got)
	}
}

// Spec 1.7 GO: a call with a nameservice uses that one's directory; one without, as from a 2.7 client, what exists.
func TestNameserviceDirectories(t *testing.T) {
	for name, c := range map[string]struct {
		existing, nsID, want string
	}{
		"its own directory":           {"", "a", "/dir-a/ns1"},
		"not configured":              {"", "z", editsDir + "/ns1"},
		"none, none exists":           {"", "", editsDir + "/ns1"},
		"none, exists in the second":  {"/dir-b/ns1", "", "/dir-b/ns1"},
		"none, exists in the default": {editsDir + "/ns1", "", editsDir + "/ns1"},
		"given wins over existing":    {"/dir-b/ns1", "a", "/dir-a/ns1"},
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			if c.existing != "" {
				copyFixture(t, mem, "3.4.2", c.existing+"/current")
			}
			cfg := newConfig(mem, noFetch)
			cfg.EditsDirByNameservice = map[string]string{"a": "/dir-a", "b": "/dir-b", "relative": "dir-c"}
			n := newNode(t, cfg)
			j, err := n.Journal("ns1", c.nsID)
			must(t, err)
			if got := j.Snapshot().Root; got != c.want {
				t.Errorf("root %s, want %s", got, c.want)
			}
			if got := j.Snapshot().Formatted(); got != (c.existing == c.want) {
				t.Errorf("formatted %t", got)
			}
		})
	}
}
