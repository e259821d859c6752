package syncer

import (
	"context"
	"errors"
	"io"

	"golang.org/x/time/rate"

	"gojn/internal/peers"
	"gojn/jnserver"
	"gojn/storage"
)

// download fetches a segment from one node and checks it. The error is errLocal if it is this node's.
func (b *batch) download(ctx context.Context, r jnserver.SegmentRange, from *source) (*storage.SyncDownload, error) {
	w, err := b.j.BeginSync(b.base, r)
	if err != nil {
		return nil, errLocal{err}
	}
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
	if end := b.j.EndSync(w); end != nil {
		b.log.Warn("what was fetched cannot be removed", "name", w.Name, "error", end)
	}
	return nil, err
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
