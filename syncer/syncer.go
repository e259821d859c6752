package syncer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"gojn/internal/peers"
	"gojn/jnserver"
	"gojn/storage"
)

// Peers asks the other nodes; *peers.Peers does.
type Peers interface {
	Journals() ([]peers.Journal, []error)
	Of(ctx context.Context, j peers.Journal) (peers.List, error)
	Manifest(ctx context.Context, peer peers.Peer, j peers.Journal, since storage.TxID) (peers.Manifest, error)
	StorageInfo(ctx context.Context, peer peers.Peer, j peers.Journal) (storage.StorageInfo, error)
}

// Config says whose gaps are filled, and how.
type Config struct {
	Node  *jnserver.Node
	Peers Peers
	// Fetcher downloads; its timeouts are dfs.edit.log.transfer.timeout.
	Fetcher jnserver.SegmentFetcher
	// Interval is the pause between two rounds of a journal (dfs.journalnode.sync.interval), more than 0.
	Interval time.Duration
	// Bandwidth limits all downloads together, bytes a second (dfs.edit.log.transfer.bandwidthPerSec); 0: no limit.
	Bandwidth int64
	// Format: a journal that is not formatted is, after a node that has edits of it (dfs.journalnode.enable.sync.format, 3.5).
	Format bool
	// Downloads is how many segments all journals together fetch at once beside one that each of them always may: a disk that
	// hangs keeps those of its journals. Default 8; one journal fetches half as many, its own one included, and at least that.
	Downloads int
	Logger    *slog.Logger
}

const (
	defaultDownloads = 8
	// lookInterval is how often open journals are looked at, in memory, for one that is new or has a reason for a round.
	lookInterval = time.Second
	// firstRetry is the pause after a round that failed; it doubles up to the interval.
	firstRetry = 5 * time.Second
	// leastBurst and mostBurst are what may come at once, bytes: a quarter of a second's, within these.
	leastBurst = 8 << 10
	mostBurst  = 64 << 10
)

// Syncer fills gaps while Run runs. Its other methods may be called from any goroutine, at any time.
type Syncer struct {
	cfg     Config
	slots   chan struct{} // one for each download under way, but the first of each journal
	limiter *rate.Limiter // nil: no limit

	mu       sync.Mutex // guards what is below; never held during I/O
	journals map[string]*status
}

// New makes a Syncer that does nothing yet.
func New(cfg Config) *Syncer {
	if cfg.Downloads <= 0 {
		cfg.Downloads = defaultDownloads
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Syncer{cfg: cfg, slots: make(chan struct{}, cfg.Downloads), journals: make(map[string]*status)}
	if cfg.Bandwidth > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(cfg.Bandwidth), int(min(max(cfg.Bandwidth/4, leastBurst), mostBurst)))
	}
	return s
}

// Run fills gaps until ctx ends, and returns when everything it began has ended: a disk that hangs keeps it. It is called once.
func (s *Syncer) Run(ctx context.Context) {
	configured, errs := s.cfg.Peers.Journals()
	for _, err := range errs {
		s.cfg.Logger.Warn("not all other JournalNodes are known", "error", err)
	}
	if len(configured) == 0 {
		s.cfg.Logger.Info("no other JournalNodes are configured (dfs.namenode.shared.edits.dir): gaps are not filled from them")
		return
	}
	var running sync.WaitGroup
	defer running.Wait()
	if s.cfg.Format {
		running.Go(func() { s.formatMissing(ctx, configured) })
	}
	known := make(map[*jnserver.Journal]bool)
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		for _, j := range s.cfg.Node.Journals() {
			if !known[j] {
				known[j] = true
				f := &filler{
					Syncer: s, j: j, status: s.statusOf(j.ID()), log: newQuietLog(s.cfg.Logger.With("jid", j.ID())),
					configured: configured, bad: badCopies{seen: make(map[badCopy]time.Time)},
				}
				running.Go(func() { f.run(ctx) })
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// filler fills the gaps of one journal.
type filler struct {
	*Syncer
	j          *jnserver.Journal
	status     *status
	log        *quietLog
	configured []peers.Journal
	bad        badCopies
}

// run makes rounds until ctx ends.
func (f *filler) run(ctx context.Context) {
	defer func() {
		if err := f.j.ClearSync(); err != nil {
			f.log.Warn("edits.sync cannot be removed", "error", err)
		}
	}()
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	var next trigger
	for {
		if next.due(time.Now(), f.j.Snapshot()) {
			f.status.began(time.Now())
			result := f.round(ctx)
			f.status.ended(time.Now(), result)
			next.after(time.Now(), result, f.cfg.Interval)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// asked is how the journal is named to others.
func (f *filler) asked() peers.Journal { return named(f.cfg.Node, f.j.ID(), f.configured) }

// named prefers the nameservice that calls have named to the one that the configuration tells.
func named(node *jnserver.Node, jid string, configured []peers.Journal) peers.Journal {
	j := peers.Journal{ID: jid, Nameservice: node.Nameservice(jid)}
	for _, c := range configured {
		if c.ID == jid && j.Nameservice == "" {
			j.Nameservice = c.Nameservice
		}
	}
	return j
}
