package compat_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
)

// TestTail_FullDisk fills the file system of one node under load: what it could not write it does not answer to those
// who tail either, whose other two nodes go on. Java's node answers it, for it fills its cache before it writes.
func TestTail_FullDisk(t *testing.T) {
	if !long() {
		t.Skip("COMPAT_LONG=1 runs it: TestHA_DiskFull fills disks in CI")
	}
	onReleases(t, tailFullDisk, releases(t)...)
}

func tailFullDisk(t *testing.T, ctx context.Context, site *hadoop.Site) {
	disk := newSmallDisk(t, "tmpfs")
	c := newTailing(t, ctx, site, false, nil)
	full := c.Journals[0]
	full.Edits = filepath.Join(disk.dir, "edits")
	check(t, full.Configure(cacheKeys(nil)))
	t.Cleanup(func() { // before the disk is unmounted
		if full.Process != nil {
			full.Kill()
		}
	})
	c.start()
	c.startLoad(gentle, c.Addresses()...)
	c.follow(50)

	disk.fill()
	refused := func() bool { return strings.Contains(strings.ToLower(full.FullLog()), "no space left on device") }
	for range 8 {
		if check(t, c.push()); refused() {
			break
		}
	}
	c.eventually(full.Name+" refuses edits", refused)
	p := c.begin(full.Name + " is full")
	c.follow(60)
	p.end(c.others(full)...)
	last := c.newest(full).Last
	count, err := c.journaledEdits(full, last, 1000)
	t.Logf("%s ends at txid %d; asked for that and more it answers %d transactions (%v)", full.Name, last, count, err)
	switch {
	case control():
	case err != nil || count > 1:
		t.Errorf("%s ends at txid %d and answers %d transactions from there on (%v)", full.Name, last, count, err)
	default:
		c.refuses(full, last+2, newerTxnID)
	}

	disk.makeRoom()
	last = must(c.active().LastTxID())(t)
	c.roll()
	c.takesPart(full, last)
	c.follow(60)
	c.stopLoad()
	c.judge()
}
