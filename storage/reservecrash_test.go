package storage_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

// incompressibleText is n bytes of noise.
func incompressibleText(n int) string {
	random := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return string(b)
}

func compressed(data []byte) int {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression) // the level exists
	_, _ = w.Write(data)
	_ = w.Close()
	return out.Len()
}

// reservedArena is arena on a journal whose reserve is whole, on a file system that space has bounded.
func reservedArena(t *testing.T, s crashScenario, space func(mem *vfs.Mem), hook func(mem *vfs.Mem, op vfs.Op, n int) error) (
	*vfs.Mem, *storage.Dir, func() error,
) {
	t.Helper()
	mem := formatted(t).settled()
	armed, n := false, 0
	d := openReserved(t, vfs.Inject(mem, func(op vfs.Op) error {
		if !armed {
			return nil
		}
		n++
		return hook(mem, op, n)
	}), smallReserve)
	w, err := d.CreateDownload(1, 1) // which makes the reserve, and nothing else
	must(t, err)
	must(t, w.Abandon())
	wantLeft(t, "at first", d, smallReserve.Promises, false)
	if s.before != nil {
		s.before(t, mem, d)
	}
	must(t, mem.SyncDir(rootDir))
	must(t, mem.SyncDir(currentDir))
	space(mem)
	return mem, d, func() error {
		armed = true
		defer func() { armed = false }()
		return s.run(d)
	}
}

// fullDisks are the ways in which a disk is full, and the scenarios that fail on it; all others succeed.
var fullDisks = []struct {
	name  string
	space func(*vfs.Mem)
	fails []string
}{
	{"no blocks", func(m *vfs.Mem) { fill(m, 0, 1000) }, []string{"StartSegment", "a whole accept", "PromoteSynced",
		"PromoteSynced over one in progress"}},
	// One inode is all that the reserve has to give.
	{"no inodes", func(m *vfs.Mem) { fill(m, enough, 0) }, []string{"StartSegment", "a whole accept", "Format",
		"Format beside previous", "Format beside previous.tmp", "Upgrade", "a promise of the wiped", "GrantVote by hand",
		"Format of the wiped", "Upgrade of the wiped", "PromoteSynced", "PromoteSynced over one in progress"}},
}

// noSpace tells that there is too little space, for a download also if it is only little.
func noSpace(err error) bool { return vfs.NoSpace(err) || errors.Is(err, storage.ErrNoRoomToSync) }

// TestPowerCutsOnAFullDisk is TestPowerCuts on a full disk: with the reserve there, while it is given back, and while it is
// made anew. What may not use it fails and leaves the old state, durably; all else reaches the new one. Once there is space a
// segment can be started, behind a whole reserve.
func TestPowerCutsOnAFullDisk(t *testing.T) {
	for _, full := range fullDisks {
		for _, s := range crashScenarios() {
			t.Run(full.name+"/"+s.name, func(t *testing.T) {
				old, new := states(t, s)
				random := rand.New(rand.NewPCG(1, 2))
				var cuts []*vfs.Mem
				cut := func(mem *vfs.Mem, _ vfs.Op, _ int) error {
					cuts = append(cuts, mem.CrashClone(nil), everything(mem), mem.CrashClone(func() bool { return random.IntN(2) == 0 }))
					return nil
				}
				mem, d, run := reservedArena(t, s, full.space, cut)
				err := run()
				if fails := slices.Contains(full.fails, s.name); fails != (err != nil) || err != nil && !noSpace(err) {
					t.Fatalf("%v, want an error: %t", err, fails)
				}
				for i, c := range cuts {
					empty(c)
					what := fmt.Sprintf("power cut %d before operation %d", i%3, i/3+1)
					v := onDisk(t, what, c, s.withCommitted)
					if !s.allows(old, new, v) && (err == nil || !s.allows(old, old, v)) {
						t.Fatalf("%s:\n%+v\nis neither\n%+v\nnor\n%+v", what, v, old, new)
					}
				}
				if err == nil {
					after := mem.CrashClone(nil)
					empty(after)
					if v := onDisk(t, "after it", after, s.withCommitted); v != new {
						t.Fatalf("done, and after a power cut there is\n%+v\nnot\n%+v", v, new)
					}
				}
				empty(mem)
				d.Mend()
				if d.State() != storage.Normal || s.name == "PreUpgrade" {
					return
				}
				must(t, startSegment(t, d, 100).Abort())
				wantLeft(t, "space again", d, smallReserve.Promises, false)
			})
		}
	}
}

// TestNoSpaceAtEachOperation fails each operation of each scenario in turn for want of space, once and from then on, and on
// the reserve too. What fails left the old state or the new one; a promise that was made is there after a power cut.
func TestNoSpaceAtEachOperation(t *testing.T) {
	for _, s := range crashScenarios() {
		for _, lasting := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/lasting=%t", s.name, lasting), func(t *testing.T) {
				old, new := states(t, s)
				for fail := 1; ; fail++ {
					fired := false
					mem, d, run := reservedArena(t, s, empty, func(_ *vfs.Mem, op vfs.Op, n int) error {
						if n == fail || lasting && n > fail {
							fired = true
							return syscall.ENOSPC
						}
						return nil
					})
					err := run()
					if !fired {
						must(t, err)
						break
					}
					s.checkFailed(t, fail, lasting, mem, d, err, old, new)
					if d.Mend(); d.State() == storage.Normal {
						mayStart(t, d, fail)
					}
				}
			})
		}
	}
}

// mayStart starts a segment, and the reserve is whole then.
func mayStart(t *testing.T, d *storage.Dir, fail int) {
	t.Helper()
	if _, err := d.AbandonUpgrade(); err != nil {
		t.Fatalf("operation %d: %v", fail, err)
	}
	w, err := d.StartSegment(100, -67)
	if err != nil {
		t.Fatalf("operation %d failed, and later: %v", fail, err)
	}
	must(t, w.Abort())
	wantLeft(t, fmt.Sprintf("operation %d failed, and later", fail), d, smallReserve.Promises, false)
}

// TestCutsWhileTheReserveIsMade: each operation of making it, anew or from what is left, is failed and cut off; edits are
// refused for want of space and for nothing else, and the next process makes it whole.
func TestCutsWhileTheReserveIsMade(t *testing.T) {
	for _, before := range []int{0, portion + 100, 2 * portion} {
		for _, fault := range []error{nil, syscall.EIO, syscall.ENOSPC} {
			for n := 1; ; n++ {
				what := fmt.Sprintf("%d bytes before, operation %d, %v", before, n, fault)
				mem := formatted(t).settled()
				if before > 0 {
					d := openReserved(t, mem, smallReserve)
					must(t, startSegment(t, d, 10).Abort())
					must(t, d.Close())
					truncate(t, mem, reservePath, before)
				}
				armed, count, hit := false, 0, false
				var cuts []*vfs.Mem
				d := openReserved(t, vfs.Inject(mem, func(vfs.Op) error {
					if !armed {
						return nil
					}
					if count++; count != n {
						return nil
					}
					hit = true
					cuts = append(cuts, mem.CrashClone(nil), everything(mem))
					return fault
				}), smallReserve)
				must(t, d.SetPromisedEpoch(9))
				armed = true
				w, err := d.CreateDownload(1, 1)
				armed = false
				if !hit {
					must(t, err)
					break
				}
				if err != nil && !errors.Is(err, fault) || errors.Is(fault, syscall.EIO) && d.Reserve().Err != nil && err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if err == nil {
					must(t, w.Abandon())
				}
				must(t, d.Close())
				for _, c := range append(cuts, mem) {
					d := openReserved(t, c, smallReserve)
					if e, err := d.PromisedEpoch(); err != nil || e != 9 {
						t.Errorf("%s: promised %d, %v", what, e, err)
					}
					must(t, startSegment(t, d, 20).Abort())
					wantLeft(t, what, d, smallReserve.Promises, false)
				}
			}
		}
	}
}

func truncate(t *testing.T, mem *vfs.Mem, name string, size int) {
	t.Helper()
	f, err := mem.OpenFile(name, 2, 0)
	must(t, err)
	must(t, f.Truncate(int64(size)))
	must(t, f.Sync())
	must(t, f.Close())
}
