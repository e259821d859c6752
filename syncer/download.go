package syncer

import (
	"context"
	"errors"
	"io"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"gojn/internal/peers"
	"gojn/jnserver"
	"gojn/storage"
)

// download fetches a segment from one node and checks it. The error is errLocal if it is this node's.
func (b *batch) download(ctx context.Context, r jnserver.SegmentRange, from *source) (*storage.SyncDownload, error) {
	w, err := b.j.BeginSync(b.base, r)
	if errors.Is(err, storage.ErrSyncSkipped) {
		return nil, err
	}
	if err != nil {
		return nil, errLocal{err}
	}
	b.status.fetching(1)
	defer b.status.fetching(-1)
	ctx, cancel := context.WithTimeout(ctx, longestDownload)
	defer cancel()
	into := &throttled{ctx: ctx, w: w, limiter: b.limiter}
	url := peers.SegmentURL(from.url, b.j.ID(), r.First, b.base.Info)
	_, err = b.cfg.Fetcher.Fetch(ctx, url, into)
	switch {
	case into.err != nil:
		err = errLocal{into.err}
	case err == nil:
		if err = w.Verify(); err != nil && !errors.Is(err, storage.ErrNotTheSegment) {
			err = errLocal{err}
		}
	}
	if err == nil {
		return w, nil
	}
	b.end(w)
	return nil, err
}

// longestDownload bounds a peer that sends, but hardly.
const longestDownload = time.Hour

func (b *batch) end(w *storage.SyncDownload) {
	if err := b.j.EndSync(w); err != nil {
		b.log.Warn("what was fetched cannot be removed", "name", w.Name, "error", err)
	}
}

// badCopies remembers for an hour which node's copy of which segment is bad, so that it is not fetched in every round.
type badCopies struct {
	mu   sync.Mutex
	seen map[badCopy]time.Time
}

type badCopy struct {
	peer peers.Peer
	r    jnserver.SegmentRange
}

func (c *badCopies) add(peer peers.Peer, r jnserver.SegmentRange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.seen, func(_ badCopy, at time.Time) bool { return time.Since(at) >= sayAgain })
	c.seen[badCopy{peer, r}] = time.Now()
}

func (c *badCopies) has(peer peers.Peer, r jnserver.SegmentRange) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, found := c.seen[badCopy{peer, r}]
	return found && time.Since(at) < sayAgain
}

// throttled writes to w no faster than the limiter allows, and remembers what was wrong with w.
type throttled struct {
	ctx     context.Context
	w       io.Writer
	limiter *rate.Limiter
	err     error // of w
}

func (t *throttled) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		part := p
		if t.limiter != nil {
			part = p[:min(len(p), t.limiter.Burst())]
			if err := t.limiter.WaitN(t.ctx, len(part)); err != nil {
				return n, err
			}
		}
		wrote, err := t.w.Write(part)
		n += wrote
		if err != nil {
			t.err = err
			return n, err
		}
		p = p[len(part):]
	}
	return n, nil
}
