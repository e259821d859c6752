package main

import (
	"io"
	"net/http"
	"strings"

	"gojn/internal/hadoopconf"
)

// replaceable are headers that every answer has and that a configured one replaces (Java HttpServer2.setHeaders puts the
// configured ones over its defaults). What a servlet itself says of its answer, a length say, stays the servlet's.
var replaceable = []string{"X-Content-Type-Options", "X-Xss-Protection", "X-Frame-Options"}

// withHeaders sends the headers of hadoop.http.header.<name> with every answer.
func withHeaders(h http.Handler, headers []hadoopconf.Header) http.Handler {
	if len(headers) == 0 {
		return h
	}
	var over []hadoopconf.Header
	for _, header := range headers {
		for _, name := range replaceable {
			if strings.EqualFold(name, header.Name) {
				over = append(over, header)
			}
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, header := range headers {
			w.Header().Set(header.Name, header.Value)
		}
		if len(over) > 0 {
			w = &headerWriter{ResponseWriter: w, over: over}
		}
		h.ServeHTTP(w, r)
	})
}

// headerWriter sets headers just before an answer's head goes out. It passes on what net/http's writer can do besides:
// sendfile by ReadFrom, deadlines by Unwrap.
type headerWriter struct {
	http.ResponseWriter
	over []hadoopconf.Header
	done bool
}

func (w *headerWriter) replace() {
	if w.done {
		return
	}
	w.done = true
	for _, header := range w.over {
		w.Header().Set(header.Name, header.Value)
	}
}

func (w *headerWriter) WriteHeader(status int) {
	w.replace()
	w.ResponseWriter.WriteHeader(status)
}

func (w *headerWriter) Write(p []byte) (int, error) {
	w.replace()
	return w.ResponseWriter.Write(p)
}

func (w *headerWriter) ReadFrom(r io.Reader) (int64, error) {
	w.replace()
	return io.Copy(w.ResponseWriter, r) // its ReadFrom, if it has one
}

func (w *headerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
