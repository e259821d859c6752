package crashtests

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"path"
	"slices"
	"sync"

	"gojn/storage"
	"gojn/storage/vfs"
)

// sameDisks remembers what came out when a disk was checked against what was promised. A journal is deterministic: the
// same bytes and the same promises need no second look. It may be used by many goroutines at once.
type sameDisks struct {
	wrap func(vfs.FS) vfs.FS // around the disk, for the node that is started; nil: none
	seed maphash.Seed

	mu    sync.Mutex
	found map[uint64]error // by the digest of both; 64 bits are enough for the millions of disks that a run may see
}

func newSameDisks(wrap func(vfs.FS) vfs.FS) *sameDisks {
	return &sameDisks{wrap: wrap, seed: maphash.MakeSeed(), found: make(map[uint64]error)}
}

// distinct tells how many disks, with what was promised of each, were different from all others.
func (s *sameDisks) distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.found)
}

// check is l.check(disk) with a node on wrap(disk), or what that gave when it was done before.
func (s *sameDisks) check(l *ledger, disk *vfs.Mem) error {
	if l.broken != nil {
		return l.broken
	}
	after := l.afterRestart()
	d := digest{seed: s.seed}
	whole, err := d.disk(disk)
	if err != nil {
		return err
	}
	key := d.ledger(whole, after)
	s.mu.Lock()
	err, seen := s.found[key]
	s.mu.Unlock()
	if seen {
		return err
	}
	if s.wrap != nil { // what is started after the second cut is not wrapped, and may make something else of the same disk
		err = after.checkHere(disk, s.wrap(disk), nil)
	} else {
		err = after.checkHere(disk, disk, func() bool {
			now, err := d.disk(disk.CrashClone(nil))
			return err != nil || now != whole
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found[key] = err
	return err
}

// digest hashes disks and ledgers.
type digest struct {
	seed maphash.Seed
	buf  []byte
	ids  map[any]uint64
}

// disk hashes all that a process could find on a disk with nothing unsynced: names, modes, contents, and which names
// are links of one file.
func (d *digest) disk(m *vfs.Mem) (uint64, error) {
	var h maphash.Hash
	h.SetSeed(d.seed)
	d.ids = make(map[any]uint64)
	err := d.directory(&h, m, "/")
	return h.Sum64(), err
}

func (d *digest) directory(h *maphash.Hash, m *vfs.Mem, dir string) error {
	entries, err := m.ReadDir(dir)
	if err != nil {
		return err
	}
	writeInts(h, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		writeText(h, e.Name())
		writeInts(h, info.Mode())
		if e.IsDir() {
			err = d.directory(h, m, path.Join(dir, e.Name()))
		} else if id, seen := d.ids[info.Sys()]; seen { // vfs.Mem gives the file itself
			writeInts(h, id)
		} else {
			d.ids[info.Sys()] = uint64(len(d.ids))
			writeInts(h, info.Size())
			err = d.content(h, m, path.Join(dir, e.Name()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *digest) content(h *maphash.Hash, m *vfs.Mem, name string) error {
	f, err := m.OpenFile(name, 0, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if d.buf == nil {
		d.buf = make([]byte, 64<<10)
	}
	for at := int64(0); ; {
		n, err := f.ReadAt(d.buf, at)
		_, _ = h.Write(d.buf[:n]) // never fails
		at += int64(n)
		switch {
		case err == io.EOF: //nolint:errorlint // ReadAt of a vfs.File gives it as it is
			return nil
		case err != nil:
			return fmt.Errorf("reading %s: %w", name, err)
		}
	}
}

// ledger adds to the digest of a disk what a ledger promises. l has nothing under way.
func (d *digest) ledger(disk uint64, l *ledger) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	writeInts(&h, disk)
	writeInts(&h, len(l.states))
	for _, s := range l.states {
		writeState(&h, s)
	}
	return h.Sum64()
}

func writeState(h *maphash.Hash, s state) {
	writeBools(h, s.formatted, s.half, s.previous != nil)
	writeInts(h, s.info.LayoutVersion, s.info.NamespaceID)
	writeInts(h, s.info.CTime)
	writeText(h, s.info.ClusterID)
	writeInts(h, s.promised, s.promisedMost, s.writer, s.writerMost)
	writeInts(h, s.committedMost, s.opened, storage.TxID(len(s.segments)), storage.TxID(len(s.records)))
	for _, first := range s.firsts() {
		seg := s.segments[first]
		writeInts(h, first, seg.first, seg.least, seg.most)
		writeBools(h, seg.final, seg.optional, seg.begun)
		writeInts(h, seg.by)
		writeInts(h, len(seg.frames))
		_, _ = h.Write(seg.frames)
	}
	for _, first := range slices.Sorted(maps.Keys(s.records)) {
		r := s.records[first]
		writeInts(h, first, r.end)
		writeInts(h, r.epoch)
		writeBools(h, r.inProgress, r.gone, r.optional)
	}
	if s.previous != nil {
		writeState(h, *s.previous)
	}
}

func writeText(h *maphash.Hash, text string) {
	writeInts(h, len(text))
	_, _ = h.WriteString(text)
}

func writeBools(h *maphash.Hash, values ...bool) {
	for _, v := range values {
		if v {
			_ = h.WriteByte(1)
		} else {
			_ = h.WriteByte(0)
		}
	}
}

func writeInts[T ~int | ~int32 | ~uint32 | ~int64 | ~uint64](h *maphash.Hash, values ...T) {
	var b [8]byte
	for _, v := range values {
		binary.LittleEndian.PutUint64(b[:], uint64(v))
		_, _ = h.Write(b[:])
	}
}
