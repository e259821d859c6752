package crashtests

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"gojn/storage"
)

// state is one way in which a journal may stand, as far as asking and answering tell. Values are not changed once they
// are in a ledger, but for maps of a clone.
type state struct {
	formatted bool
	info      storage.StorageInfo
	// promised and writer are what must be remembered; what is remembered may be up to the Most, which was asked for.
	promised, promisedMost storage.Epoch
	writer, writerMost     storage.Epoch
	committedMost          storage.TxID // the highest committed txid that was told; the node may remember less
	segments               map[storage.TxID]segment
	records                map[storage.TxID]acceptance
	opened                 storage.TxID // the segment that this process opened last; 0: none
	half                   bool         // doPreUpgrade was done, and nothing that ends that half
	previous               *state       // what doRollback goes back to
}

// segment is what was written between two starts of a segment.
type segment struct {
	frames []byte // of all transactions that were asked for, up to most
	first  storage.TxID
	least  storage.TxID // all up to here must be there
	most   storage.TxID // nothing behind it may be there
	final  bool
	// optional: it may also be gone.
	optional bool
	// by is the epoch of the writer that started it, 0 if none did; begun tells that this was answered.
	by    storage.Epoch
	begun bool
}

// acceptance is what acceptRecovery promised for a segment.
type acceptance struct {
	end        storage.TxID
	inProgress bool
	epoch      storage.Epoch
	gone       bool // it was there once, and must not come back
	optional   bool
}

func unformatted() state {
	return state{
		committedMost: storage.InvalidTxID, segments: map[storage.TxID]segment{}, records: map[storage.TxID]acceptance{},
	}
}

func (s state) clone() state {
	s.segments, s.records = maps.Clone(s.segments), maps.Clone(s.records)
	return s
}

func (s state) firsts() []storage.TxID { return slices.Sorted(maps.Keys(s.segments)) }

func (s segment) empty() bool { return s.most < s.first }

func (s segment) String() string {
	kind := "in progress"
	if s.final {
		kind = "finalized"
	}
	text := fmt.Sprintf("segment %d, %s, acknowledged up to %d", s.first, kind, s.least)
	if s.most > s.least {
		text += fmt.Sprintf(", perhaps up to %d", s.most)
	}
	return text
}

// size is the length of the frames up to txid last.
func (s segment) size(last storage.TxID) int {
	at := 0
	for tx := s.first; tx <= last && at < len(s.frames); tx++ {
		at += frameLen(s.frames[at:])
	}
	return at
}

// frameLen is the length of the frame at the beginning of b, by its own word.
func frameLen(b []byte) int { return 1 + 4 + int(binary.BigEndian.Uint32(b[1:5])) }

// readable is the last transaction up to which body, what lies behind a segment's header, is what was asked for.
func (s segment) readable(body []byte) storage.TxID {
	last, at := s.first-1, 0
	for last < s.most {
		n := frameLen(s.frames[at:])
		if at+n > len(body) || !bytes.Equal(s.frames[at:at+n], body[at:at+n]) {
			break
		}
		at += n
		last++
	}
	return last
}

// upTo is the segment with exactly the transactions up to last, all of which must be there.
func (s segment) upTo(last storage.TxID) segment {
	s.frames = s.frames[:s.size(last)]
	s.least, s.most, s.optional = last, last, false
	return s
}

// written is the segment behind a batch; durable if it must be there from now on.
func (s segment) written(first, last storage.TxID, batch []byte, durable bool) segment {
	before := s.frames[:s.size(first-1)]
	s.frames = append(slices.Clip(before), batch...)
	s.most = last
	if durable {
		s.least = last
	}
	return s
}
