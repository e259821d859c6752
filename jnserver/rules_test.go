package jnserver

import (
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/editlog"
)

const (
	ioe     = javaerr.IOException
	iae     = javaerr.IllegalArgument
	ise     = javaerr.IllegalState
	oos     = javaerr.JournalOutOfSync
	assertE = javaerr.Assertion
)

// wantErr checks class and message (a part of it); "" means that there must be none.
func wantErr(t *testing.T, err error, class javaerr.Class, part string) {
	t.Helper()
	if class == "" {
		if err != nil {
			t.Fatalf("unexpected error %v (%s)", err, javaerr.ClassOf(err))
		}
		return
	}
	if err == nil {
		t.Fatalf("no error, want %s %q", class, part)
	}
	if got := javaerr.ClassOf(err); got != class {
		t.Errorf("class %s, want %s (%v)", got, class, err)
	}
	if !strings.Contains(err.Error(), part) {
		t.Errorf("message %q, want %q in it", err, part)
	}
}

// Java Journal.checkRequest.
func TestRuleAdmit(t *testing.T) {
	at := fence{promised: 5, writer: 5, serial: 10, committed: 20, committedKnown: true}
	unknown := fence{promised: 5, writer: 5, serial: -1}
	for _, c := range []struct {
		name  string
		f     fence
		r     RequestInfo
		want  admission
		class javaerr.Class
		text  string
	}{
		{"current epoch", at, RequestInfo{Epoch: 5, Serial: 11, Committed: 21, HasCommitted: true},
			admission{takeSerial: true, takeCommit: true}, "", ""},
		{"committed not given", at, RequestInfo{Epoch: 5, Serial: 11}, admission{takeSerial: true}, "", ""},
		{"committed equal is written again", at, RequestInfo{Epoch: 5, Serial: 12, Committed: 20, HasCommitted: true},
			admission{takeSerial: true, takeCommit: true}, "", ""},
		{"serial gap", at, RequestInfo{Epoch: 5, Serial: 1000}, admission{takeSerial: true}, "", ""},
		{"lower epoch", at, RequestInfo{Epoch: 4, Serial: 11, Committed: 30, HasCommitted: true},
			admission{}, ioe, "IPC's epoch 4 is less than the last promised epoch 5"},
		{"higher epoch raises the promise and forgets the serial", at, RequestInfo{Epoch: 6, Serial: 0},
			admission{raisePromise: true, takeSerial: true}, "", ""},
		{"serial repeated", at, RequestInfo{Epoch: 5, Serial: 10, Client: "10.0.0.7"},
			admission{}, oos, "IPC serial 10 from client /10.0.0.7 was not higher than prior highest IPC serial 10"},
		{"serial lower", at, RequestInfo{Epoch: 5, Serial: 9}, admission{}, oos, "IPC serial 9"},
		{"after a restart any serial", unknown, RequestInfo{Epoch: 5, Serial: 0}, admission{takeSerial: true}, "", ""},
		{"a promise raised by a request that is then refused", at, RequestInfo{Epoch: 7, Serial: -1},
			admission{raisePromise: true}, oos, "IPC serial -1"},
		{"committed backward consumes the serial", at, RequestInfo{Epoch: 5, Serial: 11, Committed: 19, HasCommitted: true},
			admission{takeSerial: true}, iae, "Client trying to move committed txid backward from 20 to 19"},
		{"first committed txid", unknown, RequestInfo{Epoch: 5, Serial: 0, Committed: 0, HasCommitted: true},
			admission{takeSerial: true, takeCommit: true}, "", ""},
		{"unknown given while unknown", unknown, RequestInfo{Epoch: 5, Serial: 0, Committed: storage.InvalidTxID, HasCommitted: true},
			admission{takeSerial: true, takeCommit: true}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := admit(c.f, c.r)
			wantErr(t, got.err, c.class, c.text)
			got.err = nil
			if got != c.want {
				t.Errorf("admit = %+v, want %+v", got, c.want)
			}
		})
	}
}

// Java Journal.checkWriteRequest.
func TestRuleCheckWriter(t *testing.T) {
	wantErr(t, checkWriter(fence{writer: 3}, RequestInfo{Epoch: 3}), "", "")
	wantErr(t, checkWriter(fence{writer: 3}, RequestInfo{Epoch: 4}), ioe, "IPC's epoch 4 is not the current writer epoch  3")
}

// Java Journal.newEpoch: equal is refused (spec trap 8).
func TestRuleNewEpoch(t *testing.T) {
	wantErr(t, checkNewEpoch(4, 5), "", "")
	wantErr(t, checkNewEpoch(5, 5), ioe, "Proposed epoch 5 <= last promise 5")
	wantErr(t, checkNewEpoch(5, 4), ioe, "Proposed epoch 4 <= last promise 5")
}

// Java JNStorage.checkConsistentNamespace.
func TestRuleNamespace(t *testing.T) {
	have := storage.StorageInfo{LayoutVersion: -67, NamespaceID: 1, ClusterID: "c", CTime: 5}
	wantErr(t, checkNamespace("/d", have, storage.StorageInfo{LayoutVersion: -63, NamespaceID: 1, ClusterID: "c"}), "", "")
	wantErr(t, checkNamespace("/d", have, storage.StorageInfo{NamespaceID: 2, ClusterID: "c"}), ioe,
		"Incompatible namespaceID for journal Storage Directory root= /d; location= null: NameNode has nsId 2 but storage has nsId 1")
	wantErr(t, checkNamespace("/d", have, storage.StorageInfo{NamespaceID: 1, ClusterID: "x"}), ioe,
		"Incompatible clusterID for journal Storage Directory root= /d; location= null: NameNode has clusterId 'x' but storage has clusterId 'c'")
}

// Java QuorumJournalManager.checkJournalId.
func TestRuleJournalID(t *testing.T) {
	for _, ok := range []string{"ns1", "a.b", "a b", "ü"} {
		wantErr(t, CheckJournalID(ok), "", "")
	}
	for _, bad := range []string{"", ".", "..", ".x", "a/b", "/", "a\x00b"} {
		wantErr(t, CheckJournalID(bad), iae, "bad journal id: "+bad)
	}
}

// Java Journal.journal; which refusals give the segment up is spec trap 11.
func TestRuleBatch(t *testing.T) {
	at := position{open: true, first: 10, next: 15}
	for _, c := range []struct {
		name  string
		p     position
		b     batch
		abort bool
		class javaerr.Class
		text  string
	}{
		{"next", at, batch{10, 15, 3}, false, "", ""},
		{"none open", position{}, batch{10, 15, 3}, false, oos, "Can't write, no segment open"},
		{"other segment", at, batch{4, 15, 3}, true, oos, "Writer out of sync: it thinks it is writing segment 4 but current segment is 10"},
		{"gap", at, batch{10, 16, 3}, false, oos, "Can't write txid 16 expecting nextTxId=15"},
		{"repeat", at, batch{10, 14, 1}, false, oos, "Can't write txid 14 expecting nextTxId=15"},
	} {
		t.Run(c.name, func(t *testing.T) {
			abort, err := checkBatch(c.p, c.b)
			wantErr(t, err, c.class, c.text)
			if abort != c.abort {
				t.Errorf("abort = %t, want %t", abort, c.abort)
			}
		})
	}
}

// HDFS-3885, Java Journal.journal isLagging.
func TestRuleMustSync(t *testing.T) {
	b := batch{segment: 1, first: 5, count: 3} // 5..7
	for committed, want := range map[storage.TxID]bool{storage.InvalidTxID: true, 6: true, 7: false, 8: false} {
		if got := mustSync(committed, b); got != want {
			t.Errorf("mustSync(committed %d, 5-7) = %t, want %t", committed, got, want)
		}
	}
}

func scanTo(first, end storage.TxID, tail editlog.Tail) editlog.Scan {
	return editlog.Scan{Txns: int64(end - first + 1), First: first, End: end, Tail: tail}
}

// Java Journal.startLogSegment over an existing file (spec traps 13 and 14).
func TestRuleStartOver(t *testing.T) {
	open := storage.Segment{First: 4, Last: storage.InvalidTxID, InProgress: true, Name: "edits_inprogress_0000000000000000004"}
	done := storage.Segment{First: 4, Last: 8, Name: "edits_0000000000000000004-0000000000000000008"}
	wantErr(t, checkStartOver("/c", open, scanTo(4, 4, editlog.TailClean)), "", "")
	wantErr(t, checkStartOver("/c", open, scanTo(4, 4, editlog.TailTorn)), "", "")
	wantErr(t, checkStartOver("/c", open, scanTo(4, 4, editlog.TailDamaged)), ise, "seems to contain valid transactions")
	wantErr(t, checkStartOver("/c", open, scanTo(4, 5, editlog.TailClean)), ise,
		"The log file EditLogFile(file=/c/edits_inprogress_0000000000000000004,first=0000000000000000004,last=0000000000000000005,"+
			"inProgress=true,hasCorruptHeader=false) seems to contain valid transactions")
	wantErr(t, checkStartOver("/c", open, editlog.Scan{}), ise, "last=-000000000000012345")
	wantErr(t, checkStartOver("/c", done, editlog.Scan{}), ise,
		"Already have a finalized segment EditLogFile(file=/c/edits_0000000000000000004-0000000000000000008,first=0000000000000000004,"+
			"last=0000000000000000008,inProgress=false,hasCorruptHeader=false) beginning at 4")
}

// Java Journal.finalizeLogSegment, its three checks.
func TestRuleFinalize(t *testing.T) {
	at := position{open: true, first: 1, next: 4}
	wantErr(t, checkFinalizeOpen(at, 3), "", "")
	wantErr(t, checkFinalizeOpen(at, 4), oos, "Trying to finalize in-progress log segment 1 to end at txid 4 but only written up to txid 3")
	wantErr(t, checkFinalizeOpen(at, 2), oos, "to end at txid 2 but only written up to txid 3")

	seg := storage.Segment{First: 1, InProgress: true, Name: "e"}
	wantErr(t, checkFinalizeScanned("/c/e", seg, scanTo(1, 3, editlog.TailClean), 3), "", "")
	wantErr(t, checkFinalizeScanned("/c/e", seg, scanTo(1, 3, editlog.TailTorn), 3), "", "")
	wantErr(t, checkFinalizeScanned("/c/e", seg, scanTo(1, 3, editlog.TailClean), 2), oos, "but log /c/e on disk only contains up to txid 3")
	wantErr(t, checkFinalizeScanned("/c/e", seg, editlog.Scan{}, 3), oos, "only contains up to txid -12345")
	wantErr(t, checkFinalizeScanned("/c/e", seg, scanTo(1, 3, editlog.TailDamaged), 3), ioe, "damaged")

	done := storage.Segment{First: 1, Last: 3, Name: "edits_1-3"}
	wantErr(t, checkRefinalize("/c", done, 3), "", "")
	wantErr(t, checkRefinalize("/c", done, 4), iae, "Trying to re-finalize already finalized log EditLogFile(file=/c/edits_1-3")
}

// Java Journal.acceptRecovery, the checks before the download.
func TestRuleAccept(t *testing.T) {
	wantErr(t, checkAcceptRange(SegmentState{Start: 4, End: 3, InProgress: true}), iae,
		"bad recovery state for segment 4: startTxId: 4 endTxId: 3 isInProgress: true")
	wantErr(t, checkAcceptRange(SegmentState{Start: -5, End: 0}), iae, "bad recovery state")
	wantErr(t, checkAcceptRange(SegmentState{Start: 4, End: 4}), "", "")
	old := storage.PaxosRecord{Start: 4, End: 6, AcceptedIn: 7}
	wantErr(t, checkPaxosOrder(old, SegmentState{Start: 4, End: 6}, 6), assertE, "Bad paxos transition, out-of-order epochs.")
	wantErr(t, checkPaxosOrder(old, SegmentState{Start: 4, End: 6}, 7), "", "")

	committed := func(c storage.TxID) fence { return fence{committed: c, committedKnown: true} }
	inProgress := &SegmentState{Start: 4, End: 8, InProgress: true}
	finalized := &SegmentState{Start: 4, End: 8}
	for _, c := range []struct {
		name    string
		f       fence
		accept  SegmentState
		current *SegmentState
		bad     bool
		highest storage.TxID
		want    acceptPlan
		class   javaerr.Class
		text    string
	}{
		{"same end: no download, fromURL is never contacted", committed(5), SegmentState{4, 8, true}, inProgress, false, 8, acceptPlan{false, 8}, "", ""},
		{"same end but bad: download", committed(3), SegmentState{4, 8, true}, inProgress, true, 8, acceptPlan{true, 8}, "", ""},
		{"absent: download", committed(5), SegmentState{4, 8, true}, nil, false, 3, acceptPlan{true, 8}, "", ""},
		{"absent, later ones here", committed(5), SegmentState{4, 8, true}, nil, false, 20, acceptPlan{true, 20}, "", ""},
		{"longer: download", committed(5), SegmentState{4, 9, true}, inProgress, false, 8, acceptPlan{true, 9}, "", ""},
		{"shorter: download too (trap 19)", committed(5), SegmentState{4, 6, true}, inProgress, false, 8, acceptPlan{true, 6}, "", ""},
		{"highest elsewhere stays", committed(5), SegmentState{4, 6, true}, inProgress, false, 30, acceptPlan{true, 30}, "", ""},
		{"would discard committed", committed(7), SegmentState{4, 6, true}, inProgress, false, 8, acceptPlan{}, assertE,
			"Cannot replace segment startTxId: 4 endTxId: 8 isInProgress: true with new segment startTxId: 4 endTxId: 6 isInProgress: true: " +
				"would discard already-committed txn 7"},
		{"damaged: committed behind the prefix counts", committed(7), SegmentState{4, 6, true}, &SegmentState{4, 5, true}, true, 8, acceptPlan{}, assertE,
			"would discard already-committed txn 7"},
		{"finalized, other end", committed(5), SegmentState{4, 9, true}, finalized, false, 8, acceptPlan{}, assertE,
			"Should never be asked to synchronize a different log on top of an already-finalized segment"},
		{"finalized, same end", committed(5), SegmentState{4, 8, true}, finalized, false, 8, acceptPlan{false, 8}, "", ""},
		{"finalized, same end, bad", committed(5), SegmentState{4, 8, true}, finalized, true, 8, acceptPlan{}, ioe, "damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, err := planAccept(c.f, c.accept, c.current, c.bad, c.highest)
			wantErr(t, err, c.class, c.text)
			if err == nil && plan != c.want {
				t.Errorf("plan = %+v, want %+v", plan, c.want)
			}
		})
	}
}

// Spec 2.6: torn tail, damage, and acknowledged transactions that are gone.
func TestRuleAbstain(t *testing.T) {
	committed := func(c storage.TxID) fence { return fence{committed: c, committedKnown: true} }
	damage := scanTo(4, 6, editlog.TailDamaged)
	wantErr(t, abstain("p", committed(5), 4, scanTo(4, 6, editlog.TailTorn), 0, false), "", "")
	wantErr(t, abstain("p", committed(7), 4, damage, 0, false), "", "") // lastCommittedTxId guards it
	wantErr(t, abstain("p", committed(6), 4, damage, 0, false), ioe, "takes no part")
	wantErr(t, abstain("p", fence{}, 4, damage, 0, false), ioe, "takes no part")
	wantErr(t, abstain("p", committed(7), 4, scanTo(4, 6, editlog.TailTorn), 7, true), ioe, "has acknowledged txid 7")
	wantErr(t, abstain("p", committed(7), 4, scanTo(4, 7, editlog.TailTorn), 7, true), "", "")
	wantErr(t, abstain("p", fence{}, 4, editlog.Scan{}, 4, true), ioe, "ends at txid 3 on disk")
}

// Spec 3.4 GO, HDFS-11112.
func TestRuleForceFormat(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		force   *bool
		version string
		want    bool
	}{
		{&yes, "3.4.2", true}, {&no, "2.7.7", false}, {nil, "2.7.7", true}, {nil, "2.8.5-SNAPSHOT", true}, {nil, "2.9.0", false},
		{nil, "2.10.2", false}, {nil, "3.4.2", false}, {nil, "1.2", true}, {nil, "", false}, {nil, "x.y", false}, {nil, "2", false},
	} {
		if got := forceFormat(c.force, c.version); got != c.want {
			t.Errorf("forceFormat(%v, %q) = %t, want %t", c.force, c.version, got, c.want)
		}
	}
}

// Java Journal.getEditLogManifest, FileJournalManager.getRemoteEditLogs, RemoteEditLogManifest.checkState; spec 3.10.
func TestRuleManifest(t *testing.T) {
	fin := func(a, b storage.TxID) storage.Segment { return storage.Segment{First: a, Last: b} }
	open := func(a storage.TxID) storage.Segment {
		return storage.Segment{First: a, Last: storage.InvalidTxID, InProgress: true}
	}
	three := []storage.Segment{fin(1, 3), fin(4, 8), fin(9, 15)}
	for _, c := range []struct {
		name  string
		s     Snapshot
		since storage.TxID
		inOK  bool
		want  string
		class javaerr.Class
		text  string
	}{
		{"all, committed unknown", Snapshot{Segments: three, Highest: 15}, 0, true, "[[1,3], [4,8], [9,15]] CommittedTxId: -12345", "", ""},
		{"since inside", Snapshot{Segments: three, Highest: 15}, 5, true, "[[4,8], [9,15]] CommittedTxId: -12345", "", ""},
		{"since behind the end", Snapshot{Segments: three, Highest: 15}, 16, true, "[] CommittedTxId: -12345", "", ""},
		{"in progress", Snapshot{Segments: append(three[:3:3], open(16)), Highest: 19, HighestIn: 16, Committed: 18, CommittedKnown: true}, 1, true,
			"[[1,3], [4,8], [9,15], [16,19]] CommittedTxId: 18", "", ""},
		{"in progress not wanted", Snapshot{Segments: append(three[:3:3], open(16)), Highest: 19, HighestIn: 16}, 1, false,
			"[[1,3], [4,8], [9,15]] CommittedTxId: -12345", "", ""},
		{"in progress but empty is left out", Snapshot{Segments: append(three[:3:3], open(16)), Highest: 15, HighestIn: 9}, 1, true,
			"[[1,3], [4,8], [9,15]] CommittedTxId: -12345", "", ""},
		{"in progress, the highest elsewhere", Snapshot{Segments: append(three[:3:3], open(16)), Highest: 25, HighestIn: 20}, 1, true,
			"[[1,3], [4,8], [9,15]] CommittedTxId: -12345", "", ""},
		{"two in progress: the newest", Snapshot{Segments: []storage.Segment{fin(1, 3), open(4), open(9)}, Highest: 12, HighestIn: 9}, 1, true,
			"[[1,3], [9,12]] CommittedTxId: -12345", "", ""},
		{"stale in progress below a finalized one (s18)", Snapshot{Segments: []storage.Segment{open(1), fin(1, 3), fin(4, 8)}, Highest: 8, HighestIn: 1}, 1, true,
			"[[1,3], [4,8]] CommittedTxId: -12345", "", ""},
		{"bad in progress", Snapshot{Segments: append(three[:3:3], open(16)), Highest: 19, HighestIn: 16, Bad: []BadSegment{{First: 16}}}, 1, true,
			"[[1,3], [4,8], [9,15]] CommittedTxId: -12345", "", ""},
		{"bad finalized", Snapshot{Segments: three, Highest: 15, Bad: []BadSegment{{First: 4}}}, 1, true,
			"[[1,3], [9,15]] CommittedTxId: -12345", "", ""},
		{"overlap (s25)", Snapshot{Segments: []storage.Segment{fin(1, 3), fin(1, 9), fin(4, 8)}, Highest: 9, Committed: 18, CommittedKnown: true}, 1, true,
			"", ise, "Invalid log manifest (log [1,9] overlaps [1,3])\n[[1,3], [1,9], [4,8]] CommittedTxId: 18"},
		{"unreadable committed-txid (s11)", Snapshot{Segments: three, CommittedErr: javaerr.New(ioe, "had invalid length: 3")}, 1, true,
			"", ioe, "invalid length"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := manifest(&c.s, c.since, c.inOK)
			wantErr(t, err, c.class, c.text)
			if err == nil && m.String() != c.want {
				t.Errorf("manifest %s, want %s", m, c.want)
			}
		})
	}
}
