package oracle_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gojn/compat-tests/oracle"
)

// frame is one transaction (journal.md 2.2).
func frame(txid int64, body string) []byte {
	op := []byte{3}
	op = binary.BigEndian.AppendUint32(op, uint32(8+len(body)+4))
	op = binary.BigEndian.AppendUint64(op, uint64(txid))
	op = append(op, body...)
	return binary.BigEndian.AppendUint32(op, crc32.ChecksumIEEE(op))
}

// segment is a header and the transactions from first to last; body may depend on the txid.
func segment(first, last int64, body func(int64) string) []byte {
	data := []byte{0xff, 0xff, 0xff, 0xbd, 0, 0, 0, 0}
	for txid := first; txid <= last; txid++ {
		data = append(data, frame(txid, body(txid))...)
	}
	return data
}

func plain(txid int64) string { return fmt.Sprintf("op %d", txid) }

// node writes a directory of named files and reads it as a copy.
func node(t *testing.T, name string, files map[string][]byte) (oracle.Copy, error) {
	t.Helper()
	dir := t.TempDir()
	for file, data := range files {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return oracle.ReadCopy(name, dir)
}

func mustNode(t *testing.T, name string, files map[string][]byte) oracle.Copy {
	t.Helper()
	c, err := node(t, name, files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	finalized1 = "edits_0000000000000000001-0000000000000000003"
	open4      = "edits_inprogress_0000000000000000004"
)

func padded(data []byte) []byte { return append(data, slices.Repeat([]byte{0xff}, 64)...) }

// TestReadJournal_Damage: whatever a finalized segment lacks of its name is an error; an open one ends before it.
func TestReadJournal_Damage(t *testing.T) {
	good := segment(1, 3, plain)
	flipped := slices.Clone(good)
	flipped[len(flipped)-6] ^= 1 // in the last body
	renumbered := segment(1, 2, plain)
	renumbered = append(renumbered, frame(4, "op")...)
	tests := []struct {
		name, file string
		data       []byte
		want       string // part of the error, or nothing
	}{
		{"good", finalized1, good, ""},
		{"padding of a recovery", finalized1, padded(good), ""},
		{"lost transaction", finalized1, segment(1, 2, plain), "end at 2"},
		{"one too many", finalized1, segment(1, 4, plain), "end at 4"},
		{"flipped bit", finalized1, flipped, "checksum"},
		{"torn", finalized1, good[:len(good)-3], "length"},
		{"gap", finalized1, renumbered, "txid 4 where 3 belongs"},
		{"no header", finalized1, good[:5], "5 bytes"},
		{"open and torn", open4, segment(4, 6, plain)[:60], ""},
		{"open without header", open4, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := node(t, "jn1", map[string][]byte{tt.file: tt.data, "VERSION": nil, open4 + ".empty": {1}})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("ReadCopy: %v, want %q", err, tt.want)
			}
		})
	}
}

// TestReadOpen: what a recovery has set aside is not in progress, and a segment without a whole transaction is empty.
func TestReadOpen(t *testing.T) {
	dir := t.TempDir()
	for file, data := range map[string][]byte{
		finalized1: segment(1, 3, plain), open4: segment(4, 6, plain)[:60],
		"edits_inprogress_0000000000000000007":         segment(7, 6, plain),
		"edits_inprogress_0000000000000000008":         segment(8, 8, plain)[:20],
		"edits_inprogress_0000000000000000009.empty":   segment(9, 9, plain),
		"edits_inprogress_0000000000000000010.epoch=3": segment(10, 10, plain),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "edits_inprogress_0000000000000000011")); err != nil {
		t.Fatal(err) // listed and then gone, as one that is finalized meanwhile
	}
	open, err := oracle.ReadOpen(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range open {
		got = append(got, fmt.Sprintf("%d: %d", s.First, len(s.Frames)))
	}
	if want := []string{"4: 2", "7: 0", "8: 0"}; !slices.Equal(got, want) {
		t.Errorf("ReadOpen: %q, want %q", got, want)
	}
}

// TestCheckQuorum_SeesLoss: the check passes on honest copies and objects to each kind of loss.
func TestCheckQuorum_SeesLoss(t *testing.T) {
	full := map[string][]byte{finalized1: segment(1, 3, plain), open4: padded(segment(4, 6, plain))}
	other := func(txid int64) string { return strings.ToUpper(plain(txid)) }
	lagging := map[string][]byte{finalized1: full[finalized1]}
	tests := []struct {
		name  string
		third map[string][]byte
		onAll int
		want  int
	}{
		{"all the same", full, 6, 0},
		{"one lags behind", lagging, 3, 0},
		{"one has other bytes", map[string][]byte{finalized1: segment(1, 3, other)}, 3, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			copies := oracle.Live([]oracle.Copy{
				mustNode(t, "jn1", full), mustNode(t, "jn2", full), mustNode(t, "jn3", tt.third),
			})
			onAll, problems := oracle.CheckQuorum(copies, 1, 6)
			if onAll != tt.onAll || len(problems) != tt.want {
				t.Errorf("CheckQuorum: %d on all, %q; want %d and %d problems", onAll, problems, tt.onAll, tt.want)
			}
		})
	}
	two := []oracle.Copy{mustNode(t, "jn1", full), mustNode(t, "jn2", lagging), mustNode(t, "jn3", lagging)}
	if _, problems := oracle.CheckQuorum(two, 1, 6); len(problems) != 3 {
		t.Errorf("CheckQuorum with txids 4-6 on one node: %q", problems)
	}
}

// TestLive_DropsAbandoned: an open segment that a recovery went past does not count, also with other bytes.
func TestLive_DropsAbandoned(t *testing.T) {
	other := func(txid int64) string { return "never committed" }
	recovered := map[string][]byte{"edits_4-5": segment(4, 5, plain), "edits_inprogress_6": segment(6, 7, plain)}
	left := map[string][]byte{open4: segment(4, 9, other)}
	copies := oracle.Live([]oracle.Copy{
		mustNode(t, "jn1", recovered), mustNode(t, "jn2", recovered), mustNode(t, "jn3", left),
	})
	if onAll, problems := oracle.CheckQuorum(copies, 4, 7); onAll != 0 || len(problems) != 0 {
		t.Errorf("CheckQuorum: %d on all, %q", onAll, problems)
	}
}

// TestCheckSame_SeesDifferences compares directories segment by segment.
func TestCheckSame_SeesDifferences(t *testing.T) {
	files := map[string][]byte{finalized1: segment(1, 3, plain)}
	older := slices.Clone(files[finalized1])
	older[3] = 0xc1
	a := mustNode(t, "a", files)
	tests := []struct {
		name string
		b    map[string][]byte
		want int
	}{
		{"padding only", map[string][]byte{finalized1: padded(slices.Clone(files[finalized1]))}, 0},
		{"other layout version", map[string][]byte{finalized1: older}, 1},
		{"other bytes", map[string][]byte{finalized1: segment(1, 3, func(int64) string { return "x" })}, 1},
		{"one segment more", map[string][]byte{finalized1: files[finalized1], open4: segment(4, 4, plain)}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, problems := oracle.CheckSame(a, mustNode(t, "b", tt.b)); len(problems) != tt.want {
				t.Errorf("CheckSame: %q, want %d problems", problems, tt.want)
			}
		})
	}
	longer := mustNode(t, "a", map[string][]byte{open4: segment(4, 6, plain)})
	shorter := mustNode(t, "b", map[string][]byte{open4: segment(4, 5, plain)})
	for _, pair := range [][2]oracle.Copy{{longer, shorter}, {shorter, longer}} {
		if _, problems := oracle.CheckSame(pair[0], pair[1]); len(problems) != 1 {
			t.Errorf("CheckSame of open segments: %q, want a problem", problems)
		}
	}
}

// TestWithoutStraggler: only the segment right before the recovered one may be in progress on one node, and only with
// what the others have.
func TestWithoutStraggler(t *testing.T) {
	const recovered = "edits_0000000000000000007-0000000000000000008"
	other := func(txid int64) string { return strings.ToUpper(plain(txid)) }
	with := func(files map[string][]byte) map[string][]byte {
		all := map[string][]byte{finalized1: segment(1, 3, plain), recovered: segment(7, 8, plain)}
		maps.Copy(all, files)
		return all
	}
	const finalized4 = "edits_0000000000000000004-0000000000000000006"
	whole := map[string][]byte{finalized4: segment(4, 6, plain)}
	tests := []struct {
		name          string
		second, third map[string][]byte
		left          int64
		problems      bool
	}{
		{"all finalized", with(whole), with(whole), 0, false},
		{"behind", with(whole), with(map[string][]byte{open4: segment(4, 5, plain)[:40]}), 4, false},
		{"only to be finalized", with(whole), with(map[string][]byte{open4: segment(4, 6, plain)}), 4, false},
		{"just begun", with(whole), with(map[string][]byte{open4: segment(4, 3, plain)}), 4, false},
		{"finalized after all", with(whole), with(map[string][]byte{
			open4: segment(4, 5, plain), finalized4: segment(4, 6, plain),
		}), 0, false},
		{"missing", with(whole), with(nil), 0, true},
		{"missing, and left behind by another", with(map[string][]byte{
			open4: segment(4, 5, plain), finalized4: segment(4, 6, plain),
		}), with(nil), 0, true},
		{"other bytes", with(whole), with(map[string][]byte{open4: segment(4, 5, other)}), 0, true},
		{"more than the others", with(whole), with(map[string][]byte{open4: segment(4, 7, plain)}), 0, true},
		{"on two", with(map[string][]byte{open4: segment(4, 5, plain)}), with(map[string][]byte{
			open4: segment(4, 5, plain),
		}), 0, true},
		{"an earlier one too", with(whole), map[string][]byte{
			"edits_inprogress_0000000000000000001": segment(1, 2, plain), open4: segment(4, 5, plain),
			recovered: segment(7, 8, plain),
		}, 4, true},
		{"an earlier one", with(whole), map[string][]byte{
			"edits_inprogress_0000000000000000001": segment(1, 3, plain), finalized4: segment(4, 6, plain),
			recovered: segment(7, 8, plain),
		}, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rest, left := oracle.WithoutStraggler([]oracle.Copy{
				mustNode(t, "jn1", with(whole)), mustNode(t, "jn2", tt.second), mustNode(t, "jn3", tt.third),
			}, 7)
			if left != tt.left {
				t.Errorf("WithoutStraggler: %d, want %d", left, tt.left)
			}
			_, problems := oracle.CheckSame(rest[0], rest[1])
			_, more := oracle.CheckSame(rest[0], rest[2])
			if problems = append(problems, more...); len(problems) > 0 != tt.problems {
				t.Errorf("CheckSame: %q, want problems: %v", problems, tt.problems)
			}
		})
	}
	behind := []oracle.Copy{
		mustNode(t, "jn1", with(whole)), mustNode(t, "jn2", with(whole)),
		mustNode(t, "jn3", with(map[string][]byte{open4: segment(4, 5, plain)})),
	}
	if _, left := oracle.WithoutStraggler(behind, 0); left != 0 {
		t.Errorf("WithoutStraggler: %d, and nothing was recovered", left)
	}
}

// TestLedger_UnknownSince tells operations apart by when they began, not by when they failed.
func TestLedger_UnknownSince(t *testing.T) {
	var l oracle.Ledger
	old := l.Begin()
	l.Acknowledge(oracle.Ack{}, oracle.Ack{})
	from := l.Begin()
	l.Unknown(old)
	if n := l.UnknownSince(from); n != 0 {
		t.Errorf("UnknownSince: %d, and only one failed that had begun before", n)
	}
	l.Unknown(from)
	l.Acknowledge(oracle.Ack{})
	l.Unknown(l.Begin())
	if n := l.UnknownSince(from); n != 2 {
		t.Errorf("UnknownSince: %d, want 2", n)
	}
	if acknowledged, unknown := l.Counts(); acknowledged != 3 || unknown != 3 {
		t.Errorf("Counts: %d, %d, want 3 of each", acknowledged, unknown)
	}
}

// view is a NameNode in memory.
type view struct {
	nodes   map[string]oracle.Node
	content map[string]string
}

func (v view) List() (map[string]oracle.Node, error) { return v.nodes, nil }
func (v view) Read(path string) ([]byte, error)      { return []byte(v.content[path]), nil }

// TestCheckNamespace_SeesLoss: acknowledged means there, unknown means either, and nothing else may exist.
func TestCheckNamespace_SeesLoss(t *testing.T) {
	file := &oracle.Object{Content: []byte("abc"), States: []oracle.State{{Path: "/f", Mode: 0o644}}}
	moving := &oracle.Object{Dir: true, States: []oracle.State{{Path: "/a", Mode: 0o755}, {Path: "/b", Mode: 0o755}}}
	gone := &oracle.Object{Content: []byte("x"), States: []oracle.State{{Path: "/gone", Gone: true}}}
	torn := &oracle.Object{Content: []byte("long"), States: []oracle.State{
		{Path: "/t", Gone: true}, {Path: "/t", Mode: 0o644, Torn: true},
	}}
	dir := oracle.Node{Dir: true, Mode: 0o755}
	f := oracle.Node{Mode: 0o644, Size: 3}
	tests := []struct {
		name    string
		nodes   map[string]oracle.Node
		content string
		want    int
	}{
		{"all well, not moved", map[string]oracle.Node{"/f": f, "/a": dir}, "abc", 0},
		{"all well, moved, torn file", map[string]oracle.Node{"/f": f, "/b": dir, "/t": {Mode: 0o644, Size: 1}}, "abc", 0},
		{"lost file", map[string]oracle.Node{"/a": dir}, "", 1},
		{"other bytes", map[string]oracle.Node{"/f": f, "/a": dir}, "abd", 1},
		{"other length", map[string]oracle.Node{"/f": {Mode: 0o644, Size: 2}, "/a": dir}, "ab", 1},
		{"other mode", map[string]oracle.Node{"/f": {Mode: 0o600, Size: 3}, "/a": dir}, "abc", 1},
		{"deletion undone", map[string]oracle.Node{"/f": f, "/a": dir, "/gone": f}, "abc", 1},
		{"moved and not moved", map[string]oracle.Node{"/f": f, "/a": dir, "/b": dir}, "abc", 1},
		{"neither", map[string]oracle.Node{"/f": f}, "abc", 1},
		{"phantom", map[string]oracle.Node{"/f": f, "/a": dir, "/new": dir}, "abc", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l oracle.Ledger
			for _, o := range []*oracle.Object{file, moving, gone, torn} {
				l.Add(o)
			}
			found, problems := oracle.CheckNamespace(&l, view{tt.nodes, map[string]string{"/f": tt.content}})
			if len(problems) != tt.want {
				t.Errorf("CheckNamespace: %q, want %d problems", problems, tt.want)
			}
			if lost := tt.name == "lost file"; found.Lost == 1 != lost || found.Lost > 1 {
				t.Errorf("CheckNamespace: %d lost, want a loss: %v", found.Lost, lost)
			}
		})
	}
}

const viewerXML = `<?xml version="1.0" encoding="UTF-8"?>
<EDITS><EDITS_VERSION>-67</EDITS_VERSION>
<RECORD><OPCODE>OP_MKDIR</OPCODE><DATA><TXID>1</TXID><LENGTH>0</LENGTH><PATH>/d</PATH></DATA></RECORD>
<RECORD><OPCODE>OP_RENAME</OPCODE><DATA><TXID>2</TXID><SRC>/d</SRC><DST>/e</DST></DATA></RECORD>
<RECORD><OPCODE>OP_SET_PERMISSIONS</OPCODE><DATA><TXID>3</TXID><SRC>/e</SRC><MODE>420</MODE></DATA></RECORD>
</EDITS>`

// TestCheckViewer_SeesLoss: each acknowledged operation must be read on two nodes, alike.
func TestCheckViewer_SeesLoss(t *testing.T) {
	records, err := oracle.ReadViewer(strings.NewReader(viewerXML))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{finalized1: segment(1, 3, plain)}
	copies := []oracle.Copy{mustNode(t, "jn1", files), mustNode(t, "jn2", files)}
	var l oracle.Ledger
	l.Acknowledge(oracle.Ack{OpCode: "OP_MKDIR", Path: "/d"}, oracle.Ack{OpCode: "OP_RENAME", Path: "/d", Target: "/e"},
		oracle.Ack{OpCode: "OP_SET_PERMISSIONS", Path: "/e", Target: "420"})
	changed := slices.Clone(records)
	changed[1].XML = "<TXID>2</TXID>"
	tests := []struct {
		name          string
		second        []oracle.Record
		found, wantAt int
	}{
		{"all well", records, 3, 0},
		{"the viewer reads less on one", records[:2], 2, 3}, // the txid, the count, the operation
		{"the viewer reads otherwise", changed, 3, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, problems := oracle.CheckViewer(&l, copies, map[string][]oracle.Record{"jn1": records, "jn2": tt.second})
			if found != tt.found || len(problems) != tt.wantAt {
				t.Errorf("CheckViewer: found %d, %q; want %d and %d problems", found, problems, tt.found, tt.wantAt)
			}
		})
	}

	l.Acknowledge(oracle.Ack{OpCode: "OP_MKDIR", Path: "/d"})
	views := map[string][]oracle.Record{"jn1": records, "jn2": records}
	if found, problems := oracle.CheckViewer(&l, copies, views); found != 3 || len(problems) != 1 {
		t.Errorf("an operation acknowledged twice and logged once: found %d, %q", found, problems)
	}
}
