package servlet

import (
	"net/http"
	"strconv"
	"time"
)

const plainText = "text/plain; charset=utf-8"

// handler answers all URLs. Its fields are set once; the only state is the gate.
type handler struct {
	conf   Config
	routes map[string]http.HandlerFunc
	gate   *gate
	stacks chan struct{} // holds one token: a dump of all goroutines stops the world, so one at a time
}

// NewHandler makes the handler of all of a JournalNode's URLs. It starts no goroutine. It panics if conf.Journals is nil.
func NewHandler(conf Config) http.Handler {
	if conf.Journals == nil {
		panic("servlet: Config.Journals is nil")
	}
	h := &handler{conf: conf.withDefaults(), stacks: make(chan struct{}, 1)}
	h.gate = newGate(h.conf.MaxDownloads, h.conf.MaxDownloadsPerJournal)
	h.routes = map[string]http.HandlerFunc{
		"/getJournal":       h.getJournal,
		"/jmx":              h.jmx,
		"/conf":             h.configuration,
		"/stacks":           h.stackDump,
		"/health":           h.health,
		"/livez":            h.livez,
		"/readyz":           h.readyz,
		"/":                 h.root,
		"/index.html":       h.index,
		"/journalnode.html": h.index,
		"/robots.txt":       h.robots,
	}
	// What a Java node has and this one does not have yet is refused by name.
	for _, path := range []string{"/logLevel", "/prom", "/metrics", "/logs", "/logs/", "/prof"} {
		h.routes[path] = h.notBuilt
	}
	return h
}

// ServeHTTP finds the servlet by the exact path: nothing is redirected or cleaned, as a client of /getJournal follows no
// redirect. Methods are those of Java's HttpServlet with only doGet, without TRACE, which is refused.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.setDeadlines(w, r)
	h.setCommonHeaders(w)
	serve, found := h.routes[r.URL.Path]
	switch {
	case !found:
		h.sendError(w, r, http.StatusNotFound, "")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		serve(w, r)
	case r.Method == http.MethodOptions:
		// Java clients authenticate by an OPTIONS of the same URL.
		w.Header().Set("Allow", "GET, HEAD, TRACE, OPTIONS")
		h.sendText(w, http.StatusOK, "", nil)
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		h.sendError(w, r, http.StatusMethodNotAllowed,
			"HTTP method "+r.Method+" is not supported by this URL")
	}
}

// setDeadlines bounds what net/http leaves open: the writing of this response, which getJournal moves on as bytes go out,
// and the reading of a body, which no servlet here wants but net/http reads before the next request.
func (h *handler) setDeadlines(w http.ResponseWriter, r *http.Request) {
	h.progress(w)
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
		// A ResponseWriter without deadlines (a test's recorder) has no socket to protect.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(min(h.conf.StallTimeout, maxBodyTime)))
	}
}

// progress gives the client another StallTimeout to take something.
func (h *handler) progress(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(h.conf.StallTimeout))
}

// setCommonHeaders sets what every answer has (Java NoCacheFilter, HttpServer2.QuotingInputFilter and its X-headers).
func (h *handler) setCommonHeaders(w http.ResponseWriter) {
	now := h.conf.Clock.Now().UTC().Format(http.TimeFormat)
	header := w.Header()
	header.Set("Cache-Control", "no-cache")
	header.Set("Expires", now)
	header.Set("Date", now)
	header.Set("Pragma", "no-cache")
	if h.conf.Release == Hadoop34 {
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-XSS-Protection", "1; mode=block")
		if h.conf.FrameOptions != "" {
			header.Set("X-FRAME-OPTIONS", h.conf.FrameOptions)
		}
	}
}

// sendText sends a whole body of known length. An error of the client's connection is its own matter.
func (h *handler) sendText(w http.ResponseWriter, status int, contentType string, body []byte) {
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
