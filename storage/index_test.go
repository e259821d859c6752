package storage_test

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

// TestSegmentsAreSnapshots: a slice that was handed out never changes, whatever is done afterwards.
func TestSegmentsAreSnapshots(t *testing.T) {
	d := mustOpen(t, formatted(t).settled())
	type snapshot struct{ got, copied []storage.Segment }
	var taken []snapshot
	take := func() { taken = append(taken, snapshot{d.Segments(), slices.Clone(d.Segments())}) }
	take()
	w, err := d.StartSegment(2, -67) // not at the end
	must(t, err)
	must(t, w.Abort())
	take()
	s, _, err := d.Find(2)
	must(t, err)
	must(t, d.SetAside(s, storage.SuffixEmpty))
	take()
	s, _, err = d.Find(7)
	must(t, err)
	must(t, d.Finalize(s, 9))
	take()
	for first := storage.TxID(10); first < 30; first++ {
		w, err := d.StartSegment(first, -67)
		must(t, err)
		must(t, w.Append(edits(first, first)))
		must(t, w.Sync())
		must(t, w.Close())
		take()
		s, _, err := d.Find(first)
		must(t, err)
		must(t, d.Finalize(s, first))
		take()
	}
	_, err = d.Purge(8, storage.InvalidTxID)
	must(t, err)
	take()
	_, err = d.Discard(20)
	must(t, err)
	take()
	for i, s := range taken {
		if !slices.Equal(s.got, s.copied) {
			t.Errorf("snapshot %d was changed: %v, was %v", i, s.got, s.copied)
		}
	}
	want := []storage.Segment{{First: 7, Last: 9, Name: storage.FinalizedName(7, 9)}}
	for first := storage.TxID(10); first < 20; first++ {
		want = append(want, storage.Segment{First: first, Last: first, Name: storage.FinalizedName(first, first)})
	}
	if !slices.Equal(d.Segments(), want) {
		t.Errorf("in the end: %v", d.Segments())
	}
}

// TestIndexIsNotListedAgain: a change of one segment does not read the directory.
func TestIndexIsNotListedAgain(t *testing.T) {
	lists := 0
	d := mustOpen(t, vfs.Inject(formatted(t).settled(), func(op vfs.Op) error {
		if op.Kind == "readdir" {
			lists++
		}
		return nil
	}))
	lists = 0
	s, _, err := d.Find(7)
	must(t, err)
	must(t, d.Finalize(s, 9))
	w, err := d.StartSegment(10, -67)
	must(t, err)
	must(t, w.Abort())
	s, _, err = d.Find(10)
	must(t, err)
	must(t, d.SetAside(s, storage.SuffixEmpty))
	if lists != 0 {
		t.Errorf("listed %d times", lists)
	}
}

// TestFinalizeRefusesAnExistingTarget is FileJournalManager.finalizeLogSegment.
func TestFinalizeRefusesAnExistingTarget(t *testing.T) {
	mem := formatted(t).put(finalized(7, 9), "other").settled()
	d := mustOpen(t, mem)
	s := storage.Segment{First: 7, Last: storage.InvalidTxID, InProgress: true, Name: storage.InProgressName(7)}
	wantError(t, d.Finalize(s, 9), "java.lang.IllegalStateException", "Can't finalize edits file "+currentDir+"/"+
		storage.InProgressName(7)+" since finalized file already exists")
	if got := readFrom(t, mem, rootDir+"/"+finalized(7, 9)); got != "other" {
		t.Errorf("the target was replaced by %q", got)
	}
}

// TestStartSegmentReplacesAShortName: Java takes edits_inprogress_7 for segment 7 too. Two files at one txid would make
// every later lookup fail.
func TestStartSegmentReplacesAShortName(t *testing.T) {
	mem := formatted(t).rename(inProgress(7), "current/edits_inprogress_7").settled()
	d := mustOpen(t, mem)
	w, err := d.StartSegment(7, -67)
	must(t, err)
	must(t, w.Abort())
	if s, ok, err := d.Find(7); err != nil || !ok || s.Name != storage.InProgressName(7) {
		t.Errorf("%v %v %v", s, ok, err)
	}
	if !has(t, mem, currentDir+"/edits_inprogress_7.trash") {
		t.Error("the old file is gone")
	}
}

// TestOpenSegmentFollowsARename: the finalize may come between the lookup and the open, and between its rename and the
// new index.
func TestOpenSegmentFollowsARename(t *testing.T) {
	mem := formatted(t).settled()
	d := mustOpen(t, mem)
	before, _, err := d.Find(7)
	must(t, err)
	check := func(what string) {
		r, err := d.OpenSegment(before)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		defer func() { _ = r.File.Close() }()
		data, err := io.ReadAll(io.NewSectionReader(r.File, 0, r.Size))
		if err != nil || string(data) != segmentFile(7, 9) || r.Name != storage.FinalizedName(7, 9) || r.Last != 9 {
			t.Errorf("%s: %v %d bytes %v", what, r.Segment, len(data), err)
		}
	}
	must(t, mem.Rename(rootDir+"/"+inProgress(7), rootDir+"/"+finalized(7, 9)))
	check("renamed, and the index does not know")
	must(t, mem.Remove(rootDir+"/"+finalized(7, 9)))
	if _, err := d.OpenSegment(before); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
}

// TestReadersBesideAWriter is for the race detector: readers look segments up and read them while a writer rolls.
func TestReadersBesideAWriter(t *testing.T) {
	d := mustOpen(t, formatted(t).settled())
	if _, _, _, err := d.LatestSegment(); err != nil { // one in progress is for readers once it was read from the medium
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				segs := d.Segments()
				last := segs[len(segs)-1]
				r, err := d.OpenSegment(last)
				if err != nil {
					t.Errorf("%s: %v", last.Name, err)
					return
				}
				if r.First != last.First {
					t.Errorf("asked for %s, got %s", last.Name, r.Name)
				}
				_ = r.File.Close()
			}
		})
	}
	for first := storage.TxID(10); first < 60; first++ {
		w, err := d.StartSegment(first, -67)
		must(t, err)
		must(t, w.Append(edits(first, first)))
		must(t, w.Close())
		s, _, err := d.Find(first)
		must(t, err)
		must(t, d.Finalize(s, first))
	}
	close(done)
	readers.Wait()
}

// TestDownload: what may be abandoned, and when.
func TestDownload(t *testing.T) {
	record := storage.PaxosRecord{Start: 7, End: 8, InProgress: true, AcceptedIn: 5}
	name := rootDir + "/current/" + storage.DownloadName(7, 5)
	start := func(t *testing.T) (*vfs.Mem, *storage.Dir, *storage.Download) {
		mem := formatted(t).put("current/"+storage.DownloadName(7, 5), "of an earlier attempt, and longer than the new one"+
			segmentFile(7, 20)).settled()
		d := mustOpen(t, mem)
		w, err := d.CreateDownload(7, 5)
		must(t, err)
		data := []byte(segmentFile(7, 8))
		for len(data) > 0 {
			n, err := w.Write(data[:min(9, len(data))])
			must(t, err)
			data = data[n:]
		}
		return mem, d, w
	}
	t.Run("used", func(t *testing.T) {
		mem, d, w := start(t)
		if scan, err := w.Scan(); err != nil || scan.First != 7 || scan.End != 8 {
			t.Fatalf("scan %+v %v", scan, err)
		}
		must(t, w.Finish())
		must(t, d.SetPaxos(record))
		if ok, err := d.CompleteAccept(record); err != nil || !ok {
			t.Fatalf("%v %v", ok, err)
		}
		if got := readFrom(t, mem, rootDir+"/"+inProgress(7)); got != segmentFile(7, 8) {
			t.Errorf("segment of %d bytes", len(got))
		}
		if ok, err := d.CompleteAccept(record); err != nil || ok {
			t.Errorf("twice: %v %v", ok, err)
		}
	})
	t.Run("abandoned before and after Finish", func(t *testing.T) {
		for _, finish := range []bool{false, true} {
			mem, _, w := start(t)
			if finish {
				must(t, w.Finish())
			}
			must(t, w.Abandon())
			must(t, w.Abandon())
			if has(t, mem, name+".part") || has(t, mem, name) == finish { // what is not finished replaces nothing
				t.Errorf("left (finished: %v): %q", finish, names(t, mem, rootDir+"/current"))
			}
			if _, err := w.Write([]byte("x")); err == nil {
				t.Error("written to after Abandon")
			}
			if err := w.Finish(); err == nil {
				t.Error("finished after Abandon")
			}
		}
	})
	t.Run("kept when its record may count", func(t *testing.T) {
		mem, d, w := start(t)
		must(t, w.Finish())
		must(t, d.SetPaxos(record)) // or an error of its last sync
		must(t, w.Abandon())
		if !has(t, mem, name) {
			t.Error("the record has lost its segment")
		}
	})
	t.Run("after a failed write", func(t *testing.T) {
		full := errors.New("disk full")
		fail := false
		d := mustOpen(t, vfs.Inject(formatted(t).settled(), func(op vfs.Op) error {
			if fail && op.Kind == "writeat" {
				return &vfs.Torn{Bytes: 2, Err: full}
			}
			return nil
		}))
		w, err := d.CreateDownload(7, 5)
		must(t, err)
		fail = true
		if _, err := w.Write([]byte("abcd")); !errors.Is(err, full) {
			t.Errorf("write: %v", err)
		}
		fail = false
		if _, err := w.Write([]byte("cd")); !errors.Is(err, full) {
			t.Errorf("a second write: %v", err)
		}
		if err := w.Finish(); !errors.Is(err, full) {
			t.Errorf("finish: %v", err)
		}
		must(t, w.Abandon())
	})
}

// TestOrderOfSyncs records what reaches the disk: a file before the rename that shows it, a directory after.
func TestOrderOfSyncs(t *testing.T) {
	find := func(d *storage.Dir, first storage.TxID) storage.Segment {
		s, _, _ := d.Find(first)
		return s
	}
	const cur, fresh, p = "current/", "formatted.tmp/", "current/paxos/"
	seg, fin, dl := inProgress(7), finalized(7, 9), "current/"+storage.DownloadName(7, 5)
	record := storage.PaxosRecord{Start: 7, End: 8, InProgress: true, AcceptedIn: 5}
	next := inProgress(10)
	written := func(d *storage.Dir) *storage.SegmentWriter {
		w, err := d.StartSegment(10, -67)
		must(t, err)
		must(t, w.Append(edits(10, 10)))
		return w
	}
	roll := func(ops ...string) []string {
		return append([]string{"writeat " + next, "syncdata " + next, "syncdir current", "writeat " + next}, ops...)
	}
	tests := []struct {
		name string
		run  func(d *storage.Dir) error
		want []string
	}{
		{"finalize", func(d *storage.Dir) error { return d.Finalize(find(d, 7), 9) },
			[]string{"sync " + seg, "rename " + seg + " " + fin, "syncdir current"}},
		{"a roll", func(d *storage.Dir) error {
			w := written(d)
			must(t, w.Close())
			return d.Finalize(find(d, 10), 10)
		}, roll("truncate "+next, "sync "+next, "rename "+next+" "+finalized(10, 10), "syncdir current")},
		{"finalize after an abort", func(d *storage.Dir) error {
			w := written(d)
			must(t, w.Abort())
			return d.Finalize(find(d, 10), 10)
		}, roll("syncdata "+next, "rename "+next+" "+finalized(10, 10), "syncdir current")},
		{"finalize another segment", func(d *storage.Dir) error {
			w := written(d)
			must(t, w.Close())
			return d.Finalize(find(d, 7), 9)
		}, roll("truncate "+next, "sync "+next, "sync "+seg, "rename "+seg+" "+fin, "syncdir current")},
		{"set aside", func(d *storage.Dir) error { return d.SetAside(find(d, 7), ".stale") },
			[]string{"rename " + seg + " " + seg + ".stale", "syncdir current"}},
		{"accept", func(d *storage.Dir) error {
			w, err := d.CreateDownload(7, 5)
			must(t, err)
			_, err = w.Write([]byte(segmentFile(7, 8)))
			must(t, err)
			must(t, w.Finish())
			must(t, d.SetPaxos(record))
			_, err = d.CompleteAccept(record)
			must(t, err)
			return d.DeletePaxos(7)
		}, []string{"writeat " + dl + ".part", "sync " + dl + ".part", "rename " + dl + ".part " + dl, "syncdir current",
			"writeat " + p + "7.tmp", "sync " + p + "7.tmp", "rename " + p + "7.tmp " + p + "7", "syncdir current/paxos",
			"rename " + dl + " " + seg, "syncdir current", "remove " + p + "7", "syncdir current/paxos"}},
		{"delete a record", func(d *storage.Dir) error {
			must(t, d.SetPaxos(record))
			return d.DeletePaxos(7)
		}, []string{"writeat " + p + "7.tmp", "sync " + p + "7.tmp", "rename " + p + "7.tmp " + p + "7", "syncdir current/paxos",
			"remove " + p + "7", "syncdir current/paxos"}},
		{"format", func(d *storage.Dir) error { return d.Format(fixtureInfo, true) },
			[]string{"syncdir ..", "removeall formatted.tmp", "removeall current.tmp", "mkdir formatted.tmp", "syncdir .",
				"chmod formatted.tmp", "writeat " + fresh + "last-promised-epoch.tmp", "sync " + fresh + "last-promised-epoch.tmp",
				"rename " + fresh + "last-promised-epoch.tmp " + fresh + "last-promised-epoch", "mkdir " + fresh + "paxos",
				"writeat " + fresh + "VERSION.tmp", "sync " + fresh + "VERSION.tmp",
				"rename " + fresh + "VERSION.tmp " + fresh + "VERSION", "syncdir formatted.tmp",
				"rename current current.tmp", "rename formatted.tmp current",
				"syncdir .", "syncdir current", "syncdir current/paxos",
				"removeall formatted.tmp", "removeall current.tmp", "removeall finalized.tmp.tmp"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ops []string
			rel := func(name string) string {
				switch name {
				case rootDir:
					return "."
				case path.Dir(rootDir):
					return ".."
				}
				return path.Clean(name[len(rootDir)+1:])
			}
			d := mustOpen(t, vfs.Inject(formatted(t).settled(), func(op vfs.Op) error {
				switch op.Kind {
				case "writeat", "truncate", "sync", "syncdata", "syncdir", "remove", "removeall", "mkdir", "chmod":
					ops = append(ops, op.Kind+" "+rel(op.Path))
				case "rename":
					ops = append(ops, op.Kind+" "+rel(op.Path)+" "+rel(op.To))
				}
				return nil
			}))
			ops = nil
			must(t, tt.run(d))
			if !slices.Equal(ops, tt.want) {
				t.Errorf("did\n%q\nwant\n%q", ops, tt.want)
			}
		})
	}
}

// manySegments is a journal of n finalized segments, as frequent rolls leave it.
func manySegments(b *testing.B, n int) storage.Options {
	o := osOptions(b.TempDir())
	d, err := storage.Open(o)
	must(b, err)
	must(b, d.Format(fixtureInfo, false))
	for i := range n {
		first := storage.TxID(10*i + 1)
		f, err := o.FS.OpenFile(d.CurrentDir()+"/"+storage.FinalizedName(first, first+9), 0o101, 0o644) // O_CREAT|O_WRONLY
		must(b, err)
		must(b, f.Close())
	}
	must(b, d.Close())
	return o
}

func BenchmarkOpen50000Segments(b *testing.B) {
	o := manySegments(b, 50_000)
	b.ReportAllocs()
	for b.Loop() {
		d, err := storage.Open(o)
		must(b, err)
		must(b, d.Close())
	}
}

// BenchmarkRollAmong50000Segments starts and finalizes one segment; its file system only pretends to sync.
func BenchmarkRollAmong50000Segments(b *testing.B) {
	o := manySegments(b, 50_000)
	o.FS = unsyncedFS{o.FS}
	d, err := storage.Open(o)
	must(b, err)
	defer func() { _ = d.Close() }()
	first := storage.TxID(1_000_001)
	b.ReportAllocs()
	for b.Loop() {
		w, err := d.StartSegment(first, -67)
		must(b, err)
		must(b, w.Close())
		s, _, err := d.Find(first)
		must(b, err)
		must(b, d.Finalize(s, first))
		first++
	}
}

type unsyncedFS struct{ vfs.FS }

func (unsyncedFS) SyncDir(string) error { return nil }

func (u unsyncedFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := u.FS.OpenFile(name, flag, perm)
	return unsyncedFile{f}, err
}

type unsyncedFile struct{ vfs.File }

func (unsyncedFile) Sync() error     { return nil }
func (unsyncedFile) SyncData() error { return nil }
