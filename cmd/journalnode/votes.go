package main

import (
	"context"
	"sync"
	"time"
)

// voteInterval is how often the other nodes are asked about a vote that is withheld. It is shorter than the pause that
// peers.NothingPromised makes: of several nodes that come up in a cluster which has never had a writer, the last has seen
// that nobody has promised anything before the first one may.
const voteInterval = time.Second

// claimVotes asks for the votes that are withheld until ctx ends. A journal whose vote is not costs a look at its snapshot, and
// one whose disk hangs keeps nobody else.
func (d *daemon) claimVotes(ctx context.Context) {
	tick := time.NewTicker(voteInterval)
	defer tick.Stop()
	var under sync.Map // the journals for which it is asked just now
	for {
		for _, j := range d.node.Journals() {
			if _, busy := under.LoadOrStore(j, true); busy {
				continue
			}
			d.serving.Go(func() {
				defer under.Delete(j)
				j.ClaimVote(ctx)
			})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
