package compat_test

import (
	"bytes"
	bigendian "encoding/binary"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// segmentSource is the other JournalNode that a recovery's copy is fetched from.
type segmentSource struct {
	server *httptest.Server

	mu      sync.Mutex
	content []byte
	stall   int    // so many bytes are sent and no more; negative: all
	reached func() // called then, or when all is sent
}

func newSegmentSource(t *testing.T) *segmentSource {
	t.Helper()
	s := &segmentSource{}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

// segmentBytes is a segment's file, with padding behind the transactions as in one that a recovery left in progress.
func segmentBytes(frames [][]byte, padding int) []byte {
	content := bigendian.BigEndian.AppendUint32(nil, uint32(killNamespace.LayoutVersion))
	content = append(content, 0, 0, 0, 0)
	for _, f := range frames {
		content = append(content, f...)
	}
	return append(content, bytes.Repeat([]byte{0xFF}, padding)...)
}

// serve sets the segment that is sent.
func (s *segmentSource) serve(frames [][]byte, padding int, stall bool, reached func()) (url string) {
	content := segmentBytes(frames, padding)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content, s.stall, s.reached = content, -1, reached
	if stall {
		s.stall = len(content) / 2
	}
	return s.server.URL + "/getJournal"
}

// ServeHTTP sends the content. An error is the end of the node.
func (s *segmentSource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	content, stall, reached := s.content, s.stall, s.reached
	s.mu.Unlock()
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if stall < 0 {
		_, _ = w.Write(content)
		reached()
		return
	}
	_, _ = w.Write(content[:stall])
	_ = http.NewResponseController(w).Flush()
	reached()
	<-r.Context().Done() // it is killed
}
