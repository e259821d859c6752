package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ODSync is a flag for FS.OpenFile: each write is durable when it returns (O_DSYNC; Java's RandomAccessFile mode "rwd").
const ODSync = unix.O_DSYNC

// OS is the operating system's file system (Linux). It repeats calls that a signal interrupted.
func OS() FS { return osFS{} }

type osFS struct{}

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Mkdir(name string, perm fs.FileMode) error    { return os.Mkdir(name, perm) }
func (osFS) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }
func (osFS) Rename(oldName, newName string) error         { return os.Rename(oldName, newName) }
func (osFS) Remove(name string) error                     { return os.Remove(name) }
func (osFS) RemoveAll(name string) error                  { return os.RemoveAll(name) }
func (osFS) Link(oldName, newName string) error           { return os.Link(oldName, newName) }
func (osFS) Chmod(name string, mode fs.FileMode) error    { return os.Chmod(name, mode) }
func (osFS) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }
func (osFS) SameFile(a, b fs.FileInfo) bool               { return os.SameFile(a, b) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error)   { return os.ReadDir(name) }

// SyncDir has no exception for file systems that cannot sync a directory: there a rename cannot be promised to last.
func (osFS) SyncDir(name string) error {
	d, err := os.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (osFS) Statfs(name string) (FSInfo, error) {
	var st unix.Statfs_t
	if err := uninterrupted(func() error { return unix.Statfs(name, &st) }); err != nil {
		return FSInfo{}, &fs.PathError{Op: "statfs", Path: name, Err: err}
	}
	unit := uint64(max(st.Frsize, 0))
	if unit == 0 {
		unit = uint64(max(st.Bsize, 0))
	}
	return FSInfo{
		Kind:       kindOf(uint32(st.Type)),
		FreeBytes:  st.Bavail * unit,
		TotalBytes: st.Blocks * unit,
		FreeInodes: st.Ffree,
	}, nil
}

// Access asks for the effective user, who does the later operations (Java's File.canWrite asks for the real one).
func (osFS) Access(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "access", Path: name, Err: syscall.ENOTDIR}
	}
	err = uninterrupted(func() error {
		return unix.Faccessat(unix.AT_FDCWD, name, unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	})
	if err != nil {
		return &fs.PathError{Op: "access", Path: name, Err: err}
	}
	return nil
}

// osFile adds to os.File what it lacks. os.File itself repeats interrupted and continues short reads and writes.
type osFile struct{ *os.File }

func (f osFile) OS() *os.File { return f.File }

func (f osFile) SyncData() error {
	return f.control("fdatasync", unix.Fdatasync)
}

func (f osFile) Lock() error {
	return f.control("lock", func(fd int) error {
		// The pid must be 0 for an OFD lock; start 0 and length 0 mean the whole file, however long.
		lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0}
		err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lock)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			return ErrLocked
		}
		return err
	})
}

// control runs op on the descriptor, which cannot be closed and given to another file meanwhile.
func (f osFile) control(name string, op func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return &fs.PathError{Op: name, Path: f.Name(), Err: err}
	}
	var opErr error
	err = conn.Control(func(fd uintptr) {
		opErr = uninterrupted(func() error { return op(int(fd)) })
	})
	if err != nil { // the one reason it has; it is not os.ErrClosed, though
		opErr = os.ErrClosed
	}
	if opErr != nil {
		return &fs.PathError{Op: name, Path: f.Name(), Err: opErr}
	}
	return nil
}

func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// kindOf names a file system by its magic number (statfs(2), linux/magic.h). ext2, ext3 and ext4 share one.
func kindOf(magic uint32) string {
	switch magic {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case 0x2fc12fc1:
		return "zfs"
	case unix.F2FS_SUPER_MAGIC:
		return "f2fs"
	case 0xca451a4e:
		return "bcachefs"
	case unix.REISERFS_SUPER_MAGIC:
		return "reiserfs"
	case 0x3153464a:
		return "jfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.RAMFS_MAGIC:
		return "ramfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay"
	case 0x61756673:
		return "aufs"
	case unix.NFS_SUPER_MAGIC:
		return "nfs"
	case 0xff534d42, 0xfe534d42:
		return "cifs"
	case unix.SMB_SUPER_MAGIC:
		return "smb"
	case unix.FUSE_SUPER_MAGIC:
		return "fuse"
	case unix.V9FS_MAGIC:
		return "9p"
	case 0x00c36400:
		return "ceph"
	case 0x01161970:
		return "gfs2"
	case 0x7461636f:
		return "ocfs2"
	case 0x0bd00bd0:
		return "lustre"
	case 0x47504653:
		return "gpfs"
	case unix.AFS_FS_MAGIC, unix.AFS_SUPER_MAGIC:
		return "afs"
	case unix.MSDOS_SUPER_MAGIC:
		return "vfat"
	case 0x2011bab0:
		return "exfat"
	case 0x5346544e, 0x7366746e:
		return "ntfs"
	case unix.ECRYPTFS_SUPER_MAGIC:
		return "ecryptfs"
	case unix.SQUASHFS_MAGIC:
		return "squashfs"
	case 0x786f4256:
		return "vboxsf"
	}
	return fmt.Sprintf("0x%x", magic)
}
