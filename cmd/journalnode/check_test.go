package main

import (
	"math"
	"net"
	"os/exec"
	"testing"
)

func TestConnectionRoom(t *testing.T) {
	for limit, want := range map[uint64]int{
		1 << 20: 1<<20 - 1024, 8192: 7168, 2049: 1025, 2048: 1024, 2047: 1023, 1024: 512, 256: 128, 1: 1, 0: 1,
		math.MaxUint64: 1<<30 - 1024,
	} {
		if got := connectionRoom(limit); got != want {
			t.Errorf("of %d descriptors %d are for connections, want %d", limit, got, want)
		}
	}
}

func TestHTTPRoom(t *testing.T) {
	for limit, want := range map[uint64]int{1 << 20: 512, 4096: 512, 4095: 511, 1024: 128, 256: 32, 1: 1, 0: 1, math.MaxUint64: 512} {
		if got := httpRoom(limit); got != want {
			t.Errorf("of %d descriptors %d are for HTTP, want %d", limit, got, want)
		}
	}
}

// TestStrangersTakeNotEveryDescriptor: more idle RPC connections than the process has descriptors keep neither HTTP, nor
// files, nor the writer, nor a newcomer out.
func TestStrangersTakeNotEveryDescriptor(t *testing.T) {
	const limit, strangers = "256", 400
	args := append([]string{"-c", "ulimit -n " + limit + ` && exec "$0" "$@"`, command}, defines(loopback(t.TempDir()))...)
	p := launchBy(t, nil, exec.Command("sh", args...)).up()
	if len(p.log.matching("RPC connections", "make_room_at=128", "open_files="+limit)) != 1 {
		t.Errorf("the number is not in:\n%s", p.log.text())
	}
	writer := dial(t, p.rpc, "j1")
	must(t, writer.format())
	writer.newEpoch()
	must(t, writer.startSegment(1))
	must(t, writer.journal(1, 1, 1, 100))
	for range strangers {
		nc, err := net.Dial("tcp", p.rpc)
		must(t, err)
		t.Cleanup(func() { _ = nc.Close() })
	}
	newcomer := dial(t, p.rpc, "j2")
	must(t, newcomer.format())
	must(t, writer.journal(1, 2, 1, 100))
	if answer, _ := get(t, p.web+"/health"); answer.StatusCode != 200 {
		t.Errorf("/health: %s", answer.Status)
	}
	if len(p.log.await(t, p.done, 1, "silent ones are closed to make room for others", "limit=128")) != 1 {
		t.Errorf("nothing is said of it in:\n%s", p.log.text())
	}
}
