package storage_test

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

// purgeable is a current/ with one of everything that FileJournalManager.purgeLogsOlderThan decides about. Finalized: 1-3,
// 4-6, 7-9; segment 10 is in progress. 40 is the last one, which Java renames and we keep.
func purgeable(t *testing.T) *disk {
	d := formatted(t).remove(inProgress(7)).put(finalized(7, 9), segmentFile(7, 9)).put(inProgress(10), segmentFile(10, 10))
	for _, first := range []storage.TxID{2, 5, 20} {
		base := inProgress(first)
		d.put(base+".empty", "").put(base+".trash", "").put(base+".stale", "").put(base+".corrupt", "").put(base+".epoch=7", "")
	}
	d.put(inProgress(2), segmentFile(2, 2)).put(inProgress(30), segmentFile(30, 31)).put(inProgress(40), segmentFile(40, 41))
	d.put(inProgress(2)+".odd ", "").put(finalized(1, 2)+".trash", "").put("current/edits_5", "").put("current/other", "")
	for _, name := range []string{"1", "4", "4.tmp", "10", "007", "x", "-3"} {
		d.put("current/paxos/"+name, "")
	}
	return d.mkdir("current/" + storage.FinalizedName(2, 3))
}

// TestPurgeRules has an expectation per rule of spec 3.9, 3.x column.
func TestPurgeRules(t *testing.T) {
	aside := func(first storage.TxID) []string {
		base := storage.InProgressName(first)
		return []string{base + ".corrupt", base + ".empty", base + ".epoch=7", base + ".stale", base + ".trash"}
	}
	last := storage.InProgressName(40)
	stale30, stale10, stale2 := storage.InProgressName(30), storage.InProgressName(10), storage.InProgressName(2)
	tests := []struct {
		name      string
		min, open storage.TxID
		deleted   []string
		stale     []string
	}{
		{"nothing below 0, but .stale", 0, 10, nil, []string{stale2, stale30}},
		{"nothing below -1", -1, 30, nil, []string{stale2, stale10}},
		{"nothing was opened here: after a restart", 1, storage.InvalidTxID, nil, []string{stale2, stale10, stale30}},
		{"the segment that contains min stays", 3, 10, slices.Concat([]string{"paxos/1", stale2}, aside(2)), []string{stale30}},
		{"min is a first txid", 4, 10,
			slices.Concat([]string{"paxos/1", storage.FinalizedName(1, 3), stale2}, aside(2)), []string{stale30}},
		{"the open one stays whatever min", 100, 10,
			slices.Concat([]string{"paxos/1", "paxos/4", "paxos/4.tmp", "paxos/10", "paxos/007", storage.FinalizedName(1, 3),
				storage.FinalizedName(4, 6), storage.FinalizedName(7, 9), stale2, stale30, last}, aside(2), aside(5), aside(20)), nil},
		{"all", 100, 99,
			slices.Concat([]string{"paxos/1", "paxos/4", "paxos/4.tmp", "paxos/10", "paxos/007", storage.FinalizedName(1, 3),
				storage.FinalizedName(4, 6), storage.FinalizedName(7, 9), stale2, stale10, stale30, last}, aside(2), aside(5), aside(20)), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mem := purgeable(t).settled()
			want := tree(t, mem, currentDir)
			for _, name := range tt.deleted {
				delete(want, name)
			}
			for _, name := range tt.stale {
				want[name+".stale"] = want[name]
				delete(want, name)
			}
			d := mustOpen(t, mem)
			r, err := d.Purge(tt.min, tt.open)
			must(t, err)
			wantSet(t, "deleted", r.Deleted, tt.deleted)
			wantSet(t, "stale", r.Stale, tt.stale)
			got := tree(t, mem, currentDir)
			for name := range want {
				if _, ok := got[name]; !ok {
					t.Errorf("%s is gone", name)
				}
			}
			for name := range got {
				if _, ok := want[name]; !ok {
					t.Errorf("%s is still there", name)
				}
			}
			// The index says what a fresh listing says, and all of it is durable.
			if again := mustOpen(t, mem.CrashClone(nil)); !slices.Equal(segmentNames(d), segmentNames(again)) {
				t.Errorf("index %v, disk %v", segmentNames(d), segmentNames(again))
			}
		})
	}
}

func wantSet(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s\n%v\nwant\n%v", what, got, want)
	}
}

// TestPurgeGoesOnAfterAFailure: Java logs what it could not delete and goes on.
func TestPurgeGoesOnAfterAFailure(t *testing.T) {
	mem := purgeable(t).settled()
	bad := []string{storage.FinalizedName(4, 6), storage.InProgressName(30), "4"}
	armed := false
	d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		if armed && (op.Kind == "remove" || op.Kind == "rename") && slices.Contains(bad, path.Base(op.Path)) {
			return errors.New("no")
		}
		return nil
	}))
	armed = true
	r, err := d.Purge(10, 10)
	must(t, err)
	var failed []string
	for _, f := range r.Failed {
		failed = append(failed, path.Base(f.Name))
	}
	wantSet(t, "failed", failed, bad)
	if got := segmentNames(d); !slices.Equal(got, []string{storage.FinalizedName(4, 6), storage.InProgressName(10), storage.InProgressName(30),
		storage.InProgressName(40)}) {
		t.Errorf("index %v", got)
	}
	armed = false
	r, err = d.Purge(10, 10)
	must(t, err)
	wantSet(t, "deleted", r.Deleted, []string{storage.FinalizedName(4, 6), "paxos/4"})
	wantSet(t, "stale", r.Stale, []string{storage.InProgressName(30)})
}

// TestDiscard has the rules of FileJournalManager.discardSegments.
func TestDiscard(t *testing.T) {
	start := func(t *testing.T) *disk {
		d := formatted(t) // 1-3, 4-6, 7 in progress; committed 8
		d.put(finalized(10, 12), segmentFile(10, 12)).put(finalized(10, 12)+".trash", "an older one")
		d.put("current/paxos/4", "").put("current/paxos/10", "").put("current/"+storage.DownloadName(10, 3), "")
		return d
	}
	tests := []struct {
		name      string
		from      storage.TxID
		trash     []string
		left      []string
		committed storage.TxID
		words     string
	}{
		{"all", 1, []string{storage.FinalizedName(1, 3), storage.FinalizedName(4, 6), storage.InProgressName(7),
			storage.FinalizedName(10, 12)}, nil, 0, ""},
		{"from a boundary", 4, []string{storage.FinalizedName(4, 6), storage.InProgressName(7), storage.FinalizedName(10, 12)},
			[]string{storage.FinalizedName(1, 3)}, 3, ""},
		{"a segment in progress below it does not count", 9, []string{storage.FinalizedName(10, 12)},
			[]string{storage.FinalizedName(1, 3), storage.FinalizedName(4, 6), storage.InProgressName(7)}, 8, ""},
		{"nothing there, committed rises", 20, nil, []string{storage.FinalizedName(1, 3), storage.FinalizedName(4, 6),
			storage.InProgressName(7), storage.FinalizedName(10, 12)}, 19, ""},
		{"inside a segment", 5, nil, nil, 8, "Cannot discard from txid 5 on: EditLogFile(file=" + currentDir + "/" + storage.FinalizedName(4, 6)},
		{"the last txid of a segment", 12, nil, nil, 8, "Cannot discard from txid 12 on: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mem := start(t).settled()
			before := tree(t, mem, currentDir)
			d := mustOpen(t, mem)
			aside, err := d.Discard(tt.from)
			if tt.words != "" {
				wantError(t, err, "java.lang.IllegalStateException", tt.words)
				wantCommitted(t, d, tt.committed)
				if after := tree(t, mem, currentDir); len(after) != len(before) {
					t.Errorf("a refused discard changed %v", names(t, mem, currentDir))
				}
				return
			}
			must(t, err)
			wantSet(t, "aside", aside, tt.trash)
			wantSet(t, "segments", segmentNames(d), tt.left)
			wantCommitted(t, d, tt.committed)
			for _, name := range tt.trash {
				if got := readFrom(t, mem, currentDir+"/"+name+".trash"); got != before[name] {
					t.Errorf("%s.trash is not what was discarded", name)
				}
			}
			for name := range tree(t, mem, currentDir) {
				first, isRecord := storage.ParsePaxosName(strings.TrimPrefix(name, "paxos/"))
				download, _, isDownload := storage.ParseDownloadName(name)
				if isRecord && first >= tt.from || isDownload && download >= tt.from {
					t.Errorf("%s could bring a segment back", name)
				}
			}
			again := mustOpen(t, mem.CrashClone(nil))
			wantSet(t, "segments after a power cut", segmentNames(again), tt.left)
			if c, known, err := again.Committed(); err != nil || known && c > tt.committed {
				t.Errorf("committed after a power cut: %v %v %v", c, known, err)
			}
		})
	}
	d := mustOpen(t, start(t).remove("current/VERSION").settled())
	_, err := d.Discard(4)
	wantError(t, err, "java.io.IOException", "Invalid directory or I/O error occurred for dir: "+currentDir)
}
