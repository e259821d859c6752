package syncer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gojn/internal/javaerr"
	"gojn/internal/peers"
	"gojn/jnserver"
	"gojn/storage"
)

// source is a node that answered with a manifest.
type source struct {
	peer peers.Peer
	url  string // where it serves HTTP

	mu      sync.Mutex
	strikes int // downloads that failed one after the other in this round
}

// mostStrikes is after how many downloads in a row that brought nothing a node is left alone for the rest of the round.
const mostStrikes = 3

func (s *source) struckOut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.strikes >= mostStrikes
}

func (s *source) strike() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strikes++
}

func (s *source) fine() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strikes = 0
}

var errNobodyAnswered = errors.New("no other node has answered")

// round asks everybody once and fetches what is missing.
func (f *filler) round(ctx context.Context) outcome {
	o := outcome{waitingFor: storage.InvalidTxID}
	if err := f.j.DropVanished(ctx); err != nil { // a disk that cannot be read: what else is missing may still be had
		f.log.trouble(slog.LevelWarn, "listing", err.Error(), "it cannot be seen whether segments were removed", "error", err)
	} else {
		f.log.over("listing", "")
	}
	base, err := f.j.SyncBase()
	if err != nil {
		o.err = err
		return o // it is asked for again as soon as it is formatted
	}
	sources, offers, err := f.ask(ctx, &o)
	if ctx.Err() != nil {
		return o
	}
	if err != nil {
		o.failed, o.err = true, err
		return o
	}
	plan, err := f.j.PlanSync(offers)
	if err != nil {
		o.err = err
		return o
	}
	o.missing, o.waiting, o.disputed = len(plan.Fetch), len(plan.Waiting), len(plan.Disputed)
	if len(plan.Waiting) > 0 {
		o.waitingFor = plan.Waiting[0].Last
	}
	f.status.planned(o)
	f.tell(plan, sources)
	if len(plan.Fetch) > 0 {
		b := &batch{filler: f, base: base, plan: plan, sources: sources, began: time.Now()}
		o.missing, o.err = b.fetch(ctx)
		o.failed = o.missing > 0 && ctx.Err() == nil
	}
	return o
}

// ask gets the manifests of all other nodes, at the same time.
func (f *filler) ask(ctx context.Context, o *outcome) ([]*source, []jnserver.SyncOffer, error) {
	journal := f.asked()
	list, err := f.cfg.Peers.Of(ctx, journal)
	if err != nil {
		if ctx.Err() == nil {
			f.log.trouble(slog.LevelWarn, "nodes", err.Error(), "the other JournalNodes are not known, gaps are not filled", "error", err)
		}
		return nil, nil, err
	}
	f.log.over("nodes", "the other JournalNodes are known again")
	manifests := make([]peers.Manifest, len(list.Peers))
	errs := make([]error, len(list.Peers))
	var asking sync.WaitGroup
	for i, peer := range list.Peers {
		asking.Go(func() { manifests[i], errs[i] = f.cfg.Peers.Manifest(ctx, peer, journal, 0) })
	}
	asking.Wait()
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	var sources []*source
	var offers []jnserver.SyncOffer
	for i, peer := range list.Peers {
		if errors.Is(errs[i], peers.ErrMyself) {
			continue
		}
		o.asked++
		cause := "asking " + peer.String()
		if errs[i] != nil {
			f.log.trouble(slog.LevelWarn, cause, string(javaerr.ClassOf(errs[i])), "a JournalNode cannot be asked what it has",
				"peer", peer, "error", errs[i])
			continue
		}
		f.log.over(cause, "a JournalNode answers again", "peer", peer)
		o.answered++
		offer := jnserver.SyncOffer{Committed: manifests[i].Committed}
		for _, s := range manifests[i].Segments {
			offer.Segments = append(offer.Segments, jnserver.SegmentRange{First: s.First, Last: s.Last})
		}
		sources = append(sources, &source{peer: peer, url: manifests[i].URL})
		offers = append(offers, offer)
	}
	if o.asked > 0 && o.answered == 0 {
		return nil, nil, errNobodyAnswered
	}
	return sources, offers, nil
}

// tell logs what will not be fetched, once.
func (f *filler) tell(plan jnserver.SyncPlan, sources []*source) {
	if len(plan.Waiting) > 0 {
		first := plan.Waiting[0]
		f.log.trouble(slog.LevelInfo, "waiting", "waiting", "segments of other nodes wait for a writer to tell what is committed",
			"segments", len(plan.Waiting), "first", first.First, "last", first.Last, "committed", plan.Committed)
	} else {
		f.log.over("waiting", "")
	}
	if len(plan.Disputed) == 0 {
		f.log.over("disputed", "the segments of all nodes fit together again")
		return
	}
	m := plan.Disputed[0]
	var at []string
	for _, i := range m.From {
		at = append(at, sources[i].peer.String())
	}
	f.log.trouble(slog.LevelError, "disputed", storage.FinalizedName(m.First, m.Last),
		"segments of other nodes contradict each other, or what is in progress here: they are not fetched, look at the nodes' logs",
		"segments", len(plan.Disputed), "first", m.First, "last", m.Last, "peers", at)
}
