package servlet

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strconv"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// getJournal answers GET /getJournal?jid=..&segmentTxId=..[&storageInfo=..][&inProgressOk=..] with the raw bytes of one
// segment (Java GetJournalEditServlet.doGet). The order of the checks is Java's: journal id, journal, storageInfo,
// segmentTxId, file.
func (h *handler) getJournal(w http.ResponseWriter, r *http.Request) {
	p, err := parseParams(r.URL.RawQuery)
	if err != nil {
		h.sendError(w, r, http.StatusBadRequest, err.Error())
		return
	}
	jid, given := p["jid"]
	if !given {
		h.failed(w, r, jid, javaerr.New(javaerr.IllegalArgument, "bad journal id: null"))
		return
	}
	if !h.gate.enter(jid) {
		h.conf.Logger.Warn("too many downloads at once, one is refused", "jid", short(jid), "from", r.RemoteAddr)
		h.sendError(w, r, http.StatusServiceUnavailable, "too many downloads at once")
		return
	}
	defer h.gate.leave(jid)

	mine, err := h.conf.Journals.Identity(r.Context(), jid)
	if err != nil {
		h.failed(w, r, jid, err)
		return
	}
	if s, given := p["storageInfo"]; given {
		theirs, err := parseStorageInfo(s)
		if err != nil {
			h.failed(w, r, jid, err)
			return
		}
		if (theirs != identity{mine.NamespaceID, mine.ClusterID}) {
			message := fmt.Sprintf(
				"This node has namespaceId '%d and clusterId '%s' but the requesting node expected '%d' and '%s'",
				mine.NamespaceID, mine.ClusterID, theirs.namespaceID, theirs.clusterID)
			h.conf.Logger.Warn("download refused: "+short(message), "jid", jid, "from", r.RemoteAddr)
			h.sendError(w, r, http.StatusForbidden, message)
			return
		}
	}
	first, err := parseSegmentTxID(p)
	if err != nil {
		h.failed(w, r, jid, err)
		return
	}
	segment, err := h.conf.Journals.OpenSegment(r.Context(), jid, first, parseInProgressOk(p))
	if err != nil {
		if notFound(err) {
			h.sendError(w, r, http.StatusNotFound, "No edit log found starting at txid "+first.String())
			return
		}
		h.failed(w, r, jid, err)
		return
	}
	h.sendSegment(w, r, jid, segment)
}

// notFound tells a segment that is not there from a directory or a disk that is not there.
func notFound(err error) bool {
	return errors.Is(err, fs.ErrNotExist) && (javaerr.ClassOf(err) == javaerr.FileNotFound || !hasClass(err))
}

func hasClass(err error) bool {
	var j interface {
		error
		JavaClass() string
	}
	return errors.As(err, &j)
}

// failed answers 500 with Java's words and without its stack trace.
func (h *handler) failed(w http.ResponseWriter, r *http.Request, jid string, err error) {
	h.conf.Logger.Warn("getJournal failed", "jid", short(jid), "from", r.RemoteAddr, "err", short(err.Error()))
	w.Header().Set("Connection", "close")
	h.sendError(w, r, http.StatusInternalServerError,
		fmt.Sprintf("getedit failed. %s: %s", javaerr.ClassOf(err), err))
}

// short keeps what a client sent from filling the log.
func short(s string) string {
	const most = 500
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// sendSegment sends the headers and the body and closes the file.
func (h *handler) sendSegment(w http.ResponseWriter, r *http.Request, jid string, s *storage.SegmentReader) {
	defer func() { _ = s.File.Close() }() // opened for reading only: nothing to lose
	header := w.Header()
	header.Set("Content-Type", plainText)
	header.Set("Content-Length", strconv.FormatInt(s.Size, 10))
	header.Set("Content-Disposition", "attachment; filename="+s.Name)
	header.Set("X-Image-Edits-Name", s.Name)
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	start := h.conf.Clock.Now()
	b := body{h: h, w: w, ctx: r.Context(), file: s.File, visible: s.Visible, size: s.Size}
	switch {
	case r.TLS != nil:
		b.copied = make([]byte, min(max(s.Size, 1), secureSize))
	case h.conf.CopyToLocal && isLocal(r):
		b.copied = make([]byte, min(max(s.Size, 1), copySize))
	}
	err := b.send()
	log := h.conf.Logger.With("jid", jid, "segment", s.Name, "bytes", b.pos, "size", s.Size,
		"took", h.conf.Clock.Now().Sub(start), "from", r.RemoteAddr)
	if err != nil {
		// Returning short of Content-Length makes net/http cut the connection: the reader cannot take it for the end.
		log.Warn("segment not sent to its end", "err", err)
		return
	}
	if b.cut > 0 {
		log = log.With("cut", b.cut) // it was finalized under way
	}
	log.Info("segment sent")
}

// isLocal tells whether the reader is on this machine: the connection has one address at both its ends.
func isLocal(r *http.Request) bool {
	here, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	mine, _, err := net.SplitHostPort(here.String())
	if err != nil {
		return false
	}
	theirs, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && mine == theirs
}
