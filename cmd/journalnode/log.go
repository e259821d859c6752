package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
)

// slowSync is when a write is worth a warning (Java Journal.WARN_SYNC_MILLIS_THRESHOLD).
const slowSync = time.Second

func newLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: clipAttr}))
}

// maxLogged is how many bytes of a value are logged, maxStack how many of a stack, of which only its panic's text is not ours.
const (
	maxLogged = 1 << 10
	maxStack  = 64 << 10
)

// clipAttr bounds what is logged of texts, errors and whatever else has a text: a client may have put 128 MiB into it, and some
// lines are written under a journal's lock. Messages have none of a client's words.
func clipAttr(_ []string, a slog.Attr) slog.Attr {
	most := maxLogged
	switch {
	case a.Key == slog.MessageKey, a.Value.Kind() != slog.KindString && a.Value.Kind() != slog.KindAny:
		return a
	case a.Key == "stack":
		most = maxStack
	}
	if text := a.Value.String(); len(text) > most {
		a.Value = slog.StringValue(fmt.Sprintf("%s... (%d bytes more)", strings.ToValidUTF8(text[:most], ""), len(text)-most))
	}
	return a
}

// logEvents is the listener that turns what journals do into log lines, each with the jid. A batch makes no line unless
// its write was slow: they come by the thousand.
func logEvents(log *slog.Logger) jnserver.Listener {
	return func(jid string, event jnserver.Event) {
		if e, ok := event.(jnserver.EditsWritten); ok && e.Took <= slowSync {
			return // before anything is allocated
		}
		log := log.With("jid", jid)
		switch e := event.(type) {
		case jnserver.EditsWritten:
			log.Warn("slow sync of transaction range", "first", e.First, "last", e.First+storage.TxID(e.Txns)-1,
				"took_ms", e.Took.Milliseconds())
		case jnserver.PromiseRaised:
			log.Info("promised epoch raised", "from", e.Old, "to", e.New, "client", e.Client)
		case jnserver.SegmentStarted:
			log.Info("log segment started", "first", e.First, "layout", e.LayoutVersion, "epoch", e.Epoch)
		case jnserver.SegmentFinalized:
			log.Info("log segment finalized", "first", e.First, "last", e.Last)
		case jnserver.SegmentAborted:
			log.Info("log segment closed without being finalized", "first", e.First, "last", e.Last, "reason", e.Reason)
		case jnserver.SegmentsVanished:
			log.Error("log segments are gone: somebody has removed their files", "segments", len(e.Segments),
				"first", e.Segments[0].Name, "last", e.Segments[len(e.Segments)-1].Name)
		case jnserver.SegmentsBack:
			log.Info("log segments that were gone are back", "segments", len(e.Segments),
				"first", e.Segments[0].Name, "last", e.Segments[len(e.Segments)-1].Name)
		case jnserver.SegmentSetAside:
			log.Warn("log segment set aside", "name", e.Name, "suffix", e.Suffix)
		case jnserver.SegmentBad:
			log.Error("log segment cannot be trusted: it is not finalized and not offered to others", "first", e.First, "reason", e.Reason)
		case jnserver.SegmentTrusted:
			log.Info("log segment can be trusted again: all that was acknowledged of it is on the disk", "first", e.First, "end", e.End)
		case jnserver.RecoveryPrepared:
			log.Info("prepared recovery", "segment", e.First, "answer", recoveryText(e.Answer))
		case jnserver.RecoveryAccepted:
			log.Info("accepted recovery", "state", e.State, "epoch", e.Epoch, "downloaded", e.Downloaded, "url", e.From)
		case jnserver.SourceFailed:
			log.Warn("accepted segment could not be had from this node, others are tried", "state", e.State, "url", e.From, "error", e.Err)
		case jnserver.SpaceShort:
			log.Error("not enough space", "problem", e.Problem, "free_bytes", e.Free.FreeBytes, "free_inodes", e.Free.FreeInodes,
				"reserve_bytes", e.ReserveLeft)
		case jnserver.SpaceBack:
			log.Info("enough space again", "free_bytes", e.Free.FreeBytes, "free_inodes", e.Free.FreeInodes)
		case jnserver.EditsCacheLost:
			log.Info("the edits cache begins anew: standbys that tail in-progress edits get those before it over HTTP", "reason", e.Reason)
		case jnserver.UpgradeAbandoned:
			log.Warn("half-done upgrade abandoned, the state before it is back", "reason", e.Reason)
		case jnserver.VoteWithheld:
			log.Error("this journal does not know what it has promised: it takes no part in elections and recoveries until a writer has " +
				"started a segment here, or more than half of all other nodes say that nothing was ever promised")
		case jnserver.VoteGranted:
			if e.Note != "" {
				log.Warn("this journal votes by a person's decision, although it does not know what it has promised", "note", e.Note)
			} else {
				log.Info("this journal votes again")
			}
		case jnserver.RequestRefused:
			log.Warn("request refused", "op", e.Op, "class", javaerr.ClassOf(e.Err), "error", e.Err)
		case jnserver.Purged:
			log.Info("purged", "keep_from", e.Min, "deleted", len(e.Result.Deleted), "set_aside", len(e.Result.Stale),
				"failed", len(e.Result.Failed))
			for _, f := range e.Result.Failed {
				log.Warn("could not purge", "name", f.Name, "error", f.Err)
			}
		}
	}
}

func recoveryText(a jnserver.RecoveryAnswer) string {
	if a.Segment == nil {
		return "nothing here"
	}
	return a.Segment.String()
}

// logAudit writes the one line of each call that removes or replaces edits or a promise.
func logAudit(log *slog.Logger) func(jnserver.AuditRecord) {
	return func(r jnserver.AuditRecord) {
		level, result := slog.LevelInfo, "done"
		if r.Err != nil {
			level, result = slog.LevelWarn, "refused: "+r.Err.Error()
		}
		log.Log(context.Background(), level, "audit", "op", r.Op, "jid", r.JournalID, "user", r.User, "from", r.Client,
			"asked", r.Detail, "before", r.Before, "after", r.After, "result", result)
	}
}
