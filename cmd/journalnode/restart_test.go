package main

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"

	"gojn/hadooprpc"
	"gojn/storage/editlog"
)

// TestKilledUnderWrites: after kill -9 in the middle of writes a new process has every acknowledged transaction, and a
// recovery as a NameNode makes it ends in a finalized segment that holds them byte for byte.
func TestKilledUnderWrites(t *testing.T) {
	const batch, size, killAfter = 3, 200, 200
	keys := loopback(t.TempDir())
	p := launch(t, nil, defines(keys)...).up()
	c := dial(t, p.rpc, "ns1")
	c.write(batch, size)
	acked := make(chan uint64, 100000)
	go func() {
		defer close(acked)
		for first := uint64(batch + 1); c.journal(1, first, batch, size) == nil; first += batch {
			acked <- first + batch - 1
		}
	}()
	last := uint64(batch)
	for n := 0; n < killAfter; n++ {
		last = <-acked
	}
	must(t, p.cmd.Process.Signal(syscall.SIGKILL))
	for end := range acked {
		last = end
	}
	if code := p.exit(); code != -1 || !p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
		t.Fatalf("it ended by itself with %d", code)
	}

	p = launch(t, nil, defines(keys)...).up()
	c = dial(t, p.rpc, "ns1")
	if got := c.newEpoch(); c.epoch != 2 || got.LastSegmentTxId == nil || got.GetLastSegmentTxId() != 1 {
		t.Fatalf("epoch %d, %v", c.epoch, got)
	}
	prepared, err := c.prepare(1)
	must(t, err)
	state := prepared.GetSegmentState()
	if state.GetStartTxId() != 1 || state.GetEndTxId() < last || state.GetEndTxId() > last+batch || !state.GetIsInProgress() ||
		prepared.GetLastWriterEpoch() != 1 || prepared.AcceptedInEpoch != nil {
		t.Fatalf("acknowledged up to %d, prepared %v", last, prepared)
	}
	t.Logf("killed with %d acknowledged, %d there", last, state.GetEndTxId())
	must(t, c.accept(state, p.web+"/getJournal?jid=ns1&segmentTxId=1"))
	must(t, c.finalize(1, state.GetEndTxId()))

	resp, body := get(t, p.web+"/getJournal?jid=ns1&segmentTxId=1")
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	want := editlog.AppendHeader(nil, layoutVersion)
	for first := uint64(1); first <= last; first += batch {
		want = append(want, frames(first, batch, size)...)
	}
	if !bytes.HasPrefix([]byte(body), want) {
		t.Errorf("the %d bytes of the segment do not begin with the %d bytes that were acknowledged", len(body), len(want))
	}
	scan, err := editlog.ScanSegment(strings.NewReader(body), int64(len(body)))
	if err != nil || uint64(scan.End) != state.GetEndTxId() || scan.Tail != editlog.TailClean {
		t.Errorf("%+v, %v", scan, err)
	}
	// And it goes on.
	next := state.GetEndTxId() + 1
	must(t, c.startSegment(next))
	must(t, c.journal(next, next, 1, 10))
}

// TestSecondProcess: of two processes on one directory the first has the journal; the second says so and touches nothing.
func TestSecondProcess(t *testing.T) {
	keys := loopback(t.TempDir())
	first, second := launch(t, nil, defines(keys)...).up(), launch(t, nil, defines(keys)...).up()
	c := dial(t, first.rpc, "ns1")
	c.write(1, 10)
	other := dial(t, second.rpc, "ns1")
	_, err := other.state()
	for _, err := range []error{err, other.format()} {
		var remote *hadooprpc.RemoteError
		if !errors.As(err, &remote) || !strings.Contains(remote.Message, "Cannot lock storage") {
			t.Errorf("%v", err)
		}
	}
	if resp, body := get(t, second.web+"/health"); resp.StatusCode != 503 || !strings.Contains(body, "already locked") {
		t.Errorf("%s %s", resp.Status, body)
	}
	must(t, c.journal(1, 2, 1, 10))
	must(t, first.cmd.Process.Signal(syscall.SIGTERM))
	first.exit()
	state, err := other.state() // the lock is free, and nothing has to be restarted
	must(t, err)
	if state.GetLastPromisedEpoch() != 1 {
		t.Errorf("%v", state)
	}
}
