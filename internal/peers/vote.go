package peers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"gojn/storage"
)

// NothingPromised is nil if more than half of all nodes of the journal, this one not counted, have just said that they
// never promised anything: that their last promised epoch is 0. A peer that is silent, not formatted, or answers with
// an error has not said so. The nodes have to be those of the journal's own URI, all known; one that has two names
// counts once. The error tells what each of them said. highest is the highest epoch that one of them has promised, 0 if
// none says so. jnserver.Peers has this method.
func (p *Peers) NothingPromised(ctx context.Context, jid string) (highest storage.Epoch, err error) {
	ctx, cancel := p.within(ctx, forever)
	defer cancel()
	j := p.journal(jid)
	n, err := p.cfg.SharedEdits.of(j)
	if err == nil {
		err = p.resolvable()
	}
	switch {
	case err != nil:
		return 0, err
	case n.journalID != jid:
		return 0, fmt.Errorf("%s names the nodes of journal %s, not those of %s", n.key, n.journalID, jid)
	}
	nodes, open := p.nodesOf(ctx, n.quorum)
	if len(open) > 0 {
		return 0, fmt.Errorf("it is not known how many JournalNodes there are: %s does not resolve", strings.Join(open, ", "))
	}
	votes := p.poll(ctx, j, nodes)
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	for _, v := range votes {
		if !v.self && v.err == nil {
			highest = max(highest, v.state.LastPromisedEpoch)
		}
	}
	all := len(nodes)
	if p.cfg.SharedEdits.ResolveNames {
		all = p.nodesEver(jid, countWith(votes))
	}
	if said, need := distinct(votes), all/2+1; said < need {
		texts := make([]string, len(votes))
		for i, v := range votes {
			texts[i] = v.String()
		}
		return highest, fmt.Errorf("of %d JournalNodes at least %d others must say that nothing was ever promised, %d did: %s",
			all, need, said, strings.Join(texts, "; "))
	}
	if p.cfg.VotePause <= 0 {
		return highest, nil
	}
	pause := time.NewTimer(p.cfg.VotePause)
	defer pause.Stop()
	select {
	case <-pause.C:
		return highest, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// countWith is the number of all nodes behind one name: this one is one of them, also where the name servers leave it out, as
// those of a container's service do with who is not ready.
func countWith(votes []vote) int {
	if slices.ContainsFunc(votes, func(v vote) bool { return v.self || errors.Is(v.err, ErrMyself) }) {
		return len(votes)
	}
	return len(votes) + 1
}

// nodesEver is the most nodes of the journal that this process has seen: one that is down may be out of its name for a while.
func (p *Peers) nodesEver(jid string, now int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most[jid] = max(p.most[jid], now)
	return p.most[jid]
}

// forever is the limit of what has limits of its own.
const forever = 24 * time.Hour

// vote is what a node said.
type vote struct {
	node
	state answeredState
	err   error
}

func (v vote) zero() bool { return !v.self && v.err == nil && v.state.LastPromisedEpoch == 0 }

func (v vote) String() string {
	switch {
	case v.self:
		return v.peer.String() + " is this node"
	case v.err != nil:
		return v.err.Error()
	}
	return fmt.Sprintf("%s: last promised epoch %d", v.peer, v.state.LastPromisedEpoch)
}

// poll asks all nodes but this one at the same time.
func (p *Peers) poll(ctx context.Context, j Journal, nodes []node) []vote {
	votes := make([]vote, len(nodes))
	var asked sync.WaitGroup
	for i, n := range nodes {
		votes[i].node = n
		if n.self {
			continue
		}
		asked.Go(func() {
			votes[i].state, votes[i].err = p.state(ctx, n.peer, j, p.cfg.VoteTimeout)
		})
	}
	asked.Wait()
	return votes
}

// distinct counts the nodes that said zero, each once: those that answered as one process, or have an address and the
// port in common, are one.
func distinct(votes []vote) int {
	var counted []vote
	for _, v := range votes {
		if v.zero() && !slices.ContainsFunc(counted, v.sameAs) {
			counted = append(counted, v)
		}
	}
	return len(counted)
}

func (v vote) sameAs(o vote) bool {
	if v.state.process != "" && v.state.process == o.state.process {
		return true
	}
	reached := func(a netip.Addr) bool {
		return a == o.state.at || slices.Contains(o.addrs, a)
	}
	return v.peer.Port == o.peer.Port && (reached(v.state.at) || slices.ContainsFunc(v.addrs, reached))
}
