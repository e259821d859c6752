package jnserver_test

import (
	"bytes"
	"syscall"
	"testing"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

// A node that was Java's has no reserve yet. With all the space in the world an accept makes a part of it, and that is no alarm.
func TestNoAlarmInAnAccept(t *testing.T) {
	mem := vfs.NewMem()
	must(t, mem.MkdirAll(editsDir, 0o755))
	mem = everything(mem)
	env := newEnv(mem, noFetch)
	j, _ := written(t, env) // without reserve, as Java leaves it
	must(t, j.Close())
	copied := append(segmentFile(4, 9), bytes.Repeat([]byte{editlog.OpInvalid}, 1<<20)...)
	env = newEnv(mem, fetchBytes(copied))
	env.Reserve = storage.DefaultReserve
	env.Events = func(_ string, e jnserver.Event) {
		if s, ok := e.(jnserver.SpaceShort); ok {
			t.Errorf("event on a disk with all space: %v", s.Problem)
		}
	}
	j = openJournal(t, env)
	w := newWriter(t, j, 2)
	must(t, j.AcceptRecovery(t.Context(), w.info(), jnserver.SegmentState{Start: 4, End: 9, InProgress: true}, "copy"))
	if p := j.Snapshot().Space.Problem; p != nil {
		t.Errorf("accept: %v", p)
	}
}

func TestNoAlarmInAnUpgrade(t *testing.T) {
	mem := vfs.NewMem()
	must(t, mem.MkdirAll(editsDir, 0o755))
	mem = everything(mem)
	env := newEnv(mem, noFetch)
	j, _ := written(t, env)
	must(t, j.Close())
	env.Reserve = storage.DefaultReserve
	j = openJournal(t, env)
	must(t, j.DoPreUpgrade())
	if p := j.Snapshot().Space.Problem; p != nil {
		t.Errorf("upgrade: %v", p)
	}
	must(t, j.DoUpgrade(storage.StorageInfo{LayoutVersion: -67, CTime: 77}))
	if p := j.Snapshot().Space.Problem; p != nil {
		t.Errorf("upgraded: %v", p)
	}
}

// A node is restarted after room was made: health does not say that the disk is full, though the reserve was used.
func TestNoAlarmAfterRoomWasMade(t *testing.T) {
	mem, j, _, _ := fullJournal(t, syscall.ENOSPC)
	newWriter(t, j, 2) // takes a portion
	must(t, j.Close())
	mem.SetSpace(1<<40, 1<<20, syscall.ENOSPC)
	env := newEnv(mem, noFetch)
	env.Reserve = storage.DefaultReserve
	j = openJournal(t, env)
	if s := j.Snapshot().Space; s.Problem != nil {
		t.Errorf("free %d: %v", s.Free.FreeBytes, s.Problem)
	}
}

// Ours, Java's, which unlinks in_use.lock when it ends, and ours again, on a full disk.
func TestLockOnAFullDisk(t *testing.T) {
	mem, j, _, _ := fullJournal(t, syscall.ENOSPC)
	must(t, j.Close())
	must(t, mem.Remove(journalRoot+"/in_use.lock"))
	used, inodes := mem.Used()
	mem.SetSpace(used, inodes+10, syscall.ENOSPC)
	env := newEnv(mem, noFetch)
	env.Reserve = storage.DefaultReserve
	j, err := jnserver.OpenJournal(env, "ns1", journalRoot)
	must(t, err)
	must(t, j.Close())
}

func TestLostLockOnAFullDisk(t *testing.T) {
	mem, j, _, _ := fullJournal(t, syscall.ENOSPC)
	must(t, mem.Remove(journalRoot+"/in_use.lock"))
	used, inodes := mem.Used()
	mem.SetSpace(used, inodes+10, syscall.ENOSPC)
	newWriter(t, j, 2)
}
