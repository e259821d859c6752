package saboteur_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"gojn/internal/saboteur"
	"gojn/storage/vfs"
	"gojn/storage/vfs/vfstest"
)

// TestForgetIsAFileSystem: to those who use it, it is like any other, however little or much it holds back.
func TestForgetIsAFileSystem(t *testing.T) {
	for name, hold := range map[string]int{"Little": 1, "Much": 1000} {
		t.Run(name, func(t *testing.T) {
			vfstest.Test(t, func(t *testing.T) (vfs.FS, string) { return saboteur.Forget(vfs.OS(), hold), t.TempDir() })
			vfstest.Test(t, func(t *testing.T) (vfs.FS, string) { return saboteur.Unsynced(vfs.OS(), hold), t.TempDir() })
		})
	}
}

// TestForgetLosesTheLastWrites: what a kill would leave is what lies in the real directory.
func TestForgetLosesTheLastWrites(t *testing.T) {
	path := t.TempDir() + "/log"
	fsys := saboteur.Forget(vfs.OS(), 3)
	file, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE|vfs.ODSync, 0o644)
	check(t, err)
	for i, piece := range []string{"aa", "bb", "cc", "dd", "ee"} {
		_, err := file.WriteAt([]byte(piece), int64(2*i))
		check(t, err)
		check(t, file.SyncData())
		check(t, file.Sync())
	}
	left(t, path, "aabb")
	reader, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	check(t, err)
	seen := make([]byte, 10)
	if n, err := reader.ReadAt(seen, 0); n != 10 || string(seen) != "aabbccddee" {
		t.Errorf("through the file system: %q, %v", seen[:n], err)
	}
	if info, err := fsys.Stat(path); err != nil || info.Size() != 10 {
		t.Errorf("size: %v, %v", info, err)
	}
	check(t, reader.Close())
	left(t, path, "aabb") // who only reads makes nothing durable
	check(t, fsys.Rename(path, path+"2"))
	left(t, path+"2", "aabbccddee")
	_, err = file.WriteAt([]byte("ff"), 10)
	check(t, err)
	left(t, path+"2", "aabbccddee")
	check(t, file.Close())
	left(t, path+"2", "aabbccddeeff")
}

// TestUnsyncedLosesWhatWasNotSynced: a sync is done, of the file that it is asked for and of no other.
func TestUnsyncedLosesWhatWasNotSynced(t *testing.T) {
	dir := t.TempDir()
	fsys := saboteur.Unsynced(vfs.OS(), 64)
	for name, sync := range map[string]func(vfs.File) error{"data": vfs.File.SyncData, "all": vfs.File.Sync} {
		file, err := fsys.OpenFile(dir+"/"+name, os.O_RDWR|os.O_CREATE, 0o644)
		check(t, err)
		other, err := fsys.OpenFile(dir+"/other-"+name, os.O_RDWR|os.O_CREATE, 0o644)
		check(t, err)
		for i, f := range []vfs.File{file, other, file} {
			_, err := f.WriteAt([]byte{'a' + byte(i)}, int64(i/2))
			check(t, err)
		}
		left(t, dir+"/"+name, "")
		check(t, sync(file))
		left(t, dir+"/"+name, "ac")
		left(t, dir+"/other-"+name, "")
	}
	through, err := fsys.OpenFile(dir+"/through", os.O_RDWR|os.O_CREATE|vfs.ODSync, 0o644)
	check(t, err)
	_, err = through.WriteAt([]byte("z"), 0)
	check(t, err)
	left(t, dir+"/through", "z")
}

func TestDieBeforePromote(t *testing.T) {
	dir := t.TempDir()
	dead := 0
	fsys, _, err := saboteur.New(vfs.OS(), "die-before-promote", func() { dead++ })
	check(t, err)
	for _, name := range []string{"VERSION.tmp", "edits_inprogress_0000000000000000001", "edits_inprogress_1.epoch=2"} {
		check(t, os.WriteFile(dir+"/"+name, nil, 0o644))
		check(t, fsys.Rename(dir+"/"+name, dir+"/other"))
	}
	check(t, os.WriteFile(dir+"/edits_inprogress_1.epoch=3.part", nil, 0o644))
	check(t, fsys.Rename(dir+"/edits_inprogress_1.epoch=3.part", dir+"/edits_inprogress_1.epoch=3")) // it is finished
	if dead != 1 {
		t.Errorf("died %d times, want once", dead)
	}
}

func TestDieTold(t *testing.T) {
	dir := t.TempDir()
	file, dead := dir+"/told", 0
	fsys, _, err := saboteur.New(vfs.OS(), "die-told="+file, func() { dead++ })
	check(t, err)
	step := func(want int, what string) {
		t.Helper()
		check(t, fsys.Mkdir(dir+"/a", 0o755))
		check(t, fsys.Rename(dir+"/a", dir+"/b"))
		check(t, fsys.Remove(dir+"/b"))
		if dead != want {
			t.Errorf("%s: died %d times, want %d", what, dead, want)
		}
	}
	step(0, "nothing told")
	check(t, os.WriteFile(file, []byte("rename /a"), 0o644))
	step(0, "a rename to another name")
	check(t, os.WriteFile(file, []byte("rename /b"), 0o644))
	step(1, "the rename")
	step(1, "only once")
	check(t, os.WriteFile(file, []byte("remove /b; mkdir /a"), 0o644))
	step(1, "the first of two")
	step(2, "both")
	check(t, os.Remove(file))
	step(2, "nothing told any more")
}

func TestPlans(t *testing.T) {
	for plan, ok := range map[string]bool{
		"forget=1": true, "forget=64": true, "die-before-promote": true, "die-told=/x": true, "unsynced=64": true, "unsynced=0": false, "unsynced": false, "cut-renames": true, "die-told=": false,
		"": false, "forget": false, "forget=": false, "forget=0": false, "forget=-1": false, "forget=x": false, "sing": false,
	} {
		if _, words, err := saboteur.New(vfs.OS(), plan, nil); (err == nil) != ok || (words != "") != ok {
			t.Errorf("%q: %q, %v", plan, words, err)
		}
	}
}

// TestOrdinaryBinaryHasNoSaboteur: only the build tag links this package.
func TestOrdinaryBinaryHasNoSaboteur(t *testing.T) {
	for tags, want := range map[string]bool{"": false, "saboteur": true} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", tags, "gojn/cmd/journalnode").Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		if !strings.Contains(string(out), "gojn/jnserver\n") {
			t.Fatalf("these are not the packages of the binary: %s", out)
		}
		if got := strings.Contains(string(out), "gojn/internal/saboteur\n"); got != want {
			t.Errorf("with tags %q the binary has the saboteur: %v, want %v", tags, got, want)
		}
	}
}

func left(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q (%v), want %q", path, got, err, want)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
