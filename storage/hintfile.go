package storage

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"

	"gojn/internal/javaerr"
	"gojn/storage/vfs"
)

// hintLen is the length of a hint file: one big-endian int64.
const hintLen = 8

// hintFile is a number that may be older than the truth after a power cut: eight bytes overwritten in place, never synced
// by set (Java hdfs.util.BestEffortLongFile). Unlike Java's, reading it does not create it. A file of any length but 0 and
// 8, and a value that is no txid, is an error each time it is touched. It belongs to one goroutine at a time.
type hintFile struct {
	fs    vfs.FS
	path  string
	file  vfs.File // nil until the file was found or created
	value int64
	known bool // value is what the file holds; without file: there is none
}

// get tells the value, or unknown if the file is missing or empty.
func (f *hintFile) get(unknown int64) (int64, error) {
	if f.known {
		return f.value, nil
	}
	if f.file == nil {
		file, err := f.fs.OpenFile(f.path, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			f.value, f.known = unknown, true
			return unknown, nil
		}
		if err != nil {
			return 0, err
		}
		f.file = file
	}
	value, err := readHint(f.file, f.path, unknown)
	if err != nil {
		return 0, err
	}
	f.value, f.known = value, true
	return value, nil
}

// set writes the value in one pwrite and does not sync it. A crash leaves the old value or the new one, as the eight bytes are
// in one sector; of a new file nothing, an empty one, or the length without the data, which reads as 0 and is no more than
// the truth either. A write that fails half way would leave bytes of both, which may make a number above both: then nothing
// is left.
func (f *hintFile) set(value, unknown int64) error {
	old, err := f.get(unknown)
	if err != nil {
		return err
	}
	if err := checkHint(value, f.path, unknown); err != nil {
		return err
	}
	if old == value && (f.file != nil || value == unknown) {
		return nil
	}
	if f.file == nil {
		if f.file, err = f.fs.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
			f.file = nil
			return err
		}
	}
	f.known = false
	if err := f.write(value); err != nil {
		return err
	}
	f.value, f.known = value, true
	return nil
}

// sync makes the value durable. It is written once more first: an earlier sync, of this process or another, may have failed,
// and the next one has nothing to do then.
func (f *hintFile) sync() error {
	if f.file == nil {
		return nil
	}
	for {
		var err error
		if f.known {
			err = f.write(f.value)
		}
		if err == nil {
			err = f.file.Sync()
		}
		if !madeRoom(f.fs, err) {
			return err
		}
	}
}

// write empties the file if a part was written: unknown is safe.
func (f *hintFile) write(value int64) error {
	for {
		n, err := f.file.WriteAt(formatHint(value), 0)
		if err != nil && n > 0 {
			f.known = false
			_ = f.file.Truncate(0) // the write error is what counts
		}
		if !madeRoom(f.fs, err) {
			return err
		}
	}
}

// close releases the handle; the next use opens path again, whatever lies there by then.
func (f *hintFile) close() error {
	f.known = false
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

func readHint(file vfs.File, name string, unknown int64) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	switch info.Size() {
	case 0:
		return unknown, nil
	case hintLen:
		var b [hintLen]byte
		if _, err := file.ReadAt(b[:], 0); err != nil {
			return 0, err
		}
		value := int64(binary.BigEndian.Uint64(b[:]))
		return value, checkHint(value, name, unknown)
	}
	return 0, javaerr.New(javaerr.IOException, "File %s had invalid length: %d", name, info.Size())
}

// maxHint is more than the txid of any transaction: a million a second for nine years.
const maxHint = 1 << 48

// checkHint refuses what no JournalNode writes; -1 is of a discardSegments from the very first transaction on.
func checkHint(value int64, name string, unknown int64) error {
	if value >= -1 && value <= maxHint || value == unknown {
		return nil
	}
	return javaerr.New(javaerr.IOException, "File %s had impossible value: %d", name, value)
}

func formatHint(value int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(value)) }
