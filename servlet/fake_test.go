package servlet_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gojn/internal/javaerr"
	"gojn/servlet"
	"gojn/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// file is a vfs.File over a real one, with hooks.
type file struct {
	*os.File
	hidden bool                                   // OS gives nothing: no sendfile
	readAt func(p []byte, off int64) (int, error) // in place of the file's, if set
	closed chan struct{}
}

func (f *file) OS() *os.File {
	if f.hidden {
		return nil
	}
	return f.File
}
func (f *file) SyncData() error { return errors.New("read only") }
func (f *file) Lock() error     { return errors.New("read only") }
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if f.readAt != nil {
		return f.readAt(p, off)
	}
	return f.File.ReadAt(p, off)
}
func (f *file) Close() error {
	close(f.closed)
	return f.File.Close()
}

// journal is one fake journal: a namespace and a directory of segments.
type journal struct {
	info storage.StorageInfo
	dir  string
}

// journals implements servlet.Journals with the answers of a Java node.
type journals struct {
	byID map[string]journal
	// opened sees each reader before the servlet does, and may change it.
	opened func(r *storage.SegmentReader, f *file)
	// identity replaces the answer, if set.
	identity func(ctx context.Context, jid string) (storage.StorageInfo, error)
	calls    sync.Map // "Identity ns1", "OpenSegment ns1 1 true": what was asked
}

func (j *journals) Identity(ctx context.Context, jid string) (storage.StorageInfo, error) {
	j.calls.Store("Identity "+jid, true)
	if jid == "" || strings.HasPrefix(jid, ".") {
		return storage.StorageInfo{}, javaerr.New(javaerr.IllegalArgument, "bad journal id: %s", jid)
	}
	if j.identity != nil {
		return j.identity(ctx, jid)
	}
	return j.byID[jid].info, nil
}

func (j *journals) OpenSegment(_ context.Context, jid string, first storage.TxID, inProgressOk bool) (*storage.SegmentReader, error) {
	j.calls.Store(fmt.Sprintf("OpenSegment %s %d %v", jid, first, inProgressOk), true)
	entries, err := os.ReadDir(j.byID[jid].dir)
	if err != nil {
		return nil, javaerr.New(javaerr.IOException, "Invalid directory or I/O error occurred for dir: /data/jn/%s/current%.0w", jid, err)
	}
	for _, e := range entries {
		s := storage.Segment{Name: e.Name(), InProgress: strings.HasPrefix(e.Name(), "edits_inprogress_")}
		if s.InProgress {
			_, err = fmt.Sscanf(e.Name(), "edits_inprogress_%d", &s.First)
		} else {
			_, err = fmt.Sscanf(e.Name(), "edits_%d-%d", &s.First, &s.Last)
		}
		if err != nil || s.First != first || s.InProgress && !inProgressOk {
			continue
		}
		f, err := os.OpenFile(filepath.Join(j.byID[jid].dir, e.Name()), os.O_RDONLY, 0)
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		wrapped := &file{File: f, closed: make(chan struct{})}
		r := &storage.SegmentReader{Segment: s, File: wrapped, Size: info.Size(), Visible: info.Size()}
		if j.opened != nil {
			j.opened(r, wrapped)
		}
		return r, nil
	}
	return nil, fmt.Errorf("segment %d: %w", first, fs.ErrNotExist)
}

var captured = storage.StorageInfo{LayoutVersion: -63, NamespaceID: 1073741825, CTime: 1500000000000,
	ClusterID: "CID-11111111-2222-3333-4444-555555555555"}

// capturedJournal lays out ns1 as the captures had it.
func capturedJournal(t *testing.T, release string) *journals {
	t.Helper()
	dir := t.TempDir()
	const done, open = "edits_0000000000000000001-0000000000000000003", "edits_inprogress_0000000000000000016"
	write(t, filepath.Join(dir, done), readFile(t, release+"/"+done))
	z, err := gzip.NewReader(bytes.NewReader(readFile(t, release+"/"+open+".gz")))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, open), text)
	return &journals{byID: map[string]journal{"ns1": {captured, dir}}}
}

// oneSegment is a journal ns1 with one finalized segment 1-9 of the given bytes.
func oneSegment(t *testing.T, content []byte) (*journals, string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "edits_0000000000000000001-0000000000000000009")
	write(t, path, content)
	return &journals{byID: map[string]journal{"ns1": {captured, dir}}}, path
}

// pattern is n bytes without a short period.
func pattern(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve runs a handler on loopback and gives its base URL.
func serve(t *testing.T, conf servlet.Config) string {
	t.Helper()
	s := httptest.NewServer(servlet.NewHandler(conf))
	t.Cleanup(s.Close)
	return s.URL
}

// newClient follows no redirect and keeps no connection.
func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
	length int64
}

func do(t *testing.T, method, url string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := newClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if len(resp.TransferEncoding) > 0 {
		t.Errorf("%s: transfer encoding %v", url, resp.TransferEncoding)
	}
	return answer{resp.StatusCode, resp.Header, body, err, resp.ContentLength}
}

func get(t *testing.T, url string, header ...string) answer {
	t.Helper()
	return do(t, http.MethodGet, url, header...)
}

// clock is a time that passes only in Sleep.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
	// onSleep runs in each Sleep, with the number of sleeps before.
	onSleep func(ctx context.Context, n int) error
}

func newClock() *clock { return &clock{now: time.UnixMilli(1795300290000)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	n := len(c.slept)
	c.slept = append(c.slept, d)
	c.now = c.now.Add(d)
	hook := c.onSleep
	c.mu.Unlock()
	if hook != nil {
		return hook(ctx, n)
	}
	return ctx.Err()
}

func (c *clock) total() (sum time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.slept {
		sum += d
	}
	return sum
}

// rawRequest sends bytes and gives the connection and a reader of the answer.
func rawRequest(t *testing.T, baseURL, request string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(baseURL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}
