package jnserver_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
)

// A segment that was shortened under its writer's hands must not get its final name: cutting the padding off would make the
// file as long as it was, with zeros for what is lost. The next recovery repairs it.
func TestShortenedOpenSegmentIsNotFinalized(t *testing.T) {
	for _, length := range []int{0, 3, editlog.HeaderLen, editlog.HeaderLen + frameLen/2, editlog.HeaderLen + 6*frameLen - 1} {
		s := (&segmentBase{stage: stageOpen, body: 4}).next(t)
		change(t, s.mem, s.path, shorten(length))
		before := tree(t, s.mem, editsDir)
		err := s.journal.FinalizeLogSegment(s.info(hurtEpoch), hurtFirst, hurtLast)
		wantError(t, err, javaerr.IOException, "bytes on disk but 134 were written")
		s.unchanged("a refused finalizeLogSegment", before)
		_, _, err = s.journal.NewEpoch(fixtureInfo, nextEpoch, "10.0.0.1")
		must(t, err)
		_, err = s.journal.PrepareRecovery(s.info(nextEpoch), hurtFirst)
		wantError(t, err, javaerr.IOException, "acknowledged txid 14")
		s.accept(readFrom(t, s.mem, s.path))
		must(t, s.journal.Close())
	}
}

func shorten(length int) func([]byte) []byte { return func(b []byte) []byte { return b[:length] } }

// What changes in the open segment while its writer goes on is read by nobody until the segment is the last one of a new
// epoch or of a start, which then find it.
func TestFlippedOpenSegmentIsFoundByTheNextStart(t *testing.T) {
	s := (&segmentBase{stage: stageOpen, body: 4}).next(t)
	flip(t, s.mem, s.path, editlog.HeaderLen+15)
	must(t, s.journal.FinalizeLogSegment(s.info(hurtEpoch), hurtFirst, hurtLast))
	if h := s.health(); h != "ok" {
		t.Errorf("found by whom? %s", h)
	}
	must(t, s.journal.Close())
	s.open()
	defer func() { _ = s.journal.Close() }()
	if bad := s.journal.Snapshot().Bad; len(bad) != 1 || bad[0].First != hurtFirst {
		t.Errorf("bad segments %v", bad)
	}
	if _, err := s.journal.OpenSegment(hurtFirst, true); err == nil {
		t.Error("the segment is offered to others")
	}
}

// TestDamageTakesNoMemory: what a file announces is not allocated.
func TestDamageTakesNoMemory(t *testing.T) {
	for name, hurt := range map[string]func(b []byte) []byte{
		"a frame of 50 MiB": func(b []byte) []byte {
			binary.BigEndian.PutUint32(b[editlog.HeaderLen+frameLen+1:], editlog.MaxOpSize-5)
			return b
		},
		"heads of frames everywhere": func(b []byte) []byte {
			head := []byte{3, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0xff, 0xff, 0xff}
			return append(b[:editlog.HeaderLen+frameLen], bytes.Repeat(head, 4<<20/len(head))...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := (&segmentBase{stage: stageLeft, body: 4}).next(t)
			change(t, s.mem, s.path, hurt)
			f, err := s.mem.OpenFile(s.path, os.O_RDWR, 0)
			must(t, err)
			must(t, f.Truncate(60<<20)) // a hole
			must(t, f.Close())
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s.open()
			defer func() { _ = s.journal.Close() }()
			_, _, err = s.journal.NewEpoch(fixtureInfo, nextEpoch, "10.0.0.1")
			must(t, err)
			answer, err := s.journal.PrepareRecovery(s.info(nextEpoch), hurtFirst)
			runtime.ReadMemStats(&after)
			if err != nil || answer.Segment == nil || *answer.Segment != (jnserver.SegmentState{Start: 9, End: 9, InProgress: true}) {
				t.Errorf("prepareRecovery answers %v, %v", answer.Segment, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
				t.Errorf("%d bytes were allocated", took)
			}
			if bad := s.journal.Snapshot().Bad; len(bad) != 1 {
				t.Errorf("bad segments %v", bad)
			}
		})
	}
}

// A VERSION that comes back is believed without a restart, and a format in between is as it was: it needs force.
func TestVersionComesBack(t *testing.T) {
	d := damageFile(t, smallFileBase(t, false), "VERSION", nil)
	defer d.stop()
	must(t, d.opened())
	d.unhealthy()
	wantError(t, d.newEpoch(nextEpoch), javaerr.JournalNotFormatted, "not formatted")
	wantError(t, d.journal.Format(formatRequest()), javaerr.InconsistentFSState, "not empty")
	d.unchanged("refused calls", d.before)
	writeTo(t, d.mem, d.path, d.good)
	must(t, d.newEpoch(nextEpoch))
	if h := d.health(); h != "ok" || d.journal.Snapshot().Promised != nextEpoch {
		t.Errorf("%s, promised %d", h, d.journal.Snapshot().Promised)
	}
	if !has(t, d.mem, currentRoot+storage.InProgressName(hurtFirst)) {
		t.Error("the segment is gone")
	}
}
