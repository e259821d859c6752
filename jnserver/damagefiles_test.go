package jnserver_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// hurtVersion is a VERSION whose comment does not depend on where the test runs.
const hurtVersion = "#Sun Nov 22 08:53:20 UTC 2026\n" +
	"namespaceID=1073741825\n" +
	"storageType=JOURNAL_NODE\n" +
	"cTime=1500000000000\n" +
	"clusterID=CID-11111111-2222-3333-4444-555555555555\n" +
	"layoutVersion=-67\n"

// smallFileBase is a directory of an ended process, with little in it; accepted: after an acceptRecovery of 9-14.
func smallFileBase(t *testing.T, accepted bool) *hurtJournal {
	t.Helper()
	h := newHurtJournal(t, 4, true)
	if accepted {
		_, _, err := h.journal.NewEpoch(fixtureInfo, nextEpoch, "10.0.0.1")
		must(t, err)
		must(t, h.journal.AcceptRecovery(t.Context(), h.info(nextEpoch), acceptedState, "peer"))
	}
	h.kill()
	change(t, h.mem, currentRoot+storage.InProgressName(hurtFirst), func([]byte) []byte { return h.good })
	writeTo(t, h.mem, currentRoot+"VERSION", []byte(hurtVersion))
	return h
}

var acceptedState = jnserver.SegmentState{Start: hurtFirst, End: hurtLast, InProgress: true}

// fileDamage is one case: a node over a directory with one small file that is not what it was.
type fileDamage struct {
	*hurtJournal
	node   *jnserver.Node
	before map[string]string
	path   string
	good   []byte
}

// damageFile puts other content in the place of a file of current/ (nil: none) and starts a node.
func damageFile(t *testing.T, base *hurtJournal, name string, content []byte) *fileDamage {
	t.Helper()
	h := *base
	h.t = t
	h.kill()
	d := &fileDamage{hurtJournal: &h, path: currentRoot + name}
	if has(t, h.mem, d.path) {
		d.good = readFrom(t, h.mem, d.path)
	}
	if content == nil {
		must(t, h.mem.Remove(d.path))
	} else {
		writeTo(t, h.mem, d.path, content)
	}
	d.before = tree(t, h.mem, editsDir)
	d.start()
	return d
}

func (d *fileDamage) start() {
	d.node = jnserver.NewNode(newConfig(d.mem, fetchBytes(d.hurtJournal.good)))
}

// opened is the journal, or why it cannot be opened.
func (d *fileDamage) opened() (err error) {
	d.journal, err = d.node.Journal("ns1", "")
	return err
}

func (d *fileDamage) stop() { _ = d.node.Close() }

// unhealthy demands that health names an error of the journal.
func (d *fileDamage) unhealthy() {
	d.t.Helper()
	for _, h := range d.node.Health() {
		if h.JournalID == "ns1" && h.OpenError != nil {
			return
		}
	}
	d.t.Errorf("health is well: %+v", d.node.Health())
}

func (d *fileDamage) newEpoch(e storage.Epoch) error {
	_, _, err := d.journal.NewEpoch(fixtureInfo, e, "10.0.0.1")
	return err
}

// repaired puts the good content back and demands that the running node serves again.
func (d *fileDamage) repaired() {
	d.t.Helper()
	writeTo(d.t, d.mem, d.path, d.good)
	must(d.t, d.opened())
	must(d.t, d.newEpoch(nextEpoch+5))
	if h := d.health(); h != "ok" {
		d.t.Errorf("health after the repair: %s", h)
	}
}

// eachContent calls try with each bit of content flipped, a row of marks per byte, and with content cut at each length.
func eachContent(content []byte, try func(name string, damaged []byte) string) string {
	var out strings.Builder
	for i, c := range content {
		fmt.Fprintf(&out, "%3d %q ", i, c)
		for bit := range 8 {
			b := append([]byte(nil), content...)
			b[i] ^= 1 << bit
			out.WriteString(try(fmt.Sprintf("bit %d of byte %d", bit, i), b))
		}
		out.WriteString("  cut here: " + try(fmt.Sprintf("cut at %d", i), append([]byte{}, content[:i]...)) + "\n")
	}
	return out.String()
}

// TestDamagedVersion: every bit and every length of VERSION, each line missing, and what else may lie there. A journal
// whose VERSION cannot be read, or names another namespace, promises nothing and changes nothing.
func TestDamagedVersion(t *testing.T) {
	notForRaces(t)
	base := smallFileBase(t, false)
	try := func(name string, content []byte) string {
		d := damageFile(t, base, "VERSION", content)
		defer d.stop()
		mark := d.versionMark()
		if t.Failed() {
			t.Fatalf("%s: %s", name, mark)
		}
		return mark
	}
	var out strings.Builder
	out.WriteString("= as it was, l another layout version, c another cTime: cannot be told\n" +
		"N another namespace: newEpoch is refused. E cannot be opened\n\n")
	out.WriteString(eachContent([]byte(hurtVersion), func(name string, b []byte) string { return try(name, b)[:1] }))
	lines := strings.SplitAfter(hurtVersion, "\n")
	for i, line := range lines[:len(lines)-1] {
		without := strings.Join(lines[:i], "") + strings.Join(lines[i+1:], "")
		fmt.Fprintf(&out, "without %q: %s\n", line, try(line, []byte(without)))
		twice := strings.Join(lines[:i+1], "") + strings.Join(lines[i:], "")
		fmt.Fprintf(&out, "twice %q: %s\n", line, try(line, []byte(twice)))
	}
	for _, c := range []struct {
		name    string
		content []byte
	}{
		{"missing", nil}, {"empty", []byte{}}, {"zeros", make([]byte, len(hurtVersion))}, {"binary", noise(4096)},
		{"a large file", noise(1 << 20)}, {"one long line", []byte(strings.Repeat("x", 1<<20))},
		{"an unfinished escape", []byte(hurtVersion + "x=\\u12")},
		{"of a NameNode", []byte(strings.Replace(hurtVersion, "JOURNAL", "NAME", 1))},
	} {
		fmt.Fprintf(&out, "%s: %s\n", c.name, try(c.name, c.content))
	}
	compareWithFile(t, "testdata/damage/version.txt", out.String())
}

// versionMark lets the next writer come and tells what became of it, in one letter and words.
func (d *fileDamage) versionMark() string {
	t := d.t
	t.Helper()
	err := d.opened()
	if err == nil && !d.journal.Snapshot().Formatted() {
		err = d.newEpoch(nextEpoch)
		if err == nil {
			t.Error("an unformatted journal gave a promise")
		}
	}
	if err != nil {
		d.unhealthy()
		d.unchanged("a refused start", d.before)
		mark := "E " + told(err)
		if d.journal != nil { // it is open, and stays unformatted until it is opened again
			d.stop()
			d.start()
		}
		d.repaired()
		return mark
	}
	info := d.journal.Snapshot().Info
	if info.NamespaceID != fixtureInfo.NamespaceID || info.ClusterID != fixtureInfo.ClusterID {
		err := d.newEpoch(nextEpoch)
		if err == nil {
			t.Error("a promise to another namespace")
		}
		d.unchanged("a refused newEpoch", d.before)
		return "N " + told(err)
	}
	must(t, d.newEpoch(nextEpoch))
	d.unchanged("newEpoch", d.before, "* "+currentRoot+"last-promised-epoch")
	switch {
	case info == fixtureInfo:
		return "= as it was"
	case info.CTime != fixtureInfo.CTime:
		return "c " + info.String()
	}
	return "l " + info.String()
}

// TestDamagedEpochs: every bit, every length and every spelling of the two epochs. A number that nobody writes so is not
// believed, and none that the other file contradicts: then nothing is promised, obeyed or overwritten.
func TestDamagedEpochs(t *testing.T) {
	notForRaces(t)
	contents := []string{
		"", "\n", "0\n", "1\n", "11\n", "13\n", "-12\n", "-1\n", "+12\n", "012\n",
		"12", "12\r\n", "12\r", "12\n\n", "12\n12\n", " 12\n", "12 \n", "1 2\n", "12\x00\n", "\x00\x00\x00", "\xff\xff\xff", "9223372036854775807\n", "9223372036854775808\n",
		"99999999999999999999\n", "0x0c\n", "1e1\n", "١٢\n", "\xef\xbb\xbf12\n",
	}
	for _, c := range []struct{ file, other string }{
		{"last-promised-epoch", "12\n"}, {"last-promised-epoch", "3\n"}, {"last-promised-epoch", ""},
		{"last-writer-epoch", "12\n"},
	} {
		name := c.file
		base := smallFileBase(t, false)
		switch {
		case c.file == "last-writer-epoch":
		case c.other == "":
			must(t, base.mem.Remove(currentRoot+"last-writer-epoch"))
			name += " without the other"
		default:
			writeTo(t, base.mem, currentRoot+"last-writer-epoch", []byte(c.other))
			name += " beside " + strings.TrimSpace(c.other)
		}
		t.Run(name, func(t *testing.T) {
			base.t = t
			try := func(name string, content []byte) string {
				d := damageFile(t, base, c.file, content)
				defer d.stop()
				mark := d.epochMark(c.file, content)
				if t.Failed() {
					t.Fatalf("%s (%q): %s", name, content, mark)
				}
				return mark
			}
			var out strings.Builder
			out.WriteString("= as it was, > a higher number, < a lower one: cannot be told. E refused\n\n")
			out.WriteString(eachContent([]byte("12\n"), func(name string, b []byte) string { return try(name, b)[:1] }))
			for _, content := range contents {
				fmt.Fprintf(&out, "%q: %s\n", content, try("", []byte(content)))
			}
			fmt.Fprintf(&out, "missing: %s\n", try("missing", nil))
			fmt.Fprintf(&out, "a large file: %s\n", try("large", []byte(strings.Repeat("1", 1<<20))))
			fmt.Fprintf(&out, "zeros: %s\n", try("zeros", make([]byte, 1<<20)))
			compareWithFile(t, "testdata/damage/"+strings.ReplaceAll(name, " ", "-")+".txt", out.String())
		})
	}
}

// epochMark lets a fenced writer, the present one and the next one come.
func (d *fileDamage) epochMark(file string, content []byte) string {
	t := d.t
	t.Helper()
	must(t, d.opened()) // the other files are good: what can be read is read
	s := d.journal.Snapshot()
	if s.EpochErr != nil {
		d.unhealthy()
		for name, call := range map[string]func() error{
			"newEpoch":  func() error { return d.newEpoch(nextEpoch) },
			"heartbeat": func() error { return d.journal.Heartbeat(d.info(hurtEpoch + 100)) },
			"prepare":   func() error { _, err := d.journal.PrepareRecovery(d.info(nextEpoch), hurtFirst); return err },
			"start":     func() error { return d.journal.StartLogSegment(d.info(nextEpoch), hurtLast+1, layout) },
			"finalize":  func() error { return d.journal.FinalizeLogSegment(d.info(nextEpoch), hurtFirst, hurtLast) },
			"purge":     func() error { return d.journal.PurgeLogsOlderThan(d.info(nextEpoch), hurtLast) },
			"accept": func() error {
				return d.journal.AcceptRecovery(t.Context(), d.info(nextEpoch), acceptedState, "peer")
			},
		} {
			if err := call(); err == nil {
				t.Errorf("%s works while %s cannot be believed", name, file)
			}
		}
		d.unchanged("refused calls", d.before)
		d.repaired()
		return "E " + told(s.EpochErr)
	}
	value := s.Promised
	if file == "last-writer-epoch" {
		value = s.Writer
	}
	line, _, _ := strings.Cut(strings.ReplaceAll(string(content), "\r", "\n"), "\n") // what follows it does not matter
	spelt := content == nil || strings.TrimPrefix(line, "+") == strconv.FormatInt(int64(value), 10)
	if !spelt || value < 0 || s.Writer > s.Promised {
		t.Errorf("%q is taken for %d, beside %d", content, value, s.Writer)
	}
	mark, text := "=", fmt.Sprintf("promised %d, writer %d", s.Promised, s.Writer)
	if value < hurtEpoch {
		mark = "<"
	} else if value > hurtEpoch {
		mark = ">"
	}
	if err := d.journal.Heartbeat(d.info(hurtEpoch - 1)); err == nil {
		text += "; a fenced writer is let in"
	}
	return mark + " " + text + "; newEpoch 13: " + told(d.newEpoch(nextEpoch))
}

// TestDamagedCommittedTxid: every bit and each length. What no transaction can be is not believed.
func TestDamagedCommittedTxid(t *testing.T) {
	notForRaces(t)
	base := smallFileBase(t, false)
	good := binary.BigEndian.AppendUint64(nil, uint64(hurtCommitted))
	try := func(name string, content []byte) string {
		d := damageFile(t, base, "committed-txid", content)
		defer d.stop()
		mark := d.committedMark()
		if t.Failed() {
			t.Fatalf("%s (%x): %s", name, content, mark)
		}
		return mark
	}
	var out strings.Builder
	out.WriteString("= as it was, < lower: safe, > higher: cannot be told. E refused\n\n")
	out.WriteString(eachContent(good, func(name string, b []byte) string { return try(name, b)[:1] }))
	for _, value := range []int64{0, -1, -2, -12345, -12346, 1 << 40, 1 << 48, 1<<48 + 1, 1<<63 - 1} {
		fmt.Fprintf(&out, "%d: %s\n", value, try("value", binary.BigEndian.AppendUint64(nil, uint64(value))))
	}
	for _, length := range []int{0, 1, 7, 9, 16, 1 << 20} {
		fmt.Fprintf(&out, "%d bytes: %s\n", length, try("length", make([]byte, length)))
	}
	fmt.Fprintf(&out, "missing: %s\n", try("missing", nil))
	compareWithFile(t, "testdata/damage/committed-txid.txt", out.String())
}

func (d *fileDamage) committedMark() string {
	t := d.t
	t.Helper()
	must(t, d.opened())
	s := d.journal.Snapshot()
	must(t, d.newEpoch(nextEpoch)) // a promise does not need it
	now := d.unchanged("newEpoch", d.before, "* "+currentRoot+"last-promised-epoch")
	a, err := d.journal.PrepareRecovery(d.info(nextEpoch), hurtFirst)
	d.unchanged("prepareRecovery", now)
	if s.CommittedErr != nil {
		d.unhealthy()
		if err == nil {
			t.Error("prepareRecovery answers without its committed txid")
		}
		if _, err := d.journal.EditLogManifest(1, true); err == nil {
			t.Error("getEditLogManifest answers without its committed txid")
		}
		writeTo(t, d.mem, d.path, nil) // what docs/durability.md tells the operator to do
		_, err = d.journal.PrepareRecovery(d.info(nextEpoch), hurtFirst)
		must(t, err)
		return "E " + told(s.CommittedErr)
	}
	must(t, err)
	mark := "="
	switch {
	case !a.HasCommitted || a.Committed < hurtCommitted:
		mark = "<"
	case a.Committed > hurtCommitted:
		mark = ">"
		if a.Committed > 1<<48 {
			t.Errorf("%d is told", a.Committed)
		}
	}
	if a.Segment == nil || a.Segment.End != hurtLast {
		t.Errorf("prepareRecovery answers %v", a.Segment)
	}
	return fmt.Sprintf("%s committed %d, %t", mark, a.Committed, a.HasCommitted)
}

// TestPromiseBelowRecord: what was accepted in an epoch was promised to it.
func TestPromiseBelowRecord(t *testing.T) {
	for content, good := range map[string]bool{"13\n": true, "12\n": false, "14\n": true} {
		d := damageFile(t, smallFileBase(t, true), "last-promised-epoch", []byte(content))
		must(t, d.opened())
		if err := d.journal.Snapshot().EpochErr; (err == nil) != good {
			t.Errorf("promised %q beside a record of epoch 13: %v", content, err)
		} else if !good {
			wantError(t, d.newEpoch(nextEpoch+1), javaerr.IOException, "paxos/9 was accepted in epoch 13")
			d.unchanged("a refused newEpoch", d.before)
			d.repaired()
		}
		d.stop()
	}
}

// TestDamagedPaxosRecord: every bit and each length of a recovery record. Never is a record told that was not made. A new
// accept, which is of a later epoch, takes its place if Java's node can read it; else it is refused as there.
func TestDamagedPaxosRecord(t *testing.T) {
	notForRaces(t)
	base := smallFileBase(t, true)
	good := readFrom(t, base.mem, currentRoot+"paxos/9")
	try := func(name string, content []byte) string {
		d := damageFile(t, base, "paxos/9", content)
		defer d.stop()
		mark := d.paxosMark()
		if t.Failed() {
			t.Fatalf("%s (%q): %s", name, content, mark)
		}
		return mark
	}
	var out strings.Builder
	out.WriteString("= as it was, E refused\n\n")
	out.WriteString(eachContent(good, func(name string, b []byte) string { return try(name, b)[:1] }))
	for _, c := range []struct {
		name    string
		content []byte
	}{
		{"zeros", make([]byte, len(good))}, {"binary", noise(4096)}, {"twice", slices.Concat(good, good)},
		{"garbage behind", slices.Concat(good, noise(100))}, {"a huge length", []byte("\xff\xff\xff\xff\x7f")},
		{"an endless length", []byte(strings.Repeat("\xff", 100))},
		{"a large file", slices.Concat(good, make([]byte, 1<<20))},
	} {
		fmt.Fprintf(&out, "%s: %s\n", c.name, try(c.name, c.content))
	}
	compareWithFile(t, "testdata/damage/paxos.txt", out.String())
}

func (d *fileDamage) paxosMark() string {
	t := d.t
	t.Helper()
	must(t, d.opened())
	must(t, d.newEpoch(nextEpoch+1))
	now := d.unchanged("newEpoch", d.before, "* "+currentRoot+"last-promised-epoch")
	a, err := d.journal.PrepareRecovery(d.info(nextEpoch+1), hurtFirst)
	d.unchanged("prepareRecovery", now)
	mark := "="
	if err != nil {
		mark = "E " + told(err)
	} else if !a.HasAccepted || a.AcceptedIn != nextEpoch || a.Segment == nil || *a.Segment != acceptedState {
		t.Errorf("prepareRecovery answers %+v of %v", a, a.Segment)
	}
	accepted := d.journal.AcceptRecovery(t.Context(), d.info(nextEpoch+1), acceptedState, "peer")
	if err != nil && accepted != nil { // as in Java
		if javaerr.ClassOf(err) != javaerr.ClassOf(accepted) {
			t.Errorf("acceptRecovery: %v", accepted)
		}
		d.unchanged("acceptRecovery", now)
		return mark + "; acceptRecovery too"
	}
	must(t, accepted)
	a, err = d.journal.PrepareRecovery(d.info(nextEpoch+1), hurtFirst)
	must(t, err)
	if !a.HasAccepted || a.AcceptedIn != nextEpoch+1 || a.Segment == nil || *a.Segment != acceptedState {
		t.Errorf("after a new accept prepareRecovery answers %+v of %v", a, a.Segment)
	}
	must(t, d.journal.FinalizeLogSegment(d.info(nextEpoch+1), hurtFirst, hurtLast))
	if has(t, d.mem, d.path) {
		t.Error("the record outlived the segment's recovery")
	}
	return mark
}

// TestDamagedLock: what in_use.lock says is for people only; what lies in its place is no reason to change anything.
func TestDamagedLock(t *testing.T) {
	base := smallFileBase(t, false)
	const lock = journalRoot + "/in_use.lock"
	for name, hurt := range map[string]func(t *testing.T, mem *vfs.Mem){
		"missing": func(t *testing.T, mem *vfs.Mem) { must(t, mem.Remove(lock)) },
		"empty":   func(t *testing.T, mem *vfs.Mem) { writeTo(t, mem, lock, nil) },
		"binary":  func(t *testing.T, mem *vfs.Mem) { writeTo(t, mem, lock, noise(4096)) },
		"large":   func(t *testing.T, mem *vfs.Mem) { writeTo(t, mem, lock, make([]byte, 1<<20)) },
		"another's": func(t *testing.T, mem *vfs.Mem) {
			writeTo(t, mem, lock, []byte("1@elsewhere.example.com"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := *base
			h.t = t
			h.kill()
			hurt(t, h.mem)
			before := tree(t, h.mem, editsDir)
			h.open()
			defer func() { _ = h.journal.Close() }()
			h.unchanged("the start", before, "+ "+lock, "* "+lock)
			if got := string(readFrom(t, h.mem, lock)); got != "4711@jn1.example.com" {
				t.Errorf("the lock says %.100q", got)
			}
			if _, err := jnserver.OpenJournal(newEnv(h.mem, noFetch), "ns1", journalRoot); err == nil {
				t.Error("opened twice")
			}
		})
	}
	t.Run("removed while the node runs", func(t *testing.T) {
		h := *base
		h.t = t
		h.kill()
		h.open()
		must(t, h.mem.Remove(lock))
		w := newWriter(t, h.journal, nextEpoch)
		if _, err := jnserver.OpenJournal(newEnv(h.mem, noFetch), "ns1", journalRoot); err == nil {
			t.Error("opened twice: the lock was not taken again")
		}
		must(t, h.mem.Remove(lock))
		other, err := jnserver.OpenJournal(newEnv(h.mem, noFetch), "ns1", journalRoot)
		must(t, err) // until the next promise nobody can tell
		before := tree(t, h.mem, editsDir)
		_, _, err = h.journal.NewEpoch(fixtureInfo, nextEpoch+1, "10.0.0.1")
		wantError(t, err, javaerr.IOException, "already locked")
		later := writer{epoch: nextEpoch + 1}
		wantError(t, h.journal.Heartbeat(later.info()), javaerr.IOException, "already locked")
		wantError(t, h.journal.StartLogSegment(w.info(), hurtLast+1, layout), javaerr.IOException, "already locked")
		h.unchanged("refused calls", before)
		must(t, other.Close())
		must(t, h.journal.StartLogSegment(w.info(), hurtLast+1, layout))
		must(t, h.mem.Remove(lock)) // again, and the writer rolls: nothing but the segment is new
		other, err = jnserver.OpenJournal(newEnv(h.mem, noFetch), "ns1", journalRoot)
		must(t, err)
		wantError(t, h.journal.StartLogSegment(w.info(), hurtLast+2, layout), javaerr.IOException, "already locked")
		must(t, other.Close())
		must(t, h.journal.Close())
	})
	t.Run("a directory", func(t *testing.T) {
		h := *base
		h.t = t
		h.kill()
		must(t, h.mem.Remove(lock))
		must(t, h.mem.Mkdir(lock, 0o755))
		before := tree(t, h.mem, editsDir)
		d := &fileDamage{hurtJournal: &h}
		d.start()
		defer d.stop()
		if err := d.opened(); err == nil {
			t.Error("opened without a lock")
		} else {
			t.Logf("answered: %s", told(err))
		}
		d.unhealthy()
		d.unchanged("a refused start", before)
		other, err := d.node.Journal("ns2", "")
		must(t, err)
		if !other.Snapshot().Formatted() {
			t.Error("the other journal is not served")
		}
		must(t, h.mem.Remove(lock))
		must(t, d.opened())
	})
}
