package crashtests

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"

	"gojn/storage/vfs"
)

// swap is an ordering point: two sites of which the second comes next after the first in one RPC, with something
// renamed or removed in between. Swapped, that and the second are durable before the first is. Where nothing is renamed
// or removed nothing old goes and nothing new appears between the two, so their order is nobody's concern. Nor is it if
// both sync one directory: its changes are on disk in their order in any case (see Mem.CrashClone), so the second does
// the first too.
type swap struct{ first, second site }

func (s swap) String() string { return s.second.String() + " BEFORE " + s.first.String() }

// mutation is what a muter does to a run; the zero value does nothing.
type mutation struct {
	off  site // is not done: the call returns nil
	late swap // first is not done until second was; if another site comes instead, until just before that
}

func (m mutation) String() string {
	if m.off != (site{}) {
		return "OFF " + m.off.String()
	}
	return "SWAP " + m.late.String()
}

// functions is m without lines, as excuses name it.
func (m mutation) functions() string {
	if m.off != (site{}) {
		return "OFF " + m.off.functions()
	}
	return "SWAP " + m.late.second.functions() + " BEFORE " + m.late.first.functions()
}

// muter records the sites of the file systems that it wraps, and mutates one. It may be used for many runs, at once
// too.
type muter struct {
	mutation

	mu    sync.Mutex // guards all below, and all muteHistories
	hits  map[site]int
	lines map[string]bool // "file.go:12" of each call that makes something durable
	pairs map[swap]int
	fired int // times that the mutation took place
	acted int // that, and times that the first of a swap began to wait
}

func newMuter(m mutation) *muter {
	return &muter{mutation: m, hits: map[site]int{}, lines: map[string]bool{}, pairs: map[swap]int{}}
}

// forget forgets what was recorded.
func (m *muter) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.hits)
	clear(m.pairs)
}

// counts are fired and acted.
func (m *muter) counts() (fired, acted int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fired, m.acted
}

// wrap gives a file system that does what inner does, but for the mutation.
func (m *muter) wrap(inner vfs.FS) vfs.FS { return (&muteHistory{m: m}).wrap(inner) }

func (h *muteHistory) wrap(inner vfs.FS) vfs.FS { return vfs.Inject(&muteFS{inner, h}, h.before) }

// muteHistory is what was done on one file system.
type muteHistory struct {
	m       *muter
	quiet   bool // nothing is recorded; it belongs to the goroutine that uses the file system
	last    caller
	lastDir string // that last synced; "" for a file
	waiting *delayed
	renamed bool // or removed, since last
	due     bool // the second one of the swap is done: what waits comes before the next operation
}

// delayed is a sync that waits for the other one of its swap.
type delayed struct {
	do   func(dir string) error
	dir  string // of a syncdir; follows renames
	file *muteFile
}

// before is called before each operation, so that a power cut may come between the two of a swap.
func (h *muteHistory) before(op vfs.Op) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.renamed = h.renamed || op.Kind == "rename" || op.Kind == "remove" || op.Kind == "removeall"
	if h.due {
		return h.release()
	}
	return nil
}

// at comes to a site; do makes durable.
func (h *muteHistory) at(kind, dir string, file *muteFile, do func(dir string) error) error {
	c := callSite(kind)
	s, m := c.site, h.m
	if c.rpc == "" {
		return do(dir) // the harness prepares a disk
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !h.quiet {
		m.hits[s]++
		m.lines[c.line] = true
	}
	if !h.quiet && h.renamed && h.last.rpc == c.rpc && (dir == "" || dir != h.lastDir) {
		m.pairs[swap{h.last.site, s}]++
	}
	h.last, h.lastDir, h.renamed = c, dir, false

	if h.waiting != nil && s != m.late.second {
		if err := h.release(); err != nil {
			return err
		}
	}
	switch {
	case s == m.off:
		m.fired++
		m.acted++
		return nil
	case s == m.late.first && h.waiting == nil:
		m.acted++
		h.waiting = &delayed{do: do, dir: dir, file: file}
		return nil
	}
	if h.waiting != nil {
		m.fired++
		m.acted++
		h.due = true
	}
	err := do(dir)
	if err != nil {
		h.last = caller{} // nothing was made durable, so nothing comes before what follows
	}
	return err
}

// release does what was waiting.
func (h *muteHistory) release() error {
	w := h.waiting
	h.waiting, h.due = nil, false
	err := w.do(w.dir)
	if w.file != nil && w.file.closing {
		err = errors.Join(err, w.file.File.Close())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the directory was removed: nothing of it needs to last
	}
	return err
}

type muteFS struct {
	vfs.FS
	h *muteHistory
}

func (f *muteFS) SyncDir(name string) error { return f.h.at("syncdir", name, nil, f.FS.SyncDir) }

// OpenFile with ODSync is a site: switched off, the file is opened without. It is in no swap: it does nothing by
// itself.
func (f *muteFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	if flag&vfs.ODSync == vfs.ODSync && f.h.withoutDSync() {
		flag &^= vfs.ODSync
	}
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &muteFile{File: file, h: f.h}, nil
}

func (h *muteHistory) withoutDSync() bool {
	s := callSite("dsync").site
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if !h.quiet {
		h.m.hits[s]++
	}
	if s != h.m.off {
		return false
	}
	h.m.fired++
	h.m.acted++
	return true
}

// Rename takes a waiting syncdir along to where its directory is then.
func (f *muteFS) Rename(oldName, newName string) error {
	if err := f.FS.Rename(oldName, newName); err != nil {
		return err
	}
	f.h.m.mu.Lock()
	defer f.h.m.mu.Unlock()
	if w := f.h.waiting; w != nil && w.file == nil {
		if rest, below := strings.CutPrefix(w.dir+"/", oldName+"/"); below {
			w.dir = path.Clean(newName + "/" + rest)
		}
	}
	return nil
}

type muteFile struct {
	vfs.File
	h       *muteHistory
	closing bool // closed while its sync waits; guarded by muter.mu
}

func (f *muteFile) Sync() error {
	return f.h.at("sync", "", f, func(string) error { return f.File.Sync() })
}

func (f *muteFile) SyncData() error {
	return f.h.at("syncdata", "", f, func(string) error { return f.File.SyncData() })
}

// Close of a file whose sync waits comes after that. A lock, which closing would release, is on no file that is synced.
func (f *muteFile) Close() error {
	f.h.m.mu.Lock()
	defer f.h.m.mu.Unlock()
	if f.h.waiting != nil && f.h.waiting.file == f {
		f.closing = true
		return nil
	}
	return f.File.Close()
}
