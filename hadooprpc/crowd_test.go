package hadooprpc_test

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gojn/hadooprpc/rpctest"
)

// gone tells whether r was closed by the server without a word.
func (r *raw) gone() bool {
	r.t.Helper()
	if err := r.SetReadDeadline(time.Now()); err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = r.SetReadDeadline(time.Time{}) }()
	_, err := r.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

// TestRoomForNewcomers: at MakeRoomAt a new connection takes the place of the one that has been silent longest.
func TestRoomForNewcomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := markable()
		s.MakeRoomAt = 4
		l := rpctest.Serve(t, s)
		next := func() *raw { // comes a second after the last
			time.Sleep(time.Second)
			r := dialRaw(t, l)
			r.greet()
			synctest.Wait()
			return r
		}
		writer := next()
		writer.mark("ns1")
		first, second, third := next(), next(), next()
		time.Sleep(time.Second)
		first.send(callFrame(1, "echo", "x")) // the second has been silent longest now
		first.answer()
		fifth := next()
		if writer.gone() || first.gone() || !second.gone() || third.gone() || fifth.gone() {
			t.Error("not the second has gone")
		}
		sixth := next()
		if writer.gone() || first.gone() || !third.gone() || fifth.gone() || sixth.gone() {
			t.Error("not the third has gone")
		}
		// Whoever speaks after it was found to be next in turn is not next any more.
		first.send(callFrame(1, "echo", "x"))
		first.answer()
		seventh := next()
		if writer.gone() || first.gone() || !fifth.gone() || sixth.gone() || seventh.gone() {
			t.Error("not the fifth has gone")
		}
		if n := s.Stats().Connections; n != 4 {
			t.Errorf("%d open, want 4", n)
		}
	})
}

// TestNoRoomWhileAllAreBusy: a connection with a call under way is not closed for another's sake; if all have one, the
// newcomer is closed.
func TestNoRoomWhileAllAreBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := serverOf(map[string]handler{"hang": g.handle})
		s.MakeRoomAt = 3
		l := rpctest.Serve(t, s)
		var busy []*raw
		for range 3 {
			r := dialRaw(t, l)
			r.greet()
			r.send(callFrame(1, "hang", "x"))
			synctest.Wait()
			busy = append(busy, r)
		}
		late := dialRaw(t, l)
		synctest.Wait()
		if !late.gone() {
			t.Error("one too many is open")
		}
		close(g.open)
		for _, r := range busy {
			r.answer()
		}
	})
}

// TestCrowd: thousands of strangers keep nobody out, and no more are open than may be.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room, strangers = 300, 2000
		s := markable()
		s.MakeRoomAt, s.IdleScanInterval = room, -1
		var open, most atomic.Int32
		s.Observer.ConnOpened = func(net.Addr) { most.Store(max(most.Load(), open.Add(1))) }
		s.Observer.ConnClosed = func(net.Addr, error) { open.Add(-1) }
		l := rpctest.Serve(t, s)
		writer := dialRaw(t, l)
		writer.greet()
		writer.mark("ns1")
		var all []*raw
		for range strangers {
			time.Sleep(time.Millisecond)
			r := dialRaw(t, l)
			r.greet()
			synctest.Wait()
			all = append(all, r)
		}
		for i, r := range all { // the writer is one of those that are open
			if gone := i < strangers-(room-1); r.gone() != gone {
				t.Fatalf("stranger %d of %d: gone %t, want %t", i, strangers, !gone, gone)
			}
		}
		if writer.gone() {
			t.Error("the writer was closed for strangers' sake")
		}
		if n := open.Load(); n != room || most.Load() > room+1 {
			t.Errorf("%d open, %d at most, want %d", n, most.Load(), room)
		}
		if _, err := call(rpctest.Dial(t, l, testClient), "echo", "x"); err != nil {
			t.Errorf("a newcomer: %v", err)
		}
	})
}
