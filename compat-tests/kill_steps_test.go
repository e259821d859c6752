package compat_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// step is one call, and false if it was cut.
func (w *nodeWriter) step() bool {
	w.t.Helper()
	switch dice := w.r.IntN(100); {
	case w.aim.method == "format" && w.calls["format"] == 0 && dice < 10:
		return w.format()
	case w.open == nil:
		return w.start()
	case dice < 12 && w.open.acked > 0:
		return w.finalize(w.open)
	case dice < 15:
		_, ok := w.do("heartbeat", w.info(w.open.end()*int64(min(w.open.acked, 1))))
		return w.noteCommitted(ok)
	case dice < 18 && len(w.l.segments) > 3 || len(w.l.segments) > 25:
		return w.purge()
	case dice < 20:
		return w.manifest()
	case dice < 22:
		return w.readBack()
	default:
		return w.journal()
	}
}

// noteCommitted takes the committed txid of a call that was answered.
func (w *nodeWriter) noteCommitted(ok bool) bool {
	if ok {
		w.l.committed.sure = w.l.committed.most
	}
	return ok
}

func (w *nodeWriter) start() bool {
	w.t.Helper()
	first := max(1, w.l.dropped)
	if s := w.l.newest(); s != nil {
		first = s.last() + 1
	}
	s := &segmentLedger{first: first}
	w.l.segments = append(w.l.segments, s)
	w.l.writer.tried(w.epoch)
	_, ok := w.do("startLogSegment", w.info(0).Int(2, first).Sint(3, int64(killNamespace.LayoutVersion)))
	if ok {
		w.l.writer.acked(w.epoch)
		w.open = s
	}
	return ok
}

// frames are new transactions, of which no two have the same bytes.
func (w *nodeWriter) frames(first int64, n int) [][]byte {
	var all [][]byte
	for i := range int64(n) {
		length := w.r.IntN(60)
		if w.r.IntN(50) == 0 {
			length = w.r.IntN(30000)
		}
		name := fmt.Sprintf("/%d/%d/%s", w.epoch, w.r.Uint32(), strings.Repeat("x", length))
		all = append(all, wire.Mkdir(first+i, name))
	}
	return all
}

// journal sends a batch: the first of a segment comes alone. It may be known to be committed, and so need no sync.
func (w *nodeWriter) journal() bool {
	w.t.Helper()
	n := 1
	if w.open.acked > 0 {
		n += w.r.IntN(5)
		if w.r.IntN(20) == 0 {
			n += w.r.IntN(60)
		}
	}
	committed, first := max(w.open.end(), w.l.committed.most), w.open.last()+1
	batch := w.frames(first, n)
	w.open.frames = append(w.open.frames, batch...)
	switch w.r.IntN(4) {
	case 0:
		committed = 0
	case 1:
		committed = w.open.last()
	}
	var records []byte
	for _, f := range batch {
		records = append(records, f...)
	}
	_, ok := w.do("journal", w.info(committed).Int(2, first).Int(3, int64(n)).Bytes(4, records).Int(5, w.open.first))
	if ok {
		w.open.acked = len(w.open.frames)
		w.counts.acked += n
	}
	return w.noteCommitted(ok)
}

func (w *nodeWriter) finalize(s *segmentLedger) bool {
	w.t.Helper()
	s.finalizing = true
	_, ok := w.do("finalizeLogSegment", w.info(0).Int(2, s.first).Int(3, s.end()))
	if ok {
		s.finalized, s.finalizing, s.record = true, false, 0
		w.open = nil
		w.counts.rolls++
	}
	return ok
}

// purge removes what lies before one of the segments. What a purge without an answer has left is purged by the next
// one.
func (w *nodeWriter) purge() bool {
	w.t.Helper()
	limit := max(w.l.purged.most, w.l.segments[w.r.IntN(len(w.l.segments))].first)
	w.l.purged.tried(limit)
	_, ok := w.do("purgeLogs", w.info(0).Int(2, limit))
	if ok {
		w.l.purge(limit)
		for _, name := range w.clutter() {
			if first, ok := clutterOf(name); ok && first < limit {
				w.t.Errorf("life %d: %s is still there after purgeLogs %d", w.counts.lives, name, limit)
			}
		}
	}
	return ok
}

// manifest asks for the list of segments: each finalized one must be in it.
func (w *nodeWriter) manifest() bool {
	w.t.Helper()
	answer, ok := w.do("getEditLogManifest", w.id().Int(2, 1).Bool(4, true))
	if !ok {
		return false
	}
	listed := make(map[span]bool)
	for _, log := range must(wire.Parse([]byte(answer.Text(1))))(w.t).Bytes[1] {
		fields := must(wire.Parse(log))(w.t)
		first, _ := fields.Int(1)
		last, _ := fields.Int(2)
		if open, _ := fields.Int(3); open == 0 {
			listed[span{first, last}] = true
		}
	}
	for _, s := range w.l.segments {
		if s.finalized && s.last() >= w.l.purged.most && !listed[span{s.first, s.last()}] {
			w.t.Errorf("life %d: the manifest lacks %d-%d", w.counts.lives, s.first, s.last())
		}
	}
	return true
}

// readBack fetches a finalized segment as a NameNode does, if there is one.
func (w *nodeWriter) readBack() bool {
	w.t.Helper()
	s := w.l.segments[w.r.IntN(len(w.l.segments))]
	if !s.finalized || s.last() < w.l.purged.most {
		return w.manifest()
	}
	ns := killNamespace
	info := fmt.Sprintf("%d:%d:%d:%s", ns.LayoutVersion, ns.NamespaceID, ns.CTime, ns.ClusterID)
	got, err := fetch(fmt.Sprintf("http://%s/getJournal?jid=%s&segmentTxId=%d&storageInfo=%s", w.v.HTTP, hadoop.JournalID,
		s.first, url.QueryEscape(info)))
	switch {
	case err == nil:
	case !w.armed.Load():
		w.t.Fatalf("getJournal: %v\n%s", err, w.v.Tail(40))
	default:
		<-w.killed
		w.counts.cut["getJournal"]++
		return false
	}
	rest, same := bytes.CutPrefix(got, segmentBytes(s.frames, 0))
	if !same || bytes.Count(rest, []byte{0xFF}) != len(rest) {
		w.t.Errorf("life %d: segment %d-%d is sent with other bytes", w.counts.lives, s.first, s.last())
	}
	return true
}

// fetch gets a page over a connection of its own.
func fetch(page string) (body []byte, err error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(page)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// format makes another journal, whose format the kill is aimed at.
func (w *nodeWriter) format() bool {
	w.t.Helper()
	w.pendingFormat = fmt.Sprintf("extra%d", w.counts.lives)
	id := wire.JournalID(w.pendingFormat)
	_, ok := w.do("format", wire.Message{}.Bytes(1, id).Bytes(2, killNamespace.Message()))
	if ok {
		w.pendingFormat += " acknowledged"
	}
	return ok
}

// settleFormat looks at a journal whose format was cut: it is formatted or can be, and takes a writer then.
func (w *nodeWriter) settleFormat() bool {
	w.t.Helper()
	jid, acknowledged := strings.CutSuffix(w.pendingFormat, " acknowledged")
	id := wire.Message{}.Bytes(1, wire.JournalID(jid))
	answer, ok := w.do("isFormatted", id)
	if !ok {
		return false
	}
	if formatted, _ := answer.Int(1); formatted == 0 {
		if acknowledged {
			w.t.Errorf("life %d: the format of %s is forgotten", w.counts.lives, jid)
		}
		if _, ok := w.do("format", id.Bytes(2, killNamespace.Message())); !ok {
			return false
		}
	}
	w.counts.formats++
	w.pendingFormat = ""
	// Without an answer the promise may be there already, and is of no use: the journal is not asked again.
	_, ok = w.do("newEpoch", id.Bytes(2, killNamespace.Message()).Int(3, 1))
	return ok
}
