package saboteur_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"gojn/internal/saboteur"
	"gojn/storage/vfs"
	"gojn/storage/vfs/vfstest"
)

// TestCutRenamesIsAFileSystem: to those who use it, it is like any other, below a locked directory too.
func TestCutRenamesIsAFileSystem(t *testing.T) {
	vfstest.Test(t, func(t *testing.T) (vfs.FS, string) {
		dir := t.TempDir()
		fsys, _ := lockedCut(t, dir)
		check(t, os.Mkdir(dir+"/current", 0o755))
		return fsys, dir + "/current"
	})
}

// lockedCut is a process that has locked dir; close is its orderly stop, and it is killed by forgetting it.
func lockedCut(t *testing.T, dir string) (fsys vfs.FS, closeLock func() error) {
	t.Helper()
	fsys = saboteur.CutRenames(vfs.OS())
	lock, err := fsys.OpenFile(dir+"/in_use.lock", os.O_RDWR|os.O_CREATE, 0o644)
	check(t, err)
	// The lock itself is left to the real process: one that is killed here would hold it on.
	check(t, lock.Lock())
	return fsys, lock.Close
}

// TestCutRenames: a kill takes back what was renamed and not synced, also what a rename had replaced; a sync of the directory
// and an orderly stop make it last.
func TestCutRenames(t *testing.T) {
	for name, c := range map[string]struct {
		end          func(fsys vfs.FS, current string, stop func() error) error
		a, b, middle string // what the names hold for the next process; "" if there is no such file
	}{
		"Killed":           {func(vfs.FS, string, func() error) error { return nil }, "new", "old", ""},
		"Synced":           {func(fsys vfs.FS, current string, _ func() error) error { return fsys.SyncDir(current) }, "", "new", ""},
		"AnotherDirSynced": {func(fsys vfs.FS, current string, _ func() error) error { return fsys.SyncDir(current + "/..") }, "new", "old", ""},
		"Stopped":          {func(_ vfs.FS, _ string, stop func() error) error { return stop() }, "", "new", ""},
		"Removed":          {func(fsys vfs.FS, current string, _ func() error) error { return fsys.Remove(current + "/b") }, "", "old", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			current := dir + "/current"
			check(t, os.Mkdir(current, 0o755))
			check(t, os.WriteFile(current+"/a", []byte("new"), 0o644))
			check(t, os.WriteFile(current+"/b", []byte("old"), 0o644))
			fsys, stop := lockedCut(t, dir)
			check(t, fsys.Rename(current+"/a", current+"/middle"))
			check(t, fsys.Rename(current+"/middle", current+"/b"))
			check(t, c.end(fsys, current, stop))

			check(t, os.Remove(dir+"/in_use.lock")) // this process is alive and would hold the lock
			_, stop = lockedCut(t, dir)
			for name, want := range map[string]string{"a": c.a, "b": c.b, "middle": c.middle} {
				got, err := os.ReadFile(current + "/" + name)
				if string(got) != want || (want == "") != errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s holds %q (%v), want %q", name, got, err, want)
				}
			}
			check(t, stop())
			if _, err := os.Stat(dir + "/gojn.unsynced"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after an orderly stop there is %v", err)
			}
		})
	}
}

// TestCutRenamesKilledWithin: a process that is killed while it renames, or while it takes back, keeps nobody from going on.
func TestCutRenamesKilledWithin(t *testing.T) {
	const record, kept = "000000001.json", "000000001.kept"
	for name, c := range map[string]struct {
		kill func(fsys vfs.FS, current string, unsynced *os.Root) error
		a, b string
	}{
		"BeforeTheRename": {func(_ vfs.FS, current string, unsynced *os.Root) error {
			return errors.Join(os.Link(current+"/b", unsynced.Name()+"/"+kept), unsynced.WriteFile("000000001.draft", []byte("{"), 0o644))
		}, "new", "old"},
		"BeforeTheRecord": {func(fsys vfs.FS, current string, unsynced *os.Root) error {
			return errors.Join(fsys.Rename(current+"/a", current+"/b"), unsynced.Rename(record, "000000001.draft"))
		}, "", "new"},
		"TakenBack": {func(fsys vfs.FS, current string, unsynced *os.Root) error {
			return errors.Join(fsys.Rename(current+"/a", current+"/b"), os.Rename(current+"/b", current+"/a"),
				os.Rename(unsynced.Name()+"/"+kept, current+"/b"))
		}, "new", "old"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			current := dir + "/current"
			check(t, os.Mkdir(current, 0o755))
			check(t, os.WriteFile(current+"/a", []byte("new"), 0o644))
			check(t, os.WriteFile(current+"/b", []byte("old"), 0o644))
			fsys, _ := lockedCut(t, dir)
			unsynced, err := os.OpenRoot(dir + "/gojn.unsynced")
			check(t, err)
			defer func() { _ = unsynced.Close() }()
			check(t, c.kill(fsys, current, unsynced))

			check(t, os.Remove(dir+"/in_use.lock"))
			fsys, _ = lockedCut(t, dir)
			for name, want := range map[string]string{"a": c.a, "b": c.b} {
				if got, _ := os.ReadFile(current + "/" + name); string(got) != want {
					t.Errorf("%s holds %q, want %q", name, got, want)
				}
			}
			check(t, os.WriteFile(current+"/c", []byte("newer"), 0o644))
			check(t, fsys.Rename(current+"/c", current+"/b"))
		})
	}
}

// killed is a file system whose process dies within a rename, at the first write into its record.
type killed struct{ vfs.FS }

func (k killed) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := k.FS.OpenFile(name, flag, perm)
	return killedFile{f}, err
}

type killedFile struct{ vfs.File }

func (killedFile) WriteAt([]byte, int64) (int, error) { return 0, errors.New("killed") }

// TestCutRenamesKilledAtItsRecord: an empty record is none.
func TestCutRenamesKilledAtItsRecord(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(dir+"/a", []byte("new"), 0o644))
	check(t, os.WriteFile(dir+"/b", []byte("old"), 0o644))
	fsys := saboteur.CutRenames(killed{vfs.OS()})
	lock, err := fsys.OpenFile(dir+"/in_use.lock", os.O_RDWR|os.O_CREATE, 0o644)
	check(t, err)
	check(t, lock.Lock())
	if err := fsys.Rename(dir+"/a", dir+"/b"); err == nil {
		t.Fatal("it lives on")
	}
	check(t, os.Remove(dir+"/in_use.lock"))
	fsys, stop := lockedCut(t, dir)
	check(t, fsys.Rename(dir+"/a", dir+"/b"))
	check(t, stop())
	if got, err := os.ReadFile(dir + "/b"); string(got) != "new" {
		t.Errorf("b holds %q, %v", got, err)
	}
}
