package jnserver

import (
	"time"

	"gojn/storage"
	"gojn/storage/vfs"
)

// Event is something that happened in a journal, typed, for logs and metrics. The core emits events and knows neither.
type Event interface{ event() }

// Listener takes events. It is called on the goroutine of the call that caused the event, under the journal's lock: it must
// be quick and must not call the journal.
type Listener func(jid string, e Event)

type (
	// EditsWritten is one acknowledged batch. Took is write and sync together.
	EditsWritten struct {
		First   storage.TxID
		Txns    int64
		Bytes   int
		Took    time.Duration
		Lagging bool // at or below the committed txid: not synced yet
	}
	// PromiseRaised is a new promised epoch, durable.
	PromiseRaised struct {
		Old, New storage.Epoch
		Client   string
	}
	// SegmentStarted is a new open segment.
	SegmentStarted struct {
		First         storage.TxID
		LayoutVersion int32
		Epoch         storage.Epoch
	}
	// SegmentFinalized is a segment that got its final name.
	SegmentFinalized struct{ First, Last storage.TxID }
	// SegmentAborted is an open segment that was closed without being finalized; the next writer recovers it.
	SegmentAborted struct {
		First, Last storage.TxID
		Reason      string
	}
	// SegmentsVanished are finalized segments, one or more, whose files somebody has removed while they were served.
	SegmentsVanished struct{ Segments []storage.Segment }
	// SegmentsBack are some of these, one or more, whose files are there again.
	SegmentsBack struct{ Segments []storage.Segment }
	// SegmentSetAside is a segment file that was renamed out of the log.
	SegmentSetAside struct{ Name, Suffix string }
	// SegmentSynced is a finalized segment that was fetched from another node and is durable here.
	SegmentSynced struct {
		First, Last storage.TxID
		Bytes       int64
	}
	// SegmentBad is a segment whose bytes here cannot be trusted.
	SegmentBad struct {
		First  storage.TxID
		Reason string
	}
	// SegmentTrusted is a SegmentBad no more: everything that was acknowledged of it up to End was found on the disk.
	SegmentTrusted struct{ First, End storage.TxID }
	// RecoveryPrepared is an answer to prepareRecovery.
	RecoveryPrepared struct {
		First  storage.TxID
		Answer RecoveryAnswer
	}
	// RecoveryAccepted is an accepted segment state; Downloaded tells that a copy was fetched from From.
	RecoveryAccepted struct {
		State      SegmentState
		Epoch      storage.Epoch
		Downloaded bool
		From       string
	}
	// SourceFailed is a node from which an accepted segment could not be had; others are tried.
	SourceFailed struct {
		State SegmentState
		From  string
		Err   error
	}
	// SpaceShort is a disk that is full, or a reserve for it that is not whole; told again when that changes.
	SpaceShort struct {
		Problem     error
		Free        vfs.FSInfo
		ReserveLeft int64 // bytes
	}
	// SpaceBack is the end of SpaceShort.
	SpaceBack struct{ Free vfs.FSInfo }
	// EditsCacheLost is what getJournaledEdits cannot answer from any more although it was acknowledged here: NameNodes read it
	// by HTTP.
	EditsCacheLost struct{ Reason string }
	// UpgradeAbandoned is an upgrade of which only the first half was done when a new writer began: the state before it is
	// back.
	UpgradeAbandoned struct{ Reason string }
	// VoteWithheld is a journal that does not know what it has promised, told once when that is found.
	VoteWithheld struct{}
	// VoteGranted is the end of VoteWithheld; Note is that of the person who decided so, told at each start until a writer has
	// come, and "" if it was a writer or the other nodes.
	VoteGranted struct{ Note string }
	// RequestRefused is a call that ended with an error.
	RequestRefused struct {
		Op  string
		Err error
	}
	// Purged is what purgeLogs removed.
	Purged struct {
		Min    storage.TxID
		Result storage.PurgeResult
	}
)

func (EditsWritten) event()     {}
func (PromiseRaised) event()    {}
func (SegmentStarted) event()   {}
func (SegmentFinalized) event() {}
func (SegmentAborted) event()   {}
func (SegmentsVanished) event() {}
func (SegmentsBack) event()     {}
func (SegmentSetAside) event()  {}
func (SegmentSynced) event()    {}
func (SegmentBad) event()       {}
func (SegmentTrusted) event()   {}
func (RecoveryPrepared) event() {}
func (RecoveryAccepted) event() {}
func (SourceFailed) event()     {}
func (SpaceShort) event()       {}
func (SpaceBack) event()        {}
func (UpgradeAbandoned) event() {}
func (EditsCacheLost) event()   {}
func (VoteWithheld) event()     {}
func (VoteGranted) event()      {}
func (RequestRefused) event()   {}
func (Purged) event()           {}
