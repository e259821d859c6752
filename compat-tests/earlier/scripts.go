package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gojn/compat-tests/wire"
)

// scripts drive one journal each.
var scripts = []struct {
	jid, left string
	run       func(j *journal)
}{
	{"formatted", "formatted, nothing else", (*journal).format},
	{"nothing", "a segment without a transaction", func(j *journal) {
		j.format()
		j.newEpoch()
		j.start(1)
		j.drop(func(segment) bool { return true }) // it is set aside when the journal is opened
	}},
	{"cut", "killed while a segment was open", cut},
	{"accepted", "a recovery accepted and not finalized", func(j *journal) {
		cut(j)
		j.newEpoch()
		j.prepare(9)
		j.accept(9, 12, "http://127.0.0.1:1/unused")
	}},
	{"half-done-accept", "the record of an accepted download is there, the download not renamed yet", func(j *journal) {
		cut(j)
		j.newEpoch()
		j.prepare(9)
		j.keep("edits_inprogress_0000000000000000009")
		j.download(9, 14, true)
	}},
	{"cut-download", "killed in the download of an accept", func(j *journal) {
		cut(j)
		j.newEpoch()
		j.prepare(9)
		j.download(9, 14, false)
		j.Files = j.downloads()
	}},
	{"asides", "what newEpoch, purge and discard set aside", asides},
	{"pre-upgrade", "the first half of an upgrade", func(j *journal) {
		cut(j)
		j.call("doPreUpgrade", j.id())
	}},
	{"upgraded", "upgraded, and written since", upgradedAndWritten},
	{"half-done-upgrade", "the new VERSION is there, previous.tmp not renamed yet", upgradedAndWritten},
	{"rolled-back", "upgraded and rolled back", func(j *journal) {
		cut(j)
		before := *j
		before.Segments = append([]segment(nil), j.Segments...)
		j.upgrade()
		j.call("doRollback", j.id())
		j.CTime, j.CanRollBack, j.Segments = before.CTime, false, before.Segments
	}},
	{"half-done-rollback", "current is removed.tmp, previous not renamed yet", upgradedAndWritten},
	{"upgrade-finalized", "upgraded, finalized", func(j *journal) {
		upgradedAndWritten(j)
		j.call("doFinalize", j.id())
		j.CanRollBack = false
	}},
	{"half-done-finalize", "previous is finalized.tmp", func(j *journal) {
		upgradedAndWritten(j)
		j.CanRollBack = false
	}},
}

// cut is a life of some rolls, ended in the middle.
func cut(j *journal) {
	j.format()
	j.newEpoch()
	j.start(1)
	j.write(1, 1, 3)
	j.finalize(1)
	j.start(4)
	j.write(4, 4, 4)
	j.Committed = 4
	j.write(4, 5, 8)
	j.finalize(4)
	j.start(9)
	j.write(9, 9, 9)
	j.Committed = 9
	j.write(9, 10, 12)
}

// asides leaves a file of each suffix that a JournalNode makes.
func asides(j *journal) {
	j.format()
	j.newEpoch()
	j.start(1)
	j.write(1, 1, 3)
	j.finalize(1)
	j.start(4)
	j.newEpoch() // sets the empty one aside
	j.start(4)
	j.write(4, 4, 6)
	j.newEpoch()
	j.start(7) // and leaves the other behind
	j.write(7, 7, 8)
	j.call("purgeLogs", j.info().Int(2, 2))
	j.call("discardSegments", j.id().Int(2, 7))
	j.drop(func(s segment) bool { return s.First > 1 })
	j.Files = []string{
		"edits_inprogress_0000000000000000004.empty",
		"edits_inprogress_0000000000000000004.stale",
		"edits_inprogress_0000000000000000007.trash",
	}
	j.Committed = 6
}

func upgradedAndWritten(j *journal) {
	cut(j)
	j.finalize(9)
	j.upgrade()
	j.newEpoch()
	j.start(13)
	j.write(13, 13, 15)
}

// keep copies a file of current/ beside the journals, for halfway to put back.
func (j *journal) keep(name string) {
	data, err := os.ReadFile(filepath.Join(j.root, "current", name))
	if err == nil {
		err = os.WriteFile(kept(j.root), data, 0o644)
	}
	j.err = errors.Join(j.err, err)
}

func kept(root string) string { return filepath.Clean(root) + ".kept" }

// download makes the node accept a copy from a peer; if not whole, the call hangs in the download when download
// returns.
func (j *journal) download(first, last int64, whole bool) {
	if j.err != nil {
		return
	}
	content := binary.BigEndian.AppendUint64(nil, uint64(uint32(namespace.LayoutVersion))<<32)
	content = append(content, frames(j.jid, first, last)...)
	half := len(content) / 2
	url, err := j.n.peer(content[:half], content[half:], whole)
	if err != nil {
		j.err = err
		return
	}
	if whole {
		j.accept(first, last, url)
		return
	}
	hangs, err := wire.Dial(context.Background(), j.n.rpc, wire.QJournalProtocol, "hdfs")
	if err != nil {
		j.err = err
		return
	}
	request := j.acceptRequest(first, last, url)
	j.n.calls.Go(func() {
		_, err := hangs.Call("acceptRecovery", request) // it ends with the node
		_ = errors.Join(err, hangs.Close())
	})
	tmp := filepath.Join(j.root, "current", fmt.Sprintf("edits_inprogress_%019d.epoch=%d", first, j.Promised))
	for deadline := time.Now().Add(time.Minute); j.err == nil; time.Sleep(10 * time.Millisecond) {
		info, err := os.Stat(tmp + ".part") // its name until it is whole; earlier nodes had no such name
		if errors.Is(err, fs.ErrNotExist) {
			info, err = os.Stat(tmp)
		}
		if err == nil && info.Size() == int64(half) {
			return
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) || time.Now().After(deadline) {
			j.err = fmt.Errorf("the download has not come half way: %v %w", info, err)
		}
	}
}

// downloads are the names of what is or was downloaded.
func (j *journal) downloads() []string {
	paths, err := filepath.Glob(filepath.Join(j.root, "current", "*.epoch=*"))
	if err != nil || len(paths) == 0 {
		j.err = errors.Join(j.err, fmt.Errorf("no download is there: %w", err))
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

// halfway changes names where one step of the node was done and the next was not, which no call can stop between. All
// bytes are the node's own.
func halfway(edits string) error {
	at := func(parts ...string) string { return filepath.Join(append([]string{edits}, parts...)...) }
	const segment = "edits_inprogress_0000000000000000009"
	accept := at("half-done-accept", "current", segment)
	for _, names := range [][2]string{
		{accept, accept + ".epoch=2"},
		{kept(at("half-done-accept")), accept},
		{at("half-done-upgrade", "previous"), at("half-done-upgrade", "previous.tmp")},
		{at("half-done-rollback", "current"), at("half-done-rollback", "removed.tmp")},
		{at("half-done-finalize", "previous"), at("half-done-finalize", "finalized.tmp")},
	} {
		if err := os.Rename(names[0], names[1]); err != nil {
			return err
		}
	}
	return nil
}
