package oracle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
)

// Segment is one edits file: its name and its complete transactions.
type Segment struct {
	Name          string
	Path          string
	First         int64 // by its name
	Last          int64 // by its name if finalized, else of the last frame (First-1 without one)
	InProgress    bool
	LayoutVersion int32
	Header        []byte // the 8 bytes
	Frames        []Frame
}

// Frame is one transaction as it lies in the file, from the opcode to the checksum.
type Frame struct {
	TxID  int64
	Bytes []byte
}

var (
	finalizedName  = regexp.MustCompile(`^edits_(\d+)-(\d+)$`)
	inProgressName = regexp.MustCompile(`^edits_inprogress_(\d+)$`)
)

const (
	headerLength = 8
	opInvalid    = 0xFF // terminator and padding
	minFrame     = 17
)

// parseSegment reads an edits file (journal.md 2.1 and 2.2): the header, then opcode, int32 length, int64 txid, body
// and CRC-32 per transaction, until the padding or the end. Anything else in a finalized file is an error; in a file
// in progress it ends the transactions.
func parseSegment(path string, s *Segment) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(data) < headerLength {
		if s.InProgress {
			return nil
		}
		return fmt.Errorf("%s: %d bytes", s.Name, len(data))
	}
	s.Header = data[:headerLength]
	s.LayoutVersion = int32(binary.BigEndian.Uint32(data))
	for at := headerLength; at < len(data) && data[at] != opInvalid; {
		frame, err := parseFrame(data[at:])
		if err != nil {
			if s.InProgress {
				return nil
			}
			return fmt.Errorf("%s: at byte %d: %w", s.Name, at, err)
		}
		s.Frames = append(s.Frames, frame)
		at += len(frame.Bytes)
	}
	return nil
}

func parseFrame(data []byte) (Frame, error) {
	if len(data) < minFrame {
		return Frame{}, fmt.Errorf("torn transaction of %d bytes", len(data))
	}
	length := int64(int32(binary.BigEndian.Uint32(data[1:]))) + 5
	if length < minFrame || length > int64(len(data)) {
		return Frame{}, fmt.Errorf("transaction length %d", length)
	}
	frame := data[:length]
	if got, want := crc32.ChecksumIEEE(frame[:length-4]), binary.BigEndian.Uint32(frame[length-4:]); got != want {
		return Frame{}, fmt.Errorf("checksum %08x, want %08x", got, want)
	}
	return Frame{TxID: int64(binary.BigEndian.Uint64(frame[5:])), Bytes: frame}, nil
}

// ReadJournal reads all segments of a current/ directory, sorted by first txid. A finalized segment that does not hold
// exactly the transactions of its name is an error.
func ReadJournal(current string) ([]Segment, error) {
	entries, err := os.ReadDir(current)
	if err != nil {
		return nil, err
	}
	var segments []Segment
	for _, entry := range entries {
		s, ok := named(current, entry.Name())
		if !ok {
			continue
		}
		if err := s.read(); err != nil {
			return nil, fmt.Errorf("%s: %w", current, err)
		}
		segments = append(segments, s)
	}
	sort.Slice(segments, func(i, j int) bool { return segments[i].First < segments[j].First })
	return segments, nil
}

// ReadOpen reads the segments in progress of a current/ directory, also while they are written. One that is renamed
// meanwhile is not in progress any more.
func ReadOpen(current string) ([]Segment, error) {
	paths, err := filepath.Glob(filepath.Join(current, "edits_inprogress_*"))
	if err != nil {
		return nil, err
	}
	var open []Segment
	for _, path := range paths {
		s, ok := named(current, filepath.Base(path))
		if !ok { // set aside by a recovery
			continue
		}
		if err := s.read(); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", current, err)
		}
		open = append(open, s)
	}
	return open, nil
}

// named is the segment of that file name, not read; false if no segment is called so.
func named(current, name string) (s Segment, ok bool) {
	s = Segment{Name: name, Path: filepath.Join(current, name)}
	if m := finalizedName.FindStringSubmatch(name); m != nil {
		s.First, s.Last = number(m[1]), number(m[2])
	} else if m := inProgressName.FindStringSubmatch(name); m != nil {
		s.First, s.InProgress = number(m[1]), true
	} else {
		return s, false
	}
	return s, true
}

// read reads the file and compares it with its name.
func (s *Segment) read() error {
	if err := parseSegment(s.Path, s); err != nil {
		return err
	}
	return s.check()
}

func number(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// check compares the frames with the name.
func (s *Segment) check() error {
	for i, frame := range s.Frames {
		if want := s.First + int64(i); frame.TxID != want {
			return fmt.Errorf("%s: txid %d where %d belongs", s.Name, frame.TxID, want)
		}
	}
	end := s.First + int64(len(s.Frames)) - 1
	if s.InProgress {
		s.Last = end
	}
	if s.Last != end {
		return fmt.Errorf("%s: its transactions end at %d", s.Name, end)
	}
	return nil
}
