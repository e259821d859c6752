package servlet

import (
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gojn/internal/javaerr"
)

// Fetcher downloads a segment from another JournalNode, as org.apache.hadoop.hdfs.server.common.Util.doGetUrl does for
// acceptRecovery. The zero value is ready. It may be used by many goroutines at once; each fetch has a connection of its
// own, which ends with it.
type Fetcher struct {
	// ConnectTimeout is for the connection to stand, ReadTimeout for the next bytes to come. Defaults 60 s, as Java's.
	// ReadTimeout is also how far a source may fall behind 16 KiB a second, of the time that is spent waiting for it: one that
	// sends half of that or less is given up within twice the timeout, and what keeps up takes no longer than its bytes at
	// that rate. Java has no such rule. Any other bound of the whole is up to the caller's context.
	ConnectTimeout, ReadTimeout time.Duration
	// Patient takes the rate away: for a caller that bounds the whole, keeps nobody waiting, and fetches much at once over one link.
	Patient bool
	// TLS gives the configuration for a connection to host, a name or an address without port. It is asked for each https
	// URL, with the fetch's context; nil: none of them can be fetched. The handshake has ConnectTimeout.
	TLS func(ctx context.Context, host string) (*tls.Config, error)
	// Plain, if not nil, is told of each fetch that goes without TLS.
	Plain func(host string)

	dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: a net.Dialer
}

// CheckURL tells whether rawURL is one that Fetch would try or that has another protocol of java.net.URL, without any network; the
// error is a java.net.MalformedURLException. acceptRecovery refuses a bad URL before it looks at anything else, and one that
// cannot be fetched when it must be: Hadoop's own tests name file:///dev/null where nothing is to be fetched.
func (f *Fetcher) CheckURL(rawURL string) error {
	if protocol, _, ok := strings.Cut(strings.TrimSpace(rawURL), ":"); ok {
		switch strings.ToLower(protocol) {
		case "file", "ftp", "jrt", "mailto":
			return nil
		}
	}
	_, err := parseURL(rawURL)
	return err
}

func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return nil, javaerr.New(javaerr.MalformedURL, "%s: %w", raw, err)
	}
	switch u.Scheme {
	case "http", "https":
	case "":
		return nil, javaerr.New(javaerr.MalformedURL, "no protocol: %s", raw)
	default:
		return nil, javaerr.New(javaerr.MalformedURL, "unknown protocol: %s", u.Scheme)
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return nil, javaerr.New(javaerr.MalformedURL, "no host in %s", raw)
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, javaerr.New(javaerr.MalformedURL, "invalid port in %s", raw)
		}
	}
	if u.User != nil {
		return nil, javaerr.New(javaerr.MalformedURL, "a user name in the URL of host %s", u.Host)
	}
	u.Fragment = ""
	return u, nil
}

// Fetch copies the body of rawURL to dst and returns how many bytes it wrote. The answer must have status 200
// (else an HttpGetFailedException), announce a Content-Length and have exactly so many bytes, and match its
// X-MD5-Digest if it has one. Redirects are not followed. A source that sends too little in too long a time is a
// java.net.SocketTimeoutException. After an error, what dst holds is of no use.
func (f *Fetcher) Fetch(ctx context.Context, rawURL string, dst io.Writer) (int64, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return 0, err
	}
	secure, err := f.tlsFor(ctx, u)
	if err != nil {
		return 0, javaerr.New(javaerr.IOException, "fetching %s: %w", rawURL, err)
	}
	client := f.client(secure)
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, javaerr.New(javaerr.MalformedURL, "%s: %w", rawURL, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, netError(ctx, rawURL, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		_, reason, _ := strings.Cut(resp.Status, " ")
		return 0, javaerr.New(javaerr.HTTPGetFailed,
			"Image transfer servlet at %s failed with status code %d\nResponse message:\n%s", rawURL, resp.StatusCode, reason)
	}
	if resp.ContentLength < 0 {
		return 0, javaerr.New(javaerr.IOException,
			"Content-Length header is not provided by the namenode when trying to fetch %s", rawURL)
	}
	return copyBody(ctx, rawURL, resp, dst)
}

// copyBody copies a body of announced length and checks what was promised of it.
func copyBody(ctx context.Context, rawURL string, resp *http.Response, dst io.Writer) (int64, error) {
	var digest hash.Hash
	advertised := resp.Header.Get("X-MD5-Digest")
	if advertised != "" {
		if want, err := hex.DecodeString(advertised); err != nil || len(want) != md5.Size {
			return 0, javaerr.New(javaerr.IOException, "File %s has a malformed digest header %q", rawURL, advertised)
		}
		digest = md5.New() // Hadoop's checksum against accidents, not against attackers
		dst = io.MultiWriter(dst, digest)
	}
	out := &countingWriter{w: dst}
	_, err := io.Copy(out, resp.Body)
	switch {
	case out.err != nil:
		return out.n, fmt.Errorf("writing what %s sends: %w", rawURL, out.err)
	case errors.Is(err, io.ErrUnexpectedEOF) || err == nil && out.n != resp.ContentLength:
		return out.n, javaerr.New(javaerr.IOException,
			"File %s received length %d is not of the advertised size %d", rawURL, out.n, resp.ContentLength)
	case err != nil:
		return out.n, netError(ctx, rawURL, err)
	}
	if digest != nil {
		if got := hex.EncodeToString(digest.Sum(nil)); !strings.EqualFold(got, advertised) {
			return out.n, javaerr.New(javaerr.IOException,
				"File %s computed digest %s does not match advertised digest %s", rawURL, got, advertised)
		}
	}
	return out.n, nil
}

// countingWriter remembers its own error, so that it can be told from the reader's.
type countingWriter struct {
	w   io.Writer
	n   int64
	err error
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.err = err
	return n, err
}

// tlsFor is the TLS of a fetch, nil for plain HTTP.
func (f *Fetcher) tlsFor(ctx context.Context, u *url.URL) (*tls.Config, error) {
	switch {
	case u.Scheme != "https":
		if f.Plain != nil {
			f.Plain(u.Hostname())
		}
		return nil, nil
	case f.TLS == nil:
		return nil, errors.New("HTTPS is not configured")
	}
	return f.TLS(ctx, u.Hostname())
}

// client makes a client for one fetch: HTTP/1.1, no proxy, no compression, no redirect, no connection kept.
func (f *Fetcher) client(secure *tls.Config) *http.Client {
	connect, read := f.ConnectTimeout, f.ReadTimeout
	setDefault(&connect, 60*time.Second)
	setDefault(&read, 60*time.Second)
	dial := f.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: connect}).DialContext
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := dial(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return &progressConn{Conn: conn, timeout: read, patient: f.Patient}, nil
			},
			TLSClientConfig:        secure,
			TLSHandshakeTimeout:    connect,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// The classes of java.net that a failed connection has.
const (
	connectException javaerr.Class = "java.net.ConnectException"
	socketTimeout    javaerr.Class = "java.net.SocketTimeoutException"
	unknownHost      javaerr.Class = "java.net.UnknownHostException"
)

// netError gives a failure of the network its Java class and names the URL.
func netError(ctx context.Context, rawURL string, err error) error {
	class := javaerr.IOException
	var timeout net.Error
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil: // the caller gave up
	case errors.As(err, &dns):
		class = unknownHost
	case errors.As(err, &timeout) && timeout.Timeout():
		class = socketTimeout
	case errors.As(err, &op) && op.Op == "dial":
		class = connectException
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // its text repeats the URL
	}
	return javaerr.New(class, "fetching %s: %w", rawURL, err)
}
