package storage_test

import (
	"errors"
	"io/fs"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/vfs"
)

// TestPromote: what was scanned when it came is the segment without being read again, and only nil says that it is.
func TestPromote(t *testing.T) {
	record := storage.PaxosRecord{Start: 7, End: 8, InProgress: true, AcceptedIn: 5}
	name := rootDir + "/current/" + storage.DownloadName(7, 5)
	var read []string
	fail := ""
	start := func(t *testing.T, content string) (*vfs.Mem, *storage.Dir, *storage.Download) {
		fail = ""
		mem := formatted(t).settled()
		d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
			if op.Kind == "readat" {
				read = append(read, op.Path)
			}
			if op.Kind == fail {
				return errors.New("the disk says no")
			}
			return nil
		}))
		w, err := d.CreateDownload(7, 5)
		must(t, err)
		_, err = w.Write([]byte(content))
		must(t, err)
		return mem, d, w
	}
	finish := func(t *testing.T, d *storage.Dir, w *storage.Download) {
		_, err := w.Scan()
		must(t, err)
		must(t, w.Finish())
		must(t, d.SetPaxos(record))
		read = nil
	}
	old := segmentFile(7, 9)
	wantSegment := func(t *testing.T, mem *vfs.Mem, d *storage.Dir, want string) {
		t.Helper()
		s, ok, err := d.Find(7)
		if err != nil || !ok || s != openSegment {
			t.Errorf("found %v %v %v", s, ok, err)
		}
		if got := readFrom(t, mem, rootDir+"/"+inProgress(7)); got != want {
			t.Errorf("segment of %d bytes, want %d", len(got), len(want))
		}
	}

	t.Run("durably and without reading", func(t *testing.T) {
		mem, d, w := start(t, segmentFile(7, 8))
		finish(t, d, w)
		must(t, w.Promote(record))
		if len(read) > 0 {
			t.Errorf("read %v", read)
		}
		wantSegment(t, mem, d, segmentFile(7, 8))
		wantSegment(t, mem.CrashClone(nil), mustOpen(t, mem.CrashClone(nil)), segmentFile(7, 8))
		if err := w.Promote(record); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("twice: %v", err)
		}
		must(t, w.Abandon())
		wantSegment(t, mem, d, segmentFile(7, 8))
	})
	t.Run("a failed rename is completed later", func(t *testing.T) {
		mem, d, w := start(t, segmentFile(7, 8))
		finish(t, d, w)
		fail = "rename"
		if err := w.Promote(record); err == nil {
			t.Fatal("no error")
		}
		fail = ""
		must(t, w.Abandon())
		_, err := d.CompleteAccept(record)
		must(t, err)
		wantSegment(t, mem, d, segmentFile(7, 8))
	})
	t.Run("one that begins elsewhere is not what was accepted", func(t *testing.T) {
		mem, d, w := start(t, segmentFile(8, 8))
		must(t, w.Finish())
		must(t, d.SetPaxos(record))
		if renamed, err := d.CompleteAccept(record); renamed || err != nil {
			t.Errorf("renamed %t, %v", renamed, err)
		}
		wantSegment(t, mem, d, old)
	})
	t.Run("a record goes behind the sync of the rename", func(t *testing.T) {
		mem, d, w := start(t, segmentFile(7, 8))
		finish(t, d, w)
		must(t, w.Promote(record))
		fail = "syncdir"
		if err := d.DeletePaxos(7); err == nil {
			t.Error("no error")
		}
		fail = ""
		left := mem.CrashClone(nil)
		wantSegment(t, left, mustOpen(t, left), segmentFile(7, 8))
		must(t, d.DeletePaxos(7))
		left = mem.CrashClone(nil)
		wantSegment(t, left, mustOpen(t, left), segmentFile(7, 8))
	})
	t.Run("a second attempt leaves a finished one alone", func(t *testing.T) {
		mem, d, w := start(t, segmentFile(7, 8))
		finish(t, d, w)
		again, err := d.CreateDownload(7, 5)
		must(t, err)
		_, err = again.Write([]byte(segmentFile(7, 9)))
		must(t, err)
		must(t, again.Abandon())
		if got := readFrom(t, mem, name); got != segmentFile(7, 8) {
			t.Errorf("the finished one holds %d bytes", len(got))
		}
	})
	refused := []struct {
		name    string
		content string
		prepare func(t *testing.T, d *storage.Dir, w *storage.Download)
		record  storage.PaxosRecord
		words   string
	}{
		{"not scanned", segmentFile(7, 8), func(t *testing.T, _ *storage.Dir, w *storage.Download) { must(t, w.Finish()) },
			record, "The download of segment 7 is not finished and checked"},
		{"not finished", segmentFile(7, 8), func(t *testing.T, _ *storage.Dir, w *storage.Download) {
			_, err := w.Scan()
			must(t, err)
		}, record, "The download of segment 7 is not finished and checked"},
		{"written to after the scan", segmentFile(7, 8), func(t *testing.T, _ *storage.Dir, w *storage.Download) {
			_, err := w.Scan()
			must(t, err)
			_, err = w.Write([]byte("x"))
			must(t, err)
			must(t, w.Finish())
		}, record, "The download of segment 7 is not finished and checked"},
		{"another end", segmentFile(7, 9), finish, record,
			"The download of segment 7 in epoch 5 up to txid 9 is not what was accepted: "},
		{"another epoch", segmentFile(7, 8), finish, storage.PaxosRecord{Start: 7, End: 8, AcceptedIn: 6},
			"The download of segment 7 in epoch 5 up to txid 8 is not what was accepted: "},
		{"another segment", segmentFile(7, 8), finish, storage.PaxosRecord{Start: 1, End: 8, AcceptedIn: 5},
			"The download of segment 7 in epoch 5 up to txid 8 is not what was accepted: "},
		{"no transactions", segmentFile(7, 6), finish, storage.PaxosRecord{Start: 7, End: 0, AcceptedIn: 5},
			"The download of segment 7 in epoch 5 up to txid 0 is not what was accepted: "},
	}
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			mem, d, w := start(t, tt.content)
			tt.prepare(t, d, w)
			wantError(t, w.Promote(tt.record), javaerr.IllegalState, tt.words)
			wantSegment(t, mem, d, old)
			if !has(t, mem, name) && !has(t, mem, name+".part") {
				t.Error("the download is gone")
			}
		})
	}
	t.Run("finalized meanwhile", func(t *testing.T) {
		_, d, w := start(t, segmentFile(7, 8))
		finish(t, d, w)
		must(t, d.Finalize(openSegment, 9))
		wantError(t, w.Promote(record), javaerr.IllegalState, "Segment 7 was finalized before")
		if s, ok, err := d.Find(7); err != nil || !ok || s.InProgress {
			t.Errorf("found %v %v %v", s, ok, err)
		}
	})
	t.Run("abandoned", func(t *testing.T) {
		mem, d, w := start(t, segmentFile(7, 8))
		_, err := w.Scan()
		must(t, err)
		must(t, w.Finish())
		must(t, w.Abandon())
		if err := w.Promote(record); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("got %v", err)
		}
		wantSegment(t, mem, d, old)
	})
	t.Run("after Close", func(t *testing.T) {
		mem, d, w := start(t, segmentFile(7, 8))
		finish(t, d, w)
		must(t, d.Close())
		wantError(t, w.Promote(record), javaerr.IOException, "Directory "+rootDir+" is not locked by this journal")
		if readFrom(t, mem, rootDir+"/"+inProgress(7)) != old {
			t.Error("the segment was replaced")
		}
	})
}
