package compat_test

import (
	"fmt"
	"slices"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// step is one call of the error matrix.
type step struct {
	label    string
	method   string
	request  wire.Message
	protocol string // instead of QJournalProtocol
	version  int64  // instead of 1
}

// script builds steps. Serials rise by themselves.
type script struct {
	jid    string
	serial int64
	steps  []step
}

func (s *script) add(label, method string, request wire.Message) {
	s.steps = append(s.steps, step{label: label, method: method, request: request})
}

func (s *script) id() wire.Message { return wire.Message{}.Bytes(1, wire.JournalID(s.jid)) }

// info is a RequestInfo in field 1; a negative committed txid is not sent.
func (s *script) info(epoch, committed int64) wire.Message {
	s.serial++
	return s.infoSerial(epoch, s.serial, committed)
}

func (s *script) infoSerial(epoch, serial, committed int64) wire.Message {
	return wire.Message{}.Bytes(1, wire.RequestInfo(s.jid, epoch, serial, committed))
}

func (s *script) newEpoch(label string, n wire.Namespace, epoch int64) {
	s.add(label, "newEpoch", s.id().Bytes(2, n.Message()).Int(3, epoch))
}

func (s *script) format(label string, n wire.Namespace, force bool) {
	s.add(label, "format", s.id().Bytes(2, n.Message()).Bool(4, force))
}

// records returns n transactions from first on.
func records(first int64, n int) []byte {
	var all []byte
	for i := range n {
		all = append(all, wire.Mkdir(first+int64(i), fmt.Sprintf("tx %d", first+int64(i)))...)
	}
	return all
}

func (s *script) journal(label string, info wire.Message, segment, first int64, n int) {
	s.journalBytes(label, info, segment, first, n, records(first, n))
}

func (s *script) journalBytes(label string, info wire.Message, segment, first int64, n int, data []byte) {
	s.add(label, "journal", info.Int(2, first).Int(3, int64(n)).Bytes(4, data).Int(5, segment))
}

func (s *script) start(label string, info wire.Message, txid int64) {
	s.add(label, "startLogSegment", info.Int(2, txid).Sint(3, -67))
}

func (s *script) finalize(label string, info wire.Message, first, last int64) {
	s.add(label, "finalizeLogSegment", info.Int(2, first).Int(3, last))
}

func (s *script) manifest(label string, since int64, inProgress bool) {
	s.add(label, "getEditLogManifest", s.id().Int(2, since).Bool(4, inProgress))
}

func (s *script) prepare(label string, info wire.Message, segment int64) {
	s.add(label, "prepareRecovery", info.Int(2, segment))
}

func (s *script) accept(label string, info wire.Message, first, last int64, inProgress bool, url string) {
	state := wire.Message{}.Int(1, first).Int(2, last).Bool(3, inProgress)
	s.add(label, "acceptRecovery", info.Bytes(2, state).String(3, url))
}

// modern is the namespace as a 3.4 NameNode states it.
var modern = wire.Namespace{
	LayoutVersion: -67, NamespaceID: namespace.NamespaceID, ClusterID: namespace.ClusterID, CTime: namespace.CTime,
	SoftwareVersion: "3.4.2",
}

// errorMatrix is the script behind the captures rpc-results.txt and rpc-results-2.txt, in their order.
func errorMatrix(j *hadoop.JournalNode) []step {
	first := &script{jid: "err1"}
	first.unformatted()
	first.writing()
	first.recovery("http://" + j.HTTP + "/nope")
	first.upgrade()
	first.cachedEdits()
	second := &script{jid: "err2"}
	second.oddities()
	third := &script{jid: "err3"}
	third.garbage()
	return slices.Concat(first.steps, second.steps, third.steps, protocolErrors())
}

func (s *script) unformatted() {
	for _, bad := range []string{".x", "", "a/b"} {
		s.add(fmt.Sprintf("getJournalState jid %q", bad), "getJournalState", wire.Message{}.Bytes(1, wire.JournalID(bad)))
	}
	s.add("isFormatted unformatted", "isFormatted", s.id())
	s.add("getJournalState unformatted", "getJournalState", s.id())
	s.newEpoch("newEpoch unformatted", modern, 1)
	s.manifest("getEditLogManifest unformatted", 1, true)
	s.add("getJournalCTime unformatted", "getJournalCTime", s.id())
	s.add("heartbeat unformatted", "heartbeat", s.info(1, -1))
	none := modern
	none.NamespaceID, none.ClusterID, none.CTime = 0, "c", 0
	s.format("format nsid 0", none, false)
	s.format("format", modern, false)
	s.format("format again force=false", modern, false)
	s.format("format again force=true", modern, true)
	other := modern
	other.NamespaceID = 7
	s.newEpoch("newEpoch wrong nsid", other, 5)
	other = modern
	other.ClusterID = "x"
	s.newEpoch("newEpoch wrong cid", other, 5)
}

func (s *script) writing() {
	s.newEpoch("newEpoch 5", modern, 5)
	s.newEpoch("newEpoch 5 again", modern, 5)
	s.journal("journal epoch 4", s.info(4, -1), 1, 1, 1)
	s.journal("journal epoch 5 before startLogSegment", s.info(5, -1), 1, 1, 1)
	s.journal("journal epoch 5 same serial", s.infoSerial(5, s.serial, -1), 1, 1, 1)
	s.start("startLogSegment 1", s.info(5, -1), 1)
	s.journal("journal wrong first txid", s.info(5, -1), 1, 5, 1)
	s.journal("journal 1-3", s.info(5, -1), 1, 1, 3)
	s.journal("journal numTxns 0", s.info(5, 3), 1, 4, 0)
	s.add("heartbeat committed backward", "heartbeat", s.info(5, 2))
	s.add("heartbeat serial repeated after failed committed", "heartbeat", s.infoSerial(5, s.serial, 3))
	s.manifest("manifest inProgressOk", 1, true)
	s.manifest("manifest !inProgressOk", 1, false)
	s.finalize("finalize 1-4 (too long)", s.info(5, -1), 1, 4)
	s.journal("journal after failed finalize", s.info(5, -1), 1, 4, 1)
	s.start("startLogSegment 1 over 3 txns", s.info(5, -1), 1)
	s.finalize("finalize 1-2 (mismatch on disk)", s.info(5, -1), 1, 2)
	s.finalize("finalize 1-3", s.info(5, -1), 1, 3)
	s.finalize("finalize 1-3 again", s.info(5, -1), 1, 3)
	s.finalize("finalize 1-4 after finalized", s.info(5, -1), 1, 4)
	s.finalize("finalize 77-78 none", s.info(5, -1), 77, 78)
	s.start("startLogSegment 1 finalized", s.info(5, -1), 1)
	s.start("startLogSegment 4", s.info(5, -1), 4)
	s.manifest("manifest empty in-progress", 1, true)
	s.journal("journal wrong segment", s.info(5, -1), 1, 4, 1)
	s.journal("journal after wrong segment", s.info(5, -1), 4, 4, 1)
	s.start("startLogSegment 4 again (empty)", s.info(5, -1), 4)
	s.journal("journal 4-5", s.info(5, -1), 4, 4, 2)
}

func (s *script) recovery(missing string) {
	s.prepare("prepareRecovery 4", s.info(5, -1), 4)
	s.prepare("prepareRecovery 1 (finalized)", s.info(5, -1), 1)
	s.prepare("prepareRecovery 99", s.info(5, -1), 99)
	s.accept("acceptRecovery bad range", s.info(5, -1), 4, 3, true, missing)
	s.accept("acceptRecovery 404 url", s.info(5, -1), 4, 5, true, missing)
	s.accept("acceptRecovery discard committed", s.info(5, 5), 4, 4, true, missing)
	s.accept("acceptRecovery over finalized", s.info(6, -1), 1, 4, true, missing)
	s.accept("acceptRecovery same len", s.info(7, -1), 4, 5, true, missing)
	s.prepare("prepareRecovery 4 after accept", s.info(7, -1), 4)
	s.add("purge 4", "purgeLogs", s.info(7, -1).Int(2, 4))
	s.manifest("manifest after purge", 1, true)
	s.add("getJournalCTime", "getJournalCTime", s.id())
	s.add("getJournalState", "getJournalState", s.id())
}

func (s *script) upgrade() {
	canRollBack := func(label string, target int64) {
		s.add(label, "canRollBack", s.id().Bytes(2, modern.StorageInfo()).Bytes(3, modern.StorageInfo()).Int(4, target))
	}
	canRollBack("canRollBack no previous", -67)
	s.add("doFinalize no previous", "doFinalize", s.id())
	s.add("discardSegments 5 (mid)", "discardSegments", s.id().Int(2, 5))
	s.add("doPreUpgrade", "doPreUpgrade", s.id())
	s.add("doPreUpgrade twice", "doPreUpgrade", s.id())
	s.add("doUpgrade", "doUpgrade", s.id().Bytes(2, modern.StorageInfo()))
	s.add("getJournalState after upgrade", "getJournalState", s.id())
	canRollBack("canRollBack wrong target", -1)
	canRollBack("canRollBack", -67)
	s.add("doRollback", "doRollback", s.id())
	s.add("doRollback again", "doRollback", s.id())
	s.add("discardSegments 4", "discardSegments", s.id().Int(2, 4))
}

// cachedEdits asks for edits of the cache over a new journal with transactions 1 to 20.
func (s *script) cachedEdits() {
	get := func(label string, since, most int64) {
		s.add(label, "getJournaledEdits", s.id().Int(2, since).Int(3, most))
	}
	s.format("format force", modern, true)
	s.newEpoch("newEpoch after format", modern, 10)
	s.start("startLogSegment after format", s.info(10, -1), 1)
	s.journal("journal 1-20", s.info(10, -1), 1, 1, 20)
	get("getJournaledEdits 1 max 100", 1, 100)
	get("getJournaledEdits 21 max 8", 21, 8)
	get("getJournaledEdits 500", 500, 8)
	get("getJournaledEdits 0 max 8", 0, 8)
}

func (s *script) oddities() {
	s.format("err2 format", modern, false)
	s.newEpoch("err2 newEpoch 1", modern, 1)
	s.start("err2 startLogSegment 1", s.info(1, -1), 1)
	s.journal("err2 journal 1-1", s.info(1, -1), 1, 1, 1)
	s.start("err2 startLogSegment 1 again over 1 txn", s.info(1, -1), 1)
	s.journal("err2 journal 1-5", s.info(1, -1), 1, 1, 5)
	s.add("err2 heartbeat committed 4", "heartbeat", s.info(1, 4))
	s.manifest("err2 manifest", 1, true)
	s.manifest("err2 manifest since 4", 4, true)
	s.manifest("err2 manifest since 100", 100, true)
	s.newEpoch("err2 newEpoch 2", modern, 2)
	s.prepare("err2 prepareRecovery 1", s.info(2, -1), 1)
	s.accept("err2 acceptRecovery 1-3 would discard committed 4", s.info(2, -1), 1, 3, true, "http://127.0.0.1:1/x")
	s.accept("err2 acceptRecovery 1-9 bad url", s.info(2, -1), 1, 9, true, "http://127.0.0.1:1/x")
	s.accept("err2 acceptRecovery malformed url", s.info(2, -1), 1, 9, true, "no url")
	s.accept("err2 acceptRecovery 1-5 same length: no download", s.info(2, -1), 1, 5, true, "http://127.0.0.1:1/x")
	s.prepare("err2 prepareRecovery 1 epoch 3", s.info(3, -1), 1)
	s.finalize("err2 finalize 1-5", s.info(3, -1), 1, 5)
	s.accept("err2 acceptRecovery 1-5 on finalized same", s.info(3, -1), 1, 5, true, "http://127.0.0.1:1/x")
	s.prepare("err2 prepareRecovery 1 finalized+paxos", s.info(3, -1), 1)
	s.journal("err2 journal by epoch 4 w/o startLogSegment", s.info(4, -1), 6, 6, 1)
	s.start("err2 startLogSegment 6 epoch 4", s.info(4, -1), 6)
	s.start("err2 startLogSegment 20 skipping", s.info(4, -1), 20)
	s.journal("err2 journal 20", s.info(4, -1), 20, 20, 1)
	s.manifest("err2 manifest with two segments in progress", 1, true)
	s.add("err2 purge 10", "purgeLogs", s.info(4, -1).Int(2, 10))
	s.manifest("err2 manifest after purge 10", 1, true)
	s.add("err2 discardSegments 20", "discardSegments", s.id().Int(2, 20))
	s.add("err2 heartbeat of epoch 9", "heartbeat", s.info(9, -1))
	s.add("err2 getJournalState", "getJournalState", s.id())
}

// garbage writes records that are no transactions.
func (s *script) garbage() {
	s.format("err3 format", modern, false)
	s.newEpoch("err3 newEpoch 1", modern, 1)
	s.start("err3 startLogSegment 1", s.info(1, -1), 1)
	s.journal("err3 journal 1-5", s.info(1, -1), 1, 1, 5)
	s.journalBytes("err3 journal garbage bytes 6-6 (not validated)", s.info(1, 4), 1, 6, 1, []byte{1, 2, 3})
	s.journalBytes("err3 journal empty records numTxns=1 (7)", s.info(1, 4), 1, 7, 1, nil)
	s.manifest("err3 manifest", 1, true)
	s.newEpoch("err3 newEpoch 2", modern, 2)
	s.prepare("err3 prepareRecovery 1", s.info(2, -1), 1)
}

// protocolErrors are the rows of rpc.md 1.8 that a well-formed frame can reach.
func protocolErrors() []step {
	state := wire.Message{}.Bytes(1, wire.JournalID("err2"))
	none := wire.Message{}.Bytes(1, wire.JournalID("none"))
	return []step{
		{label: "unknown method", method: "noSuchMethod", request: state},
		{label: "unknown protocol", method: "getJournalState", request: state, protocol: "no.such.Protocol"},
		{label: "other version", method: "getJournalState", request: state, version: 2},
		{label: "missing field", method: "getJournalState", request: wire.Message{}},
		{label: "unknown field", method: "isFormatted", request: state.Int(99, 1)},
		{label: "garbage", method: "getJournalState", request: wire.Message{0xff, 0xff, 0xff}},
		{label: "manifest for a peer", method: "getEditLogManifestFromJournal", request: state.Int(2, 1).Bool(4, true),
			protocol: wire.InterQJournalProtocol},
		{label: "manifest of an unformatted journal for a peer", method: "getEditLogManifestFromJournal", request: none.Int(2, 1),
			protocol: wire.InterQJournalProtocol},
		{label: "storage info for a peer", method: "getStorageInfo", request: state, protocol: wire.InterQJournalProtocol},
		{label: "storage info of an unformatted journal", method: "getStorageInfo", request: none,
			protocol: wire.InterQJournalProtocol},
	}
}
