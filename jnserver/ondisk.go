package jnserver

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
)

// EditsDirs are the directories that journals may lie in, each once, sorted; one that is not absolute is left out, as it is
// refused when it is first used.
func (n *Node) EditsDirs() []string {
	dirs := append(slices.Collect(maps.Values(n.cfg.EditsDirByNameservice)), n.cfg.EditsDir)
	slices.Sort(dirs)
	return slices.DeleteFunc(slices.Compact(dirs), func(dir string) bool { return !path.IsAbs(dir) })
}

// FindJournals looks which formatted journals lie in dir, one of EditsDirs, so that JournalsStatus can name them before
// anybody asks for them, and Found. Java counts every sub-directory, lost+found included. It waits for that disk, and for
// nothing else; what could be listed before an error counts all the same.
func (n *Node) FindJournals(dir string) error {
	entries, err := n.cfg.FS.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	var found []string
	for _, e := range entries {
		jid := e.Name()
		if CheckJournalID(jid) != nil {
			continue
		}
		if _, err := n.cfg.FS.Stat(path.Join(dir, jid, "current", "VERSION")); err == nil {
			found = append(found, jid)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listed[dir] = true
	for _, jid := range found {
		n.onDisk[jid] = append(n.onDisk[jid], dir)
	}
	return err
}

// Found is a journal on disk, in one of EditsDirs.
type Found struct{ JournalID, Dir string }

// Found are the journals that FindJournals saw where calls look for them: in the directory of the nameservice of that name, or,
// if it has none of its own, in the only one of all that has them. They are sorted by id. Any other is opened by its first
// call, which names the nameservice: opened before, it would be taken from a directory that was given up. So is one in EditsDir
// where that is spare.
func (n *Node) Found() []Found {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := true
	for _, dir := range n.EditsDirs() {
		all = all && n.listed[dir]
	}
	var list []Found
	for _, jid := range sortedKeys(n.onDisk) {
		dirs := n.onDisk[jid]
		own, hasOwn := n.cfg.EditsDirByNameservice[jid]
		switch {
		case hasOwn && slices.Contains(dirs, own):
			list = append(list, Found{jid, own})
		case !hasOwn && len(dirs) == 1 && all && (!n.cfg.EditsDirSpare || dirs[0] != n.cfg.EditsDir):
			list = append(list, Found{jid, dirs[0]})
		}
	}
	return list
}

// OpenFound opens a journal that Found named, unless it is open. It waits for its own disk only.
func (n *Node) OpenFound(f Found) error {
	_, err := n.journal(f.JournalID, func() string { return f.Dir }, false)
	return err
}

// askedIDs are the ids without a directory that calls have named.
func (n *Node) askedIDs() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return sortedKeys(n.asked)
}

// foundIDs are the ids of the formatted journals that FindJournals saw.
func (n *Node) foundIDs() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return sortedKeys(n.onDisk)
}
