package storage_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// A batch that cannot be written, on a full disk say, takes nothing from those acknowledged before it without a sync: Abort
// and Close make them durable. A sync that failed is never repeated, and can be told apart.
func TestSegmentFailedAppendKeepsLaggingBatches(t *testing.T) {
	const lagging, torn = "acknowledged", 3
	path := journalDir + "/" + storage.InProgressName(1)
	// The failing operations, counted from the creation on: 5 is the write of lagging, 6 that of the next batch.
	for _, end := range []string{"Abort", "Close"} {
		for _, c := range []struct {
			name     string
			fail     []int
			ops      string
			durable  bool
			syncFail bool
		}{
			{"append", []int{6}, "writeat writeat syncdata close", true, false},
			{"append and the sync after it", []int{6, 7}, "writeat writeat syncdata close", false, true},
			{"sync", []int{-1}, "writeat syncdata close", false, true},
		} {
			t.Run(end+" after a failed "+c.name, func(t *testing.T) {
				m := newJournalDir(t)
				r := &tracer{fail: func(n int, kind string) error {
					if slices.Contains(c.fail, n) || c.fail[0] < 0 && n == 6 {
						return &vfs.Torn{Bytes: torn, Err: errInjected}
					}
					return nil
				}}
				w := create(t, vfs.Inject(m, r.hook), journalDir, 1, -67, false)
				created := len(r.ops)
				ok(t, w.Append([]byte(lagging)))
				var failed error
				if c.fail[0] < 0 {
					failed = w.Sync()
				} else {
					failed = w.Append([]byte("refused"))
				}
				if !errors.Is(failed, errInjected) || errors.Is(failed, storage.ErrSyncFailed) != (c.fail[0] < 0) {
					t.Errorf("failed with %v", failed)
				}
				var err error
				if end == "Abort" {
					err = w.Abort()
					if wantErr := len(c.fail) == 2; (err != nil) != wantErr || wantErr && !errors.Is(err, storage.ErrSyncFailed) {
						t.Errorf("Abort: %v", err)
					}
				} else if err = w.Close(); !errors.Is(err, storage.ErrSegmentFailed) || !errors.Is(err, errInjected) ||
					errors.Is(err, storage.ErrSyncFailed) != c.syncFail {
					t.Errorf("Close: %v", err)
				}
				if err := w.Append([]byte("later")); !errors.Is(err, storage.ErrSegmentFailed) ||
					errors.Is(err, storage.ErrSyncFailed) != c.syncFail {
					t.Errorf("a later Append: %v", err)
				}
				if got := strings.Join(r.ops[created:], " "); got != c.ops {
					t.Errorf("did %s, want %s", got, c.ops)
				}
				want := append(editlog.AppendHeader(nil, -67), lagging...)
				if w.Offset() != int64(len(want)) || (w.Synced() == w.Offset()) != c.durable {
					t.Errorf("offset %d, synced %d", w.Offset(), w.Synced())
				}
				if left := readFile(t, m.CrashClone(nil), path); c.durable && !bytes.HasPrefix(left, want) {
					t.Error("what was acknowledged is gone after a power cut")
				}
			})
		}
	}
}

// A Close that cannot cut the padding off has not synced yet; what lies below Offset must be durable all the same.
func TestSegmentCloseThatCannotTruncate(t *testing.T) {
	m := newJournalDir(t)
	r := &tracer{fail: func(_ int, kind string) error {
		if kind == "truncate" {
			return errInjected
		}
		return nil
	}}
	w := create(t, vfs.Inject(m, r.hook), journalDir, 1, -67, false)
	ok(t, w.Append([]byte("acknowledged")))
	if err := w.Close(); !errors.Is(err, errInjected) || errors.Is(err, storage.ErrSyncFailed) {
		t.Errorf("Close: %v", err)
	}
	want := append(editlog.AppendHeader(nil, -67), "acknowledged"...)
	if left := readFile(t, m.CrashClone(nil), journalDir+"/"+storage.InProgressName(1)); !bytes.HasPrefix(left, want) {
		t.Error("what was acknowledged is gone after a power cut")
	}
	if w.Synced() != w.Offset() {
		t.Errorf("offset %d, synced %d", w.Offset(), w.Synced())
	}
}
