package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"gojn/compat-tests/wire"
)

// namespace is the one of all journals.
var namespace = wire.Namespace{
	LayoutVersion: -66, NamespaceID: 4711, ClusterID: "CID-earlier", CTime: 1, SoftwareVersion: "3.4.2",
}

// upgraded is namespace after an upgrade.
var upgraded = wire.Namespace{
	LayoutVersion: -67, NamespaceID: 4711, ClusterID: "CID-earlier", CTime: 2, SoftwareVersion: "3.4.2",
}

// segment is one that a node must have when it is opened again.
type segment struct {
	First      int64  `json:"first"`
	Last       int64  `json:"last"`
	InProgress bool   `json:"inProgress,omitempty"`
	SHA256     string `json:"sha256"` // of the records
}

// journal is a NameNode's client of one journal, and what the node acknowledged to it, which is the recorded
// expectation. The first error ends the script; what follows it does nothing.
type journal struct {
	Left        string    `json:"left"` // how the directory was left, for people
	Promised    int64     `json:"promised"`
	Writer      int64     `json:"writer"`
	Committed   int64     `json:"committed,omitempty"` // 0: never told
	CTime       int64     `json:"cTime"`
	CanRollBack bool      `json:"canRollBack,omitempty"`
	Segments    []segment `json:"segments"`
	Paxos       []record  `json:"paxos,omitempty"`
	Files       []string  `json:"files,omitempty"` // that lie in current/ besides segments and records
	records     map[int64][]byte
	jid, root   string
	c           *wire.Client
	n           *node
	serial      int64
	err         error
}

// record is a recovery record in paxos/.
type record struct {
	Start      int64 `json:"start"`
	End        int64 `json:"end"`
	InProgress bool  `json:"inProgress,omitempty"`
	AcceptedIn int64 `json:"acceptedIn"`
}

func dial(ctx context.Context, n *node, jid, root string) (*journal, error) {
	c, err := wire.Dial(ctx, n.rpc, wire.QJournalProtocol, "hdfs")
	return &journal{jid: jid, root: root, c: c, n: n, CTime: namespace.CTime, records: make(map[int64][]byte)}, err
}

func (j *journal) call(method string, request wire.Message) []byte {
	if j.err != nil {
		return nil
	}
	answer, err := j.c.Call(method, request)
	if err != nil {
		j.err = fmt.Errorf("%s: %w", method, err)
	}
	return answer
}

func (j *journal) id() wire.Message { return wire.Message{}.Bytes(1, wire.JournalID(j.jid)) }

func (j *journal) info() wire.Message {
	j.serial++
	committed := j.Committed
	if committed == 0 {
		committed = -1
	}
	return wire.Message{}.Bytes(1, wire.RequestInfo(j.jid, j.Promised, j.serial, committed))
}

func (j *journal) format() {
	j.call("format", j.id().Bytes(2, namespace.Message()))
}

func (j *journal) newEpoch() {
	j.Promised++
	j.serial = 0
	ns := namespace
	ns.CTime = j.CTime
	j.call("newEpoch", j.id().Bytes(2, ns.Message()).Int(3, j.Promised))
}

func (j *journal) start(first int64) {
	j.call("startLogSegment", j.info().Int(2, first).Sint(3, int64(namespace.LayoutVersion)))
	j.Writer = j.Promised
	j.records[first] = nil
	j.drop(func(s segment) bool { return s.First == first })
	j.Segments = append(j.Segments, segment{First: first, Last: first - 1, InProgress: true})
}

// write sends one batch to the open segment, which begins at first.
func (j *journal) write(first int64, from, to int64) {
	batch := frames(j.jid, from, to)
	j.call("journal", j.info().Int(2, from).Int(3, to-from+1).Bytes(4, batch).Int(5, first))
	j.records[first] = append(j.records[first], batch...)
	j.at(first).Last = to
}

func (j *journal) finalize(first int64) {
	s := j.at(first)
	j.call("finalizeLogSegment", j.info().Int(2, first).Int(3, s.Last))
	s.InProgress = false
	j.Paxos = slices.DeleteFunc(j.Paxos, func(r record) bool { return r.Start == first })
}

func (j *journal) prepare(first int64) {
	j.call("prepareRecovery", j.info().Int(2, first))
}

// accept gives the segment the end last, downloaded from url if that is not what is there.
func (j *journal) accept(first, last int64, url string) {
	j.call("acceptRecovery", j.acceptRequest(first, last, url))
	if s := j.at(first); s.Last != last {
		s.Last = last
		j.records[first] = frames(j.jid, first, last)
	}
	j.Paxos = append(j.Paxos, record{Start: first, End: last, InProgress: true, AcceptedIn: j.Promised})
}

func (j *journal) acceptRequest(first, last int64, url string) wire.Message {
	state := wire.Message{}.Int(1, first).Int(2, last).Bool(3, true)
	return j.info().Bytes(2, state).String(3, url)
}

func (j *journal) upgrade() {
	j.call("doPreUpgrade", j.id())
	j.call("doUpgrade", j.id().Bytes(2, upgraded.StorageInfo()))
	j.CTime, j.CanRollBack, j.Paxos, j.Files = upgraded.CTime, true, nil, nil
}

// drop forgets segments.
func (j *journal) drop(gone func(segment) bool) { j.Segments = slices.DeleteFunc(j.Segments, gone) }

// at is the segment that begins at first; one that nobody sees if the script is wrong.
func (j *journal) at(first int64) *segment {
	for i := range j.Segments {
		if j.Segments[i].First == first {
			return &j.Segments[i]
		}
	}
	j.err = errors.Join(j.err, fmt.Errorf("the script knows no segment %d", first))
	return &segment{}
}

// check asks the node for its promise, which must be what the script thinks, and sums up the records.
func (j *journal) check() error {
	answer := j.call("getJournalState", j.id())
	if j.err != nil {
		return j.err
	}
	fields, err := wire.Parse(answer)
	if err != nil {
		return err
	}
	if promised, _ := fields.Int(1); promised != j.Promised {
		return fmt.Errorf("the node says that it has promised epoch %d, not %d", promised, j.Promised)
	}
	for i, s := range j.Segments {
		sum := sha256.Sum256(j.records[s.First])
		j.Segments[i].SHA256 = hex.EncodeToString(sum[:])
	}
	return nil
}

func frames(jid string, from, to int64) []byte {
	var out []byte
	for tx := from; tx <= to; tx++ {
		out = append(out, wire.Mkdir(tx, "/"+jid+"/"+strconv.FormatInt(tx, 10))...)
	}
	return out
}
