package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gojn/jnserver"
	"gojn/storage"
)

const (
	// promoteAtOnce is the most segments that are moved in under one hold of the journal's lock, with one sync: a writer
	// waits for it.
	promoteAtOnce = 16
	// progressInterval is how often a round that takes longer is told of.
	progressInterval = 10 * time.Second
)

// batch fetches what is missing in one round.
type batch struct {
	*filler
	base    jnserver.SyncBase
	plan    jnserver.SyncPlan
	sources []*source
	began   time.Time

	bytes atomic.Int64
}

// errLocal wraps what is wrong on this node: no other peer, and no other segment, would do better.
type errLocal struct{ error }

func (e errLocal) Unwrap() error { return e.error }

// fetch brings in all of plan.Fetch that it can, newest first. It tells how many are still missing, and what kept it from
// going on, if something on this node did.
func (b *batch) fetch(outer context.Context) (missing int, err error) {
	newest, oldest := b.plan.Fetch[len(b.plan.Fetch)-1], b.plan.Fetch[0]
	b.log.trouble(slog.LevelInfo, "missing", fmt.Sprint(len(b.plan.Fetch), oldest.First, newest.Last),
		"segments are missing here, fetching them from other nodes", "segments", len(b.plan.Fetch), "first", oldest.First, "last", newest.Last)
	ctx, stop := context.WithCancelCause(outer)
	defer stop(nil)
	todo := make(chan jnserver.MissingSegment)
	ready := make(chan *storage.SyncDownload, promoteAtOnce)
	given := make(chan struct{}) // closed once todo is
	var workers sync.WaitGroup
	workers.Go(func() {
		defer close(given)
		defer close(todo)
		for _, m := range slices.Backward(b.plan.Fetch) {
			select {
			case todo <- m:
			case <-ctx.Done():
				return
			}
		}
	})
	// The first worker needs no place: however many disks hang, of whatever journals, this one goes on. The others have theirs
	// before they take a segment, so that none waits with them.
	for i := range min(max(1, b.cfg.Downloads/2), len(b.plan.Fetch)) {
		take, leave := func() bool { return true }, func() {}
		if i > 0 {
			take = func() bool {
				select {
				case b.slots <- struct{}{}:
					return true
				case <-given:
					return false
				}
			}
			leave = func() { <-b.slots }
		}
		workers.Go(func() {
			for take() {
				m, more := <-todo
				var w *storage.SyncDownload
				if more {
					w = b.one(ctx, m, stop)
				}
				leave()
				if w != nil {
					ready <- w
				}
				if !more {
					return
				}
			}
		})
	}
	all := make(chan struct{})
	go func() {
		defer close(all)
		workers.Wait()
		close(ready)
	}()
	done := b.promoteAll(ready, stop)
	<-all
	missing = len(b.plan.Fetch) - done
	if local := (errLocal{}); errors.As(context.Cause(ctx), &local) {
		err = local.error
	}
	if outer.Err() == nil {
		b.conclude(done, missing, err)
	}
	return missing, err
}

// conclude tells how the round went. Where it brought nothing it is told once.
func (b *batch) conclude(done, missing int, err error) {
	args := []any{"segments", done, "still_missing", missing, "bytes", b.bytes.Load(), "took_ms", time.Since(b.began).Milliseconds()}
	switch {
	case errors.Is(err, storage.ErrNoRoomToSync):
		b.log.trouble(slog.LevelWarn, "filling", "room", "gaps are not filled", append(args, "error", err)...)
	case err != nil:
		b.log.trouble(slog.LevelError, "filling", err.Error(), "gaps cannot be filled", append(args, "error", err)...)
	case missing == 0:
		b.log.over("filling", "")
		b.log.Info("gaps are filled", args...)
	case done > 0:
		b.log.over("filling", "")
		b.log.Warn("not all gaps could be filled, trying again soon", args...)
	default:
		b.log.trouble(slog.LevelWarn, "filling", "none", "no gap could be filled, trying again", args...)
	}
}

// one fetches a segment from any node that has it. Nobody's copy being good counts as a failure; anything wrong here stops
// the round.
func (b *batch) one(ctx context.Context, m jnserver.MissingSegment, stop context.CancelCauseFunc) *storage.SyncDownload {
	for n := range m.From { // begin with another node each time
		from := b.sources[m.From[(uint64(n)+uint64(m.First))%uint64(len(m.From))]]
		if from.struckOut() || b.bad.has(from.peer, m.SegmentRange) {
			continue
		}
		w, err := b.download(ctx, m.SegmentRange, from)
		var local errLocal
		switch {
		case err == nil: // also if the round ends: whoever takes it ends it
			from.fine()
			b.bytes.Add(w.Size())
			return w
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, storage.ErrSyncSkipped):
			return nil // it came otherwise, or the journal is another one
		case errors.As(err, &local):
			stop(err)
			return nil
		}
		b.badCopy(m.SegmentRange, from, err)
	}
	b.status.failed()
	return nil
}

// badCopy tells of a node that did not give a good copy, once for each segment if its content is bad, else once for the node.
func (b *batch) badCopy(r jnserver.SegmentRange, from *source, err error) {
	name := storage.FinalizedName(r.First, r.Last)
	if errors.Is(err, storage.ErrNotTheSegment) {
		b.bad.add(from.peer, r)
		b.log.trouble(slog.LevelError, "copy "+from.peer.String()+name, name, "another node's copy of a segment is bad", "peer", from.peer,
			"name", name, "error", err)
		return
	}
	from.strike()
	b.log.trouble(slog.LevelWarn, "fetching "+from.peer.String(), "failed", "a segment cannot be fetched", "peer", from.peer,
		"name", name, "error", err)
}

// promoteAll moves in what is ready, in small groups, until all workers have ended; it tells how many came in.
func (b *batch) promoteAll(ready <-chan *storage.SyncDownload, stop context.CancelCauseFunc) (done int) {
	progress := time.NewTicker(progressInterval)
	defer progress.Stop()
	for {
		select {
		case w, ok := <-ready:
			if !ok {
				return done
			}
			group := []*storage.SyncDownload{w}
			for more := true; more && len(group) < promoteAtOnce; {
				select {
				case w, ok := <-ready:
					if more = ok; ok {
						group = append(group, w)
					}
				default:
					more = false
				}
			}
			done += b.promote(group, stop)
		case <-progress.C:
			b.tellProgress(done)
		}
	}
}

func (b *batch) promote(group []*storage.SyncDownload, stop context.CancelCauseFunc) (done int) {
	refused, err := b.j.PromoteSynced(group, b.plan.Committed)
	if err != nil {
		stop(errLocal{err})
	}
	for i, w := range group {
		if err == nil && refused[i] == nil {
			done++
			b.status.synced(w.Size())
		} else if err == nil {
			b.log.Info("a fetched segment is not moved in", "name", w.Name, "reason", refused[i])
		}
		b.end(w)
	}
	return done
}

func (b *batch) tellProgress(done int) {
	elapsed := time.Since(b.began)
	args := []any{"segments", done, "of", len(b.plan.Fetch), "bytes", b.bytes.Load(),
		"bytes_per_second", int64(float64(b.bytes.Load()) / elapsed.Seconds())}
	if done > 0 {
		left := time.Duration(float64(elapsed) / float64(done) * float64(len(b.plan.Fetch)-done))
		args = append(args, "eta", left.Round(time.Second))
	}
	b.log.Info("filling gaps", args...)
}
