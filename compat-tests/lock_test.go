package compat_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// namespace is that of the fixtures.
var namespace = wire.Namespace{
	LayoutVersion: -63, NamespaceID: 1073741825, ClusterID: "CID-11111111-2222-3333-4444-555555555555",
	CTime: 1500000000000, SoftwareVersion: "2.7.7",
}

// TestLock_OneDirectory starts a Java node and one of ours over one directory, either first: the second is refused
// and changes nothing, the first goes on, and when the first has stopped (or was killed) the second takes over.
func TestLock_OneDirectory(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		java := must(site.JournalNode("java-first", hadoop.Java, "", nil))(t)
		heir := must(java.Elsewhere(subject(), journalnode(t)))(t)
		t.Run("JavaFirst", func(t *testing.T) {
			handOver(t, ctx, java, heir, func() { check(t, java.Stop()) })
		})
		ours := must(site.JournalNode("ours-first", subject(), journalnode(t), nil))(t)
		heir = must(ours.Elsewhere(hadoop.Java, ""))(t)
		t.Run("OursFirst", func(t *testing.T) {
			handOver(t, ctx, ours, heir, func() { check(t, ours.Stop()) })
		})
		killed := must(site.JournalNode("ours-killed", subject(), journalnode(t), nil))(t)
		heir = must(killed.Elsewhere(hadoop.Java, ""))(t)
		t.Run("OursKilled", func(t *testing.T) {
			handOver(t, ctx, killed, heir, func() { killed.Kill() })
		})
	}, releases(t)...)
}

// handOver lets first write a segment and half of another, tries second meanwhile, ends first, and expects second to
// serve what first has written.
func handOver(t *testing.T, ctx context.Context, first, second *hadoop.JournalNode, end func()) {
	t.Helper()
	check(t, first.Start(ctx))
	check(t, second.Start(ctx))
	w := dialJournal(t, ctx, first)
	w.must("format", wire.Message{}.Bytes(1, wire.JournalID("ns1")).Bytes(2, namespace.Message()))
	w.must("newEpoch", wire.Message{}.Bytes(1, wire.JournalID("ns1")).Bytes(2, namespace.Message()).Int(3, 1))
	w.start(1)
	w.write(1, 3, 1)
	w.must("finalizeLogSegment", wire.Message{}.Bytes(1, w.info()).Int(2, 1).Int(3, 3))
	w.start(4)
	w.write(4, 2, 4)

	other := dialJournal(t, ctx, second)
	for range 2 { // the refusal must not wear off
		_, err := other.call("getJournalState", wire.Message{}.Bytes(1, wire.JournalID("ns1")))
		var refused *wire.RemoteError
		if !errors.As(err, &refused) || refused.Class != "java.io.IOException" ||
			!strings.Contains(refused.Message, "The directory is already locked") {
			t.Fatalf("%s on the locked directory: %v", second.Name, err)
		}
	}
	w.write(6, 1, 4)
	want := w.manifest()
	end()
	got := other.manifest()
	if !bytes.Equal(got, want) {
		t.Errorf("manifest of %s: %x, of its successor: %x", first.Name, want, got)
	}
	state := must(wire.Parse(other.must("getJournalState", wire.Message{}.Bytes(1, wire.JournalID("ns1")))))(t)
	if epoch, _ := state.Int(1); epoch != 1 {
		t.Errorf("last promised epoch after the change: %d", epoch)
	}
	check(t, second.Stop())
}

// journalClient calls one JournalNode as the writer of epoch 1.
type journalClient struct {
	t      *testing.T
	conn   *wire.Client
	serial int64
}

func dialJournal(t *testing.T, ctx context.Context, j *hadoop.JournalNode) *journalClient {
	t.Helper()
	conn := must(wire.Dial(ctx, j.RPC, wire.QJournalProtocol, "hdfs"))(t)
	t.Cleanup(func() { check(t, conn.Close()) })
	return &journalClient{t: t, conn: conn}
}

func (c *journalClient) call(method string, request wire.Message) ([]byte, error) {
	return c.conn.Call(method, request)
}

func (c *journalClient) must(method string, request wire.Message) []byte {
	c.t.Helper()
	return must(c.call(method, request))(c.t)
}

// info is the next RequestInfo.
func (c *journalClient) info() wire.Message {
	c.serial++
	return wire.RequestInfo("ns1", 1, c.serial, -1)
}

func (c *journalClient) start(txid int64) {
	c.t.Helper()
	c.must("startLogSegment", wire.Message{}.Bytes(1, c.info()).Int(2, txid).Sint(3, int64(namespace.LayoutVersion)))
}

// write writes n transactions.
func (c *journalClient) write(first int64, n int, segment int64) {
	c.t.Helper()
	var records []byte
	for i := range n {
		records = append(records, wire.Mkdir(first+int64(i), "/a")...)
	}
	c.must("journal", wire.Message{}.Bytes(1, c.info()).Int(2, first).Int(3, int64(n)).Bytes(4, records).Int(5, segment))
}

// manifest is the RemoteEditLogManifestProto with the open segment.
func (c *journalClient) manifest() []byte {
	c.t.Helper()
	answer := c.must("getEditLogManifest", wire.Message{}.Bytes(1, wire.JournalID("ns1")).Int(2, 1).Bool(4, true))
	fields := must(wire.Parse(answer))(c.t)
	inner := must(wire.Parse([]byte(fields.Text(1))))(c.t)
	return bytes.Join(inner.Bytes[1], nil) // the segments; committedTxnId is 3.x's alone
}
