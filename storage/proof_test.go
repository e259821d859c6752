package storage_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

var errRefused = errors.New("the disk refuses the data")

// poisonedDir is a journal whose segment 10 was written up to 12, while the disk refused what came behind 10: the cache shows
// what the medium lacks. ops records what is done from then on.
func poisonedDir(t *testing.T, mode vfs.MediumMode) (mem *vfs.Mem, d *storage.Dir, w *storage.SegmentWriter, ops *[]string) {
	t.Helper()
	mem = formatted(t).settled()
	mem.SetMedium(mode)
	refuse := false
	ops = new([]string)
	d = mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		*ops = append(*ops, op.Kind)
		if refuse && op.Kind == "syncdata" {
			return &vfs.Lost{Err: errRefused}
		}
		return nil
	}))
	w, err := d.StartSegment(10, -67)
	must(t, err)
	must(t, w.Append(framesOf(10, 10)))
	must(t, w.Sync())
	must(t, w.Append(framesOf(11, 12)))
	refuse = true
	if err := w.Sync(); !errors.Is(err, storage.ErrSyncFailed) {
		t.Fatalf("Sync: %v", err)
	}
	must(t, w.Abort())
	refuse = false
	*ops = nil
	return mem, d, w, ops
}

// framesOf are the frames of segmentFile.
func framesOf(first, last storage.TxID) []byte {
	return []byte(segmentFile(first, last))[editlog.HeaderLen:]
}

// TestPoisonedSegment: a segment of which a sync failed is read from the medium, never synced again and not finalized, until
// a copy of what the medium has takes its place. That one is durable, and all that readers see.
func TestPoisonedSegment(t *testing.T) {
	for mode, name := range map[vfs.MediumMode]string{vfs.MediumUncached: "cache dropped", vfs.MediumDirect: "cache kept"} {
		t.Run(name, func(t *testing.T) {
			mem, d, _, ops := poisonedDir(t, mode)
			s, _, err := d.Find(10)
			must(t, err)
			if d.Sound(s) {
				t.Error("sound after a failed sync")
			}
			for range 2 {
				scan, err := d.Scan(s)
				must(t, err)
				if scan.End != 10 || d.Sound(s) {
					t.Errorf("the scan ends at %d, sound %t", scan.End, d.Sound(s))
				}
			}
			if err := d.Finalize(s, 10); err == nil {
				t.Error("finalized")
			}
			for _, op := range *ops {
				if op == "sync" || op == "syncdata" {
					t.Errorf("synced again: %v", *ops)
				}
			}
			scan, err := d.Scan(s)
			must(t, err)
			must(t, d.Renew(s, scan))
			if !d.Sound(s) {
				t.Error("not sound")
			}
			for _, disk := range []*vfs.Mem{mem, mem.CrashClone(nil)} {
				if got := readFile(t, disk, rootDir+"/"+inProgress(10)); !bytes.Equal(got, []byte(segmentFile(10, 10))) {
					t.Errorf("%d bytes, want those of 10 alone", len(got))
				}
			}
			*ops = nil
			must(t, d.Renew(s, scan))
			if len(*ops) > 0 {
				t.Errorf("a second Renew did %v", *ops)
			}
			must(t, d.Finalize(s, 10))
		})
	}
}

// TestRestartReadsTheMedium: a new process knows nothing of the failed sync. Its own sync succeeds and proves nothing.
func TestRestartReadsTheMedium(t *testing.T) {
	for mode, name := range map[vfs.MediumMode]string{vfs.MediumUncached: "cache dropped", vfs.MediumDirect: "cache kept"} {
		t.Run(name, func(t *testing.T) {
			mem, d, _, _ := poisonedDir(t, mode)
			must(t, d.Close())
			d = mustOpen(t, mem)
			s, scan, found, err := d.LatestSegment()
			if err != nil || !found || s.First != 10 || scan.End != 10 {
				t.Fatalf("the last segment is %d up to %d, %t, %v", s.First, scan.End, found, err)
			}
			if want := mode == vfs.MediumUncached; d.Sound(s) != want {
				t.Errorf("sound %t, want %t", d.Sound(s), want)
			}
			if r, err := d.OpenSegment(s); (err == nil) != (mode == vfs.MediumUncached) {
				t.Errorf("open for readers: %+v, %v", r, err)
			}
			must(t, d.Renew(s, scan))
			r, err := d.OpenSegment(s)
			must(t, err)
			defer r.File.Close()
			shown, err := editlog.ScanSegment(r.File, r.Visible)
			if err != nil || shown.End != 10 || shown.Tail != editlog.TailClean {
				t.Errorf("readers see up to %d, %v, %v", shown.End, shown.Tail, err)
			}
		})
	}
}

// A segment that another process wrote and did not sync is synced before it is read, and is sound then.
func TestUnsyncedSegmentIsSyncedFirst(t *testing.T) {
	for mode, name := range map[vfs.MediumMode]string{vfs.MediumUncached: "cache dropped", vfs.MediumDirect: "cache kept"} {
		t.Run(name, func(t *testing.T) {
			mem := formatted(t).settled()
			mem.SetMedium(mode)
			writeTo(t, mem, rootDir+"/"+inProgress(10), []byte(segmentFile(10, 12)))
			d := mustOpen(t, mem)
			s, _, err := d.Find(10)
			must(t, err)
			if r, err := d.OpenSegment(s); err == nil {
				t.Errorf("open for readers before it was read from the medium: %+v", r)
			}
			for range 2 {
				if scan, err := d.Scan(s); err != nil || scan.End != 12 || !d.Sound(s) {
					t.Errorf("ends at %d, sound %t, %v", scan.End, d.Sound(s), err)
				}
			}
			if got := readFile(t, mem.CrashClone(nil), rootDir+"/"+inProgress(10)); len(got) != len(segmentFile(10, 12)) {
				t.Errorf("%d bytes are durable", len(got))
			}
		})
	}
}

// Where the medium cannot be read nothing is said of the segment; one that this process wrote needs no medium.
func TestNoMedium(t *testing.T) {
	mem := formatted(t).settled()
	mem.SetMedium(vfs.MediumNone)
	d := mustOpen(t, mem)
	w, err := d.StartSegment(10, -67)
	must(t, err)
	must(t, w.Append(framesOf(10, 12)))
	must(t, w.Abort())
	s, scan, _, err := d.LatestSegment()
	if err != nil || scan.End != 12 {
		t.Errorf("own segment: ends at %d, %v", scan.End, err)
	}
	must(t, d.Close())
	d = mustOpen(t, mem)
	for range 2 {
		if _, err := d.Scan(s); !errors.Is(err, storage.ErrUnproven) || !errors.Is(err, vfs.ErrNoMedium) {
			t.Errorf("Scan: %v", err)
		}
	}
	last, _, found, err := d.LatestSegment()
	if !errors.Is(err, storage.ErrUnproven) || !found || last.First != 10 {
		t.Errorf("the last segment is %d, %t, %v", last.First, found, err)
	}
	if d.Sound(s) {
		t.Error("sound")
	}
}

// Each operation of Renew may fail; the segment stays what it was, or is the copy, and the next attempt succeeds.
func TestRenewFails(t *testing.T) {
	for n := 1; ; n++ {
		mem, d, _, _ := poisonedDir(t, vfs.MediumDirect)
		must(t, d.Close())
		count, armed, hit := 0, false, false
		d = mustOpen(t, vfs.Inject(mem, func(vfs.Op) error {
			if !armed {
				return nil
			}
			if count++; count != n {
				return nil
			}
			hit = true
			return &vfs.Lost{Err: errRefused}
		}))
		s, _, err := d.Find(10)
		must(t, err)
		scan, err := d.Scan(s)
		must(t, err)
		armed = true
		err = d.Renew(s, scan)
		armed = false
		if !hit {
			must(t, err)
			if n < 8 {
				t.Errorf("only %d operations", n)
			}
			return
		}
		if (err == nil) != d.Sound(s) {
			t.Errorf("operation %d: sound %t after %v", n, d.Sound(s), err)
		}
		again, err := d.Scan(s)
		must(t, err)
		must(t, d.Renew(s, again))
		if got := readFile(t, mem.CrashClone(nil), rootDir+"/"+inProgress(10)); again.End != 10 || !bytes.Equal(got, []byte(segmentFile(10, 10))) {
			t.Errorf("operation %d: after the second try %d bytes, up to %d", n, len(got), again.End)
		}
	}
}

// A download that was cut off behind its record may be whole in the cache alone: it does not take the segment's place.
func TestDownloadIsReadFromTheMedium(t *testing.T) {
	mem := formatted(t).settled()
	d := mustOpen(t, mem)
	record := storage.PaxosRecord{Start: 7, End: 8, InProgress: true, AcceptedIn: 5}
	must(t, d.SetPaxos(record))
	name := rootDir + "/current/" + storage.DownloadName(7, 5)
	f, err := vfs.Inject(mem, func(op vfs.Op) error {
		if op.Kind == "sync" {
			return &vfs.Lost{Err: errRefused}
		}
		return nil
	}).OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	must(t, err)
	_, err = f.WriteAt([]byte(segmentFile(7, 8)), 0)
	must(t, err)
	if f.Sync() == nil {
		t.Fatal("no error")
	}
	must(t, f.Close())
	if renamed, err := d.CompleteAccept(record); renamed || err != nil {
		t.Errorf("renamed %t, %v", renamed, err)
	}
}

// TestNewFileIsHidden: a reader that looked a segment up before another file got its name, and opens that file, sees nothing
// of what is written to it; nor does one that opened it while it was made.
func TestNewFileIsHidden(t *testing.T) {
	mem := formatted(t).settled()
	var d *storage.Dir
	var old storage.Segment
	var early []*storage.SegmentReader
	d = mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		if d == nil || old.Name == "" || op.Kind != "syncdir" && op.Kind != "writeat" {
			return nil
		}
		if r, err := d.OpenSegment(old); err == nil {
			early = append(early, r)
		}
		return nil
	}))
	w, err := d.StartSegment(10, -67)
	must(t, err)
	must(t, w.Append(framesOf(10, 10)))
	must(t, w.Sync())
	w.Publish()
	must(t, w.Abort())
	s, _, err := d.Find(10)
	must(t, err)
	r, err := d.OpenSegment(s)
	must(t, err)
	if scan, err := editlog.ScanSegment(r.File, r.Visible); err != nil || scan.End != 10 {
		t.Fatalf("before: up to %d, %v", scan.End, err)
	}
	old = s
	w, err = d.StartSegment(10, -67)
	must(t, err)
	must(t, w.Append(framesOf(10, 11)))
	old = storage.Segment{}
	now, err := d.OpenSegment(s)
	must(t, err)
	for _, r := range append(early, now) {
		if r.Visible > editlog.HeaderLen {
			t.Errorf("a reader is shown %d bytes of a file that is being made", r.Visible)
		}
	}
	must(t, w.Sync())
	w.Publish()
	now, err = d.OpenSegment(s)
	must(t, err)
	if scan, err := editlog.ScanSegment(now.File, now.Visible); err != nil || scan.End != 11 {
		t.Errorf("published: up to %d, %v", scan.End, err)
	}
}
