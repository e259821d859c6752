package jnserver_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	pb "gojn/qjournalpb"
	"gojn/storage"
	"gojn/storage/vfs"
)

// replayCall is one line of a capture: what was called, under which label.
type replayCall struct {
	label string
	call  func() string
}

// errorMatrix are the calls of rpc-results.txt, in order. The captures do not say with which epochs and committed txids
// the recovery calls came; these give what they answered.
func errorMatrix(c *rpcClient, url string, journaled bool) []replayCall {
	c.jid = "err1"
	none := func() *pb.RequestInfoProto { return c.info(5, -1) }
	var serial uint64 // that of the call to repeat
	repeat := func() *pb.RequestInfoProto { c.serial = serial; return c.info(5, -1) }
	nsID := func(id uint32) func(*pb.StorageInfoProto) {
		return func(s *pb.StorageInfoProto) { s.NamespceID = &id }
	}
	cluster := func(id string) func(*pb.StorageInfoProto) {
		return func(s *pb.StorageInfoProto) { s.ClusterID = &id }
	}
	zero := func(s *pb.StorageInfoProto) {
		nsID(0)(s)
		cluster("c")(s)
		s.CTime = new(uint64)
	}
	calls := []replayCall{
		{"getJournalState bad jid '.x'", func() string { return c.journalStateOf(".x") }},
		{"getJournalState jid ''", func() string { return c.journalStateOf("") }},
		{"getJournalState jid 'a/b'", func() string { return c.journalStateOf("a/b") }},
		{"isFormatted unformatted", c.isFormatted},
		{"getJournalState unformatted", c.journalState},
		{"newEpoch unformatted", func() string { return c.newEpoch(1, nil) }},
		{"getEditLogManifest unformatted", func() string { return c.manifest(1, true) }},
		{"getJournalCTime unformatted", c.cTime},
		{"heartbeat unformatted", func() string { return c.heartbeat(c.info(1, -1)) }},
		{"format nsid 0", func() string { return c.format(false, zero) }},
		{"format", func() string { return c.format(false, nil) }},
		{"format again force=false", func() string { return c.format(false, nil) }},
		{"format again force=true", func() string { return c.format(true, nil) }},
		{"newEpoch wrong nsid", func() string { return c.newEpoch(5, nsID(7)) }},
		{"newEpoch wrong cid", func() string { return c.newEpoch(5, cluster("x")) }},
		{"newEpoch 5", func() string { return c.newEpoch(5, nil) }},
		{"newEpoch 5 again", func() string { return c.newEpoch(5, nil) }},
		{"journal epoch 4", func() string { return c.edits(c.info(4, -1), 1, 1, 3) }},
		{"journal epoch 5 before startLogSegment", func() string { c.serial = 0; return c.edits(none(), 1, 1, 3) }},
		{"journal epoch 5 same serial", func() string { serial = 0; return c.edits(repeat(), 1, 1, 3) }},
		{"startLogSegment 1", func() string { return c.start(5, 1) }},
		{"journal wrong first txid", func() string { return c.edits(none(), 1, 5, 5) }},
		{"journal 1-3", func() string { return c.edits(none(), 1, 1, 3) }},
		{"journal numTxns 0", func() string { return c.journal(c.info(5, 3), 1, 4, 0, nil) }},
		{"heartbeat committed backward", func() string { serial = c.serial; return c.heartbeat(c.info(5, 2)) }},
		{"heartbeat serial repeated after failed committed", func() string { return c.heartbeat(repeat()) }},
		{"manifest inProgressOk", func() string { return c.manifest(1, true) }},
		{"manifest !inProgressOk", func() string { return c.manifest(1, false) }},
		{"finalize 1-4 (too long)", func() string { return c.finalize(5, 1, 4) }},
		{"journal after failed finalize", func() string { return c.edits(none(), 1, 4, 4) }},
		{"startLogSegment 1 over 3 txns", func() string { return c.start(5, 1) }},
		{"finalize 1-2 (mismatch on disk)", func() string { return c.finalize(5, 1, 2) }},
		{"finalize 1-3", func() string { return c.finalize(5, 1, 3) }},
		{"finalize 1-3 again", func() string { return c.finalize(5, 1, 3) }},
		{"finalize 1-4 after finalized", func() string { return c.finalize(5, 1, 4) }},
		{"finalize 77-78 none", func() string { return c.finalize(5, 77, 78) }},
		{"startLogSegment 1 finalized", func() string { return c.start(5, 1) }},
		{"startLogSegment 4", func() string { return c.start(5, 4) }},
		{"manifest empty in-progress", func() string { return c.manifest(1, true) }},
		{"journal wrong segment", func() string { return c.edits(none(), 1, 4, 5) }},
		{"journal after wrong segment", func() string { return c.edits(none(), 4, 4, 5) }},
		{"startLogSegment 4 again (empty)", func() string { return c.start(5, 4) }},
		{"journal 4-5", func() string { return c.edits(none(), 4, 4, 5) }},
		{"prepareRecovery 4", func() string { return c.prepare(5, 4) }},
		{"prepareRecovery 1 (finalized)", func() string { return c.prepare(5, 1) }},
		{"prepareRecovery 99", func() string { return c.prepare(5, 99) }},
		{"acceptRecovery bad range", func() string { return c.accept(none(), 4, 3, true, url) }},
		{"acceptRecovery 404 url", func() string { return c.accept(none(), 4, 5, true, url) }},
		{"acceptRecovery discard committed", func() string { return c.accept(c.info(6, 5), 4, 4, true, url) }},
		{"acceptRecovery over finalized", func() string { return c.accept(c.info(6, -1), 1, 4, true, url) }},
		{"acceptRecovery same len", func() string { return c.accept(c.info(7, -1), 4, 5, true, url) }},
		{"prepareRecovery 4 after accept", func() string { return c.prepare(7, 4) }},
		{"purge 4", func() string { return c.purge(7, 4) }},
		{"manifest after purge", func() string { return c.manifest(1, true) }},
		{"getJournalCTime", c.cTime},
		{"getJournalState", c.journalState},
		{"canRollBack no previous", func() string { return c.canRollBack(int32(c.lv)) }},
		{"doFinalize no previous", c.doFinalize},
		{"discardSegments 5 (mid)", func() string { return c.discard(5) }},
		{"doPreUpgrade", c.doPreUpgrade},
		{"doPreUpgrade twice", c.doPreUpgrade},
		{"doUpgrade", c.doUpgrade},
		{"getJournalState after upgrade", c.journalState},
		{"canRollBack wrong target", func() string { return c.canRollBack(-1) }},
		{"canRollBack", func() string { return c.canRollBack(int32(c.lv)) }},
		{"doRollback", c.doRollback},
		{"doRollback again", c.doRollback},
		{"discardSegments 4", func() string { return c.discard(4) }},
	}
	if !journaled {
		return calls
	}
	edits := func(since uint64, max uint32) func() (string, *pb.GetJournaledEditsResponseProto) {
		return func() (string, *pb.GetJournaledEditsResponseProto) { return c.editsAnswer(since, max) }
	}
	text := func(since uint64, max uint32) func() string {
		return func() string { return c.journaledEdits(since, max) }
	}
	return append(calls, []replayCall{
		{"getJournaledEdits 1", text(1, 100)},
		{"getJournaledEdits 500", text(500, 100)},
		{"format force + start", func() string {
			answer := c.format(true, nil)
			_, _ = c.newEpoch(10, nil), c.start(10, 1)
			if got := c.journal(c.info(10, -1), 1, 1, 20, mkdirSized(1, 20)); got != "OK null" {
				return got
			}
			return answer
		}},
		{"getJournaledEdits 1 max 100", sizes(edits(1, 100))},
		{"getJournaledEdits 5 max 8", sizes(edits(5, 8))},
		{"getJournaledEdits 21 max 8", sizes(edits(21, 8))},
		{"getJournaledEdits 22 max 8", text(22, 8)},
		{"getJournaledEdits 0 max 8", text(0, 8)},
		{"getJournaledEdits 5 max 0", text(5, 0)},
	}...)
}

// mkdirSized are operations of the lengths that the captured ones had: 73 bytes for txids of one digit, 74 for those of two.
func mkdirSized(first, last storage.TxID) (all []byte) {
	for tx := first; tx <= last; tx++ {
		b := binary.BigEndian.AppendUint32([]byte{3}, uint32(73+len(tx.String())-1-5))
		b = binary.BigEndian.AppendUint64(b, uint64(tx))
		b = append(b, make([]byte, 56+len(tx.String())-1)...)
		all = append(all, binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))...)
	}
	return all
}

// sizes prints an answer to getJournaledEdits as the captures do where they leave its bytes out.
func sizes(call func() (string, *pb.GetJournaledEditsResponseProto)) func() string {
	return func() string {
		answer, r := call()
		if !strings.HasPrefix(answer, "OK") {
			return answer
		}
		has := ""
		if r.EditLog == nil {
			has = " has=false"
		}
		return fmt.Sprintf("OK count=%d%s bytes=%d", r.GetTxnCount(), has, len(r.GetEditLog()))
	}
}

// recoveryMatrix are the calls of rpc-results-2.txt.
func recoveryMatrix(c *rpcClient, url string) []replayCall {
	c.jid = "err2"
	manifest := func() string { return c.manifest(1, true) }
	return []replayCall{
		{"format", func() string { return c.format(false, nil) }},
		{"newEpoch 1", func() string { return c.newEpoch(1, nil) }},
		{"startLogSegment 1", func() string { return c.start(1, 1) }},
		{"journal 1-1", func() string { return c.edits(c.info(1, -1), 1, 1, 1) }},
		{"startLogSegment 1 again over 1 txn", func() string { return c.start(1, 1) }},
		{"journal 1-5", func() string { return c.edits(c.info(1, -1), 1, 1, 5) }},
		{"journal garbage bytes 6-6 (not validated)", func() string { return c.journal(c.info(1, 4), 1, 6, 1, []byte{1, 2, 3}) }},
		{"journal empty records numTxns=1 (7)", func() string { return c.journal(c.info(1, 4), 1, 7, 1, nil) }},
		{"manifest", manifest},
		{"manifest since 4", func() string { return c.manifest(4, true) }},
		{"manifest since 100", func() string { return c.manifest(100, true) }},
		{"newEpoch 2", func() string { return c.newEpoch(2, nil) }},
		{"prepareRecovery 1", func() string { return c.prepare(2, 1) }},
		{"acceptRecovery 1-3 would discard committed 4", func() string { return c.accept(c.info(2, -1), 1, 3, true, url) }},
		{"acceptRecovery 1-9 bad url", func() string { return c.accept(c.info(2, -1), 1, 9, true, "http://127.0.0.1:1/nope") }},
		{"acceptRecovery 1-5 same length: no download", func() string { return c.accept(c.info(2, -1), 1, 5, true, "copy:1-5") }},
		{"prepareRecovery 1 epoch 3", func() string { return c.prepare(3, 1) }},
		{"acceptRecovery malformed URL via finalized flag", func() string { return c.accept(c.info(3, -1), 1, 5, false, url) }},
		{"finalize 1-5", func() string { return c.finalize(3, 1, 5) }},
		{"acceptRecovery 1-5 on finalized same", func() string { return c.accept(c.info(3, -1), 1, 5, true, url) }},
		{"prepareRecovery 1 finalized+paxos", func() string { return c.prepare(3, 1) }},
		{"journal by epoch 4 w/o startLogSegment", func() string { return c.edits(c.info(4, -1), 1, 6, 6) }},
		{"startLogSegment 6 epoch 4", func() string { return c.start(4, 6) }},
		{"startLogSegment 20 skipping (epoch 4)", func() string { return c.start(4, 20) }},
		{"journal 20", func() string { return c.edits(c.info(4, -1), 20, 20, 20) }},
		{"manifest", manifest},
		{"purge 10", func() string { return c.purge(4, 10) }},
		{"manifest after purge 10", manifest},
		{"discardSegments 20", func() string { return c.discard(20) }},
		{"getJournalState", c.journalState},
		{"newEpoch 5 by heartbeat", func() string { c.heartbeat(c.info(9, -1)); return c.journalState() }},
	}
}

// captured is one line of a capture: its label and the answer in the form of rpcClient.call.
type captured struct{ label, answer string }

// readCapture reads rpc-results and startup-states files. Lines that go on with a message, and stacks, are left out.
func readCapture(t *testing.T, name string) []captured {
	t.Helper()
	text, err := os.ReadFile(name)
	must(t, err)
	var out []captured
	for _, line := range strings.Split(string(text), "\n") {
		status, rest, ok := strings.Cut(line, " ")
		if section, found := strings.CutPrefix(line, "## "); found {
			out = append(out, captured{label: "## " + section})
			continue
		}
		if !ok || status != "OK" && status != "FAIL" {
			continue
		}
		label, answer, ok := strings.Cut(strings.TrimLeft(rest, " "), " -> ")
		if !ok {
			t.Fatalf("%s: no answer in %q", name, line)
		}
		answer = strings.TrimSuffix(answer, " [+stack]")
		answer = strings.Replace(answer, " msg=", " ", 1)
		out = append(out, captured{label, strings.TrimSpace(status + " " + answer)})
	}
	return out
}

// likeRelease writes one of our answers as release would: 2.7 has no journal id and no location in its messages and no
// committedTxnId in its manifest; no client reads either (spec 3.0, 3.10). The peer of an in-memory connection is "client".
func likeRelease(release, answer string) string {
	answer = strings.Replace(answer, "from client /client ", "from client /127.0.0.1 ", 1)
	if release != "2.7.7" {
		return answer
	}
	answer, _, _ = strings.Cut(answer, " ; journal id: ")
	if before, after, ok := strings.Cut(answer, "Storage Directory root= "); ok {
		answer = before + "Storage Directory " + strings.Replace(after, "; location= null", "", 1)
	}
	if i := strings.Index(answer, "committedTxnId: "); i >= 0 {
		rest := answer[i+len("committedTxnId: "):]
		_, rest, _ = strings.Cut(rest, " ")
		answer = strings.TrimRight(answer[:i], " ") + " " + rest
	}
	return strings.TrimSpace(answer)
}

// difference is an answer that deliberately is not Java's.
type difference struct{ ours, why string }

// matrixDifferences are the deliberate differences, by "label" or "label#n" for its n-th use. An answer that ends with ".."
// is compared up to there.
func matrixDifferences(release string) map[string]difference {
	list := map[string]difference{
		"heartbeat unformatted": {likeRelease(release, "FAIL org.apache.hadoop.hdfs.qjournal.protocol.JournalNotFormattedException "+
			"Journal Storage Directory root= /data/jn/err1; location= null not formatted ; journal id: err1"), "spec 3.6 GO"},
		"manifest empty in-progress": {likeRelease(release, "OK manifest {   logs {     startTxId: 1     endTxId: 3     isInProgress: false   }   "+
			"committedTxnId: 3 } httpPort: 21111 fromURL: \"http://localhost:21111\""),
			"spec 3.10 GO: a segment without transactions is left out"},
	}
	if release == "2.7.7" {
		for _, label := range []string{"404 url", "discard committed", "same len"} {
			list["acceptRecovery "+label] = difference{"FAIL " + string(javaerr.HTTPGetFailed) +
				" Image transfer servlet at http://127.0.0.1:21111/nope failed with status code 404", "the class of 3.x (spec 3.13)"}
		}
		return list
	}
	const class = "FAIL org.apache.hadoop.hdfs.qjournal.server."
	list["getJournaledEdits 1"] = difference{class + "NewerTxnIdException " +
		"Highest txn ID available in the journal is 0, but requested txns starting at 1.",
		"Java keeps in memory what was purged and discarded; here txid 1 is known to be committed and gone"}
	list["getJournaledEdits 500"] = difference{class + "NewerTxnIdException " +
		"Highest txn ID available in the journal is 0, but requested txns starting at 500.", "the same"}
	list["getJournaledEdits 5 max 0"] = difference{"FAIL java.io.IOException at least one transaction must be asked for",
		"spec 6: an IndexOutOfBoundsException of Java's"}
	return list
}

func recoveryDifferences(release string) map[string]difference {
	return map[string]difference{
		"prepareRecovery 1": {likeRelease(release, "FAIL java.io.IOException Log segment /data/jn/err2/current/edits_inprogress_0000000000000000001 "+
			"ends at txid 5 on disk but this node has acknowledged txid 7: it takes no part in the recovery ; journal id: err2"),
			"spec 2.6 GO: the garbage of the batches 6 and 7 was acknowledged"},
		"manifest#2": {likeRelease(release, "OK manifest {   logs {     startTxId: 1     endTxId: 5     isInProgress: false   }   "+
			"logs {     startTxId: 20     endTxId: 20     isInProgress: true   }   committedTxnId: 4 } "+
			"httpPort: 21111 fromURL: \"http://localhost:21111\""), "spec 3.10 GO: at most one segment in progress, the newest"},
	}
}

// replayFetcher answers as the HTTP server at the captured node: 404, or nobody listens. The one download that Java does
// not make gets a good copy.
var replayFetcher = fetchFunc(func(_ context.Context, url string, dst io.Writer) (int64, error) {
	switch url {
	case "http://127.0.0.1:1/nope":
		return 0, javaerr.New("java.net.ConnectException", "Connection refused")
	case "copy:1-5":
		return fetchBytes(segmentFile(1, 5))(context.Background(), url, dst)
	}
	return 0, javaerr.New(javaerr.HTTPGetFailed, "Image transfer servlet at %s failed with status code 404\nResponse message:\nNot Found", url)
})

// TestReplayCaptures makes the calls of the captured error matrices and wants the answers of the real JournalNodes: the same
// outcome, class, first line and values, but for the listed differences.
func TestReplayCaptures(t *testing.T) {
	for _, release := range []string{"2.7.7", "3.4.2", "3.5.0"} {
		port := map[string]string{"2.7.7": "21101", "3.4.2": "21111", "3.5.0": "21121"}[release]
		for file, differences := range map[string]map[string]difference{
			"rpc-results.txt":   matrixDifferences(release),
			"rpc-results-2.txt": recoveryDifferences(release),
		} {
			t.Run(release+"/"+file, func(t *testing.T) {
				cfg := newConfig(vfs.NewMem(), replayFetcher)
				cfg.EditsCache = 1 << 20
				n := newNode(t, cfg)
				c := &rpcClient{t: t, client: newClient(t, n), lv: uint32(0xffffffff - 66), old: release == "2.7.7"}
				if c.old {
					c.lv = uint32(0xffffffff - 62)
				}
				url := "http://127.0.0.1:21111/nope"
				calls := errorMatrix(c, url, !c.old)
				if file == "rpc-results-2.txt" {
					calls = recoveryMatrix(c, url)
				}
				compareReplay(t, release, calls, readCapture(t, "testdata/hadoop-"+release+"/"+file), differences, port)
			})
		}
	}
}

func compareReplay(t *testing.T, release string, calls []replayCall, want []captured, differences map[string]difference, port string) {
	t.Helper()
	if len(calls) != len(want) {
		t.Fatalf("%d calls for %d captured answers", len(calls), len(want))
	}
	used := make(map[string]int)
	for i, w := range want {
		if calls[i].label != w.label {
			t.Fatalf("call %d is %q, the capture has %q", i, calls[i].label, w.label)
		}
		used[w.label]++
		java := strings.ReplaceAll(w.answer, ":"+port, ":21111")
		java = strings.ReplaceAll(java, "httpPort: "+port, "httpPort: 21111")
		got := likeRelease(release, calls[i].call())
		key := w.label
		if n := used[w.label]; n > 1 {
			key += "#" + string(rune('0'+n))
		}
		d, deliberate := differences[key]
		delete(differences, key)
		switch {
		case !deliberate && got != java:
			t.Errorf("%s\n ours %s\n Java %s", w.label, got, java)
		case deliberate && got == java:
			t.Errorf("%s: listed as a difference (%s), but the answer is Java's", w.label, d.why)
		case deliberate && !matches(got, d.ours):
			t.Errorf("%s (%s)\n got  %s\n want %s", w.label, d.why, got, d.ours)
		}
	}
	for key := range differences {
		t.Errorf("difference %q was never met", key)
	}
}

// matches compares an answer with a wanted one, which may end with "..".
func matches(got, want string) bool {
	if prefix, ok := strings.CutSuffix(want, ".."); ok {
		return strings.HasPrefix(got, prefix)
	}
	return got == want
}
