package crashtests

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"

	"gojn/storage/vfs"
)

// fault is what goes wrong with a disk from one operation on.
type fault struct {
	name string
	err  error // what the operation fails with: an errno, or a vfs.Torn or vfs.Lost around one
	// lasting tells which later operations fail too, until the fault is ended; nil: only that one operation
	// fails.
	lasting func(op vfs.Op) bool
}

func (f fault) String() string { return f.name }

// once are the faults that fit an operation: each error that the kernel may answer for it, a write that is cut short,
// and a sync that fails as on Linux, where the pages count as clean afterwards.
func once(op vfs.Op, seed uint64) []fault {
	r := rand.New(rand.NewPCG(seed, uint64(op.N)))
	var list []fault
	for _, errno := range errnos(op.Kind) {
		list = append(list, fault{name: errno.Error(), err: errno})
	}
	short := func(errno syscall.Errno) {
		n := 1 + r.IntN(1<<(1+r.IntN(20))) // of all magnitudes up to a block of padding
		list = append(list, fault{name: fmt.Sprintf("%v after %d bytes", errno, n), err: &vfs.Torn{Bytes: n, Err: errno}})
	}
	switch op.Kind {
	case "writeat":
		short(syscall.EIO)
		short(syscall.ENOSPC)
	case "sync", "syncdata":
		list = append(list,
			fault{name: "EIO, all pages lost", err: &vfs.Lost{Err: syscall.EIO}},
			fault{name: "EIO, some pages lost", err: &vfs.Lost{Err: syscall.EIO, Keep: func() bool { return r.IntN(2) == 0 }}})
	}
	return list
}

func errnos(kind string) []syscall.Errno {
	switch kind {
	case "open":
		return []syscall.Errno{syscall.EIO, syscall.EMFILE, syscall.EROFS, syscall.ENOSPC}
	case "readdir", "openmedium":
		return []syscall.Errno{syscall.EIO, syscall.EMFILE}
	case "writeat", "truncate", "rename", "link", "mkdir", "mkdirall":
		return []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EROFS}
	case "remove", "removeall", "chmod":
		return []syscall.Errno{syscall.EIO, syscall.EROFS}
	case "sync", "syncdata", "syncdir", "close":
		return []syscall.Errno{syscall.EIO, syscall.ENOSPC}
	}
	return []syscall.Errno{syscall.EIO} // stat, fstat, readat, readmedium, lock, statfs, access
}

// faultsOf are all the faults to try at an operation: of that operation alone, and those that stay and begin with it.
func faultsOf(op vfs.Op, seed uint64) []fault {
	list := once(op, seed)
	for _, f := range lasting() {
		if f.lasting(op) { // else it begins with a later operation
			list = append(list, f)
		}
	}
	return list
}

// lasting are the faults that stay for a while, whatever the operation: a disk that is gone, one that the kernel has
// made read-only, and one that takes what is written and then loses it.
func lasting() []fault {
	return []fault{
		{name: "disk gone", err: syscall.EIO, lasting: func(op vfs.Op) bool { return op.Kind != "close" }},
		{name: "read-only", err: syscall.EROFS, lasting: refusedReadOnly},
		{name: "no sync", err: &vfs.Lost{Err: syscall.EIO}, lasting: func(op vfs.Op) bool {
			return strings.HasPrefix(op.Kind, "sync")
		}},
	}
}

// refusedReadOnly tells the kinds of operations that a read-only file system refuses. Syncs are among them: what was
// written before it became read-only is not on the disk, and will not come there.
func refusedReadOnly(op vfs.Op) bool {
	switch op.Kind {
	case "writeat", "truncate", "rename", "link", "mkdir", "mkdirall", "remove", "removeall", "chmod",
		"sync", "syncdata", "syncdir":
		return true
	case "open": // an Op does not say for what; these are only opened to be made or emptied
		return strings.HasSuffix(op.Path, ".tmp") || strings.Contains(op.Path, ".epoch=")
	}
	return false
}

// breaker is the hook of a file system that fails as a fault says. It belongs to one goroutine.
type breaker struct {
	armed bool
	seen  []vfs.Op // since it was armed
	at    int      // the first operation of those that fails, from 1; 0: none does
	fault fault
	hit   []vfs.Op // those that failed
}

func (b *breaker) hook(op vfs.Op) error {
	if !b.armed {
		return nil
	}
	b.seen = append(b.seen, op)
	n := len(b.seen)
	switch {
	case b.at == 0 || n < b.at:
		return nil
	case b.fault.lasting == nil && n > b.at:
		return nil
	case b.fault.lasting != nil && !b.fault.lasting(op):
		return nil
	}
	b.hit = append(b.hit, op)
	return b.fault.err
}

// errno is what a caller must be told.
func (b *breaker) errno() syscall.Errno {
	switch err := b.fault.err.(type) { //nolint:errorlint // it is the fault's own, not wrapped
	case syscall.Errno:
		return err
	case *vfs.Torn:
		return err.Err.(syscall.Errno) //nolint:errorlint,forcetypeassert // see once
	case *vfs.Lost:
		return err.Err.(syscall.Errno) //nolint:errorlint,forcetypeassert // see once
	}
	return 0
}
