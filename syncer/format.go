package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gojn/internal/peers"
	"gojn/storage"
)

// formatMissing formats each configured journal that is not formatted here after another node (JournalNodeSyncer.
// formatWithSyncer, HDFS-16690), once that node has edits of it: before that a NameNode may be formatting it. It returns when all
// are formatted or ctx ends. A journal formatted so has no vote: see jnserver.Journal.FormatLikePeer.
func (s *Syncer) formatMissing(ctx context.Context, configured []peers.Journal) {
	var each sync.WaitGroup
	for _, c := range configured {
		each.Go(func() {
			f := &formatter{Syncer: s, jid: c.ID, configured: configured, log: newQuietLog(s.cfg.Logger.With("jid", c.ID))}
			f.run(ctx)
		})
	}
	each.Wait()
}

type formatter struct {
	*Syncer
	jid        string
	configured []peers.Journal
	log        *quietLog
}

// run tries every interval, at first sooner. The journal may be formatted otherwise meanwhile, and be wiped while the node runs;
// the latter is for the next start.
func (f *formatter) run(ctx context.Context) {
	pause := firstRetry
	for {
		formatted, err := f.try(ctx)
		if formatted || ctx.Err() != nil {
			return
		}
		if err != nil {
			f.log.trouble(slog.LevelWarn, "format", err.Error(), "the journal is not formatted after another node", "error", err)
		}
		pause = min(pause, f.cfg.Interval)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		pause *= 2
	}
}

// try tells whether the journal is formatted.
func (f *formatter) try(ctx context.Context) (bool, error) {
	asked := named(f.cfg.Node, f.jid, f.configured)
	j, err := f.cfg.Node.Journal(f.jid, asked.Nameservice)
	if err != nil {
		return false, err
	}
	snapshot := j.Snapshot()
	switch {
	case snapshot.Formatted():
		return true, nil
	case snapshot.Problem != nil:
		return false, snapshot.Problem
	case snapshot.Suspicion != nil:
		return false, snapshot.Suspicion
	}
	info, from, err := f.find(ctx, asked)
	if err != nil || from == "" {
		return false, err
	}
	if err := f.cfg.Node.FormatLikePeer(f.jid, asked.Nameservice, info); err != nil {
		return false, err
	}
	f.log.Info("the journal is formatted after another node", "peer", from, "namespace", info)
	return true, nil
}

// find asks all other nodes which namespace the journal belongs to. One that has no edits of it does not count, nor one that
// is not formatted. from is "" if nobody knows; that is no error, it is a journal that nobody has used yet.
func (f *formatter) find(ctx context.Context, asked peers.Journal) (info storage.StorageInfo, from string, err error) {
	list, err := f.cfg.Peers.Of(ctx, asked)
	if err != nil {
		return info, "", err
	}
	infos := make([]storage.StorageInfo, len(list.Peers))
	errs := make([]error, len(list.Peers))
	var asking sync.WaitGroup
	for i, peer := range list.Peers {
		asking.Go(func() { infos[i], errs[i] = f.ask(ctx, peer, asked) })
	}
	asking.Wait()
	var told []error
	for i, peer := range list.Peers {
		switch has := infos[i]; {
		case errors.Is(errs[i], peers.ErrMyself):
		case errs[i] != nil:
			told = append(told, errs[i])
		case has.NamespaceID == 0:
		case from == "":
			info, from = has, peer.String()
		case has.NamespaceID != info.NamespaceID || has.ClusterID != info.ClusterID:
			return info, "", fmt.Errorf("%s has the journal of namespace %s, %s that of %s", from, info, peer, has)
		}
	}
	if from == "" {
		return info, "", errors.Join(told...)
	}
	return info, from, nil
}

// ask gives the zero value for a node that has no edits.
func (f *formatter) ask(ctx context.Context, peer peers.Peer, asked peers.Journal) (storage.StorageInfo, error) {
	m, err := f.cfg.Peers.Manifest(ctx, peer, asked, 0)
	if err != nil || len(m.Segments) == 0 {
		return storage.StorageInfo{}, err
	}
	return f.cfg.Peers.StorageInfo(ctx, peer, asked)
}

var _ Peers = (*peers.Peers)(nil)
