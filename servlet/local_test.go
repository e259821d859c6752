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
		visible  int64  // what readers may see of it; 0: all
		byKernel bool
	}{
		"here":                           {content: content, from: "127.0.0.1"},
		"a short one":                    {content: content[:5], from: "127.0.0.1"},
		"an empty one":                   {from: "127.0.0.1"},
		"shrinks":                        {content: content, from: "127.0.0.1", resize: 1<<20 + 3},
		"grows":                          {content: content, from: "127.0.0.1", resize: size + 1000},
		"another machine":                {content: content, from: "127.0.0.2", byKernel: true},
		"being written":                  {content: content, from: "127.0.0.1", visible: 1<<20 + 5},
		"being written, another machine": {content: content, from: "127.0.0.2", visible: 1<<20 + 5, byKernel: true},
		"being written and cut off":      {content: content, from: "127.0.0.1", visible: 1<<20 + 5, resize: 1<<20 + 3},
		"being written and cut off behind the end": {content: content, from: "127.0.0.1", visible: 1<<20 + 5, resize: 1<<20 + 9},
	} {
		t.Run(name, func(t *testing.T) {
			j, path := oneSegment(t, c.content)
			want := bytes.Clone(c.content)
			if c.resize > 0 {
				fill(want, c.resize)
			}
			if c.visible > 0 {
				fill(want, c.visible)
			}
			j.opened = func(r *storage.SegmentReader, _ *file) {
				if c.visible > 0 {
					r.Visible = c.visible
				}
				if c.resize == 0 {
					return
				}
				if err := os.Truncate(path, c.resize); err != nil {
					t.Error(err)
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

// fill makes padding of what lies behind from.
func fill(content []byte, from int64) {
	for i := from; i < int64(len(content)); i++ {
		content[i] = 0xFF
	}
}
