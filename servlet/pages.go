package servlet

import (
	_ "embed"
	"fmt"
	"net/http"
	"runtime"
	"strings"
)

//go:embed index.html
var indexPage []byte

// root answers "/": 3.x sends to the page, 2.7 shows it. Probes of monitoring products take any status below 400 for alive.
func (h *handler) root(w http.ResponseWriter, r *http.Request) {
	if h.conf.Release == Hadoop27 {
		h.index(w, r)
		return
	}
	w.Header().Set("Location", "/index.html")
	h.sendText(w, http.StatusFound, plainText, nil)
}

func (h *handler) index(w http.ResponseWriter, _ *http.Request) {
	h.sendText(w, http.StatusOK, "text/html; charset=utf-8", indexPage)
}

func (h *handler) robots(w http.ResponseWriter, _ *http.Request) {
	h.sendText(w, http.StatusOK, plainText, []byte("User-agent: *\nDisallow: /\n"))
}

// notBuilt refuses by name what a Java node has at this URL.
func (h *handler) notBuilt(w http.ResponseWriter, r *http.Request) {
	h.sendError(w, r, http.StatusNotFound, strings.TrimSuffix(r.URL.Path, "/")+" is not built yet in gojn")
}

// maxStacks bounds the text of /stacks.
const maxStacks = 1 << 20

// stackDump answers /stacks with the stacks of all goroutines, up to maxStacks. The dump stops the world for a moment, so
// only one is made at a time.
func (h *handler) stackDump(w http.ResponseWriter, r *http.Request) {
	select {
	case h.stacks <- struct{}{}:
	default:
		h.sendError(w, r, http.StatusServiceUnavailable, "another thread dump is under way")
		return
	}
	text := []byte(fmt.Sprintf("Process Thread Dump: \n%d active goroutines\n\n", runtime.NumGoroutine()))
	text = append(text, goroutines()...)
	<-h.stacks
	h.sendText(w, http.StatusOK, plainText, text)
}

func goroutines() []byte {
	for size := 64 << 10; ; size *= 4 {
		buf := make([]byte, min(size, maxStacks))
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			return buf[:n]
		}
		if len(buf) == maxStacks {
			return append(buf, "\n... cut here, there is more\n"...)
		}
	}
}
