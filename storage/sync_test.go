package storage_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

const syncDir = rootDir + "/edits.sync"

// syncIn brings the segment first to last in from another node; it is fine if it is here.
func syncIn(d *storage.Dir, first, last storage.TxID) error {
	if s, ok, err := d.Find(first); err != nil || ok && !s.InProgress {
		return err
	}
	w, err := fetched(d, first, last)
	if err != nil {
		return err
	}
	refused, _, err := d.PromoteSynced([]*storage.SyncDownload{w})
	if err == nil {
		err = refused[0]
	}
	return errors.Join(err, d.EndSync(w))
}

// fetched is a download that was verified.
func fetched(d *storage.Dir, first, last storage.TxID) (*storage.SyncDownload, error) {
	w, err := d.BeginSync(first, last)
	if err != nil {
		return nil, err
	}
	if _, err = w.Write([]byte(segmentFile(first, last))); err == nil {
		err = w.Verify()
	}
	if err != nil {
		return nil, errors.Join(err, d.EndSync(w))
	}
	return w, nil
}

// TestSync_Verify: nothing is promoted that is not the segment from its first to its last transaction, with all checksums.
func TestSync_Verify(t *testing.T) {
	good := segmentFile(10, 14)
	flipped := []byte(good)
	flipped[len(flipped)-30] ^= 1 // the last but one
	for _, c := range []struct{ name, content, want string }{
		{"good", good, ""},
		{"with padding", good + strings.Repeat("\xff", 1000), ""},
		{"torn behind its end", good + "\x03\x00\x00\x00\x10garbage", ""},
		{"empty", "", "it is empty"},
		{"only a header", good[:8], "it has no transaction"},
		{"no header", strings.Repeat("\xff", 100), "it has no transaction"},
		{"old layout", "\xff\xff\xff\xf0" + good[4:], "layout version -16"},
		{"feature flags", good[:7] + "\x01" + good[8:], "feature flags"},
		{"cut off in a frame", good[:len(good)-3], "it holds txids 10 to 13"},
		{"cut off between frames", segmentFile(10, 13), "it holds txids 10 to 13"},
		{"one too many", segmentFile(10, 15), "it holds txids 10 to 15"},
		{"another beginning", segmentFile(9, 14), "it holds txids 9 to 14"},
		{"another segment", segmentFile(1, 3), "it holds txids 1 to 3"},
		{"a bit that changed", string(flipped), "it is damaged at offset"},
		{"a hole", segmentFile(10, 11) + segmentFile(13, 14)[8:], "it holds 4 transactions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := formatted(t).mem
			d := mustOpen(t, mem)
			w, err := d.BeginSync(10, 14)
			must(t, err)
			for part := range strings.SplitSeq(c.content, "\x00\x00\x01") { // in pieces, as from a socket
				if part != "" {
					_, err = w.Write([]byte(part))
					must(t, err)
				}
				if rest := len(c.content) - int(w.Size()); rest >= 3 {
					_, err = w.Write([]byte("\x00\x00\x01"))
					must(t, err)
				}
			}
			err = w.Verify()
			if c.want == "" {
				must(t, err)
				refused, aside, err := d.PromoteSynced([]*storage.SyncDownload{w})
				must(t, errors.Join(append(refused, err)...))
				if len(aside) != 0 || !has(t, mem, rootDir+"/"+finalized(10, 14)) {
					t.Errorf("set aside %v, segments %v", aside, segmentNames(d))
				}
			} else if !errors.Is(err, storage.ErrNotTheSegment) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %s", err, c.want)
			} else if refused, _, err := d.PromoteSynced([]*storage.SyncDownload{w}); err != nil || refused[0] == nil {
				t.Errorf("promoted: %v, %v", refused, err)
			}
			must(t, d.EndSync(w))
			if left, err := mem.ReadDir(syncDir); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// TestSync_Fits: a segment that does not fit between those that are here is not promoted, and does not keep the others of its
// group from it; one in progress that begins with the same transaction gives way.
func TestSync_Fits(t *testing.T) {
	d := mustOpen(t, formatted(t).mem) // 1-3 and 4-6 finalized, 7 in progress
	ranges := [][2]storage.TxID{{1, 3}, {2, 2}, {6, 6}, {5, 8}, {0, 0}, {20, 25}, {22, 23}, {7, 9}, {10, 12}}
	var downloads []*storage.SyncDownload
	for _, r := range ranges {
		w, err := fetched(d, r[0], r[1])
		must(t, err)
		downloads = append(downloads, w)
	}
	refused, aside, err := d.PromoteSynced(downloads)
	must(t, err)
	for i, want := range []bool{false, false, false, false, true, true, false, true, true} {
		if (refused[i] == nil) != want || !want && !errors.Is(refused[i], storage.ErrSyncSkipped) {
			t.Errorf("%v: %v", ranges[i], refused[i])
		}
	}
	if len(aside) != 1 || aside[0].Name != storage.InProgressName(7) {
		t.Errorf("set aside: %v", aside)
	}
	var want []string
	for _, r := range [][2]storage.TxID{{0, 0}, {1, 3}, {4, 6}, {7, 9}, {10, 12}, {20, 25}} {
		want = append(want, storage.FinalizedName(r[0], r[1]))
	}
	if got := segmentNames(d); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\n%v", got, want)
	}
	if _, err := d.BeginSync(1, 3); err == nil {
		t.Error("a second download of one segment at a time")
	}
	for _, w := range downloads {
		must(t, d.EndSync(w))
	}
}

// TestSync_OtherNamespace: what was fetched for a journal that was formatted, or rolled back, meanwhile is not promoted; what a
// killed process has left is never used.
func TestSync_OtherNamespace(t *testing.T) {
	disk := formatted(t)
	d := mustOpen(t, disk.mem)
	w, err := fetched(d, 10, 12)
	must(t, err)
	must(t, d.Format(fixtureInfo, true))
	if refused, _, err := d.PromoteSynced([]*storage.SyncDownload{w}); err != nil || !errors.Is(refused[0], storage.ErrSyncSkipped) {
		t.Fatalf("%v, %v", refused, err)
	}
	must(t, d.Close())
	if !has(t, disk.mem, syncDir+"/"+storage.FinalizedName(10, 12)) {
		t.Fatal("the download is not there")
	}
	d = mustOpen(t, disk.mem)
	next, err := d.BeginSync(20, 22)
	must(t, err)
	if has(t, disk.mem, syncDir+"/"+storage.FinalizedName(10, 12)) {
		t.Error("the earlier process's download is still there")
	}
	must(t, d.EndSync(next))
	must(t, d.ClearSync())
	if has(t, disk.mem, syncDir) {
		t.Error("edits.sync is still there")
	}
}

// TestSync_Upgrade: in the middle of an upgrade nothing is promoted.
func TestSync_Upgrade(t *testing.T) {
	d := mustOpen(t, formatted(t).mem)
	w, err := fetched(d, 10, 12)
	must(t, err)
	must(t, d.PreUpgrade())
	if _, _, err := d.PromoteSynced([]*storage.SyncDownload{w}); err == nil {
		t.Error("promoted")
	}
}

// TestSync_Room: downloads stop before the disk is full, at their beginning and on their way.
func TestSync_Room(t *testing.T) {
	disk := formatted(t)
	d := mustOpen(t, disk.mem)
	w, err := d.BeginSync(10, 12)
	must(t, err)
	disk.mem.SetInfo(vfs.FSInfo{Kind: "mem", TotalBytes: 100 << 30, FreeBytes: 1<<30 - 1, FreeInodes: 1})
	if _, err := d.BeginSync(20, 22); !errors.Is(err, storage.ErrNoRoomToSync) {
		t.Errorf("at its beginning: %v", err)
	}
	part := make([]byte, 1<<20)
	for n := 0; err == nil && n < 20; n++ {
		_, err = w.Write(part)
	}
	if !errors.Is(err, storage.ErrNoRoomToSync) {
		t.Errorf("on its way: %v", err)
	}
	must(t, d.EndSync(w))
	disk.mem.SetInfo(vfs.FSInfo{Kind: "mem", TotalBytes: 100 << 20, FreeBytes: 5 << 20, FreeInodes: 1})
	w, err = d.BeginSync(10, 12)
	must(t, err)
	must(t, d.EndSync(w))
}

// TestSync_Poisoned: a download whose sync failed is never promoted, however often it is tried.
func TestSync_Poisoned(t *testing.T) {
	disk := formatted(t)
	failing := false
	d := mustOpen(t, vfs.Inject(disk.mem, func(op vfs.Op) error {
		if failing && op.Kind == "sync" && strings.HasPrefix(op.Path, syncDir) {
			failing = false
			return &vfs.Lost{Err: syscall.EIO}
		}
		return nil
	}))
	w, err := d.BeginSync(10, 12)
	must(t, err)
	_, err = w.Write([]byte(segmentFile(10, 12)))
	must(t, err)
	failing = true
	if err := w.Verify(); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if err := w.Verify(); !errors.Is(err, syscall.EIO) {
		t.Errorf("verified at the second try: %v", err)
	}
	if refused, _, err := d.PromoteSynced([]*storage.SyncDownload{w}); err != nil || refused[0] == nil {
		t.Errorf("promoted: %v, %v", refused, err)
	}
	must(t, d.EndSync(w))
	if _, err := w.Write(nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("written after its end: %v", err)
	}
	must(t, syncIn(d, 10, 12))
}
