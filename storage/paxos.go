package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"google.golang.org/protobuf/proto"

	"gojn/internal/javaerr"
	"gojn/qjournalpb"
)

const paxosDirName = "paxos"

// PaxosRecord is what acceptRecovery promised for the segment that begins at Start: Java's PersistedRecoveryPaxosData.
// It is a plain value.
type PaxosRecord struct {
	Start, End TxID
	InProgress bool
	AcceptedIn Epoch // the epoch of the writer that ran the recovery
}

// appendPaxos appends the file content: the delimited message, then its text form for people (Journal.persistPaxosData).
func appendPaxos(b []byte, r PaxosRecord) ([]byte, error) {
	start, end, accepted := uint64(r.Start), uint64(r.End), uint64(r.AcceptedIn)
	msg, err := proto.Marshal(&qjournalpb.PersistedRecoveryPaxosData{
		SegmentState: &qjournalpb.SegmentStateProto{
			StartTxId: &start, EndTxId: &end, IsInProgress: &r.InProgress,
		},
		AcceptedInEpoch: &accepted,
	})
	if err != nil {
		return nil, err
	}
	b = binary.AppendUvarint(b, uint64(len(msg)))
	b = append(append(b, msg...), '\n')
	return append(append(b, r.text()...), '\n'), nil
}

// text is protobuf's text form as Java prints it; Go's own is made to vary.
func (r PaxosRecord) text() string {
	return fmt.Sprintf("segmentState {\n  startTxId: %d\n  endTxId: %d\n  isInProgress: %t\n}\nacceptedInEpoch: %d\n",
		uint64(r.Start), uint64(r.End), r.InProgress, uint64(r.AcceptedIn))
}

// parsePaxos reads the record of the segment at first (Journal.getPersistedPaxosData). The message has no checksum; Java does
// not look at the text behind it, which must not say anything else here.
func parsePaxos(data []byte, first TxID) (PaxosRecord, error) {
	if len(data) == 0 {
		return PaxosRecord{}, illegalState("Bad persisted data for segment %d: null", first)
	}
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return PaxosRecord{}, javaerr.New(javaerr.InvalidProtocolBuffer, "While parsing a protocol message, the input "+
			"ended unexpectedly in the middle of a field: recovery record of segment %d", first)
	}
	var msg qjournalpb.PersistedRecoveryPaxosData
	if err := proto.Unmarshal(data[n:n+int(size)], &msg); err != nil {
		return PaxosRecord{}, javaerr.New(javaerr.InvalidProtocolBuffer, "recovery record of segment %d: %w", first, err)
	}
	state := msg.GetSegmentState()
	r := PaxosRecord{
		Start:      TxID(state.GetStartTxId()),
		End:        TxID(state.GetEndTxId()),
		InProgress: state.GetIsInProgress(),
		AcceptedIn: Epoch(msg.GetAcceptedInEpoch()),
	}
	if r.Start != first {
		return PaxosRecord{}, illegalState("Bad persisted data for segment %d: %s", first, r.text())
	}
	if key := contradiction(r.text(), string(data[n+int(size):])); key != "" {
		return PaxosRecord{}, &contradictionError{illegalState(
			"Bad persisted data for segment %d: its text says another %s than: %s", first, key, r.text())}
	}
	return r, nil
}

// contradiction is the first key that has another value in the text behind a message than in the message's own text. A text
// of another form, or none, contradicts nothing.
func contradiction(own, text string) (key string) {
	values := make(map[string]string)
	for line := range strings.Lines(own) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			values[key] = value
		}
	}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if want, known := values[key]; known && value != want {
			return key
		}
	}
	return ""
}

func (d *Dir) paxosDir() string            { return d.CurrentDir() + "/" + paxosDirName }
func (d *Dir) paxosPath(first TxID) string { return d.paxosDir() + "/" + PaxosName(first) }
func (d *Dir) makePaxosDir() error         { return mkdirDurable(d.fs, d.paxosDir()) }

// Paxos reads the record of the segment that begins at first; false if there is none. A file that holds no good record is
// an error, never "none": an empty one or one of another segment IllegalStateException, an undecodable one
// InvalidProtocolBufferException. What it answers is durable: if an earlier change failed at its last sync, that is made up
// for first.
func (d *Dir) Paxos(first TxID) (PaxosRecord, bool, error) {
	if err := d.settlePaxos(); err != nil {
		return PaxosRecord{}, false, err
	}
	data, err := readSmallFile(d.fs, d.paxosPath(first))
	if errors.Is(err, fs.ErrNotExist) {
		return PaxosRecord{}, false, nil
	}
	if err != nil {
		return PaxosRecord{}, false, err
	}
	r, err := parsePaxos(data, first)
	return r, err == nil, err
}

// ErrContradiction is wrapped by the error of Paxos if the record is one for Java, but its text says something else.
var ErrContradiction = errors.New("the recovery record contradicts itself")

// contradictionError is ErrContradiction with class and words of its cause alone.
type contradictionError struct{ cause error }

func (e *contradictionError) Error() string   { return e.cause.Error() }
func (e *contradictionError) Unwrap() []error { return []error{e.cause, ErrContradiction} }

// SetPaxos writes or replaces the record of r.Start; it is durable when SetPaxos returns nil. After an error the old or the
// new one is there, whole, and a power cut may still change which; Paxos settles that before it answers. The paxos directory
// is made if it is missing (a 2.7 JournalNode needs it, a 3.x one makes it too).
func (d *Dir) SetPaxos(r PaxosRecord) error {
	if err := errors.Join(d.checkLocked(), d.settle()); err != nil {
		return err
	}
	data, err := appendPaxos(nil, r)
	if err != nil {
		return err
	}
	there, err := exists(d.fs, d.paxosDir())
	if err != nil {
		return err
	}
	if !there {
		if err := d.makePaxosDir(); err != nil {
			d.unsettled = true // it may be there and not last
			return err
		}
	}
	renamed, err := writeFileAtomic(d.fs, d.paxosPath(r.Start), data)
	if renamed {
		d.paxosUnsynced = err != nil
	}
	return err
}

// DeletePaxos removes the record of the segment at first, if there is one; that it is gone is durable when DeletePaxos
// returns nil, as a record that came back would speak for the segment that is written there next. The copy that it stands for
// is in its place by then, durably.
func (d *Dir) DeletePaxos(first TxID) error {
	if err := errors.Join(d.checkLocked(), d.settle()); err != nil {
		return err
	}
	err := d.fs.Remove(d.paxosPath(first))
	if errors.Is(err, fs.ErrNotExist) && !d.paxosUnsynced {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.syncPaxos()
}

// settlePaxos makes up for a sync of paxos/ that failed: what its directory shows may go in a power cut, or come back.
// Everything that tells or decides by a record calls it first.
func (d *Dir) settlePaxos() error {
	if !d.paxosUnsynced {
		return nil
	}
	return d.syncPaxos()
}

// syncPaxos remembers a failure.
func (d *Dir) syncPaxos() error {
	err := d.fs.SyncDir(d.paxosDir())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // no directory, no entries
	}
	d.paxosUnsynced = err != nil
	return err
}
