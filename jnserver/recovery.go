package jnserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/editlog"
)

// NewEpoch promises that no request of a lower epoch will be accepted any more (Java Journal.newEpoch). It answers the
// first txid of the last segment here, if there is one. The promise is durable when it returns.
func (j *Journal) NewEpoch(info storage.StorageInfo, epoch storage.Epoch, client string) (lastSegment storage.TxID, ok bool, err error) {
	err = j.exclusive("newEpoch", func() error {
		if err := j.checkEpochs(); err != nil {
			return err
		}
		if err := checkNamespace(j.dir.Root(), j.dir.Info(), info); err != nil {
			return err
		}
		if err := j.checkVote(); err != nil {
			return err
		}
		if err := checkNewEpoch(j.fence.promised, epoch); err != nil {
			return err
		}
		if err := j.raisePromise(epoch, client); err != nil {
			return err
		}
		j.abortSegment(fmt.Sprintf("epoch %d was promised", epoch))
		highest, highestIn := j.highest, j.highestIn
		seg, found, err := j.latest()
		j.wrote(highestIn, highest) // Java does not touch it here
		lastSegment, ok = seg.First, found
		return err
	})
	return lastSegment, ok, err
}

// RecoveryAnswer is the answer to prepareRecovery.
type RecoveryAnswer struct {
	// Segment is what is here of the segment, or what was accepted for it earlier; nil if there is nothing.
	Segment *SegmentState
	// AcceptedIn is the epoch in which Segment was accepted, if HasAccepted.
	AcceptedIn  storage.Epoch
	HasAccepted bool
	LastWriter  storage.Epoch
	// Committed is left out of the answer unless HasCommitted.
	Committed    storage.TxID
	HasCommitted bool
}

// PrepareRecovery tells what this node has of a segment (Java Journal.prepareRecovery). If what it has cannot be trusted it
// answers an IOException and so takes no part (spec 2.6). What it reports is durable.
func (j *Journal) PrepareRecovery(r RequestInfo, first storage.TxID) (RecoveryAnswer, error) {
	var answer RecoveryAnswer
	err := j.exclusive("prepareRecovery", func() error {
		if err := j.begin(r); err != nil {
			return err
		}
		reason := "recovery of segment " + first.String()
		j.abortSegment(reason)
		if err := j.checkVote(); err != nil {
			return err
		}
		// The half-made directory has no recovery records: what was accepted earlier would not be told.
		if err := j.abandonUpgrade(reason); err != nil {
			return err
		}
		record, accepted, err := j.paxos(first)
		if err != nil {
			return err
		}
		if accepted {
			replaced, err := j.dir.CompleteAccept(record)
			if err != nil {
				return err
			}
			if replaced {
				j.replaced(record)
			}
		}
		state, err := j.trusted(first)
		if err != nil {
			return err
		}
		answer = RecoveryAnswer{
			LastWriter: j.fence.writer,
			Committed:  j.fence.committed, HasCommitted: j.fence.committedKnown,
			Segment: state,
		}
		if accepted && (state == nil || state.InProgress) {
			if state == nil || state.End != record.End {
				return refuse(javaerr.IOException,
					"Segment %d was accepted up to txid %d in epoch %d but what is on disk is %s: this node takes no part in the recovery",
					first, record.End, record.AcceptedIn, describe(state))
			}
			answer.Segment = &SegmentState{Start: record.Start, End: record.End, InProgress: record.InProgress}
			answer.AcceptedIn, answer.HasAccepted = record.AcceptedIn, true
		}
		j.emit(RecoveryPrepared{First: first, Answer: answer})
		return nil
	})
	if err != nil {
		return RecoveryAnswer{}, err
	}
	return answer, nil
}

// paxos reads the recovery record of a segment; Java prints a record that does not fit its name with the journal's id.
func (j *Journal) paxos(first storage.TxID) (storage.PaxosRecord, bool, error) {
	record, ok, err := j.dir.Paxos(first)
	if err != nil && javaerr.ClassOf(err) == javaerr.IllegalState {
		err = refuse(javaerr.IllegalState, "%w", err)
	}
	return record, ok, err
}

// found is what a segment is here: state is nil if there is no file or no transaction in it.
type found struct {
	seg    storage.Segment
	exists bool
	state  *SegmentState
	scan   editlog.Scan
}

// inspect is Java's Journal.getSegmentInfo: a file without transactions is set aside as .empty, unless it is damaged. What it
// finds in one that is not damaged is on the disk, and readers are shown nothing else.
func (j *Journal) inspect(first storage.TxID) (found, error) {
	seg, exists, err := j.find(first)
	if err != nil || !exists {
		return found{}, err
	}
	f := found{seg: seg, exists: true}
	if !seg.InProgress {
		f.state = &SegmentState{Start: first, End: seg.Last}
		return f, j.proveFinalized(seg)
	}
	if f.scan, err = j.dir.Scan(seg); err != nil {
		j.distrust(first, err)
		return f, err
	}
	if f.scan.HasTxns() {
		f.state = &SegmentState{Start: first, End: f.scan.End, InProgress: true}
		return f, j.prove(seg, f.scan)
	}
	if f.scan.Tail == editlog.TailDamaged {
		return f, nil
	}
	if _, acked := j.acked[first]; acked {
		return f, nil // acknowledged transactions are gone: this file is evidence, not empty
	}
	if err := j.dir.SetAside(seg, storage.SuffixEmpty); err != nil {
		return f, err
	}
	if j.inDoubt(first) { // what was in doubt was never acknowledged, and is gone
		j.clearBad(first)
	}
	j.emit(SegmentSetAside{Name: seg.Name, Suffix: storage.SuffixEmpty})
	return found{}, nil
}

// proveFinalized looks whether all that the name of a finalized segment says is on the disk, unless this process has finalized
// it: Java does so without a sync, and its process may be gone.
func (j *Journal) proveFinalized(seg storage.Segment) error {
	if !j.dir.Sound(seg) {
		scan, err := j.dir.Scan(seg)
		if err != nil {
			j.distrust(seg.First, err)
			return err
		}
		if scanEnd(scan) != seg.Last {
			j.setBad(seg.First, endsEarly(seg, scan))
			return nil
		}
	}
	j.trust(seg.First, seg.Last)
	return nil
}

// trusted is inspect for an answer that others will rely on: it fails where this node must abstain.
func (j *Journal) trusted(first storage.TxID) (*SegmentState, error) {
	f, err := j.inspect(first)
	if err != nil {
		return nil, err
	}
	acked, hasAcked := j.acked[first]
	if !f.exists && hasAcked { // newEpoch found it empty, or somebody removed it
		f.seg = j.lost(first)
	} else if !f.exists {
		return nil, nil
	}
	if f.seg.InProgress {
		if err := abstain(j.path(f.seg), j.fence, first, f.scan, acked, hasAcked); err != nil {
			told := err
			if reason, _ := j.badReason(first); j.inDoubt(first) {
				told = refuse(javaerr.IOException, "%w; before that: %s", err, reason)
			}
			j.setBad(first, err.Error())
			return nil, told
		}
		if f.scan.Tail == editlog.TailDamaged {
			j.setBad(first, j.damageReason(f.seg, f.scan))
			return f.state, nil // the prefix, below the committed txid
		}
	}
	if reason, bad := j.badReason(first); bad {
		return nil, refuse(javaerr.IOException, "Log segment %s cannot be trusted here (%s): this node takes no part in the recovery", j.path(f.seg), reason)
	}
	return f.state, nil
}

// AcceptRecovery brings a segment to the state that the recovering writer has chosen (Java Journal.acceptRecovery),
// downloading it from fromURL if what is here differs. The order is: the copy complete, scanned and durable; the paxos
// record, which is the commit point; the rename. A crash after the record is finished by CompleteAccept on the next open or
// prepareRecovery.
func (j *Journal) AcceptRecovery(ctx context.Context, r RequestInfo, accept SegmentState, fromURL string) error {
	if err := j.env.Fetcher.CheckURL(fromURL); err != nil {
		return err
	}
	return j.exclusive("acceptRecovery", func() error {
		if err := j.begin(r); err != nil {
			return err
		}
		reason := "recovery of segment " + accept.Start.String()
		j.abortSegment(reason)
		if err := j.abandonUpgrade(reason); err != nil {
			return err
		}
		plan, err := j.planAccept(r, accept)
		if err != nil {
			return err
		}
		record := storage.PaxosRecord{Start: accept.Start, End: accept.End, InProgress: accept.InProgress, AcceptedIn: r.Epoch}
		var download *storage.Download
		from := fromURL
		if plan.download {
			if download, from, err = j.download(ctx, accept, r.Epoch, fromURL); err != nil {
				return err
			}
		}
		if err := j.dir.SetPaxos(record); err != nil {
			if download != nil {
				_ = download.Abandon() // err is what the caller must see
			}
			return err
		}
		if plan.download {
			if err := download.Promote(record); err != nil {
				return err
			}
		}
		j.edits.dropFrom(accept.End + 1)
		if plan.highest != j.highest {
			j.wrote(accept.Start, plan.highest)
		}
		if plan.download {
			j.replaced(record)
		}
		j.emit(RecoveryAccepted{State: accept, Epoch: r.Epoch, Downloaded: plan.download, From: from})
		return nil
	})
}

// replaced forgets what was known of a segment whose file gave way to an accepted copy. If the highest transaction was in
// it, or no later segment is here, that is now the copy's end, whatever the old file had held.
func (j *Journal) replaced(r storage.PaxosRecord) {
	j.edits.dropFrom(r.Start)
	j.clearBad(r.Start)
	delete(j.acked, r.Start)
	segments := j.dir.Segments()
	if j.highestIn == r.Start || len(segments) > 0 && segments[len(segments)-1].First == r.Start {
		j.wrote(r.Start, r.End)
	}
}

// planAccept looks at what is here and applies the rules, in Java's order.
func (j *Journal) planAccept(r RequestInfo, accept SegmentState) (acceptPlan, error) {
	if err := checkAcceptRange(accept); err != nil {
		return acceptPlan{}, err
	}
	record, accepted, err := j.paxos(accept.Start)
	if err != nil && !errors.Is(err, storage.ErrContradiction) { // such a one is replaced: whatever it said is of no later epoch
		return acceptPlan{}, err
	}
	if accepted {
		if err := checkPaxosOrder(record, accept, r.Epoch); err != nil {
			return acceptPlan{}, err
		}
	}
	f, err := j.inspect(accept.Start)
	_, bad := j.badReason(accept.Start)
	if err != nil && !bad { // of a segment known to be bad nothing is needed: a copy replaces it
		return acceptPlan{}, err
	}
	if f.exists && f.seg.InProgress {
		bad = bad || j.damaged(f.seg, f.scan)
	}
	if _, acked := j.acked[accept.Start]; f.state == nil && (bad || acked) {
		// Nothing can be read of what was here. It still held something, which must not be cut off below the committed txid.
		f.state, bad = &SegmentState{Start: accept.Start, End: accept.Start - 1, InProgress: true}, true
	}
	return planAccept(j.fence, accept, f.state, bad, j.highest)
}

// download fetches a segment beside the log and makes it durable, from where the writer says, or, if that fails, from another
// node: what is finalized there with exactly the accepted range is committed, so it cannot differ. from is where it came from.
func (j *Journal) download(ctx context.Context, accept SegmentState, epoch storage.Epoch, fromURL string) (
	d *storage.Download, from string, err error,
) {
	d, err = j.downloadFrom(ctx, accept, epoch, fromURL)
	var failed *fetchError
	if !errors.As(err, &failed) || j.env.Peers == nil {
		return d, fromURL, err
	}
	if j.env.Within != nil {
		var cancel context.CancelFunc
		ctx, cancel = j.env.Within(ctx, otherSources)
		defer cancel()
	}
	sources := j.env.Peers.Sources(ctx, j.jid, j.dir.Info(), accept.Start, accept.End)
	if len(sources) > 0 {
		j.emit(SourceFailed{State: accept, From: fromURL, Err: err})
	}
	for _, url := range sources {
		if url == fromURL || ctx.Err() != nil {
			continue
		}
		d, other := j.downloadFrom(ctx, accept, epoch, url)
		if other == nil {
			return d, url, nil
		}
		j.emit(SourceFailed{State: accept, From: url, Err: other})
	}
	return nil, fromURL, err
}

// otherSources is how long other sources are tried: by then the writer has given up, and its successor waits for the journal.
const otherSources = time.Minute

// fetchError is a download that failed for the sake of its source: another one may do.
type fetchError struct{ error }

func (e *fetchError) Unwrap() error { return e.error }

// localWriter remembers whether it was the writing that failed.
type localWriter struct {
	io.Writer
	err error
}

func (w *localWriter) Write(p []byte) (n int, err error) {
	n, err = w.Writer.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// downloadFrom fetches a segment from one source. Its content must end exactly where the accepted state does: Java does not
// look (spec 3.13).
func (j *Journal) downloadFrom(ctx context.Context, accept SegmentState, epoch storage.Epoch, url string) (*storage.Download, error) {
	d, err := j.dir.CreateDownload(accept.Start, epoch)
	if err != nil {
		return nil, err
	}
	err = func() error {
		local := &localWriter{Writer: d}
		if _, err := j.env.Fetcher.Fetch(ctx, url, local); err != nil && local.err == nil {
			return &fetchError{err}
		} else if err != nil {
			return err
		}
		scan, err := d.Scan()
		if err != nil {
			return err
		}
		if !scan.HasTxns() || scan.First != accept.Start || scan.End != accept.End || scan.Tail == editlog.TailDamaged {
			return &fetchError{refuse(javaerr.IOException, "The segment downloaded from %s holds txids %d to %d where %d to %d were expected",
				url, scan.First, scanEnd(scan), accept.Start, accept.End)}
		}
		return d.Finish()
	}()
	if err != nil {
		_ = d.Abandon() // err is what the caller must see
		return nil, err
	}
	return d, nil
}

// damaged tells whether a scan shows that once-written transactions are lost behind the prefix (spec 2.6).
func (j *Journal) damaged(seg storage.Segment, scan editlog.Scan) bool {
	if scan.Tail == editlog.TailDamaged {
		return true
	}
	acked, hasAcked := j.acked[seg.First]
	return seg.InProgress && hasAcked && acked > scanEnd(scan)
}

// damageReason says what damaged has found.
func (j *Journal) damageReason(seg storage.Segment, scan editlog.Scan) string {
	if scan.Tail != editlog.TailDamaged {
		return lostReason(seg.Name, scan, j.acked[seg.First])
	}
	return fmt.Sprintf("%s is damaged at offset %d, behind txid %s: %s", seg.Name, scan.BadOffset, scanEnd(scan), scan.Reason)
}

func lostReason(name string, scan editlog.Scan, acked storage.TxID) string {
	return fmt.Sprintf("%s ends at txid %s on disk but this node has acknowledged txid %s", name, scanEnd(scan), acked)
}

func describe(s *SegmentState) string {
	if s == nil {
		return "nothing"
	}
	return s.String()
}
