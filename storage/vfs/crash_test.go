package vfs_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"gojn/storage/vfs"
)

// disk is a Mem with calls that must not fail.
type disk struct {
	*testing.T
	*vfs.Mem
	dir string
}

func newDisk(t *testing.T) disk {
	m, dir := newMem(t)
	return disk{t, m, dir}
}

func (d disk) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d disk) create(name, text string, flag int) vfs.File {
	d.Helper()
	f, err := d.OpenFile(d.dir+"/"+name, os.O_RDWR|os.O_CREATE|flag, 0o644)
	d.ok(err)
	d.put(f, text, 0)
	return f
}

func (d disk) put(f vfs.File, text string, off int64) {
	d.Helper()
	_, err := f.WriteAt([]byte(text), off)
	d.ok(err)
}

// show lists what m holds below dir: "name=content" per file, "name/" per directory.
func show(t *testing.T, m vfs.FS, dir string) string {
	t.Helper()
	var lines []string
	var walk func(path, rel string)
	walk = func(path, rel string) {
		list, err := m.ReadDir(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.IsDir() {
				lines = append(lines, rel+e.Name()+"/")
				walk(path+"/"+e.Name(), rel+e.Name()+"/")
				continue
			}
			lines = append(lines, rel+e.Name()+"="+read(t, m, path+"/"+e.Name()))
		}
	}
	walk(dir, "")
	return strings.Join(lines, " ")
}

func read(t *testing.T, m vfs.FS, path string) string {
	t.Helper()
	f, err := m.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func all() bool { return true }

func TestCrashKeepsWhatIsSynced(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d disk)
		none string // after a crash that keeps nothing unsynced
		all  string // after one that keeps everything
	}{
		{"nothing synced", func(d disk) { d.create("a", "one", 0) }, "", "a=one"},
		{"data without its entry", func(d disk) { d.ok(d.create("a", "one", 0).Sync()) }, "", "a=one"},
		{"entry without its data", func(d disk) {
			d.create("a", "one", 0)
			d.ok(d.SyncDir(d.dir))
		}, "a=", "a=one"},
		{"both", func(d disk) {
			d.ok(d.create("a", "one", 0).SyncData())
			d.ok(d.SyncDir(d.dir))
		}, "a=one", "a=one"},
		{"written again", func(d disk) {
			f := d.create("a", "one", 0)
			d.ok(f.SyncData())
			d.ok(d.SyncDir(d.dir))
			d.put(f, "two!", 0)
		}, "a=one", "a=two!"},
		{"truncated", func(d disk) {
			f := d.create("a", "one", 0)
			d.ok(f.SyncData())
			d.ok(d.SyncDir(d.dir))
			d.ok(f.Truncate(1))
		}, "a=one", "a=o"},
		{"truncated when opened", func(d disk) {
			d.ok(d.create("a", "one", 0).SyncData())
			d.ok(d.SyncDir(d.dir))
			d.create("a", "", os.O_TRUNC)
		}, "a=one", "a="},
		{"O_DSYNC needs no sync", func(d disk) {
			d.create("a", "one", vfs.ODSync)
			d.ok(d.SyncDir(d.dir))
		}, "a=one", "a=one"},
		{"rename not synced", func(d disk) {
			d.ok(d.create("a", "one", 0).SyncData())
			d.ok(d.create("a.tmp", "two", 0).SyncData())
			d.ok(d.SyncDir(d.dir))
			d.ok(d.Rename(d.dir+"/a.tmp", d.dir+"/a"))
		}, "a=one a.tmp=two", "a=two"},
		{"rename synced", func(d disk) {
			d.ok(d.create("a.tmp", "two", 0).SyncData())
			d.ok(d.Rename(d.dir+"/a.tmp", d.dir+"/a"))
			d.ok(d.SyncDir(d.dir))
		}, "a=two", "a=two"},
		{"removal not synced", func(d disk) {
			d.ok(d.create("a", "one", 0).SyncData())
			d.ok(d.SyncDir(d.dir))
			d.ok(d.Remove(d.dir + "/a"))
		}, "a=one", ""},
		{"directory whose parent is not synced", func(d disk) {
			d.ok(d.Mkdir(d.dir+"/b", 0o755))
			d.ok(d.create("b/a", "one", 0).SyncData())
			d.ok(d.SyncDir(d.dir + "/b"))
		}, "", "b/ b/a=one"},
		{"renamed to another directory, the new one synced", func(d disk) {
			d.ok(d.Mkdir(d.dir+"/b", 0o755))
			d.ok(d.SyncDir(d.dir))
			d.ok(d.create("a", "one", 0).SyncData())
			d.ok(d.Rename(d.dir+"/a", d.dir+"/b/a"))
			d.ok(d.SyncDir(d.dir + "/b"))
		}, "b/ b/a=one", "b/ b/a=one"},
		{"two names", func(d disk) {
			f := d.create("a", "one", 0)
			d.ok(f.SyncData())
			d.ok(d.Link(d.dir+"/a", d.dir+"/b"))
			d.ok(d.SyncDir(d.dir))
			d.put(f, "two", 0)
			d.ok(f.SyncData())
		}, "a=two b=two", "a=two b=two"},
		{"removed with all below", func(d disk) {
			d.ok(d.Mkdir(d.dir+"/b", 0o755))
			d.ok(d.create("b/a", "one", 0).SyncData())
			d.ok(d.SyncDir(d.dir + "/b"))
			d.ok(d.SyncDir(d.dir))
			d.ok(d.RemoveAll(d.dir + "/b"))
		}, "b/ b/a=one", ""},
	} {
		d := newDisk(t)
		c.do(d)
		before := show(t, d, d.dir)
		if got := show(t, d.CrashClone(nil), d.dir); got != c.none {
			t.Errorf("%s: kept %q, want %q", c.name, got, c.none)
		}
		clone := d.CrashClone(all)
		if got := show(t, clone, d.dir); got != c.all || before != c.all {
			t.Errorf("%s: kept all: %q, before %q, want %q", c.name, got, before, c.all)
		}
		// What a crash left is on disk.
		if got := show(t, clone.CrashClone(nil), d.dir); got != c.all {
			t.Errorf("%s: lost by a second crash: %q, want %q", c.name, got, c.all)
		}
		if got := show(t, d, d.dir); got != before {
			t.Errorf("%s: CrashClone changed the original to %q", c.name, got)
		}
	}
}

// Each block and the length survive by themselves: a batch may lose a page in its middle (crafted file 27).
func TestCrashMayTearAWrite(t *testing.T) {
	const page = 4096
	old, fresh := bytes.Repeat([]byte{0xFF}, 4*page), bytes.Repeat([]byte{7}, 4*page)
	seen := map[string]bool{}
	for seed := range uint64(200) {
		d := newDisk(t)
		f := d.create("a", string(old), 0)
		d.ok(f.SyncData())
		d.ok(d.SyncDir(d.dir))
		d.put(f, string(fresh), 100)
		r := rand.New(rand.NewPCG(seed, 0))
		left := read(t, d.CrashClone(func() bool { return r.IntN(2) == 0 }), d.dir+"/a")
		picture := fmt.Sprint(len(left) > 4*page)
		for i := 0; i+page/2 < len(left); i += page {
			picture += fmt.Sprintf(" %d", left[i+page/2])
		}
		seen[picture] = true
		if left[:100] != string(old[:100]) {
			t.Fatalf("seed %d: bytes that nobody wrote changed", seed)
		}
	}
	// Four pages, the length, and with the new length a fifth page of 100 bytes that is beyond the sample.
	if len(seen) != 32 {
		t.Errorf("%d pictures, want 32: %v", len(seen), seen)
	}
}

// Of one directory the oldest changes stay, so a file replaced by tmp and rename is always old or new.
func TestCrashKeepsOrderOfOneDirectory(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(100) {
		d := newDisk(t)
		d.ok(d.create("a", "1", 0).Sync())
		d.ok(d.SyncDir(d.dir))
		d.ok(d.create("a.tmp", "2", 0).Sync())
		d.ok(d.Rename(d.dir+"/a.tmp", d.dir+"/a"))
		d.ok(d.create("b", "3", 0).Sync())
		r := rand.New(rand.NewPCG(seed, 0))
		seen[show(t, d.CrashClone(func() bool { return r.IntN(2) == 0 }), d.dir)] = true
	}
	for _, want := range []string{"a=1", "a=1 a.tmp=2", "a=2", "a=2 b=3"} {
		if !seen[want] {
			t.Errorf("never saw %q", want)
		}
		delete(seen, want)
	}
	if len(seen) != 0 {
		t.Errorf("impossible: %v", seen)
	}
}

// The same history and the same choices leave the same disk.
func TestCrashIsDeterministic(t *testing.T) {
	run := func() string {
		d := newDisk(t)
		for i := range 20 {
			f := d.create(fmt.Sprintf("f%d", i), strings.Repeat("x", 10000*(i%3)), 0)
			if i%4 == 0 {
				d.ok(f.Sync())
			}
			if i == 10 {
				d.ok(d.SyncDir(d.dir))
			}
		}
		r := rand.New(rand.NewPCG(1, 2))
		return show(t, d.CrashClone(func() bool { return r.IntN(3) > 0 }), d.dir)
	}
	first := run()
	for range 10 {
		if run() != first {
			t.Fatal("another disk from the same history")
		}
	}
}

func TestCrashReleasesLocksAndSeparatesDisks(t *testing.T) {
	d := newDisk(t)
	old := strings.Repeat("o", 10000)
	f := d.create("l", old, 0)
	d.ok(f.Lock())
	d.ok(d.SyncDir(d.dir))
	c := disk{t, d.CrashClone(all), d.dir} // unsynced data was kept: both disks have it, each its own
	g := c.create("l", "", 0)
	d.ok(g.Lock())
	d.put(f, "F", 100)
	d.put(g, "G", 200)
	for m, want := range map[*vfs.Mem]string{
		d.Mem: old[:100] + "F" + old[101:],
		c.Mem: old[:200] + "G" + old[201:],
	} {
		if got := read(t, m, d.dir+"/l"); got != want {
			t.Errorf("at 100 %q, at 200 %q; want %q, %q", got[100], got[200], want[100], want[200])
		}
	}
}

// Data behind an end that did not survive is gone, even if the file grows again.
func TestCrashForgetsDataBehindTheEnd(t *testing.T) {
	for _, size := range []int{10, 5000} {
		d := newDisk(t)
		f := d.create("a", strings.Repeat("o", size), 0)
		d.ok(f.SyncData())
		d.ok(d.SyncDir(d.dir))
		d.put(f, strings.Repeat("x", 20000), int64(size))
		asked := 0
		c := disk{t, d.CrashClone(func() bool { asked++; return asked > 1 }), d.dir} // the length is asked for first
		g := c.create("a", "", 0)
		d.ok(g.Truncate(20000))
		want := strings.Repeat("o", size) + strings.Repeat("\x00", 20000-size)
		if got := read(t, c, d.dir+"/a"); got != want {
			t.Errorf("size %d: old data came back", size)
		}
	}
}

func TestMemSetInfo(t *testing.T) {
	d := newDisk(t)
	d.SetInfo(vfs.FSInfo{Kind: "tmpfs"})
	for _, m := range []vfs.FS{d.Mem, d.CrashClone(nil)} {
		if info, err := m.Statfs("/"); err != nil || info.Kind != "tmpfs" {
			t.Errorf("%+v, %v", info, err)
		}
	}
	if _, err := d.OpenFile("relative", os.O_RDWR|os.O_CREATE, 0); err == nil || strings.Contains(show(t, d, "/"), "relative") {
		t.Error("a relative path was taken")
	}
	if err := d.Remove("/"); err == nil {
		t.Error("the root was removed")
	}
}

// TestCrashMayReorderNames: what is not synced of one directory is kept in any order, but for the changes of one name.
func TestCrashMayReorderNames(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(200) {
		d := newDisk(t)
		d.ok(d.Mkdir(d.dir+"/current", 0o755))
		d.ok(d.SyncDir(d.dir))
		d.ok(d.Rename(d.dir+"/current", d.dir+"/old"))
		d.ok(d.Mkdir(d.dir+"/current", 0o755))
		d.ok(d.Rename(d.dir+"/old", d.dir+"/kept"))
		d.ok(d.Mkdir(d.dir+"/other", 0o755))
		r := rand.New(rand.NewPCG(seed, 1))
		seen[show(t, d.CrashReordered(func() bool { return r.IntN(2) == 0 }), d.dir)] = true
	}
	for _, want := range []string{
		"current/", "current/ other/", // the first rename is lost, and with it all that builds on it
		"old/", "old/ other/", "current/ old/", "current/ old/ other/",
		"kept/", "kept/ other/", // as a journaling file system never leaves it
		"current/ kept/", "current/ kept/ other/",
	} {
		if !seen[want] {
			t.Errorf("never left: %s", want)
		}
		delete(seen, want)
	}
	for left := range seen {
		t.Errorf("left %s", left)
	}
}
