package compat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// damageCase is one change of a file of a journal that a Java node has left, and what the next writer is answered. The
// journal was promised epoch 12 and has segments 1-3, 4-8 and 9-14; 12 is known to be committed. The last one is in progress
// (left), finalized (final) or was accepted in epoch 13 (accepted).
type damageCase struct {
	base, file string
	name       string
	hurt       func(b []byte) []byte // nil: the file is removed
	ours       string
	java       string // of 3.4.2 and 3.5.0
	java27     string // if it differs
}

const (
	damagedSegment = "edits_inprogress_0000000000000000009"
	damagedFinal   = "edits_0000000000000000009-0000000000000000014"
)

// mkdirLen is the length of the transactions that are written.
var mkdirLen = len(wire.Mkdir(1, "/a"))

func flipped(offset int, mask byte) func([]byte) []byte {
	return func(b []byte) []byte { b[offset] ^= mask; return b }
}

func shortened(length int) func([]byte) []byte { return func(b []byte) []byte { return b[:length] } }

func replacedBy(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }

func frameAt(txid int) int { return 8 + mkdirLen*(txid-9) }

// TestDamage_BesideJava damages journals that a Java node has left, one journal per case in one edits directory, and lets
// a writer of epoch 14 come to a Java node and to ours. docs/durability.md has the table.
func TestDamage_BesideJava(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		java := must(site.JournalNode("damage-java", hadoop.Java, "", nil))(t)
		check(t, java.Start(ctx))
		w := &damageWriter{t: t, conn: dialJournal(t, ctx, java).conn}
		for _, base := range []string{"left", "final", "accepted"} {
			w.prepare(base, java)
		}
		check(t, java.Stop())
		kinds := []*hadoop.JournalNode{java}
		if !control() {
			kinds = append(kinds, must(site.JournalNode("damage-ours", hadoop.Ours, journalnode(t), nil))(t))
		}
		for _, node := range slices.Backward(kinds) { // Java's own copies last: they lie beside the originals
			var names [][]string
			for i, c := range damageCases {
				names = append(names, c.make(t, java.Edits, filepath.Join(node.Edits, fmt.Sprintf("case%d", i))))
			}
			check(t, node.Start(ctx))
			w := &damageWriter{t: t, conn: dialJournal(t, ctx, node).conn}
			for i, c := range damageCases {
				got := w.comes(c, fmt.Sprintf("case%d", i), node, names[i])
				want := c.ours
				if node.Kind == hadoop.Java {
					want = c.java
					if site.Install.Release.Version == hadoop.Hadoop277.Version && c.java27 != "" {
						want = c.java27
					}
				}
				if got != want {
					t.Errorf("%s: %s, %s, %s:\n got  %s\n want %s", node.Name, c.base, c.file, c.name, got, want)
				}
			}
			check(t, node.Stop())
		}
	}, releases(t)...)
}

// make copies the base to root, does the damage, and lists current/.
func (c damageCase) make(t *testing.T, edits, root string) []string {
	t.Helper()
	check(t, os.CopyFS(root, os.DirFS(filepath.Join(edits, c.base))))
	check(t, os.RemoveAll(filepath.Join(root, "in_use.lock")))
	path := filepath.Join(root, "current", c.file)
	if c.hurt == nil {
		check(t, os.Remove(path))
	} else {
		b := must(os.ReadFile(path))(t)
		check(t, os.WriteFile(path, c.hurt(b), 0o644))
	}
	return dirNames(t, filepath.Join(root, "current"))
}

// damageWriter calls one node as a NameNode.
type damageWriter struct {
	t      *testing.T
	conn   *wire.Client
	serial int64
}

func (w *damageWriter) info(jid string, epoch, committed int64) wire.Message {
	w.serial++
	return wire.Message{}.Bytes(1, wire.RequestInfo(jid, epoch, w.serial, committed))
}

func (w *damageWriter) must(method string, request wire.Message) {
	w.t.Helper()
	must(w.conn.Call(method, request))(w.t)
}

func (w *damageWriter) newEpoch(jid string, epoch int64) ([]byte, error) {
	request := wire.Message{}.Bytes(1, wire.JournalID(jid)).Bytes(2, namespace.Message()).Int(3, epoch)
	return w.conn.Call("newEpoch", request)
}

// prepare writes a base.
func (w *damageWriter) prepare(jid string, node *hadoop.JournalNode) {
	w.t.Helper()
	w.must("format", wire.Message{}.Bytes(1, wire.JournalID(jid)).Bytes(2, namespace.Message()))
	must(w.newEpoch(jid, 12))(w.t)
	for _, s := range [][2]int64{{1, 3}, {4, 8}, {9, 14}} {
		w.must("startLogSegment", w.info(jid, 12, -1).Int(2, s[0]).Sint(3, int64(namespace.LayoutVersion)))
		for txid := s[0]; txid <= s[1]; txid++ {
			committed := min(txid-1, 12)
			w.must("journal", w.info(jid, 12, committed).Int(2, txid).Int(3, 1).Bytes(4, wire.Mkdir(txid, "/a")).Int(5, s[0]))
		}
		if s[0] != 9 || jid == "final" {
			w.must("finalizeLogSegment", w.info(jid, 12, min(s[1], 12)).Int(2, s[0]).Int(3, s[1]))
		}
	}
	if jid == "accepted" {
		must(w.newEpoch(jid, 13))(w.t)
		state := wire.Message{}.Int(1, 9).Int(2, 14).Bool(3, true)
		w.must("acceptRecovery", w.info(jid, 13, -1).Bytes(2, state).String(3, "http://"+node.HTTP+"/getJournal"))
	}
}

// comes lets a writer of epoch 14 come: newEpoch, prepareRecovery, acceptRecovery of what was accepted before, and
// finalizeLogSegment at the end that was told, if that is too early. It tells the answers, which names are in current/ then that were not before, and the promise, unless it
// is 14.
func (w *damageWriter) comes(c damageCase, jid string, node *hadoop.JournalNode, before []string) string {
	w.t.Helper()
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	answer, err := w.newEpoch(jid, 14)
	if err != nil {
		say("newEpoch %s", classOf(w.t, err))
	} else if last, ok := must(wire.Parse(answer))(w.t).Int(1); ok {
		say("newEpoch %d", last)
	} else {
		say("newEpoch ok")
	}
	end := int64(0)
	if err == nil {
		answer, err = w.conn.Call("prepareRecovery", w.info(jid, 14, -1).Int(2, 9))
		if err != nil {
			say("prepare %s", classOf(w.t, err))
		} else {
			fields := must(wire.Parse(answer))(w.t)
			text := "prepare nothing"
			if len(fields.Bytes[1]) > 0 {
				state := must(wire.Parse(fields.Bytes[1][0]))(w.t)
				first, _ := state.Int(1)
				end, _ = state.Int(2)
				text = fmt.Sprintf("prepare %d-%d", first, end)
			}
			if accepted, ok := fields.Int(2); ok {
				text += fmt.Sprintf(" accepted in %d", accepted)
			}
			if committed, ok := fields.Int(4); !ok || committed != 12 {
				text += fmt.Sprintf(" committed %d", committed)
			}
			if writer, _ := fields.Int(3); writer != 12 {
				text += fmt.Sprintf(" writer %d", writer)
			}
			say("%s", text)
		}
	}
	if c.base == "accepted" {
		state := wire.Message{}.Int(1, 9).Int(2, 14).Bool(3, true)
		url := "http://" + node.HTTP + "/getJournal"
		if _, err := w.conn.Call("acceptRecovery", w.info(jid, 14, -1).Bytes(2, state).String(3, url)); err != nil {
			say("accept %s", classOf(w.t, err))
		} else {
			say("accept ok")
		}
	}
	if end > 0 && end < 14 {
		if _, err := w.conn.Call("finalizeLogSegment", w.info(jid, 14, -1).Int(2, 9).Int(3, end)); err != nil {
			say("finalize %s", classOf(w.t, err))
		} else {
			say("finalize ok")
		}
	}
	for _, name := range dirNames(w.t, node.Current(jid)) {
		if !slices.Contains(before, name) {
			say("+%s", padding.ReplaceAllString(name, ""))
		}
	}
	promised, err := os.ReadFile(filepath.Join(node.Current(jid), "last-promised-epoch"))
	if err == nil && string(promised) != "14\n" {
		say("promised %q", promised)
	}
	return strings.Join(out, ", ")
}

// padding is that of the txids in names.
var padding = regexp.MustCompile("0{9,}")

func dirNames(t *testing.T, dir string) []string {
	t.Helper()
	entries := must(os.ReadDir(dir))(t)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// classOf is the last part of the class of what a node answered.
func classOf(t *testing.T, err error) string {
	t.Helper()
	var refused *wire.RemoteError
	if !errors.As(err, &refused) {
		check(t, err)
	}
	return refused.Class[strings.LastIndexAny(refused.Class, ".$")+1:]
}

// damageCases are representative of jnserver/testdata/damage.
var damageCases = []damageCase{
	{
		base: "left", file: damagedSegment, name: "header layout, sign", hurt: flipped(0, 0x80),
		ours: "newEpoch 9, prepare nothing",
		java: "newEpoch 4, prepare nothing, +edits_inprogress_9.empty",
	},
	{
		base: "left", file: damagedSegment, name: "header flags", hurt: flipped(7, 1),
		ours: "newEpoch 9, prepare IOException",
		java: `newEpoch IOException, promised "12\n"`,
	},
	{
		base: "left", file: damagedSegment, name: "first frame, body", hurt: flipped(frameAt(9)+20, 1),
		ours:   "newEpoch 9, prepare nothing",
		java:   "newEpoch 4, prepare nothing, +edits_inprogress_9.empty",
		java27: "newEpoch 9, prepare 9-14",
	},
	{
		base: "left", file: damagedSegment, name: "middle frame, length", hurt: flipped(frameAt(10)+3, 1),
		ours:   "newEpoch 9, prepare 9-9, finalize IOException",
		java:   "newEpoch 9, prepare 9-9, finalize ok, +edits_9-9",
		java27: "newEpoch 9, prepare 9-10, finalize ok, +edits_9-10",
	},
	{
		base: "left", file: damagedSegment, name: "middle frame, opcode as padding",
		hurt: func(b []byte) []byte { b[frameAt(10)] = 0xff; return b },
		ours: "newEpoch 9, prepare 9-9, finalize IOException",
		java: "newEpoch 9, prepare 9-9, finalize ok, +edits_9-9",
	},
	{
		base: "left", file: damagedSegment, name: "middle frame, body", hurt: flipped(frameAt(10)+20, 1),
		ours:   "newEpoch 9, prepare 9-9, finalize IOException",
		java:   "newEpoch 9, prepare 9-9, finalize ok, +edits_9-9",
		java27: "newEpoch 9, prepare 9-14",
	},
	{
		base: "left", file: damagedSegment, name: "last but one frame, txid", hurt: flipped(frameAt(13)+12, 1),
		ours:   "newEpoch 9, prepare IOException",
		java:   "newEpoch 9, prepare 9-12, finalize ok, +edits_9-12",
		java27: "newEpoch 9, prepare 9-14",
	},
	{
		base: "left", file: damagedSegment, name: "last frame, body", hurt: flipped(frameAt(14)+20, 1),
		ours:   "newEpoch 9, prepare 9-13, finalize ok, +edits_9-13",
		java:   "newEpoch 9, prepare 9-13, finalize ok, +edits_9-13",
		java27: "newEpoch 9, prepare 9-14",
	},
	{
		base: "left", file: damagedSegment, name: "cut in the last frame", hurt: shortened(frameAt(14) + 30),
		ours: "newEpoch 9, prepare 9-13, finalize ok, +edits_9-13",
		java: "newEpoch 9, prepare 9-13, finalize ok, +edits_9-13",
	},
	{
		base: "left", file: damagedSegment, name: "cut before the last frame", hurt: shortened(frameAt(14)),
		ours: "newEpoch 9, prepare 9-13, finalize ok, +edits_9-13",
		java: "newEpoch 9, prepare 9-13, finalize ok, +edits_9-13",
	},
	{
		base: "left", file: damagedSegment, name: "cut in a middle frame", hurt: shortened(frameAt(10) + 30),
		ours: "newEpoch 9, prepare 9-9, finalize ok, +edits_9-9",
		java: "newEpoch 9, prepare 9-9, finalize ok, +edits_9-9",
	},
	{
		base: "left", file: damagedSegment, name: "cut behind the header", hurt: shortened(8),
		ours: "newEpoch 4, prepare nothing, +edits_inprogress_9.empty",
		java: "newEpoch 4, prepare nothing, +edits_inprogress_9.empty",
	},
	{
		base: "left", file: damagedSegment, name: "cut to nothing", hurt: shortened(0),
		ours: "newEpoch 4, prepare nothing, +edits_inprogress_9.empty",
		java: "newEpoch 4, prepare nothing, +edits_inprogress_9.empty",
	},
	{
		base: "left", file: damagedSegment, name: "512 bytes zeroed",
		hurt: func(b []byte) []byte { clear(b[:512]); return b },
		ours: "newEpoch 4, prepare nothing, +edits_inprogress_9.empty",
		java: "newEpoch 4, prepare nothing, +edits_inprogress_9.empty",
	},
	{
		base: "left", file: damagedSegment, name: "frames 9 and 10 in the place of 11 and 12", hurt: func(b []byte) []byte {
			copy(b[frameAt(11):frameAt(13)], b[frameAt(9):frameAt(11)])
			return b
		},
		ours: "newEpoch 9, prepare 9-10, finalize IOException",
		java: "newEpoch 9, prepare 9-14",
	},
	{
		base: "left", file: damagedSegment, name: "garbage in the padding", hurt: flipped(5000, 0x5a),
		ours: "newEpoch 9, prepare 9-14",
		java: "newEpoch 9, prepare 9-14",
	},
	{
		base: "left", file: damagedSegment, name: "removed",
		ours: "newEpoch 4, prepare nothing",
		java: "newEpoch 4, prepare nothing",
	},
	{
		base: "final", file: damagedFinal, name: "header flags", hurt: flipped(7, 1),
		ours: "newEpoch 9, prepare IOException",
		java: `newEpoch IOException, promised "12\n"`,
	},
	{
		base: "final", file: damagedFinal, name: "middle frame, body", hurt: flipped(frameAt(10)+20, 1),
		ours: "newEpoch 9, prepare IOException",
		java: "newEpoch 9, prepare 9-14",
	},
	{
		base: "final", file: damagedFinal, name: "cut before the last frame", hurt: shortened(frameAt(14)),
		ours: "newEpoch 9, prepare IOException",
		java: "newEpoch 9, prepare 9-14",
	},
	{
		base: "final", file: damagedFinal, name: "cut to nothing", hurt: shortened(0),
		ours: "newEpoch 9, prepare IOException",
		java: "newEpoch 4, prepare nothing, +edits_9-14.empty",
	},
	{
		base: "left", file: "VERSION", name: "removed",
		ours: `newEpoch JournalNotFormattedException, promised "12\n"`,
		java: `newEpoch JournalNotFormattedException, promised "12\n"`,
	},
	{
		base: "left", file: "VERSION", name: "empty", hurt: shortened(0),
		ours: `newEpoch InconsistentFSStateException, promised "12\n"`,
		java: `newEpoch InconsistentFSStateException, promised "12\n"`,
	},
	{
		base: "left", file: "VERSION", name: "half of it", hurt: shortened(60),
		ours: `newEpoch InconsistentFSStateException, promised "12\n"`,
		java: `newEpoch InconsistentFSStateException, promised "12\n"`,
	},
	{
		base: "left", file: "VERSION", name: "another namespace", hurt: func(b []byte) []byte {
			return bytes.Replace(b, []byte("namespaceID=1"), []byte("namespaceID=2"), 1)
		},
		ours: `newEpoch IOException, promised "12\n"`,
		java: `newEpoch IOException, promised "12\n"`,
	},
	{
		base: "left", file: "last-promised-epoch", name: "2", hurt: replacedBy("2\n"),
		ours: `newEpoch IOException, promised "2\n"`,
		java: "newEpoch 9, prepare 9-14",
	},
	{
		base: "left", file: "last-promised-epoch", name: "-12", hurt: replacedBy("-12\n"),
		ours: `newEpoch IOException, promised "-12\n"`,
		java: "newEpoch 9, prepare 9-14",
	},
	{
		base: "left", file: "last-promised-epoch", name: "cut", hurt: replacedBy("1"),
		ours: `newEpoch IOException, promised "1"`,
		java: "newEpoch 9, prepare 9-14",
	},
	{
		base: "left", file: "last-promised-epoch", name: "empty", hurt: replacedBy(""),
		ours:   `newEpoch IOException, promised ""`,
		java:   `newEpoch IOException, promised ""`,
		java27: `newEpoch NumberFormatException, promised ""`,
	},
	{
		base: "left", file: "last-promised-epoch", name: "too large", hurt: replacedBy("99999999999999999999\n"),
		ours:   `newEpoch IOException, promised "99999999999999999999\n"`,
		java:   `newEpoch IOException, promised "99999999999999999999\n"`,
		java27: `newEpoch NumberFormatException, promised "99999999999999999999\n"`,
	},
	{
		base: "left", file: "last-promised-epoch", name: "removed",
		ours: "newEpoch IOException",
		java: "newEpoch 9, prepare 9-14, +last-promised-epoch",
	},
	{
		base: "left", file: "last-writer-epoch", name: "92", hurt: replacedBy("92\n"),
		ours: `newEpoch IOException, promised "12\n"`,
		java: "newEpoch 9, prepare 9-14 writer 92",
	},
	{
		base: "left", file: "committed-txid", name: "three bytes", hurt: shortened(3),
		ours: "newEpoch 9, prepare IOException",
		java: "newEpoch 9, prepare IOException",
	},
	{
		base: "left", file: "committed-txid", name: "negative", hurt: flipped(0, 0x80),
		ours: "newEpoch 9, prepare IOException",
		java: "newEpoch 9, prepare 9-14 committed -9223372036854775796",
	},
	{
		base: "accepted", file: "paxos/9", name: "the epoch", hurt: func(b []byte) []byte { b[b[0]] ^= 1; return b },
		ours: "newEpoch 9, prepare IllegalStateException, accept ok",
		java: "newEpoch 9, prepare 9-14 accepted in 12, accept ok",
	},
	{
		base: "accepted", file: "paxos/9", name: "empty", hurt: shortened(0),
		ours: "newEpoch 9, prepare IllegalStateException, accept IllegalStateException",
		java: "newEpoch 9, prepare IllegalStateException, accept IllegalStateException",
	},
	{
		base: "accepted", file: "paxos/9", name: "cut", hurt: shortened(5),
		ours: "newEpoch 9, prepare InvalidProtocolBufferException, accept InvalidProtocolBufferException",
		java: "newEpoch 9, prepare InvalidProtocolBufferException, accept InvalidProtocolBufferException",
	},
}
