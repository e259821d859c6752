package crashtests

import (
	"errors"
	"os"

	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// javaNode does to current/ what a Java JournalNode of 2.7 to 3.5 does, operation by operation, with its syncs and no
// others: Journal, FileJournalManager, EditLogFileOutputStream, AtomicFileOutputStream and BestEffortLongFile of Hadoop
// 3.4.2. It is the culprit that the crash model must convict, and checks nothing: the caller makes good calls.
type javaNode struct {
	fs      vfs.FS
	current string
	open    vfs.File // the segment in progress, nil if there is none
	first   storage.TxID
	end     int64 // of its records
}

// atomic is AtomicFileOutputStream: <name>.tmp is written, force(true), closed and renamed. The directory is not
// synced.
func (n *javaNode) atomic(name string, data []byte) error {
	tmp := n.current + "/" + name + ".tmp"
	f, err := n.fs.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return n.fs.Rename(tmp, n.current+"/"+name)
}

// newEpoch is PersistentLongFile.set of last-promised-epoch; the open segment is aborted, which syncs nothing.
func (n *javaNode) newEpoch(e storage.Epoch) error {
	if err := n.atomic("last-promised-epoch", javaLong(int64(e))); err != nil {
		return err
	}
	return n.abort()
}

func (n *javaNode) abort() error {
	f := n.open
	n.open = nil
	if f == nil {
		return nil
	}
	return f.Close()
}

// startLogSegment writes the writer's epoch, then header and padding of the new file with one force(false).
func (n *javaNode) startLogSegment(e storage.Epoch, first storage.TxID) error {
	if err := n.atomic("last-writer-epoch", javaLong(int64(e))); err != nil {
		return err
	}
	name := n.current + "/" + storage.InProgressName(first)
	f, err := n.fs.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	n.open, n.first = f, first
	if err := f.Truncate(0); err != nil {
		return err
	}
	block := make([]byte, editlog.PreallocateSize)
	for i := range block {
		block[i] = editlog.OpInvalid
	}
	n.end = int64(copy(block, editlog.AppendHeader(nil, javaLayout)))
	if _, err := f.WriteAt(block, 0); err != nil {
		return err
	}
	return f.SyncData()
}

// journal appends a batch that fits into the padding; a lagging one is not synced (HDFS-3885), and the committed txid,
// which came with it, never is.
func (n *javaNode) journal(first, last, committed storage.TxID) error {
	if err := n.commit(committed); err != nil {
		return err
	}
	records := javaFrames(first, last)
	if _, err := n.open.WriteAt(records, n.end); err != nil {
		return err
	}
	n.end += int64(len(records))
	if last <= committed {
		return nil
	}
	return n.open.SyncData()
}

// commit is BestEffortLongFile.set: eight bytes in place.
func (n *javaNode) commit(txid storage.TxID) (err error) {
	if txid == 0 {
		return nil // not given
	}
	f, err := n.fs.OpenFile(n.current+"/committed-txid", os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.WriteAt(javaHint(txid), 0)
	return err
}

// finalizeLogSegment cuts the padding off, closes and renames the segment; nothing is synced.
func (n *javaNode) finalizeLogSegment(last storage.TxID) error {
	if err := n.open.Truncate(n.end); err != nil {
		return err
	}
	if err := n.abort(); err != nil {
		return err
	}
	return n.fs.Rename(n.current+"/"+storage.InProgressName(n.first), n.current+"/"+storage.FinalizedName(n.first, last))
}

// acceptRecovery downloads the segment with a force(true) (Util.receiveFile), writes the recovery record, and renames
// the download over the segment in progress (FileUtil.replaceFile). No directory is synced.
func (n *javaNode) acceptRecovery(e storage.Epoch, first, last storage.TxID) (err error) {
	tmp := n.current + "/" + storage.DownloadName(first, e)
	f, err := n.fs.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(javaSegment(first, last), 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	record, err := javaRecord(first, last, e)
	if err != nil {
		return err
	}
	if err := n.atomic("paxos/"+storage.PaxosName(first), record); err != nil {
		return err
	}
	return n.fs.Rename(tmp, n.current+"/"+storage.InProgressName(first))
}
