package storage

import (
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"gojn/storage/vfs"
)

// Options tell Open where a journal lies and what it may use.
type Options struct {
	FS   vfs.FS
	Root string // absolute path of the journal's directory, <edits.dir>/<jid>
	// CurrentPerm is set on current/ by Format (dfs.journalnode.edits.dir.perm); 0 leaves it to the umask, as 2.7 does.
	CurrentPerm fs.FileMode
	LockOwner   string           // "pid@host", written into in_use.lock for people
	Now         func() time.Time // dates the comment line of VERSION
	// SyncedWrites opens segments so that each write is durable (dfs.namenode.edits.noeditlogchannelflush).
	SyncedWrites bool
	// Reserve is the space to keep for what must be written to a full disk. It is made with the first segment.
	Reserve Reserve
}

// State tells what a journal's directory is to this process (Java Storage.StorageState, after recovery).
type State int

const (
	// NonExistent means that the root is missing, no directory or not to be used, and not locked; see Dir.Problem.
	NonExistent State = iota
	// NotFormatted means that the root is locked and has no VERSION, whatever else there is; see Dir.Problem.
	NotFormatted
	// Normal means that the root is locked and VERSION was read.
	Normal
)

func (s State) String() string {
	switch s {
	case NonExistent:
		return "NON_EXISTENT"
	case NotFormatted:
		return "NOT_FORMATTED"
	case Normal:
		return "NORMAL"
	}
	return "UNKNOWN"
}

// Dir is one journal's directory, locked for this process (Java JNStorage, with the files that Journal keeps beside it).
// But for Root, CurrentDir, Segments, Astray, ReadReturned, OpenSegment, Sound, ReadCTime, CanRollBack and Statfs it is used by one goroutine
// at a time. What a method changed is durable when it returns nil, except where it says otherwise; after an error the disk holds
// the old or the new state, and so does the Dir. What changes the directory is refused with an IOException while this Dir
// does not hold its lock: before Format has made or taken over a root that was not there at Open, while the lock is lost, and
// after Close.
type Dir struct {
	o       Options
	fs      smallFS // for all but the edits' own bytes
	data    vfs.FS  // for those: never from the reserve
	reserve reserve
	lock    vfs.File // in_use.lock; nil while the root does not exist, while it is lost, and after Close
	state   State
	// problem is why the state is not what the disk may hold: an unusable root, or a change that failed half way.
	problem  error
	lostLock error // see keepLock
	// suspicion is why a directory that is not formatted may be a damaged one.
	suspicion  error
	info       StorageInfo
	vote       Vote
	generation uint64
	// before is what the old state in previous.tmp/ says, between PreUpgrade and Upgrade; current/ says nothing yet.
	before *epochFiles

	promised  longFile // last-promised-epoch
	writer    longFile // last-writer-epoch
	committed hintFile // committed-txid

	segments  atomic.Pointer[[]Segment] // see index.go
	unsettled bool                      // current/ may have changed in a way that segments does not show, or not durably
	proofs    sync.Map                  // file name in current/ to *proof, see proof.go
	lastFinal string                    // the finalized segment that has one
	// paxosUnsynced: a record was written or removed, but the sync of paxos/ failed.
	paxosUnsynced bool
	syncing       map[string]*SyncDownload // by name; nil until this process has emptied edits.sync/
	// overtaken are files of current/ that the index does not show: segments in progress that a finalized one has overtaken.
	overtaken []Segment
	vanished  atomic.Pointer[[]Segment] // see vanished.go
	untold    []Segment                 // of these, for TakeVanished
}

// Names in a journal's directory besides those of current/'s segments (names.go).
const (
	currentName       = "current"
	promisedName      = "last-promised-epoch"
	writerName        = "last-writer-epoch"
	committedName     = "committed-txid"
	currentTmpName    = "current.tmp"   // a current/ on its way to deletion
	formattedTmpName  = "formatted.tmp" // what Format will put in the place of current/; Java does not know the name
	previousName      = "previous"
	previousTmpName   = "previous.tmp"
	removedTmpName    = "removed.tmp"
	finalizedTmpName  = "finalized.tmp"
	finalizedTmp2Name = "finalized.tmp.tmp" // a finalized.tmp on its way to deletion by Java 3.x
	checkpointTmpName = "lastcheckpoint.tmp"
)

// Open opens the journal at o.Root for this process alone. In this order it decides whether there is anything to open,
// takes in_use.lock, completes or undoes an upgrade, rollback or finalize that a crash interrupted, reads VERSION, lists
// the segments and completes accepted recoveries whose segment was not yet renamed. A root that does not exist is no
// error, is not locked, and nothing is created.
//
// Where Java serves a recovered directory only after a second restart (JNStorage.analyzeAndRecoverStorage does not look
// again), Open serves it at once. After an error nothing stays locked, and the error is the real reason; Java leaks the
// lock and complains of that from then on.
func Open(o Options) (*Dir, error) {
	d := &Dir{o: o, data: o.FS}
	d.reserve = reserve{fs: o.FS, path: d.path(reserveName), size: o.Reserve, locked: func() bool { return d.lock != nil }}
	d.fs = smallFS{FS: o.FS, reserve: &d.reserve}
	d.promised = longFile{fs: d.fs, path: d.CurrentDir() + "/" + promisedName}
	d.writer = longFile{fs: d.fs, path: d.CurrentDir() + "/" + writerName}
	d.committed = hintFile{fs: d.fs, path: d.CurrentDir() + "/" + committedName}
	if usable, why := d.rootUsable(); !usable {
		d.problem = why
		return d, nil
	}
	lock, err := lockDir(d.fs, o.Root, o.LockOwner)
	if err != nil {
		return nil, err
	}
	d.lock = lock
	if o.Reserve != (Reserve{}) {
		d.reserve.err = d.reserve.look()
	}
	if err := d.load(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close closes all files and thereby releases the lock. It does not remove in_use.lock: see lockDir. A second Close does
// nothing.
func (d *Dir) Close() error {
	err := d.committed.close()
	if d.lock != nil {
		err = errors.Join(err, d.lock.Close())
		d.lock = nil
	}
	return err
}

// Root is the journal's directory.
func (d *Dir) Root() string { return d.o.Root }

// CurrentDir is the directory of segments and VERSION below the root.
func (d *Dir) CurrentDir() string { return d.path(currentName) }

// State tells whether the journal is formatted. It changes only by Format and by a failed upgrade step or rollback.
func (d *Dir) State() State { return d.state }

// Problem tells why a journal with something on disk is not served: its root is no directory or may not be read, written
// and searched, or a change failed half way and could not be undone. nil otherwise.
func (d *Dir) Problem() error { return d.problem }

// Suspicion tells why a journal that is not formatted may have lost its VERSION: there are segments. nil otherwise.
func (d *Dir) Suspicion() error { return d.suspicion }

// Info is what VERSION says; the zero value unless the state is Normal.
func (d *Dir) Info() StorageInfo { return d.info }

// MidUpgrade tells whether PreUpgrade was done and Upgrade was not.
func (d *Dir) MidUpgrade() bool { return d.before != nil }

// Generation changes whenever all that the Dir knows was taken from disk anew, because the directory was or may have been
// replaced: by Format, Upgrade, AbandonUpgrade and Rollback, by a PreUpgrade that failed, also by those of them that failed
// after they had begun, and when one of them, FinalizeUpgrade or Mend first has to mend or lock what was not usable until
// then; and by Discard. A call that was refused, a failed one that had changed nothing yet, and a PreUpgrade that went well
// leave it.
// Whoever keeps something of this journal in memory compares it: equal values mean that nothing was replaced in between.
// The value itself says nothing; it is not kept on disk.
func (d *Dir) Generation() uint64 { return d.generation }

// Statfs tells the space left where the journal lies.
func (d *Dir) Statfs() (vfs.FSInfo, error) { return d.fs.Statfs(d.o.Root) }

// Reserve tells what is left of the space that is kept.
func (d *Dir) Reserve() ReserveState { return d.reserve.state() }

// PromisedEpoch is the newest epoch that a writer was promised, 0 if none was. It is an IOException if a higher one is known
// here as the writer's, or from a recovery record: each of these was promised before, so one of the files is damaged.
func (d *Dir) PromisedEpoch() (Epoch, error) {
	afresh := !d.promised.known
	if afresh {
		d.writer.known = false // the two are compared as they are now
	}
	promised, err := d.epoch(&d.promised, func(before *epochFiles) int64 { return before.promised })
	if err != nil {
		return 0, err
	}
	if err := d.checkPromise(promised); err != nil {
		d.promised.known = false // until one of them is mended
		return 0, err
	}
	if afresh && d.vote.Withheld && d.before == nil { // the file may have been brought back
		d.vote, err = d.loadVote()
	}
	return promised, err
}

// SetPromisedEpoch makes the promise durable. An equal value writes nothing. After an error PromisedEpoch is what the file
// says then: the old value, or the new one if only the last sync failed.
func (d *Dir) SetPromisedEpoch(e Epoch) error {
	if err := d.withhold(); err != nil {
		return err
	}
	return d.setEpoch(&d.promised, e)
}

// WriterEpoch is the epoch of the writer that last started a segment here, 0 if none did.
func (d *Dir) WriterEpoch() (Epoch, error) {
	return d.epoch(&d.writer, func(before *epochFiles) int64 { return before.writer })
}

func (d *Dir) epoch(f *longFile, old func(*epochFiles) int64) (Epoch, error) {
	if d.before != nil {
		return Epoch(old(d.before)), nil
	}
	n, err := f.get()
	return Epoch(n), err
}

// SetWriterEpoch is SetPromisedEpoch for the writer's epoch. A withheld vote is given back with it: the writer has a majority
// that knows what this journal may have lost.
func (d *Dir) SetWriterEpoch(e Epoch) error {
	err := d.setEpoch(&d.writer, e)
	if err == nil && e > 0 {
		d.writerCame()
	}
	return err
}

func (d *Dir) setEpoch(f *longFile, e Epoch) error {
	if err := d.keepLock(); err != nil {
		return err
	}
	if _, err := d.AbandonUpgrade(); err != nil {
		return err
	}
	return f.set(int64(e))
}

// Committed is the newest txid known to be committed; false if none is (no file, an empty one, or Java's -12345 in it).
// It does not create the file. After a power cut it may be older than it was.
func (d *Dir) Committed() (TxID, bool, error) {
	n, err := d.committed.get(int64(InvalidTxID))
	if d.before != nil {
		n = max(n, d.before.committed)
	}
	return TxID(n), err == nil && TxID(n) != InvalidTxID, err
}

// SetCommitted overwrites the committed txid in place. It is not synced: the value is a lower bound, and may go back after
// a power cut.
func (d *Dir) SetCommitted(t TxID) error {
	if err := d.checkLocked(); err != nil {
		return err
	}
	return d.committed.set(int64(t), int64(InvalidTxID))
}

func (d *Dir) path(name string) string { return d.o.Root + "/" + name }
func (d *Dir) syncRoot() error         { return d.fs.SyncDir(d.o.Root) }
