package servlet_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gojn/internal/javaerr"
	"gojn/servlet"
)

// TestFetchFromUs: the two ends fit.
func TestFetchFromUs(t *testing.T) {
	content := pattern(2<<20 + 5)
	j, _ := oneSegment(t, content)
	var dst bytes.Buffer
	var f servlet.Fetcher
	n, err := f.Fetch(t.Context(), serve(t, servlet.Config{Journals: j})+segmentURL, &dst)
	if err != nil || n != int64(len(content)) || !bytes.Equal(dst.Bytes(), content) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// answers serves one connection after the other with fixed bytes, and closes each.
func answers(t *testing.T, raw string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			_, _ = conn.Read(buf)
			_, _ = io.WriteString(conn, raw)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return "http://" + l.Addr().String() + "/getJournal?jid=ns1"
}

// TestFetchErrors: each way in which an answer can be wrong, with Java's class and words (Util.doGetUrl, spec 3.13 step 7).
func TestFetchErrors(t *testing.T) {
	sum := md5.Sum([]byte("hello"))
	digest := hex.EncodeToString(sum[:])
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct {
		raw   string
		class javaerr.Class
		words string // "" for success; URL stands for the URL
	}{
		{ok + "Content-Length: 5\r\n\r\nhello", "", ""},
		{ok + "Content-Length: 5\r\nX-MD5-Digest: " + digest + "\r\n\r\nhello", "", ""},
		{ok + "Content-Length: 5\r\nX-MD5-Digest: " + strings.ToUpper(digest) + "\r\n\r\nhello", "", ""},
		{ok + "Content-Length: 5\r\n\r\nhello, and more", "", ""},
		{ok + "Content-Length: 5\r\nX-MD5-Digest: " + digest + "\r\n\r\nhallo", javaerr.IOException,
			"File URL computed digest 598d4c200461b81522a3328565c25f7c does not match advertised digest " + digest},
		{ok + "Content-Length: 5\r\nX-MD5-Digest: 12\r\n\r\nhello", javaerr.IOException, "malformed digest"},
		{ok + "Content-Length: 6\r\n\r\nhello", javaerr.IOException,
			"File URL received length 5 is not of the advertised size 6"},
		{ok + "\r\nhello", javaerr.IOException, "Content-Length header is not provided by the namenode when trying to fetch URL"},
		{ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", javaerr.IOException, "Content-Length header is not provided"},
		{ok + "Content-Length: x\r\n\r\nhello", javaerr.IOException, "fetching URL: "},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", javaerr.HTTPGetFailed,
			"Image transfer servlet at URL failed with status code 404\nResponse message:\nNot Found"},
		{"HTTP/1.1 403 This node has namespaceId\r\nContent-Length: 0\r\n\r\n", javaerr.HTTPGetFailed,
			"failed with status code 403\nResponse message:\nThis node has namespaceId"},
		{"HTTP/1.1 204 No Content\r\n\r\n", javaerr.HTTPGetFailed, "status code 204"},
		{"HTTP/1.1 206 Partial\r\nContent-Length: 5\r\n\r\nhello", javaerr.HTTPGetFailed, "status code 206"},
		{"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", javaerr.HTTPGetFailed, "status code 302"},
		{"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", javaerr.HTTPGetFailed, "status code 302"},
		{"garbage\r\n\r\n", javaerr.IOException, "fetching URL: "},
		{"", javaerr.IOException, "fetching URL: "},
		{ok + "X: " + strings.Repeat("x", 100<<10) + "\r\nContent-Length: 5\r\n\r\nhello", javaerr.IOException, "fetching URL: "},
	} {
		u := answers(t, c.raw)
		var dst bytes.Buffer
		var f servlet.Fetcher
		n, err := f.Fetch(t.Context(), u, &dst)
		if c.words == "" {
			if err != nil || n != 5 || dst.String() != "hello" {
				t.Errorf("%.80q: %d %q %v", c.raw, n, dst.String(), err)
			}
			continue
		}
		if err == nil || javaerr.ClassOf(err) != c.class || !strings.Contains(err.Error(), strings.ReplaceAll(c.words, "URL", u)) {
			t.Errorf("%.80q: %v: %v", c.raw, javaerr.ClassOf(err), err)
		}
		if n != int64(dst.Len()) {
			t.Errorf("%.80q: says %d bytes, wrote %d", c.raw, n, dst.Len())
		}
	}
}

// TestBadURLs: what acceptRecovery refuses before anything else is a java.net.MalformedURLException, and nothing is sent.
func TestBadURLs(t *testing.T) {
	var f servlet.Fetcher
	for _, u := range []string{"", "foo", "file", "/getJournal", "https:///x", "http:", "http:///x",
		"http://:80/x", "http://h:99999/x", "http://h:0/x", "http://h:x/", "http://[::1/x", "http://u:p@h/x", "http:h/x", "http://h/%zz",
		"jar:http://h/x", "javascript:alert(1)", "http://h\n/x"} {
		err := f.CheckURL(u)
		if err == nil || javaerr.ClassOf(err) != javaerr.MalformedURL {
			t.Errorf("%q: %v", u, err)
		}
		if _, err := f.Fetch(t.Context(), u, io.Discard); err == nil || javaerr.ClassOf(err) != javaerr.MalformedURL {
			t.Errorf("Fetch %q: %v", u, err)
		}
	}
	for _, u := range []string{"http://h:8480/getJournal?jid=ns1&segmentTxId=1&storageInfo=-67%3A1", "http://[::1]:8480/x", "HTTP://h/x", "https://h:1/x",
		" http://h/x "} {
		if err := f.CheckURL(u); err != nil {
			t.Errorf("%q: %v", u, err)
		}
	}
	for _, u := range []string{"file:///dev/null", "file:///etc/passwd", "ftp://h/x", " FILE:/x"} { // java.net.URL knows them
		if err := f.CheckURL(u); err != nil {
			t.Errorf("%q: %v", u, err)
		}
		if _, err := f.Fetch(t.Context(), u, io.Discard); err == nil || javaerr.ClassOf(err) != javaerr.MalformedURL {
			t.Errorf("Fetch %q: %v", u, err)
		}
	}
}

// TestFetchNetwork: failures of the network have their Java classes, end in time, and leave nothing running (goleak).
func TestFetchNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closedPort := "http://" + l.Addr().String() + "/x"
	_ = l.Close()

	block := make(chan struct{})
	defer close(block)
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(make([]byte, 50000))
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-block:
		case <-r.Context().Done():
		}
	}))
	defer silent.Close()

	canceled, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		url   string
		ctx   context.Context
		write func()
		class javaerr.Class
		is    error
	}{
		{closedPort, t.Context(), nil, "java.net.ConnectException", nil},
		{"http://no-such-host.invalid/x", t.Context(), nil, "java.net.UnknownHostException", nil},
		{silent.URL + "/never", t.Context(), nil, "java.net.SocketTimeoutException", nil},
		{silent.URL + "/half", t.Context(), nil, "java.net.SocketTimeoutException", nil},
		{silent.URL + "/half", canceled, cancel, javaerr.IOException, context.Canceled},
	} {
		f := servlet.Fetcher{ReadTimeout: 100 * time.Millisecond}
		if c.ctx == canceled {
			f.ReadTimeout = time.Hour
		}
		_, err := f.Fetch(c.ctx, c.url, writerFunc(func(p []byte) (int, error) {
			if c.write != nil {
				c.write()
			}
			return len(p), nil
		}))
		if err == nil || javaerr.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.url) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v: %v", c.url, javaerr.ClassOf(err), err)
		}
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestFetchDiskFull: an error of the destination is told from one of the network.
func TestFetchDiskFull(t *testing.T) {
	full := errors.New("no space left on device")
	var f servlet.Fetcher
	_, err := f.Fetch(t.Context(), answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
		writerFunc(func([]byte) (int, error) { return 0, full }))
	if !errors.Is(err, full) || !strings.Contains(err.Error(), "writing") {
		t.Error(err)
	}
}

// TestFetchIgnoresProxy: a proxy of the environment would see the edits, and Java uses none here.
func TestFetchIgnoresProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	var f servlet.Fetcher
	if _, err := f.Fetch(t.Context(), answers(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), io.Discard); err != nil {
		t.Error(err)
	}
}
