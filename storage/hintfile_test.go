package storage

import (
	"errors"
	"testing"

	"gojn/storage/vfs"
)

// TestHintFileNeverReadsHigh: the committed txid may be forgotten, but never be more than was told, neither after a write that
// failed half way, where the bytes of two numbers would make a third one, nor in what a power cut leaves of it.
func TestHintFileNeverReadsHigh(t *testing.T) {
	const unknown, before, after = int64(InvalidTxID), 0x00ff, 0x0100
	read := func(fsys vfs.FS) int64 {
		t.Helper()
		n, err := readHintFile(fsys, "/committed-txid")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for torn := range hintLen {
		mem := vfs.NewMem()
		armed := false
		f := hintFile{path: "/committed-txid", fs: vfs.Inject(mem, func(op vfs.Op) error {
			if armed && op.Kind == "writeat" {
				return &vfs.Torn{Bytes: torn, Err: errors.New("input/output error")}
			}
			return nil
		})}
		if err := f.set(before, unknown); err != nil {
			t.Fatal(err)
		}
		armed = true
		if err := f.set(after, unknown); err == nil {
			t.Fatal("no error")
		}
		if n := read(mem); n != before && n != unknown {
			t.Errorf("%d bytes of %d over %d: the file says %d", torn, after, before, n)
		}
		if n, err := f.get(unknown); err != nil || n != read(mem) {
			t.Errorf("%d bytes: memory says %d, the file %d: %v", torn, n, read(mem), err)
		}
		armed = false
		if err := f.set(after, unknown); err != nil || read(mem) != after {
			t.Errorf("%d bytes: written again it says %d: %v", torn, read(mem), err)
		}
	}

	mem := vfs.NewMem()
	f := hintFile{path: "/committed-txid", fs: mem}
	for _, value := range []int64{before, after} { // the first one makes the file
		if err := f.set(value, unknown); err != nil {
			t.Fatal(err)
		}
		for kept := range 8 {
			asked := 0
			left := mem.CrashClone(func() bool {
				asked++
				return kept&(1<<(asked-1)) != 0
			})
			if n := read(left); n > value {
				t.Errorf("%d told, a power cut leaves %d", value, n)
			}
		}
	}
}
