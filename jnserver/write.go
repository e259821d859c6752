package jnserver

import (
	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/editlog"
)

// Batch is one batch of edits (Java JournalRequestProto). Records are appended as they are: a JournalNode stores bytes and
// does not look into operations. The slice is not kept.
type Batch struct {
	Segment storage.TxID // the txid that StartLogSegment was called with
	First   storage.TxID
	Count   int64
	Records []byte
}

// Write appends a batch to the open segment and syncs it (Java Journal.journal). It returns after the sync, or after the
// write if the batch is known to be committed. After a failed write or sync the segment is given up: a second sync of the
// same pages proves nothing.
func (j *Journal) Write(r RequestInfo, b Batch) error {
	return j.exclusive("journal", func() error {
		if err := j.begin(r); err != nil {
			return err
		}
		if err := checkWriter(j.fence, r); err != nil {
			return err
		}
		if b.Count == 0 {
			return nil // 3.x: only the committed txid counts
		}
		rule := batch{segment: b.Segment, first: b.First, count: b.Count}
		if b.Count < 0 || rule.last() < b.First {
			return refuse(javaerr.IllegalArgument, "Bad number of transactions %d at txid %d", b.Count, b.First)
		}
		abort, err := checkBatch(j.position(), rule)
		if abort {
			j.abortSegment(err.Error())
		}
		if err != nil {
			return err
		}
		return j.append(rule, b.Records)
	})
}

func (j *Journal) append(b batch, records []byte) error {
	start := j.env.Clock.Now()
	sync := mustSync(j.fence.committedTxID(), b)
	err := j.open.w.Append(records)
	if err == nil && sync {
		err = j.open.w.Sync()
	}
	if err != nil {
		// A failed write leaves what was written before as it is, and abortSegment syncs it; after a failed sync nobody knows.
		j.distrust(j.open.first, err)
		j.abortSegment(err.Error())
		return err
	}
	now := j.env.Clock.Now()
	j.open.w.Publish()
	j.keepEdits(b, records)
	j.open.next = b.last() + 1
	j.wrote(j.open.first, b.last())
	j.acked[j.open.first] = b.last()
	j.lastWrite = now
	j.emit(EditsWritten{First: b.first, Txns: b.count, Bytes: len(records), Took: now.Sub(start), Lagging: !sync})
	return nil
}

// Heartbeat carries epoch, serial and committed txid while the writer has no edits for this node (Java Journal.heartbeat).
// Unlike Java it refuses an unformatted journal, where Java would create epoch files (spec 3.6).
func (j *Journal) Heartbeat(r RequestInfo) error {
	return j.exclusive("heartbeat", func() error { return j.begin(r) })
}

// StartLogSegment opens a new segment (Java Journal.startLogSegment). The writer's epoch is durable before the file exists,
// so that a crash never shows the new file with the old epoch. layout is what the file's header says; 0 means that the
// request had none, and the VERSION's is used.
func (j *Journal) StartLogSegment(r RequestInfo, first storage.TxID, layout int32) error {
	return j.exclusive(opStart, func() error {
		if err := j.begin(r); err != nil {
			return err
		}
		if first < 0 {
			return refuse(javaerr.IllegalArgument, "Bad txid %d to start a log segment at", first)
		}
		j.abortSegment("the writer starts segment " + first.String())
		if err := j.abandonUpgrade("the writer starts segment " + first.String()); err != nil {
			return err
		}
		if err := j.checkStart(first); err != nil {
			return err
		}
		if j.fence.writer != r.Epoch {
			if err := j.dir.SetWriterEpoch(r.Epoch); err != nil {
				return err
			}
			j.fence.writer = r.Epoch
		}
		if err := j.dir.DeletePaxos(first); err != nil {
			return err
		}
		if layout == 0 {
			layout = j.dir.Info().LayoutVersion
		}
		// What was here is given up now, whatever becomes of the new file.
		j.edits.dropFrom(first)
		delete(j.acked, first)
		j.clearBad(first)
		if j.highestIn == first { // it was the one transaction of that file
			j.wrote(storage.InvalidTxID, first-1)
		}
		w, err := j.dir.StartSegment(first, layout)
		if err != nil {
			return err
		}
		j.open = &openSegment{first: first, next: first, layout: layout, w: w}
		j.lastOpened = first
		j.emit(SegmentStarted{First: first, LayoutVersion: layout, Epoch: r.Epoch})
		return nil
	})
}

func (j *Journal) checkStart(first storage.TxID) error {
	seg, found, err := j.find(first)
	if err != nil {
		return err
	}
	acked, hasAcked := j.acked[first]
	if !found {
		if hasAcked {
			return refuse(javaerr.IllegalState, "Log segment %d is gone but this node has acknowledged txid %d in it", first, acked)
		}
		return nil
	}
	var scan editlog.Scan
	if seg.InProgress {
		if scan, err = j.dir.Scan(seg); err != nil {
			j.distrust(first, err)
			return err
		}
	}
	if hasAcked && acked > scanEnd(scan) {
		return refuse(javaerr.IllegalState, "Log segment %s ends at txid %d on disk but this node has acknowledged txid %d in it",
			j.path(seg), scanEnd(scan), acked)
	}
	return checkStartOver(j.dir.CurrentDir(), seg, scan)
}

// FinalizeLogSegment gives a segment its final name (Java Journal.finalizeLogSegment). Of a segment that is open here the
// end is known; any other is scanned, and its end must be exactly the one asked for. Everything is synced before the
// rename, which Java does not do. Repeating it is fine.
func (j *Journal) FinalizeLogSegment(r RequestInfo, first, last storage.TxID) error {
	return j.exclusive("finalizeLogSegment", func() error {
		if err := j.begin(r); err != nil {
			return err
		}
		if last < first {
			return refuse(javaerr.IllegalArgument, "Bad range to finalize: %d to %d", first, last) // Java would make edits_5-4
		}
		closed := j.open != nil && j.open.first == first // its end is known: this process wrote it
		if closed {
			if err := j.closeSegment(last); err != nil {
				return err
			}
		}
		seg, found, err := j.find(first)
		if err != nil {
			return err
		}
		if !found {
			return refuse(javaerr.JournalOutOfSync, "No log file to finalize at transaction ID %d", first)
		}
		if !seg.InProgress {
			if err := checkRefinalize(j.dir.CurrentDir(), seg, last); err != nil {
				return err
			}
			return j.dir.DeletePaxos(first)
		}
		if err := j.abandonUpgrade("the writer finalizes segment " + first.String()); err != nil {
			return err
		}
		if !closed {
			if err := j.checkFinalize(seg, last); err != nil {
				return err
			}
		}
		if err := j.dir.Finalize(seg, last); err != nil {
			j.distrust(first, err)
			return err
		}
		delete(j.acked, first)
		j.forgetDoubts(first)
		if last >= j.highest {
			j.wrote(first, last)
		}
		j.emit(SegmentFinalized{First: first, Last: last})
		return j.dir.DeletePaxos(first)
	})
}

// closeSegment closes the open segment for finalizing it. The segment is closed even if the end is wrong, as in Java.
func (j *Journal) closeSegment(last storage.TxID) error {
	p := j.position()
	w := j.open.w
	j.open = nil
	if err := w.Close(); err != nil {
		j.distrust(p.first, err)
		return err
	}
	return checkFinalizeOpen(p, last)
}

func (j *Journal) checkFinalize(seg storage.Segment, last storage.TxID) error {
	if reason, bad := j.badReason(seg.First); bad && !j.inDoubt(seg.First) {
		return refuse(javaerr.IOException, "Refusing to finalize log segment %s, which cannot be trusted here: %s", j.path(seg), reason)
	}
	scan, err := j.dir.Scan(seg)
	if err != nil {
		j.distrust(seg.First, err)
		return err
	}
	damaged := j.damaged(seg, scan)
	if damaged {
		j.setBad(seg.First, j.damageReason(seg, scan))
	}
	if err := checkFinalizeScanned(j.path(seg), seg, scan, last); err != nil {
		return err
	}
	if damaged {
		return refuse(javaerr.IOException, "Refusing to finalize the damaged log segment: %s", j.damageReason(seg, scan))
	}
	return j.prove(seg, scan)
}

func (j *Journal) path(s storage.Segment) string { return j.dir.CurrentDir() + "/" + s.Name }
