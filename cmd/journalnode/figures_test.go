package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// rss is the resident memory of a process in KiB.
func rss(t *testing.T, p *process) int64 {
	t.Helper()
	return fieldOf(t, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "VmRSS:", 10)
}

// TestFigures logs what a small machine wants to know: memory idle, under load and after it, and the time from exec to the
// first answers. There is no threshold: go test -v -run Figures.
func TestFigures(t *testing.T) {
	p := launch(t, nil, defines(loopback(t.TempDir()))...)
	p.up()
	c := dial(t, p.rpc, "ns1")
	if _, err := c.isFormatted(); err != nil {
		t.Fatal(err)
	}
	firstRPC := time.Since(p.began)
	if resp, _ := get(t, p.web+"/livez"); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	t.Logf("exec to first RPC answer %v, to first HTTP answer after that %v", firstRPC, time.Since(p.began))
	t.Logf("VmRSS idle: %d KiB", rss(t, p))

	c.write(1, 10)
	next, peak := uint64(2), int64(0)
	for i := range 100 {
		n, size := 20, 200
		if i%20 == 19 {
			n, size = 1, 4<<20
		}
		must(t, c.journal(1, next, n, size))
		next += uint64(n)
		if i%10 == 0 {
			get(t, p.web+"/jmx")
			get(t, p.web+"/getJournal?jid=ns1&segmentTxId=1&inProgressOk=true")
		}
		peak = max(peak, rss(t, p))
	}
	var idle []net.Conn
	for range 200 {
		conn, err := net.Dial("tcp", p.rpc)
		must(t, err)
		idle = append(idle, conn)
	}
	must(t, c.journal(1, next, 1, 10))
	t.Logf("VmRSS peak under load: %d KiB, after it with %d more connections: %d KiB", peak, len(idle), rss(t, p))
	for _, conn := range idle {
		_ = conn.Close()
	}
	if lines := p.log.matching("took_ms="); len(lines) > 0 {
		t.Log(lines[0][strings.Index(lines[0], "msg="):])
	}
}
