package storage_test

import (
	"errors"
	"path"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

// TestGeneration: it changes if the directory was, or may have been, replaced, and by nothing else.
func TestGeneration(t *testing.T) {
	format := func(d *storage.Dir) error { return d.Format(fixtureInfo, true) }
	preUpgraded := func(t *testing.T, d *storage.Dir) { must(t, d.PreUpgrade()) }
	upgraded := func(t *testing.T, d *storage.Dir) { must(t, d.PreUpgrade()); must(t, d.Upgrade(upgradedInfo)) }
	find := func(d *storage.Dir) storage.Segment { s, _, _ := d.Find(7); return s }
	tests := []struct {
		name    string
		before  func(t *testing.T, d *storage.Dir)
		fail    string // "<kind> <base name of the file>" of the operation that fails
		run     func(d *storage.Dir) error
		wantErr bool
		changes bool
	}{
		{name: "format", run: format, changes: true},
		{name: "format that fails at VERSION", fail: "rename VERSION.tmp", run: format, wantErr: true, changes: true},
		{name: "format that fails at the exchange", fail: "rename formatted.tmp", run: format, wantErr: true, changes: true},
		{name: "format refused for its content", wantErr: true,
			run: func(d *storage.Dir) error { return d.Format(fixtureInfo, false) }},
		{name: "format refused for its namespace", wantErr: true,
			run: func(d *storage.Dir) error { return d.Format(storage.StorageInfo{}, true) }},
		{name: "format that cannot list", fail: "readdir current", run: format, wantErr: true},
		{name: "preupgrade", run: (*storage.Dir).PreUpgrade},
		{name: "preupgrade refused", before: preUpgraded, run: (*storage.Dir).PreUpgrade, wantErr: true},
		{name: "preupgrade that fails", fail: "mkdir current", run: (*storage.Dir).PreUpgrade, wantErr: true, changes: true},
		{name: "upgrade", before: preUpgraded, run: func(d *storage.Dir) error { return d.Upgrade(upgradedInfo) }, changes: true},
		{name: "upgrade refused", run: func(d *storage.Dir) error { return d.Upgrade(upgradedInfo) }, wantErr: true},
		{name: "upgrade that fails at the end", before: preUpgraded, fail: "rename previous.tmp",
			run: func(d *storage.Dir) error { return d.Upgrade(upgradedInfo) }, wantErr: true, changes: true},
		{name: "finalize upgrade", before: upgraded, run: (*storage.Dir).FinalizeUpgrade},
		{name: "rollback", before: upgraded, run: rollback, changes: true},
		{name: "rollback that fails", before: upgraded, fail: "rename previous", run: rollback, wantErr: true, changes: true},
		{name: "rollback without previous", run: rollback},
		{name: "can roll back", run: canRollBack},
		{name: "promise", run: func(d *storage.Dir) error { return d.SetPromisedEpoch(9) }},
		{name: "finalize", run: func(d *storage.Dir) error { return d.Finalize(find(d), 9) }},
		{name: "failed finalize", fail: "syncdir current", wantErr: true,
			run: func(d *storage.Dir) error { return d.Finalize(find(d), 9) }},
		{name: "discard", changes: true, run: func(d *storage.Dir) error { _, err := d.Discard(4); return err }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			armed, fired := false, false
			d := mustOpen(t, vfs.Inject(formatted(t).settled(), func(op vfs.Op) error {
				if armed && !fired && op.Kind+" "+path.Base(op.Path) == tt.fail {
					fired = true
					return errors.New("the disk says no")
				}
				return nil
			}))
			if tt.before != nil {
				tt.before(t, d)
			}
			before := d.Generation()
			if d.Generation() != before {
				t.Error("it changes by being asked")
			}
			armed = true
			if err := tt.run(d); (err != nil) != tt.wantErr {
				t.Fatalf("error %v", err)
			}
			if fired != (tt.fail != "") {
				t.Fatalf("%q did not fail", tt.fail)
			}
			if changed := d.Generation() != before; changed != tt.changes {
				t.Errorf("changed: %v, want %v", changed, tt.changes)
			}
		})
	}
}

// TestGenerationOfARootThatCame: Format takes over a directory that was not there at Open, even if it refuses to format it.
func TestGenerationOfARootThatCame(t *testing.T) {
	mem := vfs.NewMem()
	d := mustOpen(t, mem)
	before := d.Generation()
	other := mustOpen(t, mem)
	must(t, other.Format(fixtureInfo, false))
	if err := d.Format(fixtureInfo, true); err == nil || d.Generation() != before {
		t.Errorf("formatted under the other's lock: %v", err)
	}
	must(t, other.Close())
	if err := d.Format(fixtureInfo, false); err == nil || d.State() != storage.Normal || d.Generation() == before {
		t.Errorf("%v, %v, generation %d", err, d.State(), d.Generation())
	}
}
