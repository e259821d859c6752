package jnserver_test

import (
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// The tests of damage change bytes under a journal whose truth is known, and then let the next writer come. What is
// found, and what is answered, stands in testdata/damage (-rewrite); that nothing is made worse is checked of every case
// by a judge that reads the files by itself.

// otherRoot is another journal in the same edits directory, which nothing may touch.
const otherRoot = editsDir + "/ns2"

// What every journal of these tests was told before the damage.
const (
	hurtFirst     storage.TxID  = 9  // the segment in progress begins
	hurtCommitted storage.TxID  = 12 // known to be committed
	hurtLast      storage.TxID  = 14 // acknowledged
	hurtEpoch     storage.Epoch = 12 // promised, and the writer's
)

// hurtJournal is a journal with finalized segments 1-3 and 4-8 and, unless closed, 9-14 in progress, beside ns2.
type hurtJournal struct {
	t       *testing.T
	mem     *vfs.Mem
	journal *jnserver.Journal
	serial  int64
	body    int    // bytes of each body of 9-14
	good    []byte // the whole segment in progress, without padding
}

func newHurtJournal(t *testing.T, body int, inProgress bool) *hurtJournal {
	t.Helper()
	h := &hurtJournal{t: t, mem: vfs.NewMem(), body: body}
	h.good = append(editlog.AppendHeader(nil, layout), sized(hurtFirst, hurtLast, body)...)
	other, err := jnserver.OpenJournal(newEnv(h.mem, noFetch), "ns2", otherRoot)
	must(t, err)
	must(t, other.Format(formatRequest()))
	w := newWriter(t, other, 3)
	must(t, other.StartLogSegment(w.info(), 1, layout))
	must(t, other.Write(w.info(), writes(1, 1, 2)))
	must(t, other.FinalizeLogSegment(w.info(), 1, 2))
	must(t, other.Close())

	h.open()
	j := h.journal
	must(t, j.Format(formatRequest()))
	w = newWriter(t, j, hurtEpoch)
	for _, s := range [][2]storage.TxID{{1, 3}, {4, 8}} {
		must(t, j.StartLogSegment(w.info(), s[0], layout))
		must(t, j.Write(w.info(), writes(s[0], s[0], s[1])))
		must(t, j.FinalizeLogSegment(w.info(), s[0], s[1]))
	}
	if inProgress {
		must(t, j.StartLogSegment(w.info(), hurtFirst, layout))
		must(t, j.Write(w.info(), h.batch(hurtFirst, hurtFirst+1)))
		must(t, j.Write(w.info(), h.batch(hurtFirst+2, hurtCommitted)))
		w.committed = hurtCommitted
		must(t, j.Write(w.info(), h.batch(hurtCommitted+1, hurtLast)))
	}
	h.serial = w.serial
	return h
}

// sized are frames with bodies of a length of choice, no two of the same bytes.
func sized(first, last storage.TxID, body int) []byte {
	var out []byte
	for tx := first; tx <= last; tx++ {
		b := binary.BigEndian.AppendUint32([]byte{3}, uint32(8+body+4))
		b = binary.BigEndian.AppendUint64(b, uint64(tx))
		for i := range body {
			b = append(b, byte(1+(i*7+int(tx)*31)%250)) // neither zeros nor padding
		}
		out = append(out, binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))...)
	}
	return out
}

func (h *hurtJournal) batch(first, last storage.TxID) jnserver.Batch {
	count := int64(last - first + 1)
	return jnserver.Batch{Segment: hurtFirst, First: first, Count: count, Records: sized(first, last, h.body)}
}

// open opens the journal with a peer that has the good copy.
func (h *hurtJournal) open() {
	h.t.Helper()
	j, err := jnserver.OpenJournal(newEnv(h.mem, fetchBytes(h.good)), "ns1", journalRoot)
	must(h.t, err)
	h.journal = j
}

// kill ends the process; what it wrote is all on the disk.
func (h *hurtJournal) kill() {
	h.mem = everything(h.mem)
	h.journal = nil
}

func (h *hurtJournal) info(e storage.Epoch) jnserver.RequestInfo {
	h.serial++
	return jnserver.RequestInfo{JournalID: "ns1", Epoch: e, Serial: h.serial, Client: "10.0.0.1"}
}

const currentRoot = journalRoot + "/current/"

// change rewrites a file in place: it stays the same file for whoever has it open.
func change(t testing.TB, fsys vfs.FS, name string, hurt func(b []byte) []byte) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR, 0)
	must(t, err)
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	must(t, err)
	b := make([]byte, info.Size())
	if len(b) > 0 {
		_, err = f.ReadAt(b, 0)
		must(t, err)
	}
	b = hurt(b)
	if int64(len(b)) != info.Size() {
		must(t, f.Truncate(int64(len(b))))
	}
	if len(b) > 0 {
		_, err = f.WriteAt(b, 0)
		must(t, err)
	}
}

// tree is every file below dir, with its content.
func tree(t testing.TB, fsys vfs.FS, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := fsys.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		name := dir + "/" + e.Name()
		if e.IsDir() {
			files[name+"/"] = ""
			for k, v := range tree(t, fsys, name) {
				files[k] = v
			}
			continue
		}
		files[name] = string(readFrom(t, fsys, name))
	}
	return files
}

// changes lists what differs between two trees: "-" gone, "+" new, "*" other content. A file that only got another name is
// "old > new".
func changes(before, after map[string]string) []string {
	var gone, come, list []string
	for name, content := range before {
		switch now, there := after[name]; {
		case !there:
			gone = append(gone, name)
		case now != content:
			list = append(list, "* "+name)
		}
	}
	for name := range after {
		if _, there := before[name]; !there {
			come = append(come, name)
		}
	}
	slices.Sort(gone)
	slices.Sort(come)
	for _, name := range gone {
		i := slices.IndexFunc(come, func(n string) bool { return after[n] == before[name] })
		if i < 0 {
			list = append(list, "- "+name)
			continue
		}
		list = append(list, "> "+name+" "+path.Base(come[i]))
		come = slices.Delete(come, i, i+1)
	}
	for _, name := range come {
		list = append(list, "+ "+name)
	}
	slices.Sort(list)
	return list
}

// unchanged fails if anything but the allowed changes was made since before; it returns the tree as it is.
func (h *hurtJournal) unchanged(step string, before map[string]string, allowed ...string) map[string]string {
	h.t.Helper()
	after := tree(h.t, h.mem, editsDir)
	for _, c := range changes(before, after) {
		if !slices.Contains(allowed, c) {
			h.t.Errorf("%s changed on disk: %s", step, c)
		}
	}
	return after
}

// readable is the judge's own reading of a segment: the transactions that a NameNode gets out of it, from its first on, one
// after the other; and whether whole frames of later ones lie behind.
func readable(b []byte, first storage.TxID) (end storage.TxID, more bool) {
	end = first - 1
	off := 0
	if len(b) >= editlog.HeaderLen && string(b[:editlog.HeaderLen]) == string(editlog.AppendHeader(nil, layout)) {
		for off = editlog.HeaderLen; ; {
			txid, length, ok := wholeFrame(b[off:])
			if !ok || txid != end+1 {
				break
			}
			end, off = txid, off+length
		}
	}
	for ; off < len(b); off++ {
		if txid, _, ok := wholeFrame(b[off:]); ok && txid > end {
			return end, true
		}
	}
	return end, false
}

func wholeFrame(b []byte) (txid storage.TxID, length int, ok bool) {
	if len(b) < editlog.MinFrameLen || b[0] == editlog.OpInvalid {
		return 0, 0, false
	}
	announced := binary.BigEndian.Uint32(b[1:])
	if announced < 12 || uint64(announced)+5 > uint64(len(b)) {
		return 0, 0, false
	}
	length = int(announced) + 5
	sum := binary.BigEndian.Uint32(b[length-4:])
	return storage.TxID(binary.BigEndian.Uint64(b[5:])), length, sum == crc32.ChecksumIEEE(b[:length-4])
}

// told is an error in few words, without the figures that name a place in a file.
func told(err error) string {
	if err == nil {
		return "ok"
	}
	class := string(javaerr.ClassOf(err))
	class = class[strings.LastIndexAny(class, ".$")+1:]
	text := strings.ReplaceAll(err.Error(), journalRoot+"/", "")
	text = strings.TrimSuffix(short(text), " ; journal id: ns1")
	for _, varies := range []string{": stored ", ": proto:"} { // Go's protobuf words its errors anew in each build
		text, _, _ = strings.Cut(text, varies)
	}
	return class + ": " + strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return '~'
		}
		return c
	}, text)
}

func (h *hurtJournal) health() string {
	var out []string
	s := h.journal.Snapshot()
	for _, err := range []error{s.Problem, s.EpochErr, s.CommittedErr} {
		if err != nil {
			out = append(out, told(err))
		}
	}
	for _, b := range s.Bad {
		out = append(out, told(&fs.PathError{Op: "bad", Path: b.Name, Err: errorText(b.Reason)}))
	}
	if len(out) == 0 {
		return "ok"
	}
	return strings.Join(out, "; ")
}

type errorText string

func (e errorText) Error() string { return string(e) }

// notForRaces skips what runs on one goroutine, thousands of times, under the race detector.
func notForRaces(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("one goroutine, each bit: nothing for the race detector")
	}
}
