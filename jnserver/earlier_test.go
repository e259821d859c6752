package jnserver_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// earlierJournal is what a node of an earlier commit had acknowledged of one journal when it was killed; see
// compat-tests/earlier, which wrote it down.
type earlierJournal struct {
	Left             string
	Promised, Writer storage.Epoch
	Committed        storage.TxID // 0: never told
	CTime            int64
	CanRollBack      bool
	Segments         []earlierSegment
	Paxos            []storage.PaxosRecord
	Files            []string
}

type earlierSegment struct {
	First, Last storage.TxID
	InProgress  bool
	SHA256      string
}

// TestEarlierDirectories opens what nodes of earlier commits left when they were killed, and goes on there: everything
// that was acknowledged is there, and a writer gets on as a NameNode does.
func TestEarlierDirectories(t *testing.T) {
	archives, err := filepath.Glob("../storage/testdata/earlier/*.tar.gz")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, archive := range archives {
		disk, journals := unpackEarlier(t, archive)
		if len(journals) == 0 {
			t.Errorf("%s: no journals", archive)
		}
		for jid, want := range journals {
			t.Run(filepath.Base(archive)+"/"+jid, func(t *testing.T) {
				env := newEnv(everything(disk), noFetch)
				env.Peers = &fakePeers{}
				j := openEarlier(t, env, jid)
				checkEarlier(t, env.FS, j, want)
				if !slices.Contains(names(t, env.FS, j.Snapshot().Root+"/current"), "last-promised-epoch") { // formatted, when that wrote no promise
					wantWithheld(t, j, true)
					j.ClaimVote(t.Context())
				}
				next := goOnEarlier(t, j, want)
				must(t, j.Close())

				j = openEarlier(t, env, jid)
				s := j.Snapshot()
				if s.Promised != want.Promised+1 || s.Writer != want.Promised+1 || s.Highest != next {
					t.Errorf("after going on: promised %d, writer %d, highest %d", s.Promised, s.Writer, s.Highest)
				}
				if !want.CanRollBack {
					return
				}
				must(t, j.DoRollback())
				if s := j.Snapshot(); s.Promised != want.Promised+1 || s.Info.CTime >= want.CTime || s.Highest >= next {
					t.Errorf("after the rollback: %+v", s)
				}
			})
		}
	}
}

// unpackEarlier gives a disk with the edits directory of an archive, and its expected.json.
func unpackEarlier(t *testing.T, archive string) (*vfs.Mem, map[string]earlierJournal) {
	t.Helper()
	file, err := os.Open(archive)
	must(t, err)
	defer func() { _ = file.Close() }()
	zip, err := gzip.NewReader(file)
	must(t, err)
	var expected struct {
		Commit   string
		Journals map[string]earlierJournal
	}
	mem := vfs.NewMem()
	for r := tar.NewReader(zip); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return mem, expected.Journals
		}
		must(t, err)
		name := filepath.Join(filepath.Dir(editsDir), header.Name)
		if header.Typeflag == tar.TypeDir {
			must(t, mem.MkdirAll(name, 0o755))
			continue
		}
		data, err := io.ReadAll(r)
		must(t, err)
		if header.Name == "expected.json" {
			must(t, json.Unmarshal(data, &expected))
			continue
		}
		writeTo(t, mem, name, data)
	}
}

func openEarlier(t *testing.T, env jnserver.Env, jid string) *jnserver.Journal {
	t.Helper()
	j, err := jnserver.OpenJournal(env, jid, filepath.Dir(editsDir)+"/edits/"+jid)
	must(t, err)
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// checkEarlier compares what the journal says with what was acknowledged.
func checkEarlier(t *testing.T, disk vfs.FS, j *jnserver.Journal, want earlierJournal) {
	t.Helper()
	s := j.Snapshot()
	if !s.Formatted() || s.Promised != want.Promised || s.Writer != want.Writer || s.Info.CTime != want.CTime ||
		s.CommittedKnown != (want.Committed != 0) || want.Committed != 0 && s.Committed != want.Committed || len(s.Bad) != 0 {
		t.Errorf("%+v\nwant %+v", s, want)
	}
	if can, err := j.CanRollBack(-66); err != nil || can != want.CanRollBack {
		t.Errorf("canRollBack %t %v", can, err)
	}
	var got []earlierSegment
	for _, seg := range s.Segments {
		scan, err := readSegment(t, j, seg.First)
		must(t, err)
		r, err := j.OpenSegment(seg.First, true)
		must(t, err)
		records := make([]byte, scan.EndOffset-editlog.HeaderLen)
		_, err = r.File.ReadAt(records, editlog.HeaderLen)
		must(t, errors.Join(err, r.File.Close()))
		sum := sha256.Sum256(records)
		got = append(got, earlierSegment{
			First: seg.First, Last: scan.End, InProgress: seg.InProgress, SHA256: hex.EncodeToString(sum[:]),
		})
	}
	if !slices.Equal(got, want.Segments) {
		t.Errorf("segments %+v\nwant %+v", got, want.Segments)
	}
	m, err := j.EditLogManifest(0, true)
	must(t, err)
	if len(m.Logs) != len(want.Segments) {
		t.Errorf("manifest %v", m)
	}
	for i, log := range m.Logs {
		s := want.Segments[i]
		if log.First != s.First || log.Last != s.Last || log.InProgress != s.InProgress {
			t.Errorf("manifest %v", m)
		}
	}
	here := names(t, disk, s.Root+"/current")
	for _, name := range want.Files {
		if !slices.Contains(here, name) {
			t.Errorf("%s is missing: %v", name, here)
		}
	}
}

// goOnEarlier is a new writer: it recovers the open segment, if there is one, and writes the next; last is its end.
func goOnEarlier(t *testing.T, j *jnserver.Journal, want earlierJournal) (last storage.TxID) {
	t.Helper()
	info := j.Snapshot().Info
	if _, _, err := j.NewEpoch(info, want.Promised, "10.0.0.1"); err == nil {
		t.Errorf("epoch %d was promised twice", want.Promised)
	}
	first, found, err := j.NewEpoch(info, want.Promised+1, "10.0.0.1")
	must(t, err)
	w := &writer{epoch: want.Promised + 1}
	if found != (len(want.Segments) > 0) {
		t.Fatalf("last segment %d, %t", first, found)
	}
	if found {
		end := want.Segments[len(want.Segments)-1]
		last = end.Last
		if first != end.First {
			t.Fatalf("last segment %d, want %d", first, end.First)
		}
		prepared, err := j.PrepareRecovery(w.info(), first)
		must(t, err)
		state := jnserver.SegmentState{Start: end.First, End: end.Last, InProgress: end.InProgress}
		if prepared.Segment == nil || *prepared.Segment != state || prepared.LastWriter != want.Writer {
			t.Fatalf("prepared %+v, want %v", prepared, state)
		}
		record := storage.PaxosRecord{}
		if prepared.HasAccepted {
			record = storage.PaxosRecord{
				Start: state.Start, End: state.End, InProgress: state.InProgress, AcceptedIn: prepared.AcceptedIn,
			}
		}
		if len(want.Paxos) > 0 && record != want.Paxos[0] || len(want.Paxos) == 0 && prepared.HasAccepted {
			t.Errorf("prepared %+v, want the record %+v", prepared, want.Paxos)
		}
		must(t, j.AcceptRecovery(t.Context(), w.info(), state, "http://127.0.0.1:1/getJournal"))
		must(t, j.FinalizeLogSegment(w.info(), state.Start, state.End))
	}
	must(t, j.StartLogSegment(w.info(), last+1, layout))
	must(t, j.Write(w.info(), writes(last+1, last+1, last+4)))
	must(t, j.FinalizeLogSegment(w.info(), last+1, last+4))
	return last + 4
}
