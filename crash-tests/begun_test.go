package crashtests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"gojn/storage"
	"gojn/storage/vfs"
)

// begun compares the files of segments in progress with what startLogSegment promises of them: the writer's epoch is
// on the disk before the file is, and the header is there once the call was answered. Who opens the journal sets an
// empty segment aside, so it is done before that.
func (l *ledger) begun(disk vfs.FS) error {
	const current = journalRoot + "/current/"
	if _, err := readAll(disk, current+"VERSION"); err != nil {
		return nil //nolint:nilerr // not formatted, or a state that does not count
	}
	entries, err := disk.ReadDir(current)
	if err != nil {
		return err
	}
	for _, e := range entries {
		s, ok := storage.ParseSegmentName(e.Name())
		if !ok || !s.InProgress {
			continue
		}
		by, begun, known := l.startOf(s.First)
		if !known {
			continue
		}
		writer, err := readAll(disk, current+"last-writer-epoch")
		if err == nil {
			err = errOldWriter
		}
		if n, _ := strconv.ParseInt(strings.TrimSpace(string(writer)), 10, 64); storage.Epoch(n) < by {
			return fmt.Errorf("startLogSegment: %s is there, started by epoch %d, and the writer's epoch is %d: %w",
				s.Name, by, n, err)
		}
		file, err := readAll(disk, current+s.Name)
		if err != nil {
			return err
		}
		if begun && !bytes.HasPrefix(file, header(layout)) {
			return fmt.Errorf("startLogSegment: %s was acknowledged and has no header", s.Name)
		}
	}
	return nil
}

var errOldWriter = errors.New("a power cut has left the file and taken the epoch back")

// startOf tells what all states in which a segment is in progress have in common.
func (l *ledger) startOf(first storage.TxID) (by storage.Epoch, begun, known bool) {
	for _, s := range l.states {
		seg, ok := s.segments[first]
		if !ok || seg.final {
			continue
		}
		if !known {
			by, begun, known = seg.by, seg.begun, true
		}
		by, begun = min(by, seg.by), begun && seg.begun
	}
	return by, begun, known
}

// readAll reads the beginning of a file.
func readAll(fsys vfs.FS, name string) (data []byte, err error) {
	f, err := fsys.OpenFile(name, 0, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.NewSectionReader(f, 0, 4096))
}
