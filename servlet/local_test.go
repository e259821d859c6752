package servlet_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"testing"

	"gojn/servlet"
	"gojn/storage"
)

// TestCopyToLocal: a reader on this machine gets the same bytes through a buffer, also of a file that shrinks under way or
// grows, or that is empty; one elsewhere by sendfile.
func TestCopyToLocal(t *testing.T) {
	const size = 3<<20 + 17
	content := pattern(size)
	for name, c := range map[string]struct {
		content  []byte
		from     string // the client's address
		resize   int64  // of the file once it is open; 0: not
		byKernel bool
	}{
		"here":            {content: content, from: "127.0.0.1"},
		"a short one":     {content: content[:5], from: "127.0.0.1"},
		"an empty one":    {from: "127.0.0.1"},
		"shrinks":         {content: content, from: "127.0.0.1", resize: 1<<20 + 3},
		"grows":           {content: content, from: "127.0.0.1", resize: size + 1000},
		"another machine": {content: content, from: "127.0.0.2", byKernel: true},
	} {
		t.Run(name, func(t *testing.T) {
			j, path := oneSegment(t, c.content)
			want := bytes.Clone(c.content)
			if c.resize > 0 {
				j.opened = func(*storage.SegmentReader, *file) {
					if err := os.Truncate(path, c.resize); err != nil {
						t.Error(err)
					}
				}
				for i := c.resize; i < int64(len(want)); i++ {
					want[i] = 0xFF
				}
			}
			base, spy := serveSpied(t, servlet.Config{Journals: j, CopyToLocal: true})
			dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}}
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}}
			resp, err := client.Get(base + segmentURL)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			got, err := io.ReadAll(resp.Body)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v; want %d others", len(got), err, len(want))
			}
			if byKernel := spy.byFile.Load() > 0; byKernel != c.byKernel {
				t.Errorf("%d bytes were sent as a file", spy.byFile.Load())
			}
		})
	}
}
