package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	pb "gojn/qjournalpb"
	"gojn/servlet"
	"gojn/storage/vfs"
)

// effectBandwidth: the answer is not faster than configured; which limit holds by default is up to the release.
func effectBandwidth(t *testing.T) {
	n, _ := on(t, "dfs.image.transfer.bandwidthPerSec", "512k")
	c := dial(t, n.addr(), "j1")
	c.write(4, 64<<10)
	must(t, c.finalize(1, 4))
	began := time.Now()
	resp, body := get(t, n.webURL+"/getJournal?jid=j1&segmentTxId=1")
	if took := time.Since(began); resp.StatusCode != 200 || len(body) < 256<<10 || took < 200*time.Millisecond {
		t.Errorf("%s, %d bytes in %v at 512 KiB a second", resp.Status, len(body), took)
	}
	for release, want := range map[string]int64{"2.7": 0, "3.4": 50 << 20} {
		settings, conf := configure(t, with(loopback(t.TempDir()), "gojn.compat.release", release))
		if got := n.handlerConfig(settings, conf, newLogger(io.Discard)).Bandwidth; got != want {
			t.Errorf("%s: %d bytes a second, want %d", release, got, want)
		}
	}
}

// effectTransferTimeout: a recovery's download from a peer that says nothing ends.
func effectTransferTimeout(t *testing.T) {
	mute := occupy(t)
	n, _ := on(t, "dfs.image.transfer.timeout", "50")
	c := dial(t, n.addr(), "j1")
	must(t, c.format())
	c.newEpoch()
	err := c.call("acceptRecovery", &pb.AcceptRecoveryRequestProto{ReqInfo: c.info(), StateToAccept: segmentState(1, 3, true),
		FromURL: proto.String("http://" + mute.Addr().String() + "/getJournal?jid=j1&segmentTxId=1")}, &pb.AcceptRecoveryResponseProto{})
	var remote *hadooprpc.RemoteError
	if !errors.As(err, &remote) || remote.Class != "java.net.SocketTimeoutException" {
		t.Errorf("%v", err)
	}
	for value, want := range map[string]time.Duration{"50": 50 * time.Millisecond, "0": forever, "-1": forever} {
		settings, _ := configure(t, with(loopback(t.TempDir()), "dfs.image.transfer.timeout", value))
		config := nodeConfig(settings, vfs.OS(), &secureFetches{}, newLogger(io.Discard), "", n.rpcAddr)
		f, ok := config.Fetcher.(*servlet.Fetcher)
		if !ok || f.ConnectTimeout != want || f.ReadTimeout != want {
			t.Errorf("%s: %+v", value, config.Fetcher)
		}
	}
}

func segmentState(first, last uint64, inProgress bool) *pb.SegmentStateProto {
	return &pb.SegmentStateProto{StartTxId: &first, EndTxId: &last, IsInProgress: &inProgress}
}

// effectHTTPIdle: a connection is closed after its time without a request, and a client that takes nothing of its answer is
// cut no earlier: in Jetty one timeout is both, and HDFS-15719 raised it for NameNodes that pause within a download. That
// the handler obeys its StallTimeout is servlet's TestStalledClient.
func effectHTTPIdle(t *testing.T) {
	n, _ := on(t, "hadoop.http.idle_timeout.ms", "50")
	c, err := net.Dial("tcp", strings.TrimPrefix(n.webURL, "http://"))
	must(t, err)
	defer func() { _ = c.Close() }()
	must(t, c.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	must(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	must(t, errors.Join(err, resp.Body.Close()))
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the end of the connection", err)
	}
	for value, want := range map[string]struct{ idle, stall time.Duration }{
		"0": {forever, forever}, "-1": {forever, forever}, "1000": {time.Second, time.Minute},
		"60000": {time.Minute, time.Minute}, "600000": {10 * time.Minute, 10 * time.Minute},
	} {
		settings, conf := configure(t, with(loopback(t.TempDir()), "hadoop.http.idle_timeout.ms", value))
		stall := n.handlerConfig(settings, conf, newLogger(io.Discard)).StallTimeout
		if idle := orForever(settings.HTTP.IdleTimeout); idle != want.idle || stall != want.stall {
			t.Errorf("%s: idle %v, stall %v, want %v", value, idle, stall, want)
		}
	}
}

func effectHeaderSize(t *testing.T) {
	big := strings.Repeat("x", 16<<10)
	for _, c := range []struct {
		keys []string
		want int
	}{{nil, 200}, {[]string{"hadoop.http.max.request.header.size", "1000"}, 431}} {
		n, _ := on(t, c.keys...)
		if resp, _ := get(t, n.webURL+"/livez", "X-Big", big); resp.StatusCode != c.want {
			t.Errorf("%q: %s, want %d", c.keys, resp.Status, c.want)
		}
	}
}

// effectHTTPHeaders: configured headers come with every answer and win over the defaults, as in Java
// (HttpServer2.setHeaders), but not over what an answer says of itself.
func effectHTTPHeaders(t *testing.T) {
	n, _ := on(t, "hadoop.http.header.X-Who", "me, myself", "hadoop.http.header.X-XSS-PROTECTION", "0",
		"hadoop.http.header.Content-Length", "1", "hadoop.http.header.X-Content-Type-Options", "sniff")
	dial(t, n.addr(), "j1").write(3, 100)
	for _, path := range []string{"/livez", "/jmx", "/conf", "/nowhere", "/getJournal?jid=j1&segmentTxId=1&inProgressOk=true"} {
		resp, body := get(t, n.webURL+path)
		h := resp.Header
		if h.Get("X-Who") != "me, myself" || h.Get("X-XSS-Protection") != "0" || h.Get("X-Content-Type-Options") != "sniff" {
			t.Errorf("%s: %v", path, h)
		}
		if len(body) < 2 || int64(len(body)) != resp.ContentLength {
			t.Errorf("%s: %d bytes, Content-Length %d", path, len(body), resp.ContentLength)
		}
	}
	plain, _ := on(t)
	if resp, _ := get(t, plain.webURL+"/livez"); resp.Header.Get("X-XSS-Protection") != "1; mode=block" {
		t.Errorf("without the key: %v", resp.Header)
	}
}

// effectXFrame: every answer has the header, one that says no too, unless it is switched off; 2.7 has none. A header that
// is configured by its name wins, as in Java (HttpServer2.setHeaders).
func effectXFrame(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want []string
	}{
		{nil, []string{"SAMEORIGIN"}},
		{[]string{"dfs.xframe.value", "DENY"}, []string{"DENY"}},
		{[]string{"dfs.xframe.value", "ALLOW-FROM"}, []string{"ALLOW-FROM"}},
		{[]string{"dfs.xframe.enabled", "false"}, nil},
		{[]string{"gojn.compat.release", "2.7"}, nil},
		{[]string{"dfs.xframe.value", "DENY", "hadoop.http.header.X-Frame-Options", "mine"}, []string{"mine"}},
	} {
		n, _ := on(t, c.keys...)
		dial(t, n.addr(), "j1").write(3, 100)
		for _, path := range []string{"/", "/jmx", "/nowhere", "/getJournal?jid=j1&segmentTxId=1&inProgressOk=true"} {
			if resp, _ := get(t, n.webURL+path); !slices.Equal(resp.Header.Values("X-FRAME-OPTIONS"), c.want) {
				t.Errorf("%q %s: %q, want %q", c.keys, path, resp.Header.Values("X-FRAME-OPTIONS"), c.want)
			}
		}
	}
}

// effectNaNFilter: the handler filters as configured. No bean of a healthy node is NaN, so what it then prints is servlet's
// TestFilterNaN.
func effectNaNFilter(t *testing.T) {
	n, _ := on(t)
	for value, want := range map[string]bool{"true": true, "false": false} {
		settings, conf := configure(t, with(loopback(t.TempDir()), "hadoop.http.jmx.nan-filter.enabled", value))
		if got := n.handlerConfig(settings, conf, newLogger(io.Discard)).FilterNaN; got != want {
			t.Errorf("%s: filters %t", value, got)
		}
	}
}
