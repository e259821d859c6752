package saboteur

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"gojn/storage/vfs"
)

// lockName is the file by which a journal's directory is known: whoever locks it begins with the directory that holds it.
const lockName = "in_use.lock"

// unsyncedName is a directory in a journal's root: what a kill is to take back.
const unsyncedName = "gojn.unsynced"

// CutRenames wraps fsys so that a kill does to renames what a power cut may do: of a file that was renamed, and whose new
// directory was not synced since, the next process that locks the journal's directory finds the old name, and under the new
// one what was there before. Who closes the lock loses nothing: that was an orderly stop. Only files below a locked root count,
// directories do not. It may be used by many goroutines at once.
func CutRenames(fsys vfs.FS) vfs.FS { return &cutFS{FS: fsys, roots: make(map[string]*unsynced)} }

type cutFS struct {
	vfs.FS

	mu    sync.Mutex // held during every rename and what makes it durable
	roots map[string]*unsynced
}

// unsynced are the renames of one journal that no sync has followed, oldest first.
type unsynced struct {
	dir  string
	list []rename
	next int // number of the newest one
}

// rename is one of them, as its file <dir>/<number>.json has it.
type rename struct {
	Number   int    `json:"number"`
	From     string `json:"from"`
	To       string `json:"to"`
	Replaced bool   `json:"replaced"` // <dir>/<number>.kept is what was at To
}

func (u *unsynced) record(n int) string { return fmt.Sprintf("%s/%09d.json", u.dir, n) }
func (u *unsynced) draft(n int) string  { return fmt.Sprintf("%s/%09d.draft", u.dir, n) }
func (u *unsynced) kept(n int) string   { return fmt.Sprintf("%s/%09d.kept", u.dir, n) }

// of is the journal that a path belongs to; nil if none is locked there.
func (c *cutFS) of(name string) *unsynced {
	for root, u := range c.roots {
		if strings.HasPrefix(name, root+"/") {
			return u
		}
	}
	return nil
}

func (c *cutFS) Rename(oldName, newName string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.of(newName)
	info, err := c.Stat(oldName)
	if u == nil || err != nil || info.IsDir() {
		return c.FS.Rename(oldName, newName)
	}
	u.next++
	r := rename{Number: u.next, From: oldName, To: newName}
	if old, err := c.Stat(newName); err == nil && old.Mode().IsRegular() {
		if err := c.Link(newName, u.kept(r.Number)); err != nil {
			return err
		}
		r.Replaced = true
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := c.write(u.draft(r.Number), text); err != nil {
		return err
	}
	if err := c.FS.Rename(oldName, newName); err != nil {
		return errors.Join(err, c.forget(u, r))
	}
	u.list = append(u.list, r)
	// Whoever is killed before this has lasting what was renamed, as after a power cut that came late.
	return c.FS.Rename(u.draft(r.Number), u.record(r.Number))
}

func (c *cutFS) write(name string, text []byte) error {
	f, err := c.FS.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	return errors.Join(err, f.Close())
}

// forget removes what is kept of a rename, the record first: without one the rest counts for nothing.
func (c *cutFS) forget(u *unsynced, r rename) error {
	for _, name := range []string{u.record(r.Number), u.draft(r.Number), u.kept(r.Number)} {
		if err := c.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (c *cutFS) SyncDir(name string) error {
	if err := c.FS.SyncDir(name); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.of(name + "/")
	if u == nil {
		return nil
	}
	var err error
	u.list = slices.DeleteFunc(u.list, func(r rename) bool {
		durable := path.Dir(r.To) == name
		if durable {
			err = errors.Join(err, c.forget(u, r))
		}
		return durable
	})
	return err
}

func (c *cutFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := c.FS.OpenFile(name, flag, perm)
	if err != nil || path.Base(name) != lockName {
		return f, err
	}
	return &cutLock{File: f, fs: c, root: path.Dir(name)}, nil
}

// cutLock is the lock of a journal's directory.
type cutLock struct {
	vfs.File
	fs     *cutFS
	root   string
	locked bool
}

func (l *cutLock) Lock() error {
	if err := l.File.Lock(); err != nil {
		return err
	}
	l.locked = true
	return l.fs.begin(l.root)
}

// begin takes back what the process before left without a sync, the last one first.
func (c *cutFS) begin(root string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := &unsynced{dir: root + "/" + unsyncedName}
	if err := c.MkdirAll(u.dir, 0o777); err != nil {
		return err
	}
	entries, err := c.ReadDir(u.dir) // sorted: the oldest first
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(entries) {
		if path.Ext(e.Name()) != ".json" {
			continue
		}
		var r rename
		text, err := os.ReadFile(u.dir + "/" + e.Name())
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err == nil {
			err = c.takeBack(u, r)
		}
		if err != nil {
			return err
		}
	}
	// What is left has no record: the process before was killed within a rename, or within what forgets one.
	if err := c.RemoveAll(u.dir); err != nil {
		return err
	}
	c.roots[root] = u
	return c.MkdirAll(u.dir, 0o777)
}

func (c *cutFS) takeBack(u *unsynced, r rename) error {
	if _, err := c.Stat(u.kept(r.Number)); r.Replaced && errors.Is(err, fs.ErrNotExist) {
		return c.forget(u, r) // it was taken back before, by who was killed then
	}
	if err := c.FS.Rename(r.To, r.From); err != nil && !errors.Is(err, fs.ErrNotExist) { // it was removed since
		return err
	}
	if r.Replaced {
		if err := c.FS.Rename(u.kept(r.Number), r.To); err != nil {
			return err
		}
	}
	return c.forget(u, r)
}

func (l *cutLock) Close() error {
	var err error
	if l.locked {
		err = l.fs.end(l.root)
	}
	return errors.Join(err, l.File.Close())
}

// end forgets what was not synced: the kernel keeps it.
func (c *cutFS) end(root string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.roots, root)
	return c.RemoveAll(root + "/" + unsyncedName)
}
