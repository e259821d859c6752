package storage_test

import (
	"fmt"
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
			gone, err := d.DropVanished()
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
