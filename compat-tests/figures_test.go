package compat_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// TestFigures prints the binary's size, the time from process start to the first answer to a call, and the resident
// memory of the idle process. It needs no Java; memory under load is printed by TestHA_ByHand.
func TestFigures(t *testing.T) {
	if control() {
		t.Skip("figures are of our own binary")
	}
	ctx := deadline(t)
	path := journalnode(t)
	info := must(os.Stat(path))(t)
	t.Logf("size of the binary: %d bytes (%.1f MiB)", info.Size(), float64(info.Size())/(1<<20))

	dir := filepath.Join(keepDir(t), "figures")
	site := must(hadoop.NewSite(dir, nil))(t)
	t.Cleanup(site.Close)
	const rounds = 5
	for i := range rounds {
		node := must(site.JournalNode("figures", hadoop.Ours, path, nil))(t)
		check(t, node.Launch())
		for {
			if conn, err := wire.Dial(ctx, node.RPC, wire.QJournalProtocol, "hdfs"); err == nil {
				_, err := conn.Call("getJournalState", wire.Message{}.Bytes(1, wire.JournalID("ns1")))
				check(t, conn.Close())
				var remote *wire.RemoteError
				if errors.As(err, &remote) { // not formatted: an answer
					break
				}
			}
			if !node.Running() || ctx.Err() != nil {
				t.Fatal(node.Tail(30))
			}
			time.Sleep(time.Millisecond)
		}
		t.Logf("round %d: first answer %v after the start, %d KiB resident", i+1,
			time.Since(node.Started).Round(time.Millisecond), must(node.ResidentBytes())(t)>>10)
		check(t, node.Stop())
	}
}
