package compat_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
)

// TestSync_OursFromJava: our node was away while Hadoop's writer filled many segments on two Java nodes; it fills its gaps from
// both, also from those of 2.7, which have no syncer, while the writer goes on. It is killed on the way, and what it had is not
// fetched again. Copies that are bad on one of the nodes are not taken.
func TestSync_OursFromJava(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		s := newSyncTrio(t, ctx, site, sameRelease(site.Install), hadoop.Java, hadoop.Java, subject())
		behind := s.behind()
		s.write(3, false)
		behind.Kill()
		s.write(24, false)
		here := s.finalized(behind)
		missing := s.finalized(s.nodes[0])[len(here)+1:]
		s.corrupt(s.nodes[0], eightOfBothParities(t, missing[:len(missing)-8])) // the writer's next recovery must not meet them

		check(t, behind.Configure(s.extra.With(hadoop.Properties{"dfs.edit.log.transfer.bandwidthPerSec": "10000"})))
		check(t, behind.Launch())
		s.write(2, true) // tells what is committed
		s.until("some segments have come", func() string {
			if len(s.finalized(behind)) < len(here)+4 {
				return behind.Tail(20)
			}
			return ""
		})
		behind.Kill()
		firstLife := behind.FullLog()
		killedWith := s.identities(behind)
		if len(killedWith) >= len(s.finalized(s.nodes[0])) {
			t.Error("it was killed too late: nothing is missing any more")
		}
		check(t, behind.Configure(s.extra))
		check(t, behind.Start(ctx))
		filled := s.filled(behind)
		s.halt()
		s.do("close w1")
		for name, was := range killedWith {
			now, ok := s.identities(behind)[name]
			if !ok || !os.SameFile(was, now) || !was.ModTime().Equal(now.ModTime()) {
				t.Errorf("%s was fetched again", name)
			}
		}
		s.sameEdits(filled, s.nodes[1], behind)
		if !control() && !strings.Contains(firstLife+behind.FullLog(), "another node's copy of a segment is bad") {
			t.Error("no bad copy was met")
		}
	}, releases(t)...)
}

// eightOfBothParities picks segments of which at least two begin with an odd txid and two with an even one: by that our syncer
// chooses which of two nodes it asks first, and a copy on one of them is met for sure only so.
func eightOfBothParities(t *testing.T, names []string) []string {
	t.Helper()
	var picked []string
	var of [2]int
	for _, name := range names {
		var first int64
		_, err := fmt.Sscanf(name, "edits_%d-", &first)
		check(t, err)
		if len(picked) < 8 && of[first%2] < 6 {
			picked = append(picked, name)
			of[first%2]++
		}
	}
	t.Logf("%d segments that begin with an even txid, %d with an odd one, of %d", of[0], of[1], len(names))
	if min(of[0], of[1]) < 2 || len(picked) < 8 {
		t.Fatalf("these are too few, or too much alike: %q", names)
	}
	return picked
}

// TestSync_JavaFromOurs: a Java node that was away fills its gaps from two of ours.
func TestSync_JavaFromOurs(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		s := newSyncTrio(t, ctx, site, nil, subject(), subject(), hadoop.Java)
		behind := s.behind()
		s.write(3, false)
		behind.Kill()
		s.write(15, false)
		check(t, behind.Start(ctx))
		s.write(2, true)
		filled := s.filled(behind)
		s.halt()
		s.do("close w1")
		s.sameEdits(filled, s.nodes[0], behind)
	}, releases(t)...)
}

// TestSync_OursFromOurs: a node whose disk was lost is formatted after the others (dfs.journalnode.enable.sync.format), fills its
// gaps, and is told of by the metrics. What becomes of its vote: TestWiped_SyncFormat; of a purge: TestSync_Purged of jnserver.
func TestSync_OursFromOurs(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		s := newSyncTrio(t, ctx, site, hadoop.Properties{"dfs.journalnode.enable.sync.format": "true"}, subject(), subject(), subject())
		behind := s.behind()
		s.write(3, false)
		behind.Kill()
		check(t, os.RemoveAll(behind.Edits))
		check(t, os.MkdirAll(behind.Edits, 0o755))
		s.write(20, false)
		check(t, behind.Start(ctx))
		s.filled(behind)
		// The files are there before their directory is synced, and count only then. Some of the segments may be the writer's own work:
		// of its calls to the dead node those that still waited came when it lived again; not those of the first life.
		s.until("the metrics tell what is not from the writer", func() string {
			synced := must(behind.Metrics(hadoop.JournalID))(t).EditLogsSynced
			have, written := int64(len(s.finalized(behind))), int64(strings.Count(behind.FullLog(), "log segment finalized"))
			if control() { // Java's node does not tell what it finalizes
				written = have - synced
			}
			if synced < 3 || synced != have-written {
				return fmt.Sprintf("NumEditLogsSynced is %d, of %d segments %d are from the writer", synced, have, written)
			}
			return ""
		})
		s.write(3, true)
		filled := s.filled(behind)
		s.halt()
		s.sameEdits(filled, s.nodes[0], behind)
	}, releases(t)...)
}
