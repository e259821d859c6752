package jnserver

import (
	"fmt"
	"strconv"
	"strings"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/editlog"
)

// CheckJournalID is Java's QuorumJournalManager.checkJournalId as every JournalNode entry point applies it; a NUL, which no
// file name can hold, is refused besides.
func CheckJournalID(jid string) error {
	if jid == "" || strings.ContainsAny(jid, "/\x00") || jid[0] == '.' {
		return javaerr.New(javaerr.IllegalArgument, "bad journal id: %s", jid)
	}
	return nil
}

// batch is one Write as the checks see it.
type batch struct {
	segment storage.TxID // the segment the writer believes to be open
	first   storage.TxID
	count   int64
}

func (b batch) last() storage.TxID { return b.first + storage.TxID(b.count) - 1 }

// position is where the open segment stands; open is false if there is none.
type position struct {
	open  bool
	first storage.TxID // the segment's first transaction
	next  storage.TxID // the transaction that the next batch must begin with
}

// checkBatch is the order checks of Java's Journal.journal. abort tells that the open segment must be given up: the writer
// thinks of another one. A wrong txid leaves it open.
func checkBatch(p position, b batch) (abort bool, err error) {
	switch {
	case !p.open:
		return false, refuse(javaerr.JournalOutOfSync, "Can't write, no segment open")
	case p.first != b.segment:
		return true, refuse(javaerr.JournalOutOfSync, "Writer out of sync: it thinks it is writing segment %d but current segment is %d",
			b.segment, p.first)
	case p.next != b.first:
		return false, refuse(javaerr.JournalOutOfSync, "Can't write txid %d expecting nextTxId=%d", b.first, p.next)
	}
	return false, nil
}

// mustSync is HDFS-3885: a batch at or below the committed txid is on a quorum already and may stay unsynced here for now.
// committed is the value after this request's own committed txid was taken.
func mustSync(committed storage.TxID, b batch) bool { return b.last() > committed }

// checkStartOver decides whether a segment may be started where a file with that first txid exists already
// (Java Journal.startLogSegment): only over an in-progress file that holds exactly its START_LOG_SEGMENT transaction, which
// a writer left that died at once. scan is of the existing file, and unused if it is finalized.
func checkStartOver(dir string, s storage.Segment, scan editlog.Scan) error {
	if !s.InProgress {
		return refuse(javaerr.IllegalState, "Already have a finalized segment %s beginning at %d", editLogFile(dir, s, s.Last, false), s.First)
	}
	end := scanEnd(scan)
	if end == s.First && scan.Tail != editlog.TailDamaged {
		return nil
	}
	return refuse(javaerr.IllegalState, "The log file %s seems to contain valid transactions", editLogFile(dir, s, end, scan.CorruptHeader))
}

// checkFinalizeOpen is the check of Java's Journal.finalizeLogSegment on the segment that is open here.
func checkFinalizeOpen(p position, end storage.TxID) error {
	if p.next != end+1 {
		return refuse(javaerr.JournalOutOfSync, "Trying to finalize in-progress log segment %d to end at txid %d but only written up to txid %d",
			p.first, end, p.next-1)
	}
	return nil
}

// checkFinalizeScanned is the check of Java's Journal.finalizeLogSegment on a segment that this process has not just
// written: its end on disk must be exactly the one asked for. A damaged file is never finalized (spec 2.6).
func checkFinalizeScanned(path string, s storage.Segment, scan editlog.Scan, end storage.TxID) error {
	if got := scanEnd(scan); got != end {
		return refuse(javaerr.JournalOutOfSync,
			"Trying to finalize in-progress log segment %d to end at txid %d but log %s on disk only contains up to txid %d",
			s.First, end, path, got)
	}
	if scan.Tail == editlog.TailDamaged {
		return refuse(javaerr.IOException, "Refusing to finalize log segment %s, which is damaged at offset %d: %s", path, scan.BadOffset, scan.Reason)
	}
	return nil
}

// checkRefinalize is the check of Java's Journal.finalizeLogSegment on a finalized segment: repeating it is fine.
func checkRefinalize(dir string, s storage.Segment, end storage.TxID) error {
	if s.Last != end {
		return refuse(javaerr.IllegalArgument, "Trying to re-finalize already finalized log %s with different endTxId %d",
			editLogFile(dir, s, s.Last, false), end)
	}
	return nil
}

// SegmentState is what two nodes agree on in a recovery (Java SegmentStateProto).
type SegmentState struct {
	Start, End storage.TxID
	InProgress bool
}

func (s SegmentState) contains(t storage.TxID) bool { return s.Start <= t && t <= s.End }

// String is protobuf's short text form, as Java prints it in messages.
func (s SegmentState) String() string {
	return fmt.Sprintf("startTxId: %d endTxId: %d isInProgress: %t", s.Start, s.End, s.InProgress)
}

// acceptPlan is how an accepted state is brought about: what is here now, and whether a copy must be fetched.
type acceptPlan struct {
	download bool
	highest  storage.TxID // the highest written txid once it is done
}

// checkAcceptRange is the first check of Java's Journal.acceptRecovery.
func checkAcceptRange(accept SegmentState) error {
	// Java takes a negative start, and then makes a file whose name nobody can read back.
	if accept.End <= 0 || accept.End < accept.Start || accept.Start < 0 {
		return refuse(javaerr.IllegalArgument, "bad recovery state for segment %d: %s", accept.Start, accept)
	}
	return nil
}

// checkPaxosOrder is the second: what was accepted in a later epoch stays.
func checkPaxosOrder(previous storage.PaxosRecord, accept SegmentState, epoch storage.Epoch) error {
	if previous.AcceptedIn <= epoch {
		return nil
	}
	proposed := storage.PaxosRecord{Start: accept.Start, End: accept.End, InProgress: accept.InProgress, AcceptedIn: epoch}
	return refuse(javaerr.Assertion, "Bad paxos transition, out-of-order epochs.\nOld: %s\nNew: %s", paxosText(previous), paxosText(proposed))
}

// planAccept holds the remaining rules of Java's Journal.acceptRecovery. current is the segment as it is on disk, nil if
// there is none; bad tells that its bytes cannot be trusted, so that a good copy is fetched even if the end is the same
// (spec 2.6). The new highest txid is for after success; Java takes it before the download and keeps it if that fails.
func planAccept(f fence, accept SegmentState, current *SegmentState, bad bool, highest storage.TxID) (acceptPlan, error) {
	plan := acceptPlan{highest: highest}
	if current == nil {
		plan.download = true
		plan.highest = max(highest, accept.End)
		return plan, nil
	}
	if current.End == accept.End && !bad {
		return plan, nil
	}
	plan.download = true
	committed := f.committedTxID()
	// A damaged file once held more than its prefix, so every committed transaction from its start on counts as held.
	held := current.contains(committed) || bad && committed >= current.Start && committed > accept.End
	if held && !accept.contains(committed) {
		return plan, refuse(javaerr.Assertion, "Cannot replace segment %s with new segment %s: would discard already-committed txn %d",
			*current, accept, committed)
	}
	if !current.InProgress {
		if bad && current.End == accept.End {
			return plan, refuse(javaerr.IOException, "The finalized segment %d-%d is damaged here: this node takes no part in its recovery",
				current.Start, current.End)
		}
		return plan, refuse(javaerr.Assertion, "Should never be asked to synchronize a different log on top of an already-finalized segment")
	}
	if current.contains(highest) || bad && highest >= current.Start {
		plan.highest = accept.End
	}
	return plan, nil
}

func paxosText(r storage.PaxosRecord) string {
	return fmt.Sprintf("segmentState { startTxId: %d endTxId: %d isInProgress: %t } acceptedInEpoch: %d", r.Start, r.End, r.InProgress, r.AcceptedIn)
}

// abstain decides whether this node must stay out of a recovery because of what a scan found in its in-progress segment
// (spec 2.6). acked is the last transaction that this process acknowledged in it, if any. A torn tail is no reason: nothing
// good follows it. Damage with the prefix below the committed txid is answered as the prefix: lastCommittedTxId then keeps
// the NameNode from choosing it.
func abstain(path string, f fence, first storage.TxID, scan editlog.Scan, acked storage.TxID, hasAcked bool) error {
	end := first - 1
	if scan.HasTxns() {
		end = scan.End
	}
	if hasAcked && end < acked {
		return refuse(javaerr.IOException, "Log segment %s ends at txid %d on disk but this node has acknowledged txid %d: it takes no part in the recovery",
			path, end, acked)
	}
	if scan.Tail == editlog.TailDamaged && (!f.committedKnown || end >= f.committed) {
		return refuse(javaerr.IOException, "Log segment %s is damaged at offset %d, behind txid %d (%s): this node takes no part in the recovery",
			path, scan.BadOffset, end, scan.Reason)
	}
	return nil
}

// forceFormat resolves the optional force of a format request (spec 3.4): obeyed if given; without it a client below 2.9
// formats over existing data, as 2.x did, and a later one does not (HDFS-11112).
func forceFormat(force *bool, softwareVersion string) bool {
	if force != nil {
		return *force
	}
	major, rest, _ := strings.Cut(softwareVersion, ".")
	minor := rest
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		minor = rest[:i]
	}
	maj, errMajor := strconv.Atoi(major)
	mnr, errMinor := strconv.Atoi(minor)
	if errMajor != nil || errMinor != nil {
		return false // a version that cannot be read is no licence to delete
	}
	return maj < 2 || maj == 2 && mnr < 9
}

// scanEnd is a scan's end with Hadoop's sentinel for "no transaction".
func scanEnd(s editlog.Scan) storage.TxID {
	if !s.HasTxns() {
		return storage.InvalidTxID
	}
	return s.End
}

// editLogFile is Java's FileJournalManager.EditLogFile.toString; %019d of a negative number is Java's too.
func editLogFile(dir string, s storage.Segment, last storage.TxID, corrupt bool) string {
	return fmt.Sprintf("EditLogFile(file=%s/%s,first=%019d,last=%019d,inProgress=%t,hasCorruptHeader=%t)",
		dir, s.Name, s.First, last, s.InProgress, corrupt)
}
