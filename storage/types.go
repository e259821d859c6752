// Package storage keeps one journal's directory on disk: the layout, files and durability points of Hadoop's
// org.apache.hadoop.hdfs.qjournal.server.JNStorage, so that a Java JournalNode can take the directory over and hand it back.
//
// It does no networking and no logging, starts no goroutine and reads no clock but the one it was given. All access to the
// operating system goes through storage/vfs.
package storage

import (
	"fmt"
	"strconv"

	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// TxID is the id of one transaction of the edit log; see editlog.TxID.
type TxID = editlog.TxID

// InvalidTxID is Hadoop's HdfsServerConstants.INVALID_TXID; see editlog.InvalidTxID.
const InvalidTxID = editlog.InvalidTxID

// Epoch numbers one writer's term. 0 means that none was ever promised.
type Epoch int64

func (e Epoch) String() string { return strconv.FormatInt(int64(e), 10) }

// StorageInfo identifies the namespace that a journal belongs to (Java hdfs.server.common.StorageInfo).
// The zero value is that of an unformatted journal.
type StorageInfo struct {
	LayoutVersion int32 // negative; newer is smaller
	NamespaceID   int32 // 0: none
	ClusterID     string
	CTime         int64 // milliseconds since 1970 of the last upgrade, 0 if none
}

// String is Java's StorageInfo.toString, as it appears in messages: lv=..;cid=..;nsid=..;c=..
func (s StorageInfo) String() string {
	return fmt.Sprintf("lv=%d;cid=%s;nsid=%d;c=%d", s.LayoutVersion, s.ClusterID, s.NamespaceID, s.CTime)
}

// Segment is one edits file of current/, as its name tells it (Java FileJournalManager.EditLogFile). It is a plain value.
type Segment struct {
	First      TxID
	Last       TxID // the last transaction by name if finalized; InvalidTxID if in progress
	InProgress bool
	Name       string // file name inside current/
}

// SegmentReader is a segment opened for reading from offset 0: the body of /getJournal. Its owner closes File.
type SegmentReader struct {
	Segment
	File vfs.File
	// Size is the number of bytes to send, fixed when the file was opened. If the file shrinks afterwards (a finalize cuts
	// the padding off), what is missing up to Size was 0xFF padding.
	Size int64
	// Visible is how many of them are the file's, at most Size. Behind them the reader gets 0xFF: the file has padding there,
	// or a batch that is being written and not durable yet.
	Visible int64
}
