package vfstest

import (
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"

	"gojn/storage/vfs"
)

func (s *suite) directories() {
	s.ok(s.fs.Mkdir(s.path("b"), 0o755))
	s.is(s.fs.Mkdir(s.path("b"), 0o755), fs.ErrExist)
	s.is(s.fs.Mkdir(s.path("none/c"), 0o755), fs.ErrNotExist)
	s.write("a", "")
	s.is(s.fs.Mkdir(s.path("a/c"), 0o755), syscall.ENOTDIR)
	s.ok(s.fs.MkdirAll(s.path("b/c/d"), 0o755))
	s.ok(s.fs.MkdirAll(s.path("b/c/d"), 0o755))
	s.is(s.fs.MkdirAll(s.path("a"), 0o755), syscall.ENOTDIR)
	s.is(s.fs.MkdirAll(s.path("a/x/y"), 0o755), syscall.ENOTDIR)
	s.write("b/z", "")
	s.names(s.dir, "a", "b")
	s.names(s.path("b/"), "c", "z")
	s.names(s.path("b/c/../c/d"))
	_, err := s.fs.ReadDir(s.path("none"))
	s.is(err, fs.ErrNotExist)
	_, err = s.fs.ReadDir(s.path("a"))
	s.is(err, syscall.ENOTDIR)
	list, err := s.fs.ReadDir(s.path("b"))
	s.ok(err)
	if !list[0].IsDir() || list[1].IsDir() {
		s.Error("directory and file confused")
	}
}

func (s *suite) remove() {
	s.ok(s.fs.MkdirAll(s.path("b/c"), 0o755))
	s.write("a", "")
	s.write("b/c/f", "")
	s.is(s.fs.Remove(s.path("none")), fs.ErrNotExist)
	s.is(s.fs.Remove(s.path("none/x")), fs.ErrNotExist)
	s.is(s.fs.Remove(s.path("a/x")), syscall.ENOTDIR)
	s.is(s.fs.Remove(s.path("b")), syscall.ENOTEMPTY)
	s.ok(s.fs.Remove(s.path("a")))
	s.ok(s.fs.Remove(s.path("b/c/f")))
	s.ok(s.fs.Remove(s.path("b/c")))
	s.names(s.dir, "b")
	s.ok(s.fs.RemoveAll(s.path("none")))
	s.ok(s.fs.RemoveAll(s.path("none/x")))
	s.ok(s.fs.MkdirAll(s.path("b/c/d/e"), 0o755))
	s.write("b/c/f", "")
	s.ok(s.fs.RemoveAll(s.path("b")))
	s.write("a", "")
	s.ok(s.fs.RemoveAll(s.path("a")))
	s.names(s.dir)
}

func (s *suite) rename() {
	s.write("a", "one")
	s.write("b", "two")
	s.is(s.fs.Rename(s.path("none"), s.path("b")), fs.ErrNotExist)
	s.is(s.fs.Rename(s.path("a"), s.path("none/a")), fs.ErrNotExist)
	s.ok(s.fs.Rename(s.path("a"), s.path("b"))) // replaces
	s.names(s.dir, "b")
	s.has("b", "one")
	s.ok(s.fs.Rename(s.path("b"), s.path("b")))
	s.has("b", "one")

	s.ok(s.fs.Mkdir(s.path("d"), 0o755))
	s.ok(s.fs.Mkdir(s.path("e"), 0o755))
	s.ok(s.fs.Rename(s.path("b"), s.path("d/f"))) // from one directory to another
	s.has("d/f", "one")
	s.write("g", "")
	s.is(s.fs.Rename(s.path("g"), s.path("e")), fs.ErrExist)
	s.is(s.fs.Rename(s.path("d"), s.path("e")), fs.ErrExist)
	s.is(s.fs.Rename(s.path("d"), s.path("g")), syscall.ENOTDIR)
	s.is(s.fs.Rename(s.path("d"), s.path("d/sub")), syscall.EINVAL)
	s.ok(s.fs.Rename(s.path("d"), s.path("e/moved"))) // a directory moves with what is in it
	s.has("e/moved/f", "one")
	s.names(s.dir, "e", "g")
}

func (s *suite) link() {
	s.write("a", "one")
	s.write("b", "two")
	s.ok(s.fs.Mkdir(s.path("d"), 0o755))
	s.is(s.fs.Link(s.path("none"), s.path("x")), fs.ErrNotExist)
	s.is(s.fs.Link(s.path("a"), s.path("none/x")), fs.ErrNotExist)
	s.is(s.fs.Link(s.path("a"), s.path("b")), fs.ErrExist)
	s.is(s.fs.Link(s.path("d"), s.path("x")), syscall.EPERM)
	s.ok(s.fs.Link(s.path("a"), s.path("d/x")))
	s.write("a", "three") // the same file has two names
	s.has("d/x", "three")
	s.ok(s.fs.Rename(s.path("a"), s.path("d/x"))) // rename(2): nothing happens, both names stay
	s.names(s.dir, "a", "b", "d")
	s.ok(s.fs.Rename(s.path("b"), s.path("a"))) // replaces the name, not the content
	s.has("d/x", "three")
	s.has("a", "two")
	s.ok(s.fs.Remove(s.path("a")))
	s.has("d/x", "three")
}

// openFiles stay what they are when their name goes elsewhere.
func (s *suite) openFiles() {
	s.write("a", "one")
	f := s.openFile("a", os.O_RDWR)
	s.ok(s.fs.Rename(s.path("a"), s.path("b")))
	_, err := f.WriteAt([]byte("X"), 0)
	s.ok(err)
	s.has("b", "Xne")
	s.ok(s.fs.Remove(s.path("b")))
	s.write("b", "new")
	_, err = f.WriteAt([]byte("Y"), 1)
	s.ok(err)
	s.ok(f.Sync())
	if got := s.content(f); got != "XYe" {
		s.Errorf("the removed file holds %q", got)
	}
	s.has("b", "new")
}

func (s *suite) info() {
	s.write("a", "12345")
	s.ok(s.fs.Mkdir(s.path("d"), 0o700))
	_, err := s.fs.Stat(s.path("none"))
	s.is(err, fs.ErrNotExist)
	_, err = s.fs.Stat(s.path("a/x"))
	s.is(err, syscall.ENOTDIR)
	a, err := s.fs.Stat(s.path("a"))
	s.ok(err)
	if a.Name() != "a" || a.Size() != 5 || a.IsDir() || !a.Mode().IsRegular() {
		s.Errorf("%s: size %d, mode %v", a.Name(), a.Size(), a.Mode())
	}
	d, err := s.fs.Stat(s.path("d"))
	s.ok(err)
	if d.Name() != "d" || !d.IsDir() || d.Mode().Perm() != 0o700 {
		s.Errorf("%s: mode %v", d.Name(), d.Mode())
	}
	s.ok(s.fs.Chmod(s.path("a"), 0o606))
	s.ok(s.fs.Chmod(s.path("d"), 0o777))
	s.is(s.fs.Chmod(s.path("none"), 0o600), fs.ErrNotExist)
	for name, want := range map[string]fs.FileMode{"a": 0o606, "d": 0o777 | fs.ModeDir} {
		if info, err := s.fs.Stat(s.path(name)); err != nil || info.Mode() != want {
			s.Errorf("%s: mode %v, want %v (%v)", name, info.Mode(), want, err)
		}
	}

	f := s.openFile("a", os.O_RDONLY)
	s.ok(s.fs.Link(s.path("a"), s.path("same")))
	s.write("other", "12345")
	s.ok(s.fs.Rename(s.path("a"), s.path("moved")))
	own, err := f.Stat()
	s.ok(err)
	if own.Size() != 5 || own.Name() != "a" {
		s.Errorf("open file: %s, size %d", own.Name(), own.Size())
	}
	for name, want := range map[string]bool{"same": true, "moved": true, "other": false, "d": false} {
		info, err := s.fs.Stat(s.path(name))
		s.ok(err)
		if got := s.fs.SameFile(own, info); got != want {
			s.Errorf("%s is the same file: %v, want %v", name, got, want)
		}
	}

	st, err := s.fs.Statfs(s.dir)
	if err != nil || st.Kind == "" || st.TotalBytes == 0 || st.FreeBytes > st.TotalBytes {
		s.Errorf("statfs: %+v, %v", st, err)
	}
	_, err = s.fs.Statfs(s.path("none"))
	s.is(err, fs.ErrNotExist)
	s.ok(s.fs.Access(s.path("d")))
	s.is(s.fs.Access(s.path("none")), fs.ErrNotExist)
	s.is(s.fs.Access(s.path("moved")), syscall.ENOTDIR)
}

func (s *suite) lock() {
	first, second := s.openFile("l", os.O_RDWR|os.O_CREATE), s.openFile("l", os.O_RDWR)
	s.ok(first.Lock())
	s.ok(first.Lock()) // who has it may take it again
	s.is(second.Lock(), vfs.ErrLocked)
	third := s.openFile("l", os.O_RDWR)
	s.ok(third.Close()) // does not release it, unlike with POSIX record locks
	s.ok(second.Close())
	second = s.openFile("l", os.O_RDWR)
	s.is(second.Lock(), vfs.ErrLocked)
	_, err := second.WriteAt([]byte("x"), 0) // the lock is advisory
	s.ok(err)

	// The lock is on the file, not on the name.
	s.ok(s.fs.Remove(s.path("l")))
	fresh := s.openFile("l", os.O_RDWR|os.O_CREATE)
	s.ok(fresh.Lock())

	s.ok(first.Close())
	s.ok(second.Lock())
	s.is(s.openFile("l", os.O_RDONLY).Lock(), syscall.EBADF)
}

// concurrent is for the race detector: readers, a writer and others who change the directory.
func (s *suite) concurrent() {
	f := s.openFile("a", os.O_RDWR|os.O_CREATE)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			b := make([]byte, 5000)
			for range 50 {
				n, _ := f.ReadAt(b, 0)
				if strings.Trim(string(b[:n]), "x") != "" {
					s.Errorf("read what nobody wrote")
				}
				name := s.path("n" + string(rune('0'+i)))
				if err := s.fs.Link(s.path("a"), name); err != nil {
					s.Error(err)
				}
				if _, err := s.fs.ReadDir(s.dir); err != nil {
					s.Error(err)
				}
				if err := s.fs.Remove(name); err != nil {
					s.Error(err)
				}
			}
		})
	}
	for i := range 50 {
		if _, err := f.WriteAt([]byte(strings.Repeat("x", 100)), int64(100*i)); err != nil {
			s.Error(err)
		}
	}
	group.Wait()
}
