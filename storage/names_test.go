package storage_test

import (
	"math"
	"testing"

	"gojn/storage"
)

// Names of spec 1.1 (NNStorage.getFinalizedEditsFileName, getInProgressEditsFileName; FileJournalManager.matchEditLogs).
func TestFormatNames(t *testing.T) {
	for got, want := range map[string]string{
		storage.FinalizedName(1, 3):                         "edits_0000000000000000001-0000000000000000003",
		storage.FinalizedName(math.MaxInt64, math.MaxInt64): "edits_9223372036854775807-9223372036854775807",
		storage.InProgressName(16):                          "edits_inprogress_0000000000000000016",
		storage.DownloadName(16, 2):                         "edits_inprogress_0000000000000000016.epoch=2",
		storage.InProgressName(16) + storage.SuffixEmpty:    "edits_inprogress_0000000000000000016.empty",
		storage.PaxosName(16):                               "16",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestParseSegmentName(t *testing.T) {
	for name, want := range map[string]storage.Segment{
		"edits_0000000000000000001-0000000000000000003": {First: 1, Last: 3},
		"edits_1-3":                          {First: 1, Last: 3},
		"edits_00000000000000000000000001-3": {First: 1, Last: 3},
		"edits_3-1":                          {First: 3, Last: 1},
		"edits_9223372036854775807-9223372036854775807": {First: math.MaxInt64, Last: math.MaxInt64},
		"edits_inprogress_0000000000000000016":          {First: 16, Last: storage.InvalidTxID, InProgress: true},
		"edits_inprogress_0":                            {Last: storage.InvalidTxID, InProgress: true},
	} {
		want.Name = name
		if got, ok := storage.ParseSegmentName(name); !ok || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, ok, want)
		}
	}
	for _, name := range []string{
		"", "edits", "edits_", "edits_1", "edits_1-", "edits_-3", "edits_1-3-5", "edits_1-3.trash", " edits_1-3", "edits_1-3 ",
		"edits_+1-3", "edits_1--3", "edits_0x1-3", "edits_1_0-3", "edits_\u0661-3", "edits_9223372036854775808-9223372036854775809",
		"edits_inprogress", "edits_inprogress_", "edits_inprogress_-1", "edits_inprogress_16.empty", "edits_inprogress_16.epoch=2",
		"edits_inprogress_9223372036854775808", "Edits_1-3", "fsimage_3", "edits_1-3\n",
	} {
		if got, ok := storage.ParseSegmentName(name); ok {
			t.Errorf("%q was taken for %+v", name, got)
		}
	}
}

func TestParseOtherNames(t *testing.T) {
	if first, e, ok := storage.ParseDownloadName("edits_inprogress_0000000000000000016.epoch=2"); !ok || first != 16 || e != 2 {
		t.Errorf("download: %d, %d, %v", first, e, ok)
	}
	for _, name := range []string{"edits_inprogress_16", "edits_inprogress_16.epoch=", "edits_inprogress_16.epoch=-1",
		"edits_inprogress_.epoch=2", "edits_inprogress_16.epoch=2.trash", "edits_16.epoch=2", ""} {
		if _, _, ok := storage.ParseDownloadName(name); ok {
			t.Errorf("%q was taken for a download", name)
		}
	}
	// FileJournalManager.EDITS_INPROGRESS_STALE_REGEX: edits_inprogress_(\d+).*(\S+)
	for name, suffix := range map[string]string{
		"edits_inprogress_0000000000000000016.empty": ".empty",
		"edits_inprogress_16.epoch=2":                ".epoch=2",
		"edits_inprogress_16x":                       "x",
		"edits_inprogress_16 a b":                    " a b",
		"edits_inprogress_16.trash.trash":            ".trash.trash",
	} {
		if first, got, ok := storage.ParseAsideName(name); !ok || first != 16 || got != suffix {
			t.Errorf("%q: %d, %q, %v", name, first, got, ok)
		}
	}
	for _, name := range []string{"edits_inprogress_16", "edits_inprogress_16 ", "edits_inprogress_16.a\t", "edits_inprogress_16.a\nb",
		"edits_inprogress_.empty", "edits_1-3.trash", "edits_inprogress_99999999999999999999.empty", ""} {
		if _, _, ok := storage.ParseAsideName(name); ok {
			t.Errorf("%q was taken for a file set aside", name)
		}
	}
	if first, ok := storage.ParsePaxosName("16"); !ok || first != 16 {
		t.Errorf("paxos: %d, %v", first, ok)
	}
	for _, name := range []string{"", "16.tmp", "-16", "a", "99999999999999999999"} {
		if _, ok := storage.ParsePaxosName(name); ok {
			t.Errorf("%q was taken for a paxos record", name)
		}
	}
}

// A name that parses, formatted and parsed again, means the same; no name is of two kinds; and for each number that can be
// in a name the formatted name parses to it.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"edits_1-3", "edits_inprogress_0000000000000000016", "edits_inprogress_16.epoch=2",
		"edits_inprogress_16.empty", "16", "edits_1-3.trash"} {
		f.Add(name, int64(1), int64(3))
	}
	f.Fuzz(func(t *testing.T, name string, a, b int64) {
		kinds := 0
		if s, ok := storage.ParseSegmentName(name); ok {
			kinds++
			formatted := storage.FinalizedName(s.First, s.Last)
			if s.InProgress {
				formatted = storage.InProgressName(s.First)
			}
			again, ok := storage.ParseSegmentName(formatted)
			again.Name = name
			if !ok || again != s {
				t.Errorf("%q is %+v, formatted %q is %+v", name, s, formatted, again)
			}
		}
		if first, suffix, ok := storage.ParseAsideName(name); ok {
			kinds++
			formatted := storage.InProgressName(first) + suffix
			if first2, suffix2, ok := storage.ParseAsideName(formatted); !ok || first2 != first || suffix2 != suffix {
				t.Errorf("%q formatted is %q", name, formatted)
			}
			if first2, e, ok := storage.ParseDownloadName(name); ok && (first2 != first || e < 0) {
				t.Errorf("%q: %d as a download, %d as set aside", name, first2, first)
			}
		} else if _, _, ok := storage.ParseDownloadName(name); ok {
			t.Errorf("%q is a download, but not set aside", name)
		}
		if first, ok := storage.ParsePaxosName(name); ok {
			kinds++
			if again, ok := storage.ParsePaxosName(storage.PaxosName(first)); !ok || again != first {
				t.Errorf("%q formatted is %q", name, storage.PaxosName(first))
			}
		}
		if kinds > 1 {
			t.Errorf("%q is of %d kinds", name, kinds)
		}
		x, y := storage.TxID(a&math.MaxInt64), storage.TxID(b&math.MaxInt64)
		if s, ok := storage.ParseSegmentName(storage.FinalizedName(x, y)); !ok || s.First != x || s.Last != y || s.InProgress {
			t.Errorf("%d, %d: %+v, %v", x, y, s, ok)
		}
		if s, ok := storage.ParseSegmentName(storage.InProgressName(x)); !ok || s.First != x || !s.InProgress {
			t.Errorf("%d: %+v, %v", x, s, ok)
		}
		if first, e, ok := storage.ParseDownloadName(storage.DownloadName(x, storage.Epoch(y))); !ok || first != x || storage.TxID(e) != y {
			t.Errorf("%d, %d: %d, %d, %v", x, y, first, e, ok)
		}
		if first, ok := storage.ParsePaxosName(storage.PaxosName(x)); !ok || first != x {
			t.Errorf("%d: %d, %v", x, first, ok)
		}
	})
}
