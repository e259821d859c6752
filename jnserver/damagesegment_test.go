package jnserver_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
)

// segmentStage is how the damaged segment stands when the next writer comes.
type segmentStage string

const (
	stageOpen segmentStage = "open" // in progress, the process that writes it lives
	stageLeft segmentStage = "left" // in progress, of an earlier process
	stageLast segmentStage = "last" // finalized, the last one
	stageOld  segmentStage = "old"  // finalized, others behind it
)

const nextEpoch = hurtEpoch + 1

// segmentHurt is one damage of a segment file, padding included.
type segmentHurt struct {
	name string
	hurt func(b []byte) []byte
}

// field is a part of a frame: its offset from the frame's start and its length; from the end if negative.
type field struct {
	name     string
	off, len int
}

var frameFields = []field{{"opcode", 0, 1}, {"length", 1, 4}, {"txid", 5, 8}, {"body", 13, 4}, {"checksum", -4, 4}}

// segmentHurts are the classes of damage; size is the length of a frame and end that of header and frames together.
func segmentHurts(size, end int) []segmentHurt {
	var list []segmentHurt
	add := func(name string, hurt func(b []byte) []byte) {
		list = append(list, segmentHurt{name, hurt})
	}
	flipAt := func(name string, off int, mask byte) {
		add(name, func(b []byte) []byte {
			if off < len(b) {
				b[off] ^= mask
			}
			return b
		})
	}
	cutAt := func(name string, length int) {
		add("cut "+name, func(b []byte) []byte { return b[:min(length, len(b))] })
	}
	flipAt("header layout, sign", 0, 0x80)
	flipAt("header layout, one newer or older", 3, 0x01)
	flipAt("header layout, without lengths", 3, 0x40)
	flipAt("header flags", 7, 0x01)
	frames := []struct {
		name string
		at   storage.TxID
	}{
		{"first frame", hurtFirst}, {"middle frame", hurtFirst + 1}, {"last committed frame", hurtCommitted},
		{"last frame", hurtLast},
	}
	at := func(tx storage.TxID) int { return editlog.HeaderLen + size*int(tx-hurtFirst) }
	for _, f := range frames {
		for _, part := range frameFields {
			off := at(f.at) + part.off
			if part.off < 0 {
				off = at(f.at+1) + part.off
			}
			flipAt(f.name+", "+part.name, off, 0x20)
			if part.name == "opcode" {
				add(f.name+", opcode as padding", func(b []byte) []byte { b[off] = editlog.OpInvalid; return b })
			}
			if part.name == "length" {
				flipAt(f.name+", length 50 MiB", off, 0x03)
				flipAt(f.name+", length negative", off, 0x80)
			}
			cutAt("in "+f.name+", "+part.name, off+part.len/2)
		}
		cutAt("before "+f.name, at(f.at))
	}
	flipAt("padding, first byte", end, 0x5A)
	flipAt("padding, inside", 1<<19, 0x5A)
	flipAt("padding, last byte", 1<<20-1, 0x5A)
	cutAt("to nothing", 0)
	cutAt("in the header", 3)
	cutAt("behind the layout", 4)
	cutAt("in the padding", end+1000)
	cutAt("behind the last frame", end)
	add("zeros behind", func(b []byte) []byte { return append(b, make([]byte, 5000)...) })
	add("garbage behind", func(b []byte) []byte { return append(b, noise(5000)...) })
	add("all zeros", func(b []byte) []byte { clear(b); return b })
	add("all garbage", func(b []byte) []byte { return noise(len(b)) })
	add("frames of later transactions behind", func(b []byte) []byte {
		return append(b, sized(hurtLast+3, hurtLast+4, size-editlog.MinFrameLen)...)
	})
	add("first two frames again in the place of the next two", func(b []byte) []byte {
		copy(b[at(hurtFirst+2):at(hurtFirst+4)], b[at(hurtFirst):at(hurtFirst+2)])
		return b
	})
	add("first two frames again in the place of the last two", func(b []byte) []byte {
		copy(b[at(hurtLast-1):at(hurtLast+1)], b[at(hurtFirst):at(hurtFirst+2)])
		return b
	})
	if end < 16<<10 {
		return list
	}
	list = nil
	for _, block := range []int{512, 4096} {
		add(fmt.Sprintf("block of %d zeroed inside", block), func(b []byte) []byte { clear(b[block : 2*block]); return b })
		add(fmt.Sprintf("block of %d zeroed at the end", block), func(b []byte) []byte {
			from := (end - 1) / block * block
			clear(b[from:min(from+block, len(b))])
			return b
		})
		add(fmt.Sprintf("block of %d twice", block), func(b []byte) []byte {
			copy(b[2*block:3*block], b[block:2*block])
			return b
		})
	}
	add("block of 512 zeroed at the beginning", func(b []byte) []byte { clear(b[:512]); return b })
	return list
}

// noise is the same at each run.
func noise(n int) []byte {
	r := rand.New(rand.NewPCG(9, 14))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestDamagedSegments does each damage to a segment at each stage.
func TestDamagedSegments(t *testing.T) {
	notForRaces(t)
	for _, stage := range []segmentStage{stageOpen, stageLeft, stageLast, stageOld} {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			for _, body := range []int{4, 4000} {
				size := body + editlog.MinFrameLen
				base := &segmentBase{stage: stage, body: body}
				for _, hurt := range segmentHurts(size, editlog.HeaderLen+6*size) {
					t.Run(hurt.name, func(t *testing.T) {
						s := base.next(t)
						fmt.Fprintf(&out, "%s\n    %s\n", hurt.name, strings.Join(s.run(hurt.hurt), "\n    "))
					})
				}
			}
			compareWithFile(t, "testdata/damage/segment-"+string(stage)+".txt", out.String())
		})
	}
}

// TestEachFlippedBit flips every bit of a segment left by an earlier process, and one bit of each byte at the other
// stages; and cuts it at each length.
func TestEachFlippedBit(t *testing.T) {
	notForRaces(t)
	const size = frameLen
	const end = editlog.HeaderLen + 6*size
	for _, stage := range []segmentStage{stageOpen, stageLeft, stageLast} {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, uint64(len(stage))))
			base := &segmentBase{stage: stage, body: size - editlog.MinFrameLen, small: end + 40}
			try := func(name string, hurt func(b []byte) []byte) {
				if t.Failed() {
					return
				}
				s := base.next(t)
				if outcome := s.run(hurt); t.Failed() {
					t.Logf("%s\n    %s", name, strings.Join(outcome, "\n    "))
				}
			}
			for off := range end + 20 {
				bits := []int{r.IntN(8)}
				if stage == stageLeft {
					bits = []int{0, 1, 2, 3, 4, 5, 6, 7}
				}
				for _, bit := range bits {
					try(fmt.Sprintf("bit %d of byte %d", bit, off), func(b []byte) []byte {
						if off < len(b) {
							b[off] ^= 1 << bit
						}
						return b
					})
				}
				try(fmt.Sprintf("cut at %d", off), func(b []byte) []byte { return b[:min(off, len(b))] })
			}
		})
	}
}

// segmentDamage is one case.
type segmentDamage struct {
	*hurtJournal
	stage segmentStage
	path  string
	out   []string
}

// segmentBase makes directories to be damaged. That of an ended process is made once.
type segmentBase struct {
	stage segmentStage
	body  int
	small int // cut the padding to this length first, if no process has the file open; 0: leave it
	made  *hurtJournal
	path  string
}

func (s *segmentBase) next(t *testing.T) *segmentDamage {
	t.Helper()
	if s.stage == stageOpen || s.made == nil {
		s.make(t)
	}
	h := *s.made
	h.t = t
	if s.stage != stageOpen {
		h.kill()
	}
	return &segmentDamage{hurtJournal: &h, stage: s.stage, path: s.path}
}

func (s *segmentBase) make(t *testing.T) {
	t.Helper()
	h := newHurtJournal(t, s.body, true)
	s.made, s.path = h, currentRoot+storage.InProgressName(hurtFirst)
	if s.stage == stageLast || s.stage == stageOld {
		s.path = currentRoot + storage.FinalizedName(hurtFirst, hurtLast)
		must(t, h.journal.FinalizeLogSegment(h.info(hurtEpoch), hurtFirst, hurtLast))
	}
	if s.stage == stageOld {
		must(t, h.journal.StartLogSegment(h.info(hurtEpoch), hurtLast+1, layout))
		must(t, h.journal.Write(h.info(hurtEpoch), jnserver.Batch{
			Segment: hurtLast + 1, First: hurtLast + 1, Count: 2, Records: sized(hurtLast+1, hurtLast+2, s.body),
		}))
		must(t, h.journal.FinalizeLogSegment(h.info(hurtEpoch), hurtLast+1, hurtLast+2))
	}
	if s.small > 0 && s.stage != stageOpen {
		h.kill()
		change(t, h.mem, s.path, func(b []byte) []byte { return b[:min(s.small, len(b))] })
	}
}

func (s *segmentDamage) say(format string, args ...any) {
	s.out = append(s.out, fmt.Sprintf(format, args...))
}

func (s *segmentDamage) content() []byte { return readFrom(s.t, s.mem, s.path) }

// run does the damage and lets the next writer come; it tells what was found and answered.
func (s *segmentDamage) run(hurt func(b []byte) []byte) []string {
	t := s.t
	t.Helper()
	defer func() { _ = s.journal.Close() }()
	change(t, s.mem, s.path, hurt)
	damaged := s.content()
	before := tree(t, s.mem, editsDir)
	if s.stage != stageOpen {
		s.open()
		before = s.unchanged("the start", before, s.asideIfEmpty(damaged)...)
		s.say("start: %s", s.health())
	}
	s.readers(s.stage != stageOpen)

	last, ok, err := s.journal.NewEpoch(fixtureInfo, nextEpoch, "10.0.0.1")
	must(t, err) // the segment is no reason to refuse a promise
	promised := "* " + currentRoot + "last-promised-epoch"
	before = s.unchanged("newEpoch", before, append(s.asideIfEmpty(damaged), promised)...)
	if health := s.health(); s.stage == stageOpen || !strings.HasSuffix(s.out[0], ": "+health) {
		s.say("newEpoch: last segment %d, %t; %s", last, ok, health)
	} else {
		s.say("newEpoch: last segment %d, %t; as before", last, ok)
	}
	s.readers(true)
	if s.stage == stageOld {
		s.newSegment(before, hurtLast+3)
		s.repairByHand()
		return s.out
	}

	answer, err := s.journal.PrepareRecovery(s.info(nextEpoch), hurtFirst)
	before = s.unchanged("prepareRecovery", before)
	s.say("prepareRecovery: %s", s.prepared(damaged, answer, err))
	if s.stage == stageLast {
		s.acceptFinalized(before, damaged)
		return s.out
	}
	s.finalizeShort(before, damaged)
	s.accept(damaged)
	return s.out
}

// asideIfEmpty allows that a segment that has nothing in it is set aside, unless this process wrote to it.
func (s *segmentDamage) asideIfEmpty(damaged []byte) []string {
	if end, more := s.readable(damaged); s.stage == stageLeft && end < hurtFirst && !more {
		return []string{"> " + s.path + " " + storage.InProgressName(hurtFirst) + storage.SuffixEmpty}
	}
	return nil
}

// readable is what a reader gets of the damaged file. Another layout version in the header is no matter of a JournalNode.
func (s *segmentDamage) readable(b []byte) (storage.TxID, bool) {
	if len(b) >= editlog.HeaderLen && bytes.Equal(b[:3], []byte{0xff, 0xff, 0xff}) && b[3] <= 0xc8 {
		b = slices.Concat(s.good[:4], b[4:])
	} else if len(b) >= editlog.HeaderLen && b[0] >= 0x80 && !bytes.Equal(b[:3], []byte{0xff, 0xff, 0xff}) {
		b = slices.Concat(s.good[:4], b[4:])
	}
	return readable(b, hurtFirst)
}

// readers reads all that the manifest lists. If strict, what is listed of the damaged segment must be readable; without
// it, and of an old segment, the reader finds out.
func (s *segmentDamage) readers(strict bool) {
	t := s.t
	t.Helper()
	m, err := s.journal.EditLogManifest(1, true)
	must(t, err)
	listed := false
	for _, log := range m.Logs {
		r, err := s.journal.OpenSegment(log.First, true)
		if err != nil {
			t.Errorf("%s is listed and refused: %v", log, err)
			continue
		}
		body := readFrom(t, s.mem, currentRoot+r.Name)
		_ = r.File.Close()
		if log.First != hurtFirst {
			if end, _ := readable(body, log.First); end != log.Last {
				t.Errorf("of %s a reader gets up to %d", log, end)
			}
			continue
		}
		listed = true
		end, _ := s.readable(body)
		if end < log.Last && strict && s.stage != stageOld {
			t.Errorf("of %s a reader gets up to %d", log, end)
		}
		if end < log.Last || end > hurtLast {
			s.say("listed as %s, a reader gets up to %d", log, end)
		}
	}
	if _, err := s.journal.OpenSegment(hurtFirst, true); !listed && err == nil {
		s.say("not listed, but sent")
	}
}

// prepared checks an answer to prepareRecovery.
func (s *segmentDamage) prepared(damaged []byte, a jnserver.RecoveryAnswer, err error) string {
	t := s.t
	t.Helper()
	if err != nil {
		return told(err)
	}
	if !a.HasCommitted || a.Committed != hurtCommitted || a.LastWriter != hurtEpoch || a.HasAccepted {
		t.Errorf("prepareRecovery answers %+v", a)
	}
	end, more := s.readable(damaged)
	told := hurtFirst - 1
	if a.Segment != nil {
		told = a.Segment.End
	}
	if told != end {
		t.Errorf("prepareRecovery answers %d, a reader gets up to %d", told, end)
	}
	guarded := told < hurtCommitted // the committed txid beside it tells the NameNode that something is missing
	if told < hurtLast && s.stage != stageLeft || told < hurtLast && more && !guarded {
		t.Errorf("prepareRecovery answers %d where this node can tell that there was more", told)
	}
	if a.Segment == nil {
		return fmt.Sprintf("nothing, committed %d", a.Committed)
	}
	return fmt.Sprintf("%s, committed %d", a.Segment, a.Committed)
}

// finalizeShort tries to give the segment its final name at the end that is left, as a recovery would that no other node
// with more took part in. It works only where nothing tells that there was more.
func (s *segmentDamage) finalizeShort(before map[string]string, damaged []byte) {
	t := s.t
	t.Helper()
	end, more := s.readable(damaged)
	if end < hurtFirst || end >= hurtLast {
		return
	}
	if s.stage == stageOpen || more {
		err := s.journal.FinalizeLogSegment(s.info(nextEpoch), hurtFirst, end)
		if err == nil {
			t.Errorf("finalized at %d where this node can tell that there was more", end)
		}
		s.unchanged("a refused finalizeLogSegment", before)
		s.say("finalize at %d: %s", end, told(err))
		return
	}
	clone := everything(s.mem)
	j, err := jnserver.OpenJournal(newEnv(clone, noFetch), "ns1", journalRoot)
	must(t, err)
	defer func() { _ = j.Close() }()
	w := writer{epoch: nextEpoch}
	s.say("finalize at %d: %s", end, told(j.FinalizeLogSegment(w.info(), hurtFirst, end)))
}

// accept lets the recovery bring the good copy; after it everything is as if nothing had been.
func (s *segmentDamage) accept(damaged []byte) {
	t := s.t
	t.Helper()
	before := tree(t, s.mem, editsDir)
	state := jnserver.SegmentState{Start: hurtFirst, End: hurtLast, InProgress: true}
	must(t, s.journal.AcceptRecovery(t.Context(), s.info(nextEpoch), state, "peer"))
	now := s.unchanged("acceptRecovery", before, "* "+s.path, "+ "+s.path, "+ "+currentRoot+"paxos/9")
	if now[s.path] == string(damaged) {
		s.say("acceptRecovery: ok, without a download")
	} else {
		s.say("acceptRecovery: ok, a good copy")
	}
	must(t, s.journal.FinalizeLogSegment(s.info(nextEpoch), hurtFirst, hurtLast))
	s.path = currentRoot + storage.FinalizedName(hurtFirst, hurtLast)
	if end, more := s.readable(s.content()); end != hurtLast || more {
		s.say("finalized: a reader gets up to %d, more behind: %t", end, more)
		if end != hurtLast {
			t.Errorf("after the recovery a reader gets up to %d", end)
		}
	}
	if h := s.health(); h != "ok" {
		t.Errorf("health after the recovery: %s", h)
	}
	s.readers(true)
}

// acceptFinalized: a recovery never puts anything over a finalized segment.
func (s *segmentDamage) acceptFinalized(before map[string]string, damaged []byte) {
	t := s.t
	t.Helper()
	state := jnserver.SegmentState{Start: hurtFirst, End: hurtLast}
	err := s.journal.AcceptRecovery(t.Context(), s.info(nextEpoch), state, "peer")
	before = s.unchanged("acceptRecovery", before, "+ "+currentRoot+"paxos/9")
	s.say("acceptRecovery: %s", told(err))
	end, _ := s.readable(damaged)
	if err == nil && end < hurtLast {
		t.Error("a damaged finalized segment was accepted as it is")
	}
	err = s.journal.FinalizeLogSegment(s.info(nextEpoch), hurtFirst, hurtLast)
	before = s.unchanged("finalizeLogSegment", before, "- "+currentRoot+"paxos/9")
	s.say("finalizeLogSegment: %s", told(err))
	s.newSegment(before, hurtLast+1)
	s.repairByHand()
}

// newSegment: whatever became of the old one, the writer goes on.
func (s *segmentDamage) newSegment(before map[string]string, first storage.TxID) {
	t := s.t
	t.Helper()
	must(t, s.journal.StartLogSegment(s.info(nextEpoch), first, layout))
	must(t, s.journal.Write(s.info(nextEpoch), jnserver.Batch{
		Segment: first, First: first, Count: 1, Records: sized(first, first, 4),
	}))
	s.unchanged("the next segment", before, "* "+currentRoot+"last-writer-epoch",
		"+ "+currentRoot+storage.InProgressName(first))
}

// repairByHand copies the segment from another node while this one is stopped.
func (s *segmentDamage) repairByHand() {
	t := s.t
	t.Helper()
	must(t, s.journal.Close())
	writeTo(t, s.mem, s.path, s.good)
	s.open()
	if h := s.health(); h != "ok" {
		t.Errorf("health with a good copy: %s", h)
	}
	s.readers(true)
}

// compareWithFile compares with what is kept in testdata, or keeps it (-rewrite).
func compareWithFile(t *testing.T, name, got string) {
	t.Helper()
	if *rewrite {
		must(t, os.MkdirAll("testdata/damage", 0o755))
		must(t, os.WriteFile(name, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(name)
	must(t, err)
	wantLines, gotLines := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range max(len(wantLines), len(gotLines)) {
		if i >= len(wantLines) || i >= len(gotLines) || wantLines[i] != gotLines[i] {
			t.Fatalf("%s:%d (see -rewrite)\n%s", name, i+1, around(wantLines, gotLines, i))
		}
	}
}
