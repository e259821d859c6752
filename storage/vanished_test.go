package storage_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// TestDropVanished: finalized segments whose files are gone leave the index, all at once; not if the directory is not the one
// that was opened, whose files are under a volume that somebody has mounted over it.
func TestDropVanished(t *testing.T) {
	for _, c := range []struct {
		name  string
		cover func(*disk)
		left  string // in the index
		words string // of the error
	}{
		{"removed", func(d *disk) { d.remove(finalized(1, 3)).remove(finalized(4, 6)) }, "[7]", ""},
		{"another root", func(d *disk) { d.remove("").mkdir("current") }, "[1 4 7]", "in_use.lock of " + rootDir},
		{"another's root", func(d *disk) {
			d.copyDir("current", "../new/current").remove("").rename("../new", "").put("in_use.lock", "1@x")
			d.remove(finalized(1, 3))
		}, "[1 4 7]", "in_use.lock of " + rootDir},
		{"an empty current/", func(d *disk) { d.remove("current").mkdir("current") }, "[1 4 7]", "Directory " + rootDir},
		{"another's current/", func(d *disk) {
			d.remove("current").put("current/VERSION", "namespaceID=1\nstorageType=JOURNAL_NODE\ncTime=0\nclusterID=CID-x\nlayoutVersion=-67\n")
		}, "[1 4 7]", currentDir + " was replaced: VERSION says lv=-67;cid=CID-x;nsid=1;c=0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := formatted(t).settled()
			d := mustOpen(t, mem)
			c.cover(&disk{t, mem})
			gone, _, err := d.DropVanished(nil)
			if c.words != "" {
				wantError(t, err, javaerr.ClassOf(err), c.words)
			} else {
				must(t, err)
			}
			var left []storage.TxID
			for _, s := range d.Segments() {
				left = append(left, s.First)
			}
			if fmt.Sprint(left) != c.left || len(gone)+len(left) != 3 {
				t.Errorf("left %v, gone %v, want %s left", left, gone, c.left)
			}
		})
	}
}

// TestVanishedComesBack: a dropped segment whose file is there again is taken in, once it is whole; not over what has come into
// its place, nor a file that was never here.
func TestVanishedComesBack(t *testing.T) {
	name := finalized(4, 6)
	for _, c := range []struct {
		name string
		back func(*disk, *storage.Dir)
		want string
	}{
		{"beside an old one in progress", func(d *disk, _ *storage.Dir) { d.rename("../kept", name) }, "[1 2 4 7]"},
		{"listed by another call", func(d *disk, dir *storage.Dir) {
			d.put("current/"+storage.InProgressName(7)+storage.SuffixTrash+"/x", "in the way of a rename")
			d.rename("../kept", name)
			if dir.SetAside(dir.Segments()[1], storage.SuffixTrash) == nil {
				d.t.Error("the rename did not fail")
			}
			if fmt.Sprint(len(dir.Segments())) != "2" {
				d.t.Errorf("shown before it was read: %v", dir.Segments())
			}
		}, "[1 4 7]"},
		{"after a discard", func(d *disk, dir *storage.Dir) {
			_, err := dir.Discard(7)
			must(d.t, err)
			d.rename("../kept", name)
		}, "[1 4]"},
		{"after a purge behind it", func(d *disk, dir *storage.Dir) {
			_, err := dir.Purge(7, storage.InvalidTxID)
			must(d.t, err)
			d.rename("../kept", name)
		}, "[7]"},
		{"after a purge below its end", func(d *disk, dir *storage.Dir) {
			_, err := dir.Purge(6, storage.InvalidTxID)
			must(d.t, err)
			d.rename("../kept", name)
		}, "[4 7]"},
		{"another file since", func(d *disk, _ *storage.Dir) { d.rename("../kept", name) }, "[1 7]"},
		{"discarded", func(d *disk, dir *storage.Dir) {
			_, err := dir.Discard(4)
			must(d.t, err)
			d.rename("../kept", name)
		}, "[1]"},
		{"after an upgrade", func(d *disk, dir *storage.Dir) {
			must(d.t, dir.PreUpgrade())
			must(d.t, dir.Upgrade(upgradedInfo))
			d.rename("../kept", name)
		}, "[1 4 7]"},
		{"in an upgrade that was abandoned", func(d *disk, dir *storage.Dir) {
			must(d.t, dir.PreUpgrade())
			d.rename("../kept", "previous.tmp/"+filepath.Base(name))
			_, err := dir.AbandonUpgrade()
			must(d.t, err)
		}, "[1 4 7]"},
		{"moved back", func(d *disk, _ *storage.Dir) { d.rename("../kept", name) }, "[1 4 7]"},
		{"still gone", func(*disk, *storage.Dir) {}, "[1 7]"},
		{"cut", func(d *disk, _ *storage.Dir) { d.put(name, "cut") }, "[1 7]"},
		{"another one", func(d *disk, _ *storage.Dir) { d.rename("../kept", finalized(4, 5)) }, "[1 7]"},
		{"after a format", func(d *disk, dir *storage.Dir) {
			must(d.t, dir.Format(fixtureInfo, true))
			d.rename("../kept", name)
		}, "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := formatted(t).settled()
			d := &disk{t, mem}
			if strings.HasPrefix(c.name, "beside") {
				d.put("current/"+storage.InProgressName(2), "old")
			}
			dir := mustOpen(t, mem)
			d.rename(name, "../kept")
			vanished, back, err := dir.DropVanished(nil)
			must(t, err)
			if len(vanished) != 1 || len(back) != 0 {
				t.Fatalf("gone %v, back %v", vanished, back)
			}
			must(t, mem.SyncDir(currentDir)) // the file is gone for good
			c.back(d, dir)
			for range 2 { // what is back is told once
				_, there, err := dir.Astray(dir.Segments())
				must(t, err)
				var read []storage.Returned
				for _, s := range there {
					if r, whole := dir.ReadReturned(s); whole {
						read = append(read, r)
					}
				}
				if strings.HasSuffix(c.name, "since") {
					d.put("current/other", readFrom(t, mem, d.path(name))).rename("current/other", name)
				}
				_, more, err := dir.DropVanished(read)
				must(t, err)
				back = append(back, more...)
			}
			var here []storage.TxID
			for _, s := range dir.Segments() {
				here = append(here, s.First)
			}
			if _, err := mem.CrashClone(func() bool { return false }).Stat(d.path(name)); len(back) > 0 && err != nil {
				t.Errorf("back, and not after a power cut: %v", err)
			}
			if fmt.Sprint(here) != c.want || len(back) != strings.Count(c.want, "4") {
				t.Errorf("here %v, back %v, want %s", here, back, c.want)
			}
			gone, there, err := dir.Astray(dir.Segments())
			if rest := c.name == "cut" || strings.HasSuffix(c.name, "since"); err != nil || gone || len(there) > 0 != rest {
				t.Errorf("gone %t, there %v, %v", gone, there, err)
			}
		})
	}
}
