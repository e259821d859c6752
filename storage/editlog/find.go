package editlog

import (
	"encoding/binary"
	"math"
)

// The search behind bad bytes tries a frame at every byte, so it must not compute a CRC for each. Random bytes pass the
// three cheap tests (length, txid, inside the file) about once in 2^30 positions. A file made on purpose can pass them
// everywhere; the CRC work of one search is therefore limited to searchFactor times the bytes searched plus searchExtra.
// Beyond it the search gives up and the segment counts as damaged: that costs an answer in a recovery, never an edit.
const (
	searchFactor = 4
	searchExtra  = 16 << 20

	// A frame behind lost ones may be this far ahead of the prefix; a txid above maxPlausibleTxID needs no prefix to be
	// unlikely (a million transactions a second for nine years).
	maxTxIDsAhead    TxID = 1 << 40
	maxPlausibleTxID TxID = 1 << 48
)

type found struct {
	ok     bool
	gaveUp bool // the limit of CRC work was reached
	at     int64
	Frame
}

// findFrame looks for the first good frame at offset from or later whose txid could follow those of s.
func findFrame(w *window, from int64, s Scan) (found, error) {
	after, upTo := TxID(0), maxPlausibleTxID
	if s.HasTxns() {
		after = max(s.End, 0)
		upTo = after + min(maxTxIDsAhead, math.MaxInt64-after)
	}
	budget := searchFactor*(w.size-from) + searchExtra
	var far *window // for frames that reach out of w, so that w need not move back and forth
	for off := from; ; {
		if _, err := w.at(off, frameHeadLen); err != nil {
			return found{}, err
		}
		b, err := w.rest(off)
		if err != nil {
			return found{}, err
		}
		if len(b) < frameHeadLen {
			return found{}, nil
		}
		i := 0
		for ; i+frameHeadLen <= len(b); i++ {
			if !plausible(b[i:i+frameHeadLen], w.size-off-int64(i), after, upTo) {
				continue
			}
			f, _ := parseHead(b[i:])
			if budget -= int64(f.Length); budget < 0 {
				return found{gaveUp: true}, nil
			}
			if i+f.Length <= len(b) {
				if _, bad := ParseFrame(b[i:]); bad == nil {
					return found{ok: true, at: off + int64(i), Frame: f}, nil
				}
				continue
			}
			if far == nil {
				far = newWindow(w.r, w.size)
			}
			f, bad, err := frameAt(far, off+int64(i))
			if err != nil {
				return found{}, err
			}
			if bad == nil {
				return found{ok: true, at: off + int64(i), Frame: f}, nil
			}
		}
		off += int64(i)
	}
}

// plausible tells in a few instructions whether a frame could start with head and fit into the remaining bytes.
func plausible(head []byte, remaining int64, after, upTo TxID) bool {
	if head[0] == OpInvalid {
		return false
	}
	length := int64(binary.BigEndian.Uint32(head[1:])) + lengthEnd
	if length < MinFrameLen || length > min(MaxOpSize, remaining) {
		return false
	}
	txid := TxID(binary.BigEndian.Uint64(head[lengthEnd:]))
	return txid > after && txid <= upTo
}
