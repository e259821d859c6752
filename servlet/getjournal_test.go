package servlet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/servlet"
	"gojn/storage"
)

const segmentURL = "/getJournal?jid=ns1&segmentTxId=1"

// TestCheckOrder: of two faults the earlier check answers (GetJournalEditServlet.doGet; spec 4.1), and what comes after a
// refused check is not asked.
func TestCheckOrder(t *testing.T) {
	layout := capturedJournal(t, "3.4.2")
	const wrongNS, junk = "&storageInfo=-63%3A7%3A0%3ACID-x", "&storageInfo=junk"
	for _, c := range []struct {
		query  string
		status int
		words  string
		asked  string // the last thing asked of Journals, "" for nothing
	}{
		{"segmentTxId=abc" + junk, 500, "IllegalArgumentException: bad journal id: null", ""},
		{"jid=&segmentTxId=abc", 500, "IllegalArgumentException: bad journal id: ", "Identity "},
		{"jid=.x&segmentTxId=abc" + junk, 500, "IllegalArgumentException: bad journal id: .x", "Identity .x"},
		{"jid=broken&segmentTxId=abc" + junk, 500, "java.io.IOException: no disk", "Identity broken"},
		{"jid=ns1&segmentTxId=abc" + junk, 500, "ArrayIndexOutOfBoundsException", "Identity ns1"},
		{"jid=ns1&segmentTxId=abc&storageInfo=-63%3Ax%3A0%3AC", 500, "NumberFormatException: For input string: &quot;x&quot;", ""},
		{"jid=ns1&segmentTxId=abc&storageInfo=-63%3A5%3A0", 500, "Index 3 out of bounds for length 3", ""},
		{"jid=ns1&segmentTxId=abc&storageInfo=-63%3A5%3A0%3A", 500, "Index 3 out of bounds for length 3", ""},
		{"jid=ns1&segmentTxId=abc&storageInfo=", 500, "Index 1 out of bounds for length 1", ""},
		{"jid=ns1&segmentTxId=abc" + wrongNS, 403, "expected &apos;7&apos; and &apos;CID-x&apos;", "Identity ns1"},
		{"jid=ns1&segmentTxId=abc", 500, "NumberFormatException: For input string: &quot;abc&quot;", "Identity ns1"},
		{"jid=ns1&segmentTxId=", 500, "NumberFormatException: For input string: &quot;&quot;", ""},
		{"jid=ns1&segmentTxId=9223372036854775808", 500, "NumberFormatException", ""},
		{"jid=ns1", 500, "java.io.IOException: Invalid request has no segmentTxId parameter", "Identity ns1"},
		{"jid=ns1&segmentTxId=2", 404, "No edit log found starting at txid 2", "OpenSegment ns1 2 true"},
		{"jid=ns1&segmentTxId=-12345", 404, "No edit log found starting at txid -12345", ""},
		{"jid=gone&segmentTxId=2", 500, "Invalid directory or I/O error occurred for dir: /data/jn/gone/current", ""},
		{"jid=ns1&segmentTxId=1&inProgressOk=FALSE", 200, "", "OpenSegment ns1 1 false"},
		{"jid=ns1&segmentTxId=16&inProgressOk=FALSE", 404, "", "OpenSegment ns1 16 false"},
		{"jid=ns1&segmentTxId=16&inProgressOk=no", 200, "", "OpenSegment ns1 16 true"},
		{"jid=ns1&segmentTxId=16&inProgressOk=", 200, "", "OpenSegment ns1 16 true"},
		{"jid=ns1&segmentTxId=%2B1", 200, "", "OpenSegment ns1 1 true"},
		{"jid=ns1&jid=.x&segmentTxId=1&segmentTxId=abc", 200, "", ""},
		{"&&jid=ns%31&segmentTxId=1&unknown=;", 200, "", ""},
		{"jid=%zz&segmentTxId=1", 400, "unable to parse the query", ""},
		// cTime and layoutVersion do not count, not even as numbers.
		{"jid=ns1&segmentTxId=1&storageInfo=x%3A1073741825%3Ay%3ACID-11111111-2222-3333-4444-555555555555", 200, "", ""},
		{"jid=ns1&segmentTxId=1&storageInfo=-63%3A1073741825%3A1%3ACID-11111111-2222-3333-4444-555555555555%3A", 403, "", ""},
		{"jid=ns1&segmentTxId=1&storageInfo=-63%3A1073741826%3A1%3ACID-11111111-2222-3333-4444-555555555555", 403, "", ""},
	} {
		j := &journals{byID: layout.byID}
		j.identity = func(_ context.Context, jid string) (storage.StorageInfo, error) {
			if jid == "broken" {
				return storage.StorageInfo{}, errors.New("no disk")
			}
			return j.byID[jid].info, nil
		}
		got := get(t, serve(t, servlet.Config{Journals: j})+"/getJournal?"+c.query)
		if got.status != c.status || !strings.Contains(string(got.body), c.words) {
			t.Errorf("%s: %d %.300s\nwant %d %s", c.query, got.status, got.body, c.status, c.words)
		}
		if c.asked == "" {
			continue
		}
		if _, ok := j.calls.Load(c.asked); !ok {
			t.Errorf("%s: not asked: %s", c.query, c.asked)
		}
		j.calls.Range(func(k, _ any) bool {
			if strings.HasPrefix(c.asked, "Identity") && strings.HasPrefix(k.(string), "OpenSegment") {
				t.Errorf("%s: asked %s after a refusal", c.query, k)
			}
			return true
		})
	}
}

// TestOddClusterIDs: a cluster id that Java can never match, as it splits at ":" and compares an HTML-escaped text, is
// compared as it is. The messages of a refusal are escaped.
func TestOddClusterIDs(t *testing.T) {
	for _, id := range []string{"CID:with:colons", "CID-<a>&\"b\"'c'", "CID-ü", ":x", "CID+plus space"} {
		j, _ := oneSegment(t, []byte("x"))
		ns := j.byID["ns1"]
		ns.info.ClusterID = id
		j.byID["ns1"] = ns
		base := serve(t, servlet.Config{Journals: j})
		ask := func(id string) answer {
			return get(t, base+segmentURL+"&storageInfo="+url.QueryEscape(fmt.Sprintf("-63:%d:0:%s", captured.NamespaceID, id)))
		}
		if got := ask(id); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", id, got.status, got.body)
		}
		got := ask(id + "2")
		if got.status != http.StatusForbidden || bytes.Contains(got.body, []byte("<a>")) {
			t.Errorf("%s2: %d %s", id, got.status, got.body)
		}
		for _, b := range got.body {
			if b >= 0x80 {
				t.Fatalf("not plain ASCII: %q", got.body)
			}
		}
	}
}

// TestErrorPageEscapes: nothing that a client sends comes back as markup.
func TestErrorPageEscapes(t *testing.T) {
	base := serve(t, servlet.Config{Journals: &journals{}})
	for _, path := range []string{"/getJournal?jid=.%3Cscript%3E", "/%3Cscript%3E", "/getJournal?jid=%3Cscript%3E%zz"} {
		got := get(t, base+path)
		if got.status < 400 || bytes.Contains(got.body, []byte("<script")) || !strings.HasPrefix(string(got.body), "<html>\n<head>") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// TestOpenErrors: which error of OpenSegment means "not here".
func TestOpenErrors(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{fs.ErrNotExist, 404},
		{&fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}, 404},
		{javaerr.New(javaerr.FileNotFound, "no: %w", fs.ErrNotExist), 404},
		{javaerr.New(javaerr.IOException, "Invalid directory: %w", fs.ErrNotExist), 500},
		{javaerr.New(javaerr.IllegalState, "More than one log segment"), 500},
		{fs.ErrPermission, 500},
		{context.DeadlineExceeded, 500},
	} {
		j := failing{c.err}
		if got := get(t, serve(t, servlet.Config{Journals: j})+segmentURL); got.status != c.status {
			t.Errorf("%v: %d want %d", c.err, got.status, c.status)
		}
	}
}

type failing struct{ err error }

func (failing) Identity(context.Context, string) (storage.StorageInfo, error) { return captured, nil }
func (f failing) OpenSegment(context.Context, string, storage.TxID, bool) (*storage.SegmentReader, error) {
	return nil, f.err
}

// TestMethods: HEAD tells the length and sends nothing, OPTIONS answers as Java clients need for their authentication
// (spec/rpc.md 4.7), others are refused.
func TestMethods(t *testing.T) {
	content := pattern(3000)
	j, _ := oneSegment(t, content)
	base := serve(t, servlet.Config{Journals: j})
	head := do(t, http.MethodHead, base+segmentURL)
	if head.status != 200 || head.length != 3000 || len(head.body) != 0 || head.header.Get("X-Image-Edits-Name") == "" {
		t.Errorf("HEAD: %+v", head)
	}
	for _, u := range []string{segmentURL, "/getJournal", "/jmx", "/"} {
		opt := do(t, http.MethodOptions, base+u)
		if opt.status != 200 || opt.header.Get("Allow") != "GET, HEAD, TRACE, OPTIONS" || opt.length != 0 {
			t.Errorf("OPTIONS %s: %+v", u, opt)
		}
	}
	if _, asked := j.calls.Load("OpenSegment ns1 1 true"); !asked {
		t.Error("HEAD did not look for the segment")
	}
	for _, m := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodTrace} {
		if got := do(t, m, base+segmentURL); got.status != http.StatusMethodNotAllowed || bytes.Contains(got.body, content[:100]) {
			t.Errorf("%s: %d", m, got.status)
		}
	}
	if got := do(t, http.MethodOptions, base+"/nosuch"); got.status != http.StatusNotFound {
		t.Error(got.status)
	}
}

// TestSizes: every size arrives whole with its length announced, by sendfile and without, with and without a limit, also
// to clients that accept gzip or ask for a range.
func TestSizes(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 32<<10 + 1, 1 << 20, 1<<20 + 17} {
		content := pattern(size)
		for _, hidden := range []bool{false, true} {
			for _, bandwidth := range []int64{0, -1, 1 << 20} {
				j, _ := oneSegment(t, content)
				j.opened = func(_ *storage.SegmentReader, f *file) { f.hidden = hidden }
				base := serve(t, servlet.Config{Journals: j, Bandwidth: bandwidth, Clock: newClock()})
				got := get(t, base+segmentURL, "Accept-Encoding", "gzip", "Range", "bytes=5-9")
				if got.status != 200 || got.err != nil || got.length != int64(size) || !bytes.Equal(got.body, content) ||
					got.header.Get("Content-Encoding") != "" {
					t.Errorf("size %d hidden %v bandwidth %d: status %d, %d bytes, %v", size, hidden, bandwidth, got.status,
						len(got.body), got.err)
				}
			}
		}
	}
}

// TestFileChanges: what happens to the file after the response began shows in no way but as padding where it shrank
// (spec 4.1 GO). The change comes before the first byte, or during the first wait of a throttled response.
func TestFileChanges(t *testing.T) {
	const size = 300_001 // not a multiple of a throttled chunk
	content := pattern(size)
	padded := func(keep int) []byte {
		b := bytes.Repeat([]byte{0xFF}, size)
		copy(b, content[:keep])
		return b
	}
	for name, c := range map[string]struct {
		change func(path string) error
		want   []byte
	}{
		"shrinks":     {func(p string) error { return os.Truncate(p, 200_000) }, padded(200_000)},
		"shrinks a 1": {func(p string) error { return os.Truncate(p, size-1) }, padded(size - 1)},
		"grows": {func(p string) error {
			f, err := os.OpenFile(p, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.Write(make([]byte, 2<<20))
			return errors.Join(err, f.Close())
		}, content},
		"is renamed": {func(p string) error { return os.Rename(p, p+"x") }, content},
		"is removed": {os.Remove, content},
	} {
		for _, hidden := range []bool{false, true} {
			for _, underWay := range []bool{false, true} {
				j, path := oneSegment(t, content)
				clk := newClock()
				j.opened = func(_ *storage.SegmentReader, f *file) {
					f.hidden = hidden
					if !underWay {
						if err := c.change(path); err != nil {
							t.Error(err)
						}
					}
				}
				clk.onSleep = func(_ context.Context, n int) error {
					if underWay && n == 0 {
						return c.change(path)
					}
					return nil
				}
				got := get(t, serve(t, servlet.Config{Journals: j, Clock: clk, Bandwidth: 500_000})+segmentURL)
				if got.status != 200 || got.err != nil || !bytes.Equal(got.body, c.want) {
					t.Errorf("%s, hidden %v, under way %v: %d, %d bytes, %v, equal %v", name, hidden, underWay, got.status,
						len(got.body), got.err, bytes.Equal(got.body, c.want))
				}
				if underWay && len(clk.slept) < 2 {
					t.Errorf("%s: no wait, the change did not happen under way", name)
				}
			}
		}
	}
}

// TestNothingBeyondSize looks at the connection itself, as an HTTP client does not see what comes after Content-Length.
func TestNothingBeyondSize(t *testing.T) {
	content := pattern(3000)
	for _, hidden := range []bool{false, true} {
		for _, bandwidth := range []int64{0, 20_000} {
			j, path := oneSegment(t, content)
			j.opened = func(r *storage.SegmentReader, f *file) {
				f.hidden = hidden
				r.Size, r.Visible = int64(len(content)), int64(len(content))
				write(t, path, append(bytes.Clone(content), make([]byte, 1<<20)...))
			}
			base := serve(t, servlet.Config{Journals: j, Bandwidth: bandwidth, Clock: newClock()})
			_, r := rawRequest(t, base, "GET "+segmentURL+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			all, err := io.ReadAll(r)
			_, body, _ := bytes.Cut(all, []byte("\r\n\r\n"))
			if err != nil || !bytes.Equal(body, content) {
				t.Errorf("hidden %v, bandwidth %d: %d bytes after the head, want %d, %v", hidden, bandwidth, len(body),
					len(content), err)
			}
		}
	}
}

// TestReadError: a disk that fails cuts the connection; the client never sees a whole body.
func TestReadError(t *testing.T) {
	for _, good := range []int64{0, 100, 70_000} {
		content := pattern(200_000)
		j, _ := oneSegment(t, content)
		j.opened = func(_ *storage.SegmentReader, f *file) {
			f.hidden = true
			f.readAt = func(p []byte, off int64) (int, error) {
				if off >= good {
					return 0, errors.New("input/output error")
				}
				return copy(p, content[off:good]), nil
			}
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, serve(t, servlet.Config{Journals: j})+segmentURL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := newClient().Do(req)
		if err != nil {
			continue // cut before the head
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !errors.Is(err, io.ErrUnexpectedEOF) || int64(len(body)) > good {
			t.Errorf("good %d: %d bytes, %v", good, len(body), err)
		}
	}
}
