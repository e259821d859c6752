package editlog_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gojn/storage/editlog"
)

const none = editlog.InvalidTxID

// crafted says what we answer for each file of testdata/scan, and why if Java 3.4.2 answers something else.
var crafted = []struct {
	file      string
	end       editlog.TxID // none: no transactions
	txns      int64
	endOffset int64
	tail      editlog.Tail
	badOffset int64
	differs   string // from Java 3.4.2
}{
	{"01-zero-length", none, 0, 0, editlog.TailTorn, 0, ""},
	{"02-three-bytes", none, 0, 0, editlog.TailTorn, 0, ""},
	{"03-version-only", none, 0, 0, editlog.TailTorn, 0, ""},
	{"04-header-only", none, 0, 8, editlog.TailClean, 0, ""},
	{"05-header-then-ff", none, 0, 8, editlog.TailClean, 0, ""},
	{"06-version-minus1-ff", none, 0, 0, editlog.TailTorn, 0, ""},
	{"08-clean-eof", 3, 3, 227, editlog.TailClean, 0, ""},
	{"09-ff-pad", 3, 3, 227, editlog.TailClean, 0, ""},
	{"10-torn-op-eof", 3, 3, 227, editlog.TailTorn, 227, ""},
	{"11-torn-op-then-ff", 3, 3, 227, editlog.TailTorn, 227, ""},
	{"12-op2-bad-crc", 1, 1, 81, editlog.TailDamaged, 81, "Java resyncs over the bad op; no NameNode can read it"},
	{"13-ff-then-valid-op4", 3, 3, 227, editlog.TailDamaged, 237, "Java resyncs over the padding; a reader stops there"},
	{"14-zero-pad", 3, 3, 227, editlog.TailClean, 0, ""},
	{"15-ff-zero-mix-pad", 3, 3, 227, editlog.TailClean, 0, ""},
	{"16-op4-too-long", 3, 3, 227, editlog.TailTorn, 227, ""},
	{"17-op1-bad-crc", none, 0, 8, editlog.TailDamaged, 8, "Java resyncs over the bad op; no NameNode can read it"},
	{"18-unknown-opcode-0x70", 4, 4, 300, editlog.TailClean, 0, ""},
	{"19-future-layout-99", 3, 3, 227, editlog.TailClean, 0, ""},
	{"20-txid-gap-1-2-5", 5, 3, 227, editlog.TailClean, 0, ""},
	{"21-txid-backwards-1-5-3", 5, 3, 227, editlog.TailClean, 0, ""},
	{"22-layout-63", 3, 3, 227, editlog.TailClean, 0, ""},
	{"23-last-op-bad-crc-eof", 2, 2, 154, editlog.TailTorn, 154, ""},
	{"24-last-op-bad-crc-then-ff", 2, 2, 154, editlog.TailTorn, 154, ""},
	{"25-torn-op-17bytes-then-ff", 3, 3, 227, editlog.TailTorn, 227, ""},
	{"26-neg-length", 3, 3, 227, editlog.TailTorn, 227, ""},
	{"27-op-split-by-zero-page", 3, 3, 227, editlog.TailDamaged, 227, "Java reports 5 behind the zeroed page; op 4 is lost"},
}

type javaScan struct {
	end     editlog.TxID
	corrupt bool
}

// readJava reads the first part of scan-expected-<release>.txt.
func readJava(t *testing.T, release string) map[string]javaScan {
	t.Helper()
	b, err := os.ReadFile("testdata/scan-expected-" + release + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(b), "\n--")
	found := make(map[string]javaScan)
	line := regexp.MustCompile(`(?m)^(\S+) +endTxId=(-?\d+) corruptHeader=(true|false)`)
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		end, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		found[m[1]] = javaScan{editlog.TxID(end), m[3] == "true"}
	}
	if len(found) != len(crafted) {
		t.Fatalf("%s: %d results, want %d", release, len(found), len(crafted))
	}
	return found
}

// The crafted files of spec 2.6, against what FSEditLogLoader.scanEditLog of 3.4.2 found in them.
func TestScanCraftedFiles(t *testing.T) {
	java := readJava(t, "3.4.2")
	glob(t, "testdata/scan/*", len(crafted)+1) // and 07-flags-nonzero
	for _, c := range crafted {
		t.Run(c.file, func(t *testing.T) {
			s := scan(t, readSegment(t, filepath.Join("testdata/scan", c.file)))
			end := none
			if s.HasTxns() {
				end = s.End
			}
			if end != c.end || s.Txns != c.txns || s.EndOffset != c.endOffset || s.Tail != c.tail || s.BadOffset != c.badOffset {
				t.Errorf("got end %d, %d txns to offset %d, %v at %d (%s); want end %d, %d txns to %d, %v at %d",
					end, s.Txns, s.EndOffset, s.Tail, s.BadOffset, s.Reason, c.end, c.txns, c.endOffset, c.tail, c.badOffset)
			}
			if s.HasTxns() && s.First != 1 {
				t.Errorf("first txid %d, want 1", s.First)
			}
			if (s.Reason == "") != (s.Tail == editlog.TailClean) {
				t.Errorf("tail %v with reason %q", s.Tail, s.Reason)
			}
			want := java[c.file]
			if s.CorruptHeader != want.corrupt {
				t.Errorf("corrupt header %v, Java says %v", s.CorruptHeader, want.corrupt)
			}
			if (end != want.end) != (c.differs != "") {
				t.Errorf("end %d, Java says %d; reason to differ: %q", end, want.end, c.differs)
			}
		})
	}
}

// 2.7.7 takes a length field's word for it. These are all the files where that gives another end than ours.
func TestScanDiffersFromHadoop27(t *testing.T) {
	want := map[string]string{
		"11-torn-op-then-ff":         "counts the torn op: skips by length, padding and all",
		"12-op2-bad-crc":             "does not look at the CRC",
		"17-op1-bad-crc":             "does not look at the CRC",
		"23-last-op-bad-crc-eof":     "does not look at the CRC",
		"24-last-op-bad-crc-then-ff": "does not look at the CRC",
		"25-torn-op-17bytes-then-ff": "counts the torn op",
		"26-neg-length":              "counts the op whose length is negative",
		"27-op-split-by-zero-page":   "does not look at the CRC",
	}
	java := readJava(t, "2.7.7")
	for _, c := range crafted {
		if differs := java[c.file].end != c.end; differs != (want[c.file] != "") {
			t.Errorf("%s: end %d, Java 2.7.7 says %d; reason to differ: %q", c.file, c.end, java[c.file].end, want[c.file])
		}
	}
}

func TestScanRefusesFeatureFlags(t *testing.T) {
	b := readSegment(t, "testdata/scan/07-flags-nonzero")
	_, err := editlog.ScanSegment(bytes.NewReader(b), int64(len(b)))
	if !errors.Is(err, editlog.ErrFeatureFlags) {
		t.Fatalf("got %v", err)
	}
	expected, readErr := os.ReadFile("testdata/scan-expected-3.4.2.txt")
	if readErr != nil || !bytes.Contains(expected, []byte(err.Error())) {
		t.Errorf("Java says it otherwise: %v", err)
	}
}

// Segments that Java JournalNodes of three releases wrote.
func TestScanRealSegments(t *testing.T) {
	want := map[string]editlog.Scan{
		"edits_0000000000000000001-0000000000000000003": {Txns: 3, First: 1, End: 3, EndOffset: 227},
		"edits_0000000000000000004-0000000000000000008": {Txns: 5, First: 4, End: 8, EndOffset: 373},
		"edits_0000000000000000009-0000000000000000015": {Txns: 7, First: 9, End: 15, EndOffset: 525},
		"edits_inprogress_0000000000000000016.gz":       {Txns: 4, First: 16, End: 19, EndOffset: 304},
	}
	for release, layout := range map[string]int32{"2.7.7": -63, "3.4.2": -67, "3.5.0": -67} {
		for _, path := range glob(t, "../testdata/hadoop-"+release+"/current/edits_*", 4) {
			w := want[filepath.Base(path)]
			w.LayoutVersion = layout
			if got := scan(t, readSegment(t, path)); got != w {
				t.Errorf("%s:\n got %+v\nwant %+v", path, got, w)
			}
		}
	}
}
