package crashtests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// view is what a journal shows to those who ask without changing anything, and what lies on its disk.
type view struct {
	*jnserver.Snapshot
	promised   storage.Epoch
	manifest   jnserver.Manifest
	cTime      int64
	canRoll    bool
	canRollErr error
	files      []file
	records    []storage.TxID // by the names in paxos/; nil if the disk was not looked at
	disk       bool
}

// file is a segment's file.
type file struct {
	storage.Segment
	layout  []byte // the header
	body    []byte // what lies behind the header, without the preallocation behind it
	refused error  // of OpenSegment: it is no source for others
}

// look reads all that a journal shows. Records, and segments that it does not give away, are read from fsys if it is
// not nil.
func look(j *jnserver.Journal, fsys vfs.FS) (view, error) {
	v := view{Snapshot: j.Snapshot(), disk: fsys != nil}
	if !v.Formatted() {
		return v, v.Problem
	}
	if err := errors.Join(v.EpochErr, v.CommittedErr); err != nil {
		return v, fmt.Errorf("the small files cannot be read: %w", err)
	}
	var err error
	if v.promised, err = j.LastPromisedEpoch(); err != nil {
		return v, fmt.Errorf("getLastPromisedEpoch: %w", err)
	}
	if v.manifest, err = j.EditLogManifest(0, true); err != nil {
		return v, fmt.Errorf("getEditLogManifest: %w", err)
	}
	if v.cTime, err = j.CTime(); err != nil {
		return v, fmt.Errorf("getJournalCTime: %w", err)
	}
	v.canRoll, v.canRollErr = j.CanRollBack(layout)
	for _, s := range v.Segments {
		f, err := readSegment(j, fsys, s)
		if err != nil {
			return v, err
		}
		v.files = append(v.files, f)
	}
	if fsys != nil {
		v.records, err = listRecords(fsys)
	}
	return v, err
}

func readSegment(j *jnserver.Journal, fsys vfs.FS, s storage.Segment) (file, error) {
	f := file{Segment: s}
	r, err := j.OpenSegment(s.First, true)
	if err == nil {
		defer func() { _ = r.File.Close() }()
		err = f.read(r.File, r.Visible)
		return f, err
	}
	f.refused = err
	if fsys == nil {
		return f, nil
	}
	h, err := fsys.OpenFile(journalRoot+"/current/"+s.Name, 0, 0)
	if err != nil {
		return f, err
	}
	defer func() { _ = h.Close() }()
	info, err := h.Stat()
	if err != nil {
		return f, err
	}
	return f, f.read(h, info.Size())
}

func (f *file) read(r io.ReaderAt, size int64) error {
	end, err := endOf(r, size)
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.Name, err)
	}
	// The last bytes of a frame may look like preallocation: give back what a checksum may have ended with.
	data := make([]byte, min(max(end, headerLen)+4, size))
	if n, err := r.ReadAt(data, 0); err != nil && n < len(data) {
		return fmt.Errorf("reading %s: %w", f.Name, err)
	}
	f.layout = data[:min(headerLen, len(data))]
	f.body = data[len(f.layout):]
	return nil
}

// endOf finds where the 0xFF and zeros at the end of a file begin.
func endOf(r io.ReaderAt, size int64) (int64, error) {
	buf := make([]byte, min(size, 64<<10))
	for end := size; end > 0; {
		from := max(0, end-int64(len(buf)))
		part := buf[:end-from]
		if n, err := r.ReadAt(part, from); err != nil && n < len(part) {
			return 0, err
		}
		if part = unpadded(part); len(part) > 0 {
			return from + int64(len(part)), nil
		}
		end = from
	}
	return 0, nil
}

// unpadded is data without the 0xFF and zeros at its end.
func unpadded(data []byte) []byte {
	for bytes.HasSuffix(data, preallocated[:]) || bytes.HasSuffix(data, zeros[:]) { // most of it, at once
		data = data[:len(data)-len(zeros)]
	}
	end := len(data)
	for end > 0 && (data[end-1] == 0xff || data[end-1] == 0) {
		end--
	}
	return data[:end]
}

var zeros, preallocated = [4096]byte{}, [4096]byte(bytes.Repeat([]byte{0xff}, 4096))

func listRecords(fsys vfs.FS) ([]storage.TxID, error) {
	entries, err := fsys.ReadDir(journalRoot + "/current/paxos")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []storage.TxID
	for _, e := range entries {
		var first storage.TxID
		if n, err := fmt.Sscanf(e.Name(), "%d", &first); n == 1 && err == nil && fmt.Sprint(first) == e.Name() {
			list = append(list, first)
		}
	}
	return list, err
}

// differs tells which promise of s a view breaks; nil if none.
func (s state) differs(v view, tolerant bool) error {
	if s.formatted != v.Formatted() {
		return fmt.Errorf("format: formatted is %t, not %t", v.Formatted(), s.formatted)
	}
	if !s.formatted {
		return nil
	}
	switch {
	case v.Info != s.info:
		return fmt.Errorf("the namespace: it is %s, not %s", v.Info, s.info)
	case v.cTime != s.info.CTime:
		return fmt.Errorf("cTime: it is %d, not %d", v.cTime, s.info.CTime)
	case v.Promised < s.promised || v.promised < s.promised:
		return fmt.Errorf("the promise of epoch %d: only %d is promised", s.promised, min(v.Promised, v.promised))
	case v.Promised > s.promisedMost:
		return fmt.Errorf("promises: epoch %d is promised, nobody asked beyond %d", v.Promised, s.promisedMost)
	case v.Writer < s.writer:
		return fmt.Errorf("the writer's epoch %d: it is %d", s.writer, v.Writer)
	case v.Writer > s.writerMost:
		return fmt.Errorf("the writer's epoch is %d, nobody wrote beyond %d", v.Writer, s.writerMost)
	case v.CommittedKnown && v.Committed > s.committedMost:
		return fmt.Errorf("the committed txid is %d, nobody told more than %d", v.Committed, s.committedMost)
	}
	if err := s.previousDiffers(v); err != nil {
		return err
	}
	if err := s.segmentsDiffer(v, tolerant); err != nil {
		return err
	}
	return s.recordsDiffer(v)
}

func (s state) previousDiffers(v view) error {
	switch {
	case s.previous == nil && v.canRollErr != nil:
		return fmt.Errorf("canRollBack: %w", v.canRollErr)
	case s.previous == nil && v.canRoll:
		return errors.New("the upgrade was finalized, or none was made, and there is a state to go back to")
	case s.previous != nil && s.previous.info.LayoutVersion == layout && !v.canRoll:
		return fmt.Errorf("the state before the upgrade is gone: %w", v.canRollErr)
	}
	return nil
}

func (s state) segmentsDiffer(v view, tolerant bool) error {
	seen := make(map[storage.TxID]bool)
	for _, f := range v.files {
		seg, known := s.segments[f.First]
		switch {
		case seen[f.First]:
			return fmt.Errorf("segment %d is there twice", f.First)
		case !known && (!f.InProgress || len(unpadded(f.body)) > 0):
			return fmt.Errorf("segment %s is there, and was taken away or never written", f.Name)
		case !known:
			continue
		}
		seen[f.First] = true
		if err := seg.differs(f, v, tolerant); err != nil {
			return err
		}
	}
	for first, seg := range s.segments {
		if !seen[first] && !seg.optional && (seg.least >= first || seg.final) {
			return fmt.Errorf("%s: it is not there", seg)
		}
	}
	return nil
}

func (seg segment) differs(f file, v view, tolerant bool) error {
	if seg.final == f.InProgress {
		return fmt.Errorf("%s: it is %s", seg, f.Name)
	}
	if seg.final && f.Last != seg.most {
		return fmt.Errorf("%s: it is %s", seg, f.Name)
	}
	last := seg.lastIn(f)
	listed := slices.IndexFunc(v.manifest.Logs, func(l jnserver.ManifestLog) bool { return l.First == f.First })
	switch {
	case last < seg.least:
		return fmt.Errorf("%s: only the transactions up to %d are there as they were written", seg, last)
	case f.refused != nil && seg.final && !tolerant:
		return fmt.Errorf("%s: it is not given to readers: %w", seg, f.refused)
	case seg.final && f.refused == nil && listed < 0:
		return fmt.Errorf("%s: it is not in the manifest %s", seg, v.manifest)
	case listed < 0:
		return nil
	}
	if l := v.manifest.Logs[listed]; l.Last > last || l.Last < seg.least {
		return fmt.Errorf("%s: the manifest has %s, the file ends at %d", seg, l, last)
	}
	return nil
}

// lastIn is the last transaction of a file that is as it was written, the header included.
func (seg segment) lastIn(f file) storage.TxID {
	if !bytes.Equal(f.layout, header(layout)) {
		return seg.first - 1
	}
	return seg.readable(f.body)
}

func (s state) recordsDiffer(v view) error {
	if !v.disk {
		return nil
	}
	for first, r := range s.records {
		here := slices.Contains(v.records, first)
		switch {
		case r.gone && here:
			return fmt.Errorf("the recovery record of segment %d is back", first)
		case !r.gone && !r.optional && !here && !s.segments[first].final:
			return fmt.Errorf("the recovery record of segment %d, accepted in epoch %d, is gone", first, r.epoch)
		}
	}
	for _, first := range v.records {
		if _, known := s.records[first]; !known {
			return fmt.Errorf("there is a recovery record of segment %d, which nobody accepted", first)
		}
	}
	return nil
}
