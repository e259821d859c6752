package vfs

import (
	"errors"

	"golang.org/x/sys/unix"
)

// NoSpace tells whether an operation failed because the file system is full, has no inodes left, or a quota is used up.
func NoSpace(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
