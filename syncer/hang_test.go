package syncer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

// TestHungDisks: journals whose disk hangs, more of them than there are places, keep what they had begun, and another journal's
// gaps are filled all the same. What they hold is bounded, and they go on when their disk does.
func TestHungDisks(t *testing.T) {
	for _, kind := range []string{"open", "writeat", "sync"} {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				c := &cluster{}
				full := c.node(900)
				for first := storage.TxID(1); first < 60; first += 3 {
					full.add(first, first+2)
				}
				b := newBench(t, c, nil).format()
				healed := make(chan struct{})
				b.hook = func(op vfs.Op) error {
					if op.Kind == kind && strings.Contains(op.Path, "/edits.sync/") && !strings.Contains(op.Path, "/healthy/") {
						<-healed
					}
					return nil
				}
				add := func(jid string) *jnserver.Journal {
					b.must(b.mem.MkdirAll("/data/jn/"+jid, 0o755))
					j, err := b.node.Journal(jid, "")
					b.must(err)
					b.must(j.FormatLikePeer(info))
					return j
				}
				all := []*jnserver.Journal{b.j, add("ns2"), add("ns3")}
				b.start()
				defer b.stop()
				passes(time.Minute)
				healthy := add("healthy")
				passes(time.Minute)
				if n := len(healthy.Snapshot().Segments); n != 20 {
					t.Errorf("the journal of a healthy disk has %d segments of 20", n)
				}
				fetching := 0
				for _, s := range b.s.Status() {
					fetching += s.Fetching
				}
				if fetching > 8+len(all) {
					t.Errorf("%d downloads are under way", fetching)
				}
				close(healed)
				passes(10 * time.Minute)
				var has []string
				for _, j := range append(all, healthy) {
					has = append(has, fmt.Sprint(len(j.Snapshot().Segments)))
				}
				if got := strings.Join(has, " "); got != "20 20 20 20" {
					t.Errorf("segments afterwards: %s", got)
				}
			})
		})
	}
}
