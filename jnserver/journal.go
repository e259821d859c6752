package jnserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// Clock tells the time. A journal reads no other.
type Clock interface{ Now() time.Time }

// SegmentFetcher downloads a segment from a peer for acceptRecovery. Its errors carry the class that Java would answer.
type SegmentFetcher interface {
	// CheckURL refuses an address that Fetch could never use (java.net.MalformedURLException).
	CheckURL(url string) error
	// Fetch writes the whole body to dst and returns its length; a body that is not as long as announced is an error.
	Fetch(ctx context.Context, url string, dst io.Writer) (int64, error)
}

// Env is what a journal gets from outside. FS, Clock, Fetcher and LockOwner are needed.
type Env struct {
	FS      vfs.FS
	Clock   Clock
	Fetcher SegmentFetcher
	// Peers are the other nodes; nil: none are known.
	Peers Peers
	// Within bounds what is asked of them (context.WithTimeout); nil: not at all.
	Within func(context.Context, time.Duration) (context.Context, context.CancelFunc)
	Events Listener
	// CurrentPerm is dfs.journalnode.edits.dir.perm, applied to current/ by format; 0: umask only.
	CurrentPerm fs.FileMode
	// LockOwner is what in_use.lock says: pid@host.
	LockOwner string
	// SyncedWrites is dfs.namenode.edits.noeditlogchannelflush: segments are opened O_DSYNC and not synced by call.
	SyncedWrites bool
	// Reserve is the space that each journal keeps for what must be written to a full disk; the zero value is none.
	Reserve storage.Reserve
	// Edits is the memory for getJournaledEdits, which all journals of the process share; nil: none, the call is refused.
	Edits *EditsCache
}

var errJournalClosed = errors.New("the journal is closed: the JournalNode is stopping")

// Journal is one namespace's log on this node (Java org.apache.hadoop.hdfs.qjournal.server.Journal). Its methods may be
// called by many goroutines at once: those that change something run one at a time, in mu; those on Snapshot never wait.
type Journal struct {
	jid   string
	env   Env
	edits *cachedEdits // nil: off; changed with mu held

	snapshot atomic.Pointer[Snapshot]
	// nameservice is what calls have named; see Node.Nameservice.
	nameservice atomic.Pointer[string]
	closed      atomic.Bool           // set with mu held
	noClaim     atomic.Pointer[error] // see NoClaim

	mu     sync.Mutex // guards all below
	loaded bool       // all below was taken from dir; false while the directory cannot be served
	dir    *storage.Dir
	fence  fence
	// epochErr and committedErr are why a file could not be read; every call that needs the value fails with it, as in
	// Java, and tries to read the file again.
	epochErr, committedErr error
	open                   *openSegment // nil: no segment open
	// lastOpened is the first txid of the segment that this process opened last; purge must not set it aside as stale.
	lastOpened storage.TxID
	// highest is the last transaction that readers may see; highestIn is the first one of the segment that holds it.
	highest, highestIn storage.TxID
	// acked is the last transaction that this process acknowledged in a segment that is not finalized yet, or whose finalized
	// file is gone, by the segment's first. A scan that ends below has lost acknowledged edits (spec 2.6).
	acked map[storage.TxID]storage.TxID
	// keepFrom is the highest minTxIdToKeep that this process was told to purge up to.
	keepFrom  storage.TxID
	badList   []BadSegment // replaced, never changed in place
	lastWrite time.Time
	space     Space
	full      fullDisk
	toldVote  storage.Vote // by the last event
}

// openSegment is the segment that this process is writing.
type openSegment struct {
	first, next storage.TxID
	layout      int32
	w           *storage.SegmentWriter
}

func (j *Journal) position() position {
	if j.open == nil {
		return position{}
	}
	return position{open: true, first: j.open.first, next: j.open.next}
}

// OpenJournal opens the journal in root, finishing whatever an interrupted upgrade, rollback or recovery left. A root that
// does not exist gives an unformatted journal and creates nothing. Nothing is opened for appending: after a restart a
// segment in progress is never continued, the writer has to roll (Java Journal constructor).
func OpenJournal(env Env, jid, root string) (*Journal, error) {
	dir, err := storage.Open(storage.Options{
		FS: env.FS, Root: root, CurrentPerm: env.CurrentPerm, LockOwner: env.LockOwner,
		Now: env.Clock.Now, SyncedWrites: env.SyncedWrites, Reserve: env.Reserve,
	})
	if err != nil {
		return nil, err
	}
	j := &Journal{jid: jid, env: env, dir: dir, edits: newCachedEdits(env.Edits)}
	if err := j.reload(); err != nil {
		_ = dir.Close() // the reason why the journal cannot be used is err
		return nil, err
	}
	j.measure()
	j.tellSpace()
	j.publish()
	return j, nil
}

// ID is the journal's id.
func (j *Journal) ID() string { return j.jid }

// Snapshot is the journal's published state. It never waits.
func (j *Journal) Snapshot() *Snapshot { return j.snapshot.Load() }

// Close gives the open segment up and releases the directory's lock. It waits for the call in flight; later ones that need
// the directory for themselves are refused, as another process may have it by then. A second Close does nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed.Store(true)
	j.abortSegment("the node stops")
	j.edits.clear()
	return j.dir.Close()
}

// reload takes all state from the directory, as after a restart: used on open and after format and rollback.
func (j *Journal) reload() error {
	j.abortSegment("its directory is read anew")
	j.edits.clear()
	j.fence = fence{serial: -1}
	j.lastOpened = storage.InvalidTxID
	j.highest, j.highestIn = 0, storage.InvalidTxID
	j.acked = make(map[storage.TxID]storage.TxID)
	j.badList, j.keepFrom = nil, 0
	j.lastWrite = time.Time{}
	j.loaded = false
	j.readFence()
	if j.dir.State() != storage.Normal {
		return nil
	}
	seg, ok, err := j.latest()
	if err != nil {
		return err
	}
	if ok && !seg.InProgress {
		j.wrote(seg.First, max(j.highest, seg.Last))
	}
	j.loaded = true
	return nil
}

// readFence loads the two epochs and the committed txid. Errors are kept, not returned: they belong to the calls that need
// the value.
func (j *Journal) readFence() {
	j.epochErr, j.committedErr = nil, nil
	if j.dir.State() != storage.Normal {
		return
	}
	var err error
	if j.fence.promised, err = j.dir.PromisedEpoch(); err != nil {
		j.epochErr = err
	}
	if j.fence.writer, err = j.dir.WriterEpoch(); err != nil {
		j.epochErr = err
	}
	if j.fence.committed, j.fence.committedKnown, err = j.dir.Committed(); err != nil {
		j.committedErr = err
	}
}

// latest is Java's Journal.scanStorageForLatestEdits: it finds the last segment that has transactions, sets empty ones
// aside and takes note of its end and of damage. What it found of a segment that another process wrote is durable and was
// read from the medium: it is shown from now on.
func (j *Journal) latest() (storage.Segment, bool, error) {
	seg, scan, ok, err := j.dir.LatestSegment(slices.Collect(maps.Keys(j.acked))...)
	j.vanished(j.dir.TakeVanished())
	switch {
	case errors.Is(err, storage.ErrUnproven), unknownHeader(err):
		j.distrust(seg.First, err) // it is here; its recovery is asked for, and refused by name
		if !seg.InProgress && seg.Last >= j.highest {
			j.wrote(seg.First, seg.Last)
		}
	case err != nil:
		return seg, false, err
	case ok:
		j.note(seg, scan)
	}
	if lost, found := j.lostBehind(seg, ok); found {
		j.setBad(lost.First, lostReason(lost.Name, editlog.Scan{}, j.acked[lost.First]))
		return lost, true, nil
	}
	return seg, ok, nil
}

// note takes what a scan of the last segment says.
func (j *Journal) note(seg storage.Segment, scan editlog.Scan) {
	switch {
	case !seg.InProgress && scanEnd(scan) != seg.Last:
		j.setBad(seg.First, endsEarly(seg, scan))
	case j.damaged(seg, scan):
		j.setBad(seg.First, j.damageReason(seg, scan))
	case !j.dir.Sound(seg):
		j.addBad(BadSegment{First: seg.First, doubt: true,
			Reason: fmt.Sprintf("not all of %s could be written to the disk, which has it up to txid %s", seg.Name, scanEnd(scan))})
	}
	if scan.HasTxns() && scan.End >= j.highest {
		j.wrote(seg.First, scan.End)
	}
}

func endsEarly(finalized storage.Segment, scan editlog.Scan) string {
	return "the finalized file " + finalized.Name + " ends at txid " + scanEnd(scan).String()
}

// wrote makes last, in the segment that starts at first, the highest transaction.
func (j *Journal) wrote(first, last storage.TxID) { j.highest, j.highestIn = last, first }

// lostBehind finds the last segment behind seg, the last one that has transactions on disk, in which this process has
// acknowledged some: its file was emptied or removed under our hands. It still counts as here, so that its recovery is
// asked for and this node abstains from it.
func (j *Journal) lostBehind(seg storage.Segment, ok bool) (lost storage.Segment, found bool) {
	for first := range j.acked {
		if (!ok || first > seg.First) && (!found || first > lost.First) {
			lost, found = j.lost(first), true
		}
	}
	return lost, found
}

// lost stands for a segment whose file is gone and of which this process has acknowledged more than that: as nobody can read its
// end, it counts as one in progress, whatever its file was.
func (j *Journal) lost(first storage.TxID) storage.Segment {
	return storage.Segment{First: first, Last: storage.InvalidTxID, InProgress: true, Name: j.dir.FileName(first)}
}

// begin is the start of every call that changes something and carries a RequestInfo, after the journal is locked: formatted?,
// then admit and the marks that it leaves, durable.
func (j *Journal) begin(r RequestInfo) error {
	if err := j.checkUsable(); err != nil {
		return err
	}
	a := admit(j.fence, r)
	if a.raisePromise {
		if err := j.raisePromise(r.Epoch, r.Client); err != nil {
			return err
		}
	}
	if a.takeSerial {
		j.fence.serial = r.Serial
	}
	if a.takeCommit {
		if err := j.dir.SetCommitted(r.Committed); err != nil {
			return err
		}
		j.fence.committed, j.fence.committedKnown = r.Committed, r.Committed != storage.InvalidTxID
	}
	return a.err
}

// checkUsable refuses calls on an unformatted journal, and on one whose small files cannot be read, with the reason.
func (j *Journal) checkUsable() error {
	if err := j.checkEpochs(); err != nil {
		return err
	}
	return j.committedErr
}

// checkEpochs is checkUsable for a call that does not touch committed-txid.
func (j *Journal) checkEpochs() error {
	if err := j.checkFormatted(); err != nil {
		return err
	}
	if j.epochErr != nil || j.committedErr != nil {
		j.readFence()
	}
	return j.epochErr
}

func (j *Journal) checkFormatted() error {
	s := Snapshot{Root: j.dir.Root(), State: j.dir.State(), Problem: j.dir.Problem()}
	return s.checkFormatted(j.jid)
}

// raisePromise makes a new promise durable, then believes it, and forgets the old epoch's serial numbers.
func (j *Journal) raisePromise(e storage.Epoch, client string) error {
	old := j.fence.promised
	if err := j.abandonUpgrade("epoch " + strconv.FormatInt(int64(e), 10) + " is promised"); err != nil {
		return err
	}
	if err := j.dir.SetPromisedEpoch(e); err != nil {
		return err
	}
	j.forgetUncommitted()
	j.fence.promised, j.fence.serial = e, -1
	j.emit(PromiseRaised{Old: old, New: e, Client: client})
	return nil
}

// abortSegment is Java's Journal.abortCurSegment: the file keeps its padding. What was acknowledged without a sync, a
// lagging tail, is synced now; if that fails the segment cannot be trusted.
func (j *Journal) abortSegment(reason string) {
	if j.open == nil {
		return
	}
	first, last := j.open.first, j.open.next-1
	j.distrust(first, j.open.w.Abort())
	j.open = nil
	j.emit(SegmentAborted{First: first, Last: last, Reason: reason})
}

// exclusive runs one call that changes something: alone, with its result published before it returns, and with Java's
// suffix on its refusals.
func (j *Journal) exclusive(op string, call func() error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.alone(op, call)
	if err != nil && !errors.Is(err, errJournalClosed) {
		j.emit(RequestRefused{Op: op, Err: err})
	}
	return err
}

// alone is exclusive without the event. mu is held.
func (j *Journal) alone(op string, call func() error) error {
	if j.closed.Load() {
		return errJournalClosed
	}
	var err error
	if op != opFormat { // which may be what mends the directory
		err = j.ensureLoaded()
	}
	if err == nil {
		if j.open == nil { // readers are shown the segments as they are, whichever call comes first behind a fault
			_ = j.dir.Settle() // a call that needs the list fails with the reason
		}
		err = named(j.jid, call())
		if errors.Is(err, storage.ErrLostLock) { // the call begins again, with everything read anew
			if err = j.ensureLoaded(); err == nil {
				err = named(j.jid, call())
			}
		}
		if lerr := j.ensureLoaded(); err == nil {
			err = lerr
		}
	}
	j.vanished(j.dir.TakeVanished()) // whichever step found that out
	j.noteSpace(op, err)
	j.publish()
	return err
}

const (
	opFormat = "format"
	opStart  = "startLogSegment"
	opSync   = "sync"
)

// ensureLoaded takes the state from a directory that could not be read, or not be served, until now: without its promises
// and its end it must not be written. What a change failed at on its way is tried again first.
func (j *Journal) ensureLoaded() error {
	if j.dir.Problem() != nil || j.dir.Suspicion() != nil {
		j.dir.Mend()
		j.loaded = false
	}
	if err := j.dir.LostLock(); err != nil {
		j.abortSegment(err.Error())
		return err
	}
	if j.loaded || j.dir.State() != storage.Normal {
		return nil
	}
	return j.reload()
}

func (j *Journal) emit(e Event) {
	if j.env.Events != nil {
		j.env.Events(j.jid, e)
	}
}
