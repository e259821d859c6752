package jnserver_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"gojn/hadooprpc"
	"gojn/jnserver"
	"gojn/storage/vfs"
)

// TestOneConnectionWhileADiskHangs: over one TCP connection, as a NameNode's calls come, the questions about a journal
// whose disk hangs are answered, and all calls for another journal, fencing among them; the call that hung is answered
// in the end.
func TestOneConnectionWhileADiskHangs(t *testing.T) {
	for name, hung := range map[string]func(c *rpcClient) string{
		"journal":            func(c *rpcClient) string { return c.edits(c.info(1, 3), 1, 4, 8) },
		"finalizeLogSegment": func(c *rpcClient) string { return c.finalize(1, 1, 3) },
		"newEpoch":           func(c *rpcClient) string { return c.newEpoch(2, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			n := newNode(t, newConfig(vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
				if strings.HasPrefix(op.Path, journalRoot) && op.Kind != "stat" && op.Kind != "open" && op.Kind != "close" {
					g.pass() // what writes, syncs or changes names
				}
				return nil
			}), noFetch))
			client := serveTCP(t, n)
			mine := &rpcClient{t: t, client: client, jid: "ns1", lv: 0xffffffff - 66}
			other := &rpcClient{t: t, client: client, jid: "ns2", lv: mine.lv}
			ok := func(answers ...string) {
				t.Helper()
				for _, answer := range answers {
					if !strings.HasPrefix(answer, "OK") {
						t.Error(answer)
					}
				}
			}
			for _, c := range []*rpcClient{mine, other} {
				ok(c.format(false, nil), c.newEpoch(1, nil), c.start(1, 1), c.edits(c.info(1, -1), 1, 1, 3))
			}
			g.armed.Store(true)
			answer := make(chan string, 1)
			go func() { answer <- hung(mine) }()
			<-g.arrived
			late := time.AfterFunc(30*time.Second, func() {
				t.Error("the call that hangs holds up another one")
				close(g.open)
			})
			for range 2 { // the answers must not depend on who reads the connection
				ok(mine.journalState(), mine.manifest(1, true), mine.isFormatted(), mine.cTime(), mine.canRollBack(layout))
				ok(other.heartbeat(other.info(1, 3)), other.journalState(), other.manifest(1, true))
			}
			ok(other.edits(other.info(1, 3), 1, 4, 8), other.finalize(1, 1, 8), other.newEpoch(2, nil), other.start(2, 9))
			if late.Stop() {
				close(g.open)
			}
			ok(<-answer, mine.journalState())
		})
	}
}

// serveTCP serves n on loopback and connects to it: only such a connection has its calls served by the goroutine that
// reads it.
func serveTCP(t *testing.T, n *jnserver.Node) *hadooprpc.Client {
	t.Helper()
	s := &hadooprpc.Server{}
	for _, p := range n.Protocols() {
		s.Register(p)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	client, err := hadooprpc.Dial(t.Context(), l.Addr().String(), hadooprpc.ClientConfig{
		Protocol: jnserver.QJournalProtocol, User: "hdfs", PingInterval: -1,
	})
	must(t, err)
	t.Cleanup(func() {
		_ = client.Close()
		s.Close()
		t.Logf("the server ended: %v", <-served)
		must(t, s.Wait(context.Background()))
	})
	return client
}
