package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gojn/compat-tests/wire"
)

// fixture is the large files that both sides have by hard links: the same bytes in the same place of the disk, and the same
// pages in the cache. No scenario changes them.
type fixture struct {
	dir     string
	segment string // a file with the transactions 1 to last
	last    int64
}

// layoutVersion is that of Hadoop 3.4.2, and of every segment here.
const layoutVersion = -67

// newFixture makes dir, a segment of size bytes, and for each number of segments a directory with as many small files.
func newFixture(dir string, s scale) (fixture, error) {
	f := fixture{dir: dir, segment: filepath.Join(dir, "segment")}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return f, err
	}
	var err error
	if f.last, err = writeSegment(f.segment, 1, s.segmentBytes); err != nil {
		return f, err
	}
	for _, n := range s.manifests {
		dir := filepath.Join(dir, manifestJournal(n))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return f, err
		}
		for txid := range int64(n) {
			if _, err := writeSegment(filepath.Join(dir, finalizedName(txid+1, txid+1)), txid+1, 0); err != nil {
				return f, err
			}
		}
	}
	return f, nil
}

// writeSegment writes a segment of whole operations of about 150 bytes from txid first on, at least one and up to size
// bytes in all, and returns the last txid. It is synced: nothing of it is to be written back while something is measured.
func writeSegment(name string, first, size int64) (last int64, err error) {
	file, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriterSize(file, int(min(max(size, 4<<10), 1<<20)))
	layout := int32(layoutVersion)
	header := binary.BigEndian.AppendUint32(nil, uint32(layout))
	written, err := out.Write(append(header, 0, 0, 0, 0))
	if err != nil {
		return 0, err
	}
	path := "/bench/" + strings.Repeat("x", 60)
	for txid := first; ; txid++ {
		op := wire.Mkdir(txid, path)
		if txid > first && int64(written+len(op)) > size {
			break
		}
		n, err := out.Write(op)
		if err != nil {
			return 0, err
		}
		written += n
		last = txid
	}
	if err := out.Flush(); err != nil {
		return 0, err
	}
	if size == 0 {
		return last, nil // one of very many: settle syncs them together
	}
	return last, file.Sync()
}

func finalizedName(first, last int64) string { return fmt.Sprintf("edits_%019d-%019d", first, last) }

// finalized is the segment's name once it is finalized.
func (f fixture) finalized() string { return finalizedName(1, f.last) }

// place links the files into the formatted journals of a side whose nodes are stopped.
func (f fixture) place(s *side, sc scale) error {
	if err := os.Link(f.segment, filepath.Join(s.main.Current("big"), f.finalized())); err != nil {
		return err
	}
	open := filepath.Join(s.recovery.Current("recovery"), fmt.Sprintf("edits_inprogress_%019d", 1))
	if err := os.Link(f.segment, open); err != nil {
		return err
	}
	for _, n := range sc.manifests {
		from := filepath.Join(f.dir, manifestJournal(n))
		names, err := os.ReadDir(from)
		if err != nil {
			return err
		}
		for _, name := range names {
			to := filepath.Join(s.main.Current(manifestJournal(n)), name.Name())
			if err := os.Link(filepath.Join(from, name.Name()), to); err != nil {
				return err
			}
		}
	}
	return nil
}

// readThrough brings a file into the page cache.
func readThrough(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, bufio.NewReaderSize(file, 1<<20))
	return errors.Join(err, file.Close())
}
