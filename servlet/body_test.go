package servlet_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gojn/servlet"
	"gojn/storage"
)

// spyListener's connections tell whether the body came as a file, the one shape that net.TCPConn hands to sendfile(2).
type spyListener struct {
	net.Listener
	byFile atomic.Int64 // bytes sent from an *os.File inside an *io.LimitedReader
	other  atomic.Int64 // bytes sent from any other reader
	// interrupt, if set, sends only so many bytes of the first file and then reports that the deadline has passed.
	interrupt atomic.Int64
}

type spyConn struct {
	*net.TCPConn
	spy *spyListener
}

func (l *spyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &spyConn{c.(*net.TCPConn), l}, nil
}

func (c *spyConn) ReadFrom(r io.Reader) (int64, error) {
	lr, ok := r.(*io.LimitedReader)
	if ok {
		_, ok = lr.R.(*os.File)
	}
	if !ok {
		n, err := c.TCPConn.ReadFrom(r)
		c.spy.other.Add(n)
		return n, err
	}
	if some := c.spy.interrupt.Swap(0); some > 0 {
		n, err := c.TCPConn.ReadFrom(&io.LimitedReader{R: lr.R, N: some})
		lr.N -= n
		c.spy.byFile.Add(n)
		if err == nil {
			err = os.ErrDeadlineExceeded
		}
		return n, err
	}
	n, err := c.TCPConn.ReadFrom(r)
	c.spy.byFile.Add(n)
	return n, err
}

func serveSpied(t *testing.T, conf servlet.Config) (string, *spyListener) {
	t.Helper()
	s := httptest.NewUnstartedServer(servlet.NewHandler(conf))
	spy := &spyListener{Listener: s.Listener}
	s.Listener = spy
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, spy
}

// TestSentByTheKernel: all but the first 512 bytes, which net/http copies with the head, reach the connection as a file.
func TestSentByTheKernel(t *testing.T) {
	const size = 3<<20 + 17
	content := pattern(size)
	for _, bandwidth := range []int64{0, 4 << 20} {
		j, _ := oneSegment(t, content)
		base, spy := serveSpied(t, servlet.Config{Journals: j, Bandwidth: bandwidth, Clock: newClock()})
		got := get(t, base+segmentURL)
		if !bytes.Equal(got.body, content) {
			t.Error("wrong bytes")
		}
		if n := spy.byFile.Load(); n != size-512 || spy.other.Load() != 0 {
			t.Errorf("bandwidth %d: %d bytes sent as a file, %d otherwise", bandwidth, n, spy.other.Load())
		}
	}
}

// TestSlowClientGoesOn: a deadline that passes while the client takes something is not the end.
func TestSlowClientGoesOn(t *testing.T) {
	content := pattern(500_000)
	j, _ := oneSegment(t, content)
	base, spy := serveSpied(t, servlet.Config{Journals: j})
	spy.interrupt.Store(1000)
	if got := get(t, base+segmentURL); got.err != nil || !bytes.Equal(got.body, content) {
		t.Errorf("%d bytes, %v", len(got.body), got.err)
	}
	if spy.interrupt.Load() != 0 {
		t.Error("the interruption did not happen")
	}
}

// TestStalledClient: a client that takes nothing is cut after StallTimeout, and the file is closed.
func TestStalledClient(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		j, path := oneSegment(t, nil)
		if err := os.Truncate(path, 1<<30); err != nil { // more than any socket buffer; a sparse file
			t.Fatal(err)
		}
		opened := make(chan *file, 1)
		j.opened = func(_ *storage.SegmentReader, f *file) {
			f.hidden = hidden
			opened <- f
		}
		base := serve(t, servlet.Config{Journals: j, StallTimeout: 50 * time.Millisecond})
		_, _ = rawRequest(t, base, "GET "+segmentURL+" HTTP/1.1\r\nHost: x\r\n\r\n")
		<-(<-opened).closed // hangs, and the test with it, if the client is not cut
	}
}

// deadlines notes what a handler sets.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = t; return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

// TestPatienceIsForReaders: a long StallTimeout holds for a client that takes its answer slowly, not for one that sends a
// body, which nobody wants.
func TestPatienceIsForReaders(t *testing.T) {
	h := servlet.NewHandler(servlet.Config{Journals: &journals{}, StallTimeout: 24 * time.Hour})
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	began := time.Now()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/livez", strings.NewReader("x")))
	ended := time.Now()
	if at := w.write.Add(-24 * time.Hour); at.Before(began) || at.After(ended) {
		t.Errorf("the answer has until %v", w.write)
	}
	if at := w.read.Add(-time.Minute); at.Before(began) || at.After(ended) {
		t.Errorf("the body has until %v", w.read)
	}
}

// TestClientGone: a client that goes while the response waits for its bandwidth ends it.
func TestClientGone(t *testing.T) {
	j, _ := oneSegment(t, pattern(1<<20))
	opened := make(chan *file, 1)
	j.opened = func(_ *storage.SegmentReader, f *file) { opened <- f }
	asleep := make(chan struct{}, 1)
	clk := newClock()
	clk.onSleep = func(ctx context.Context, _ int) error {
		asleep <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	base := serve(t, servlet.Config{Journals: j, Bandwidth: 1000, Clock: clk})
	conn, _ := rawRequest(t, base, "GET "+segmentURL+" HTTP/1.1\r\nHost: x\r\n\r\n")
	<-asleep
	_ = conn.Close()
	<-(<-opened).closed
}

// TestThrottle: a response takes size/bandwidth, for rates below and above one chunk, padding included; each response has
// the whole rate for itself (ImageServlet.getThrottler makes one per request).
func TestThrottle(t *testing.T) {
	for _, c := range []struct {
		size      int
		bandwidth int64
		shrinkTo  int64 // -1: not
	}{
		{1000, 100, -1}, {10, 1, -1}, {200_000, 50_000, -1}, {4 << 20, 2 << 20, -1}, {4 << 20, 100 << 20, -1},
		{200_000, 50_000, 1000},
	} {
		j, _ := oneSegment(t, pattern(c.size))
		j.opened = func(_ *storage.SegmentReader, f *file) {
			if c.shrinkTo >= 0 {
				if err := os.Truncate(f.Name(), c.shrinkTo); err != nil {
					t.Error(err)
				}
			}
		}
		clk := newClock()
		got := get(t, serve(t, servlet.Config{Journals: j, Bandwidth: c.bandwidth, Clock: clk})+segmentURL)
		whole := time.Duration(float64(c.size) / float64(c.bandwidth) * float64(time.Second))
		// The last chunk, of up to 100 ms or one byte, is not waited for.
		last := max(100*time.Millisecond, time.Duration(float64(time.Second)/float64(c.bandwidth)))
		if took := clk.total(); len(got.body) != c.size || took > whole || took < whole-last-time.Millisecond {
			t.Errorf("%d bytes at %d/s: took %v, want %v", c.size, c.bandwidth, took, whole)
		}
	}
}

// TestNoThrottle: without a limit nothing waits.
func TestNoThrottle(t *testing.T) {
	j, _ := oneSegment(t, pattern(3<<20))
	clk := newClock()
	get(t, serve(t, servlet.Config{Journals: j, Clock: clk})+segmentURL)
	if clk.total() != 0 {
		t.Error(clk.slept)
	}
}

// TestDownloadLimits: more downloads than allowed are refused with 503, per journal before in all, and a journal whose
// disk hangs does not take the others' room, nor that of /health.
func TestDownloadLimits(t *testing.T) {
	j, _ := oneSegment(t, pattern(100))
	hanging := make(chan struct{}, 2)
	release := make(chan struct{})
	j.byID["ns2"] = j.byID["ns1"]
	j.identity = func(_ context.Context, jid string) (storage.StorageInfo, error) {
		if jid == "hangs" {
			hanging <- struct{}{}
			<-release
		}
		return captured, nil
	}
	base := serve(t, servlet.Config{Journals: j, MaxDownloads: 3, MaxDownloadsPerJournal: 2})
	done := make(chan answer, 2)
	for range 2 {
		go func() { done <- get(t, base+"/getJournal?jid=hangs&segmentTxId=1") }()
	}
	<-hanging
	<-hanging
	for url, want := range map[string]int{
		"/getJournal?jid=hangs&segmentTxId=1": http.StatusServiceUnavailable,
		"/getJournal?jid=ns1&segmentTxId=1":   http.StatusOK,
		"/getJournal?jid=ns2&segmentTxId=1":   http.StatusOK,
		"/health":                             http.StatusOK,
	} {
		if got := get(t, base+url); got.status != want {
			t.Errorf("%s: %d want %d", url, got.status, want)
		}
	}
	close(release)
	for range 2 {
		<-done
	}
	if got := get(t, base+"/getJournal?jid=hangs&segmentTxId=1"); got.status == http.StatusServiceUnavailable {
		t.Error("the room was not given back")
	}
}

// BenchmarkGetJournal sends a 16 MiB segment over loopback, by the kernel and by copying.
func BenchmarkGetJournal(b *testing.B) {
	for name, hidden := range map[string]bool{"sendfile": false, "copy": true} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			const size = 16 << 20
			if err := os.WriteFile(dir+"/edits_0000000000000000001-0000000000000000009", pattern(size), 0o600); err != nil {
				b.Fatal(err)
			}
			j := &journals{byID: map[string]journal{"ns1": {captured, dir}}}
			j.opened = func(_ *storage.SegmentReader, f *file) { f.hidden = hidden }
			s := httptest.NewServer(servlet.NewHandler(servlet.Config{Journals: j}))
			defer s.Close()
			client := newClient()
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				resp, err := client.Get(s.URL + segmentURL)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, resp.Body)
				if n != size || err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(n, err)
				}
				_ = resp.Body.Close()
			}
		})
	}
}
