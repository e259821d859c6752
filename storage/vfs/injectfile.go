package vfs

import (
	"errors"
	"io/fs"
)

// injectFile passes Name and OS through.
type injectFile struct {
	File
	fs *injectFS
}

func (f *injectFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.fs.before("readat", f.Name()); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, off)
}

func (f *injectFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.fs.before("writeat", f.Name()); err != nil {
		var torn *Torn
		if !errors.As(err, &torn) {
			return 0, err
		}
		n, writeErr := f.File.WriteAt(b[:min(max(torn.Bytes, 0), len(b))], off)
		return n, errors.Join(err, writeErr)
	}
	return f.File.WriteAt(b, off)
}

// Close closes even if the hook fails it, as close(2) does: the descriptor is gone whatever it returns.
func (f *injectFile) Close() error {
	hookErr := f.fs.before("close", f.Name())
	return errors.Join(hookErr, f.File.Close())
}

func (f *injectFile) Stat() (fs.FileInfo, error) {
	if err := f.fs.before("fstat", f.Name()); err != nil {
		return nil, err
	}
	return f.File.Stat()
}

func (f *injectFile) Truncate(size int64) error {
	if err := f.fs.before("truncate", f.Name()); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *injectFile) Sync() error {
	if err := f.fs.before("sync", f.Name()); err != nil {
		f.lose(err)
		return err
	}
	return f.File.Sync()
}

func (f *injectFile) SyncData() error {
	if err := f.fs.before("syncdata", f.Name()); err != nil {
		f.lose(err)
		return err
	}
	return f.File.SyncData()
}

// lose does to the file what a sync does that failed with err.
func (f *injectFile) lose(err error) {
	var lost *Lost
	if errors.As(err, &lost) {
		f.loseUnsynced(lost.Keep)
	}
}

func (f *injectFile) loseUnsynced(keep func() bool) {
	if l, ok := f.File.(interface{ loseUnsynced(keep func() bool) }); ok {
		l.loseUnsynced(keep)
	}
}

func (f *injectFile) Lock() error {
	if err := f.fs.before("lock", f.Name()); err != nil {
		return err
	}
	return f.File.Lock()
}
