package crashtests

import (
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"

	"gojn/storage"
	"gojn/storage/vfs"
)

// process is a file system as one process has it: when the process dies its files are closed, and its locks are free.
type process struct {
	vfs.FS
	mu   sync.Mutex
	open map[*processFile]bool
	full int // so many small files cannot be created for want of space
}

type processFile struct {
	vfs.File
	p *process
}

func newProcess(fsys vfs.FS) *process { return &process{FS: fsys, open: map[*processFile]bool{}} }

func (p *process) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	if p.full > 0 && flag&os.O_CREATE != 0 && strings.HasSuffix(name, ".tmp") {
		p.full--
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOSPC}
	}
	f, err := p.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	pf := &processFile{File: f, p: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[pf] = true
	return pf, nil
}

func (f *processFile) Close() error {
	f.p.mu.Lock()
	delete(f.p.open, f)
	f.p.mu.Unlock()
	return f.File.Close()
}

// die closes all files of the process.
func (p *process) die() {
	p.mu.Lock()
	files := p.open
	p.open = map[*processFile]bool{}
	p.mu.Unlock()
	for f := range files {
		_ = f.File.Close() // the dead do not look at errors
	}
}

// frames are good frames of the transactions first to last, each with a body of size bytes: the same for the same
// arguments, other ones for others.
func frames(first, last storage.TxID, size int) []byte {
	out := make([]byte, 0, int(last-first+1)*(frameHead+size+4))
	for tx := first; tx <= last; tx++ {
		from := len(out)
		out = append(out, 3)
		out = binary.BigEndian.AppendUint32(out, uint32(8+size+4))
		out = binary.BigEndian.AppendUint64(out, uint64(tx))
		for i := range size {
			out = append(out, byte(int(tx)*31+size*7+i*13)|1)
		}
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[from:]))
	}
	return out
}

const (
	frameHead = 1 + 4 + 8 // opcode, length, txid
	headerLen = 8
)

// header is what the first eight bytes of a segment are.
func header(layoutVersion int32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(layoutVersion)), 0)
}

// segmentBytes is a whole segment file without padding.
func segmentBytes(first, last storage.TxID, size int) []byte {
	return append(header(layout), frames(first, last, size)...)
}
