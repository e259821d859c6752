// Package vfs is the seam between gojn's storage and the operating system: every file operation of a journal goes through
// an FS. Implementations: OS (the real one), Mem (a file system in memory for deterministic tests) and wrappers that
// observe, fail or delay single operations.
package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// ErrLocked is returned (wrapped) by File.Lock when another process or another open file holds a conflicting lock.
var ErrLocked = errors.New("file is locked by another process")

// FS is what storage needs of a file system. Paths are absolute and use "/". Errors are *fs.PathError, *os.LinkError or
// wrap them, and satisfy errors.Is(err, fs.ErrNotExist) and friends. An FS may be used by many goroutines at once.
//
// Nothing is durable until the sync that covers it returns: File.Sync or File.SyncData for data, SyncDir for the creation,
// renaming or removal of an entry.
type FS interface {
	// OpenFile opens name with os.O_* flags and, when it creates the file, with perm before umask.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Mkdir(name string, perm fs.FileMode) error
	MkdirAll(name string, perm fs.FileMode) error
	// Rename replaces an existing file, as rename(2).
	Rename(oldName, newName string) error
	Remove(name string) error
	RemoveAll(name string) error
	// Link makes newName a hard link to oldName; it fails with fs.ErrExist if newName exists.
	Link(oldName, newName string) error
	// Chmod sets the permission bits, without umask.
	Chmod(name string, mode fs.FileMode) error
	Stat(name string) (fs.FileInfo, error)
	// SameFile tells whether two results of Stat (of this FS or of its files) are of one file.
	SameFile(a, b fs.FileInfo) bool
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// SyncDir makes the entries of a directory durable (fsync of the directory).
	SyncDir(name string) error
	// Statfs tells the kind of file system below name, its free space and inodes.
	Statfs(name string) (FSInfo, error)
	// OpenMedium opens a file for reading what its medium holds, past the page cache, which goes on showing what could not
	// be written. The caller has synced the file before, if it wants what is in memory to be there. ErrNoMedium is wrapped
	// if it cannot be told what the medium holds.
	OpenMedium(name string) (Medium, error)
	// Access tells whether this process may read, write and search the directory name; nil if it may.
	Access(name string) error
}

// File is an open file. ReadAt may be called by many goroutines at once; the writing methods belong to one owner.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Name() string
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	// Sync makes data and metadata durable (fsync).
	Sync() error
	// SyncData makes data and the metadata needed to read it durable (fdatasync).
	SyncData() error
	// Lock takes an exclusive record lock on the whole file without waiting (fcntl F_OFD_SETLK, which conflicts with the
	// record locks of Java's FileChannel.tryLock, and not with flock). It fails with ErrLocked if somebody holds one.
	// Close of this file releases it; closing other descriptors of the same file does not.
	Lock() error
	// OS is the real file, for sendfile; nil where there is none.
	OS() *os.File
}

// ErrNoMedium is wrapped by the error of FS.OpenMedium, or of Medium.ReadAt, if this file cannot be read past the page cache.
var ErrNoMedium = errors.New("the file cannot be read past the page cache")

// Medium is a file opened by FS.OpenMedium. It may be used by many goroutines at once.
type Medium interface {
	io.ReaderAt
	io.Closer
	// Size is the length of the file in bytes when it was opened.
	Size() int64
	// Uncached tells that nothing of the file was left in the page cache when it was opened, or that memory is its medium:
	// until somebody writes to it, who reads it through OpenFile is shown what the medium holds.
	Uncached() bool
}

// FSInfo is the answer of FS.Statfs.
type FSInfo struct {
	Kind       string // "ext4", "xfs", "tmpfs", "overlay", "nfs", ...; "0x<magic>" if not known
	FreeBytes  uint64 // available to this process
	TotalBytes uint64
	FreeInodes uint64
}
