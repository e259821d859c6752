package jnserver_test

import (
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/jnserver"
	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

// raw makes a call and returns the bytes of the answer: a message without fields keeps them all, in order.
func raw(t *testing.T, client *hadooprpc.Client, method string, req proto.Message) string {
	t.Helper()
	resp := &pb.JournalResponseProto{}
	must(t, client.Call(t.Context(), method, req, resp))
	return hex.EncodeToString(resp.ProtoReflect().GetUnknown())
}

// The answers have the bytes that Java's protobuf writes: fields in the order of their numbers, required ones always, the
// unknown committed txid as -12345 in a varint of ten bytes (spec rpc.md 3.2 and 3.3, journal.md trap 7).
func TestGoldenAnswers(t *testing.T) {
	n := newNode(t, newConfig(vfs.NewMem(), fetchBytes(segmentFile(1, 3))))
	client := newClient(t, n)
	c := &rpcClient{t: t, client: client, jid: "ns1", lv: 0xffffffff - 66}
	// 1a 16 "http://localhost:21111" is fromURL, 10 f7a401 the port 21111
	const http = "10f7a401" + "1a16" + "687474703a2f2f6c6f63616c686f73743a3231313131"
	jid := c.id()
	info := func(epoch uint64, committed int64) *pb.RequestInfoProto { return c.info(epoch, committed) }
	manifest := func(since uint64) *pb.GetEditLogManifestRequestProto {
		return &pb.GetEditLogManifestRequestProto{Jid: jid, SinceTxId: &since, InProgressOk: proto.Bool(true)}
	}
	canRollBack := func() proto.Message {
		space := c.storageInfo(nil)
		return &pb.CanRollBackRequestProto{Jid: jid, Storage: space, PrevStorage: space, TargetLayoutVersion: proto.Int32(layout)}
	}
	prepare := func(epoch, first uint64) *pb.PrepareRecoveryRequestProto {
		return &pb.PrepareRecoveryRequestProto{ReqInfo: info(epoch, -1), SegmentTxId: &first}
	}
	for _, step := range []struct {
		name, method string
		req          func() proto.Message
		want         string
	}{
		{"not formatted", "isFormatted", func() proto.Message { return &pb.IsFormattedRequestProto{Jid: jid} }, "0800"},
		{"empty", "format", func() proto.Message { return &pb.FormatRequestProto{Jid: jid, NsInfo: c.namespace(nil)} }, ""},
		{"formatted", "isFormatted", func() proto.Message { return &pb.IsFormattedRequestProto{Jid: jid} }, "0801"},
		{"epoch 0 is written", "getJournalState", func() proto.Message { return &pb.GetJournalStateRequestProto{Jid: jid} }, "0800" + http},
		{"committed unknown", "getEditLogManifest", func() proto.Message { return manifest(1) }, "0a0b" + "10c79fffffffffffffff01" + http},
		{"no segment", "newEpoch", func() proto.Message {
			return &pb.NewEpochRequestProto{Jid: jid, NsInfo: c.namespace(nil), Epoch: proto.Uint64(300)}
		}, ""},
		{"epoch 300", "getJournalState", func() proto.Message { return &pb.GetJournalStateRequestProto{Jid: jid} }, "08ac02" + http},
		{"empty", "startLogSegment", func() proto.Message {
			return &pb.StartLogSegmentRequestProto{ReqInfo: info(300, -1), Txid: proto.Uint64(1), LayoutVersion: proto.Int32(layout)}
		}, ""},
		{"empty", "journal", func() proto.Message {
			return &pb.JournalRequestProto{ReqInfo: info(300, -1), SegmentTxnId: proto.Uint64(1), FirstTxnId: proto.Uint64(1),
				NumTxns: proto.Uint32(3), Records: frames(1, 3)}
		}, ""},
		{"empty", "heartbeat", func() proto.Message { return &pb.HeartbeatRequestProto{ReqInfo: info(300, 2)} }, ""},
		{"in progress", "getEditLogManifest", func() proto.Message { return manifest(1) },
			"0a0a" + "0a06" + "080110031801" + "1002" + http},
		{"last segment", "newEpoch", func() proto.Message {
			return &pb.NewEpochRequestProto{Jid: jid, NsInfo: c.namespace(nil), Epoch: proto.Uint64(301)}
		}, "0801"},
		{"of disk", "prepareRecovery", func() proto.Message { return prepare(301, 1) }, "0a06080110031801" + "18ac02" + "2002"},
		{"nothing there", "prepareRecovery", func() proto.Message { return prepare(301, 9) }, "18ac02" + "2002"},
		{"empty", "acceptRecovery", func() proto.Message {
			return &pb.AcceptRecoveryRequestProto{ReqInfo: info(301, -1), FromURL: proto.String("x"), StateToAccept: &pb.SegmentStateProto{
				StartTxId: proto.Uint64(1), EndTxId: proto.Uint64(3), IsInProgress: proto.Bool(true)}}
		}, ""},
		{"accepted", "prepareRecovery", func() proto.Message { return prepare(302, 1) }, "0a06080110031801" + "10ad02" + "18ac02" + "2002"},
		{"empty", "finalizeLogSegment", func() proto.Message {
			return &pb.FinalizeLogSegmentRequestProto{ReqInfo: info(302, -1), StartTxId: proto.Uint64(1), EndTxId: proto.Uint64(3)}
		}, ""},
		{"finalized", "prepareRecovery", func() proto.Message { return prepare(302, 1) }, "0a06080110031800" + "18ac02" + "2002"},
		{"finalized", "getEditLogManifest", func() proto.Message { return manifest(1) }, "0a0a" + "0a06" + "080110031800" + "1002" + http},
		{"nothing since", "getEditLogManifest", func() proto.Message { return manifest(4) }, "0a02" + "1002" + http},
		{"cTime", "getJournalCTime", func() proto.Message { return &pb.GetJournalCTimeRequestProto{Jid: jid} }, "0880b0def7d32b"},
		{"no way back", "canRollBack", canRollBack, "0800"},
		{"empty", "purgeLogs", func() proto.Message {
			return &pb.PurgeLogsRequestProto{ReqInfo: info(302, -1), MinTxIdToKeep: proto.Uint64(0)}
		}, ""},
		{"empty", "discardSegments", func() proto.Message { return &pb.DiscardSegmentsRequestProto{Jid: jid, StartTxId: proto.Uint64(4)} }, ""},
		{"empty", "doPreUpgrade", func() proto.Message { return &pb.DoPreUpgradeRequestProto{Jid: jid} }, ""},
		{"empty", "doUpgrade", func() proto.Message { return &pb.DoUpgradeRequestProto{Jid: jid, SInfo: c.storageInfo(nil)} }, ""},
		{"the way back", "canRollBack", canRollBack, "0801"},
		{"empty", "doRollback", func() proto.Message { return &pb.DoRollbackRequestProto{Jid: jid} }, ""},
		{"empty", "doFinalize", func() proto.Message { return &pb.DoFinalizeRequestProto{Jid: jid} }, ""},
	} {
		if got := raw(t, client, step.method, step.req()); got != step.want {
			t.Errorf("%s, %s: %s, want %s", step.method, step.name, got, step.want)
		}
	}
}

// Every method of both protocols is served; the tables have no other.
func TestMethodTable(t *testing.T) {
	want := map[string]string{
		jnserver.QJournalProtocol: "isFormatted getJournalState newEpoch format journal heartbeat startLogSegment finalizeLogSegment " +
			"purgeLogs getEditLogManifest getJournaledEdits prepareRecovery acceptRecovery discardSegments doPreUpgrade doUpgrade " +
			"doFinalize canRollBack doRollback getJournalCTime",
		jnserver.InterQJournalProtocol: "getEditLogManifestFromJournal getStorageInfo",
	}
	protocols := newNode(t, newConfig(vfs.NewMem(), noFetch)).Protocols()
	if len(protocols) != len(want) {
		t.Fatalf("%d protocols", len(protocols))
	}
	for _, p := range protocols {
		names := strings.Fields(want[p.Name])
		if len(p.Methods) != len(names) || p.Version != 1 {
			t.Errorf("%s: version %d, %d methods, want %d", p.Name, p.Version, len(p.Methods), len(names))
		}
		for _, name := range names {
			if _, ok := p.Methods[name]; !ok {
				t.Errorf("%s: %s is not served", p.Name, name)
			}
		}
	}
}

// A number of transactions that is negative in Java, or reaches beyond the last txid, is refused and changes nothing.
func TestBadTransactionCounts(t *testing.T) {
	n := newNode(t, newConfig(vfs.NewMem(), noFetch))
	c := &rpcClient{t: t, client: newClient(t, n), jid: "ns1", lv: 0xffffffff - 66}
	_, _, _ = c.format(false, nil), c.newEpoch(1, nil), c.start(1, 1)
	const refused = "FAIL java.lang.IllegalArgumentException Bad number of transactions"
	if got := c.journal(c.info(1, -1), 1, 1, 0xffffffff, nil); !strings.HasPrefix(got, refused) {
		t.Error(got)
	}
	if got := c.journal(c.info(1, -1), 1, 1<<63-1, 2, nil); !strings.HasPrefix(got, refused) {
		t.Error(got)
	}
	if got := c.start(1, 1<<63); !strings.HasPrefix(got, "FAIL java.lang.IllegalArgumentException Bad txid") {
		t.Error(got)
	}
	if got := c.edits(c.info(1, -1), 1, 1, 2); got != "OK null" {
		t.Error(got)
	}
}

// pointerFS tells where the bytes lie that are written into segments.
type pointerFS struct {
	vfs.FS
	written func(p []byte)
}

func (f pointerFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil || !strings.Contains(name, "edits_inprogress") {
		return file, err
	}
	return pointerFile{file, f.written}, nil
}

type pointerFile struct {
	vfs.File
	written func(p []byte)
}

func (f pointerFile) WriteAt(p []byte, off int64) (int, error) {
	f.written(p)
	return f.File.WriteAt(p, off)
}

// A batch is written as it came, in one write, from the very memory in which the caller has it: no copy in between.
func TestWriteDoesNotCopy(t *testing.T) {
	var wrote [][]byte
	fsys := pointerFS{vfs.NewMem(), func(p []byte) { wrote = append(wrote, p) }}
	j, w := written(t, newEnv(fsys, noFetch))
	b := writes(4, 9, 30000)
	if len(b.Records) >= 1<<20 {
		t.Fatal("the batch is for a file without more padding")
	}
	wrote = nil
	must(t, j.Write(w.info(), b))
	if len(wrote) != 1 || len(wrote[0]) != len(b.Records) || &wrote[0][0] != &b.Records[0] {
		t.Errorf("%d writes; the batch was copied", len(wrote))
	}
	// What does not fit is preceded by blocks of padding, and still written at once.
	big := writes(4, 30001, 150000)
	wrote = nil
	must(t, j.Write(w.info(), big))
	last := wrote[len(wrote)-1]
	if len(last) != len(big.Records) || &last[0] != &big.Records[0] {
		t.Error("a large batch was cut or copied")
	}
	for _, p := range wrote[:len(wrote)-1] {
		if len(p) != 1<<20 || p[0] != 0xff {
			t.Errorf("%d bytes before the batch", len(p))
		}
	}
	if s := j.Snapshot(); s.Highest != 150000 {
		t.Errorf("highest %d", s.Highest)
	}
}
