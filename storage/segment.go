package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"

	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// padding is one block of preallocation. Nobody writes to it.
var padding = bytes.Repeat([]byte{editlog.OpInvalid}, editlog.PreallocateSize)

// lastFirst is the first block of the segment that was created last: all have the same layout version, but for the time
// of an upgrade, and a block made for each roll would be most of what a node allocates.
var lastFirst atomic.Pointer[struct {
	layout int32
	block  []byte
}]

// firstBlock is a header and padding. Nobody writes to it.
func firstBlock(layout int32) []byte {
	if last := lastFirst.Load(); last != nil && last.layout == layout {
		return last.block
	}
	header := editlog.AppendHeader(nil, layout)
	block := slices.Concat(header, padding[len(header):])
	lastFirst.Store(&struct {
		layout int32
		block  []byte
	}{layout, block})
	return block
}

// ErrSegmentFailed is wrapped by every error of a SegmentWriter after its first one.
var ErrSegmentFailed = errors.New("an earlier operation on this segment failed")

// ErrSyncFailed is wrapped by the error of a SegmentWriter's Sync, Close or Abort, and by those of all later calls, if what
// was appended could not be synced. Nobody knows then what of it is on disk. Without it in the error of Append, everything
// below Offset is as good as Abort says.
var ErrSyncFailed = errors.New("the segment could not be synced")

// SegmentWriter appends to the segment in progress (Java namenode.EditLogFileOutputStream). Its file has the same bytes
// as Java's at each moment: header, records, and 0xFF up to a multiple of 1 MiB.
//
// After an error of Append or Sync the writer is failed for good: what the kernel could not write once it may report as
// written by a repeated fsync, and behind a torn batch nothing can be read. Only Close and Abort still do something: after
// a failed Append they sync what was appended before it, after a failed Sync they never try again.
//
// The methods belong to one goroutine; Offset and Synced may be read by any.
type SegmentWriter struct {
	file     vfs.File
	first    TxID
	syncless bool  // the file is open with O_DSYNC
	size     int64 // of the file, padding included
	failed   error // first error of Append or Sync
	unsynced bool  // that was, or since then there was, a failed sync
	closed   bool
	room     func() error // nil, or comes before the file grows
	proof    *proof
	offset   atomic.Int64
	synced   atomic.Int64
}

// CreateSegment creates <dir>/edits_inprogress_<first> with a header of the given layout version and padding up to 1 MiB.
// File and name are durable when it returns. A file of that name is removed first, not truncated: it may be hard-linked
// into previous/ or be open for a reader. After an error no new file is left, as far as it can be removed.
//
// With syncedWrites (Hadoop's dfs.namenode.edits.noeditlogchannelflush) each Append is durable when it returns and Sync
// does nothing.
func CreateSegment(fsys vfs.FS, dir string, first TxID, layout int32, syncedWrites bool) (*SegmentWriter, error) {
	path := dir + "/" + InProgressName(first)
	flag := os.O_RDWR | os.O_CREATE | os.O_EXCL
	if syncedWrites {
		flag |= vfs.ODSync
	}
	file, err := fsys.OpenFile(path, flag, 0o666)
	if errors.Is(err, fs.ErrExist) {
		if err := fsys.Remove(path); err != nil {
			return nil, err
		}
		file, err = fsys.OpenFile(path, flag, 0o666)
	}
	if err != nil {
		return nil, err
	}
	w := &SegmentWriter{file: file, first: first, syncless: syncedWrites, proof: newProof(sound)}
	w.proof.visible.Store(editlog.HeaderLen)
	if err := w.begin(fsys, dir, layout); err != nil {
		return nil, errors.Join(err, file.Close(), fsys.Remove(path))
	}
	return w, nil
}

func (w *SegmentWriter) begin(fsys vfs.FS, dir string, layout int32) error {
	block := firstBlock(layout)
	if _, err := w.file.WriteAt(block, 0); err != nil {
		return err
	}
	if err := w.file.SyncData(); err != nil {
		return err
	}
	w.size = int64(len(block))
	w.offset.Store(editlog.HeaderLen)
	w.synced.Store(editlog.HeaderLen)
	return fsys.SyncDir(dir)
}

// First is the txid in the segment's name.
func (w *SegmentWriter) First() TxID { return w.first }

// Offset is the end of the last batch that was written whole, 8 for none.
func (w *SegmentWriter) Offset() int64 { return w.offset.Load() }

// Synced is the end of what is known to be durable.
func (w *SegmentWriter) Synced() int64 { return w.synced.Load() }

// Append writes the records of one batch behind the last one, as they are, with one write. If they do not fit into the
// file, blocks of 1 MiB of 0xFF are appended to it first (EditLogFileOutputStream.preallocate). They are durable after
// Sync only, unless the segment has synced writes. After an error the file may hold a part of them behind Offset.
func (w *SegmentWriter) Append(records []byte) error {
	if err := w.usable(); err != nil {
		return err
	}
	if len(records) == 0 {
		return nil
	}
	end := w.Offset() + int64(len(records))
	for w.size < end {
		if w.room != nil {
			if err := w.room(); err != nil {
				return w.fail(err)
			}
		}
		if _, err := w.file.WriteAt(padding, w.size); err != nil {
			return w.fail(err)
		}
		w.size += int64(len(padding))
	}
	if _, err := w.file.WriteAt(records, w.Offset()); err != nil {
		return w.fail(err)
	}
	w.offset.Store(end)
	if w.syncless {
		w.synced.Store(end)
	}
	return nil
}

// Publish lets readers of the file see what was appended (SegmentReader.Visible). Before it they cannot, so that the caller
// decides when a batch is durable, or else known to be committed. Java has no such thing: HDFS-17710.
func (w *SegmentWriter) Publish() { w.proof.visible.Store(w.Offset()) }

// Sync makes durable what was appended (fdatasync). It does nothing if all of it is.
func (w *SegmentWriter) Sync() error {
	if err := w.usable(); err != nil {
		return err
	}
	return w.sync()
}

func (w *SegmentWriter) sync() error {
	end := w.Offset()
	if w.Synced() == end {
		return nil
	}
	if err := w.file.SyncData(); err != nil {
		return w.syncFailed(err)
	}
	w.synced.Store(end)
	return nil
}

// syncError is ErrSyncFailed with the words of its cause alone: they name operation and file already.
type syncError struct{ cause error }

func (e *syncError) Error() string   { return e.cause.Error() }
func (e *syncError) Unwrap() []error { return []error{ErrSyncFailed, e.cause} }

// Close cuts the padding off, syncs the file and closes it (EditLogFileOutputStream.close; the sync is ours). The caller
// may rename it then, see Dir.Finalize. If the padding cannot be cut off, or the writer failed before, Close does
// what Abort does, and the error has the first one again: without ErrSyncFailed in it, what lies below Offset is durable.
func (w *SegmentWriter) Close() error {
	if w.closed {
		return w.usable()
	}
	if w.failed != nil {
		return errors.Join(w.usable(), w.Abort())
	}
	if err := w.checkSize(); err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := w.file.Truncate(w.Offset()); err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := w.file.Sync(); err != nil {
		return errors.Join(w.syncFailed(err), w.close())
	}
	w.synced.Store(w.Offset())
	return w.close()
}

// checkSize finds out that somebody has shortened the file: cutting the padding off would make it longer, with zeros.
func (w *SegmentWriter) checkSize() error {
	info, err := w.file.Stat()
	if err == nil && info.Size() < w.Offset() {
		err = fmt.Errorf("%s has %d bytes on disk but %d were written", w.file.Name(), info.Size(), w.Offset())
	}
	return err
}

// Abort closes the file and leaves it as it is, padding included, for a recovery (EditLogFileOutputStream.abort). What was
// appended whole and is not synced yet is synced first, after a failed Append too: batches that were acknowledged without a
// sync may be among it. Nothing is tried after a failed Sync. If Abort returns nil after a failed Append, what lies below
// Offset is durable. A second Abort or one after Close does nothing.
func (w *SegmentWriter) Abort() error {
	if w.closed {
		return nil
	}
	var err error
	if !w.unsynced {
		err = w.sync()
	}
	return errors.Join(err, w.close())
}

func (w *SegmentWriter) close() error {
	w.closed = true
	err := w.file.Close()
	if err != nil {
		w.proof.failed()
	}
	return err
}

func (w *SegmentWriter) usable() error {
	if w.failed != nil {
		return fmt.Errorf("%w: %w", ErrSegmentFailed, w.failed)
	}
	if w.closed {
		return &fs.PathError{Op: "segment", Path: w.file.Name(), Err: fs.ErrClosed}
	}
	return nil
}

// fail keeps the first error, for later calls.
func (w *SegmentWriter) fail(err error) error {
	w.failed = err
	w.proof.failed()
	return err
}

// syncFailed is fail for a sync, which counts for more than the failed Append that may have come before it.
func (w *SegmentWriter) syncFailed(err error) error {
	w.unsynced = true
	w.proof.set(poisoned)
	return w.fail(&syncError{err})
}
