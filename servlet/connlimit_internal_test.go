package servlet

import (
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// closings are the names of the connections that were closed, in that order.
type closings struct {
	mu    sync.Mutex
	names []string
}

func (c *closings) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.names)
}

// closeConn notes its close.
type closeConn struct {
	net.Conn
	name   string
	closed *closings
}

func (c *closeConn) Close() error {
	c.closed.mu.Lock()
	defer c.closed.mu.Unlock()
	c.closed.names = append(c.closed.names, c.name)
	return nil
}

// TestStopClosesWhatWasNeverAsked: a stop closes the connections that have not brought a request's head, also one that was
// accepted while it began, and the idle ones, but none with a request; before, all live. The end of the server closes these
// too.
func TestStopClosesWhatWasNeverAsked(t *testing.T) {
	var closed closings
	limit := newConnLimit(5)
	conns := map[string]*closeConn{}
	for _, name := range []string{"silent", "busy", "idle", "gone", "late"} {
		conns[name] = &closeConn{name: name, closed: &closed}
		if !limit.take() {
			t.Fatal("no place")
		}
		if name != "late" {
			limit.observe(conns[name], http.StateNew)
		}
	}
	limit.observe(conns["busy"], http.StateActive)
	limit.observe(conns["idle"], http.StateActive)
	limit.observe(conns["idle"], http.StateIdle)
	limit.observe(conns["gone"], http.StateClosed)
	if len(closed.list()) != 0 {
		t.Fatalf("closed %v before the stop", closed.list())
	}
	limit.stop()
	limit.stop()
	if !slices.Equal(closed.list(), []string{"silent", "idle"}) {
		t.Errorf("the stop closed %v", closed.list())
	}
	limit.observe(conns["late"], http.StateNew)
	if !slices.Equal(closed.list(), []string{"silent", "idle", "late"}) {
		t.Errorf("then closed %v", closed.list())
	}
	limit.cutAll()
	if all := slices.Sorted(slices.Values(closed.list())); !slices.Equal(slices.Compact(all), []string{"busy", "idle", "late", "silent"}) {
		t.Errorf("the end closed %v", closed.list())
	}
	for _, name := range []string{"silent", "busy", "idle", "late"} {
		limit.observe(conns[name], http.StateClosed)
	}
	if len(limit.slots) != 0 || limit.silent.Len() != 0 || len(limit.where) != 0 || len(limit.open) != 0 {
		t.Errorf("%d taken, %d silent, %d idle, %d open", len(limit.slots), limit.silent.Len(), len(limit.where), len(limit.open))
	}
}

// TestLongestIdleGoes: when the places are taken, a newcomer gets that of the connection idle longest, not that of one
// that was idle and is busy again; when none is idle, that of the next that becomes idle.
func TestLongestIdleGoes(t *testing.T) {
	var closed closings
	limit := newConnLimit(3)
	conns := map[string]*closeConn{}
	for _, name := range []string{"a", "b", "c"} {
		conns[name] = &closeConn{name: name, closed: &closed}
		if !limit.take() {
			t.Fatal("no place")
		}
		limit.observe(conns[name], http.StateNew)
		limit.observe(conns[name], http.StateActive)
	}
	for _, name := range []string{"b", "a", "c"} {
		limit.observe(conns[name], http.StateIdle)
	}
	limit.observe(conns["b"], http.StateActive)

	limit.wait(+1) // what take does before it waits
	if !slices.Equal(closed.list(), []string{"a"}) {
		t.Fatalf("closed %v", closed.list())
	}
	limit.observe(conns["b"], http.StateIdle) // still waiting: a has not ended yet
	if !slices.Equal(closed.list(), []string{"a", "b"}) {
		t.Fatalf("closed %v", closed.list())
	}
	limit.observe(conns["a"], http.StateClosed)
	limit.wait(-1)
	if !limit.take() {
		t.Fatal("the place was not given back")
	}
	limit.observe(conns["b"], http.StateClosed)
	if len(limit.slots) != 2 || limit.idle.Len() != 1 || len(limit.where) != 1 {
		t.Errorf("%d taken, %d idle, %d known", len(limit.slots), limit.idle.Len(), len(limit.where))
	}
}

// TestSilentMakeRoom: where all places are taken and none is idle, the connection that has been silent longest goes once it had a
// second, one for each newcomer and second; one with a request stays however long it takes.
func TestSilentMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closed closings
		limit := newConnLimit(3)
		conns := map[string]*closeConn{}
		for _, name := range []string{"busy", "old", "young"} {
			conns[name] = &closeConn{name: name, closed: &closed}
			if !limit.take() {
				t.Fatal("no place")
			}
		}
		limit.observe(conns["busy"], http.StateNew)
		limit.observe(conns["old"], http.StateNew)
		time.Sleep(time.Millisecond) // of the bubble's clock
		limit.observe(conns["busy"], http.StateActive)
		began := time.Now()
		taken := make(chan bool)
		go func() { taken <- limit.take() }()
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		if len(closed.list()) != 0 {
			t.Errorf("closed %v at once", closed.list())
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if !slices.Equal(closed.list(), []string{"old"}) {
			t.Fatalf("closed %v", closed.list())
		}
		limit.observe(conns["old"], http.StateClosed)
		if !<-taken || time.Since(began) > 2*time.Second {
			t.Errorf("no place after %v", time.Since(began))
		}
		go func() { taken <- limit.take() }()
		time.Sleep(900 * time.Millisecond)
		limit.observe(conns["young"], http.StateNew) // it was being accepted
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		if !slices.Equal(closed.list(), []string{"old"}) {
			t.Fatalf("closed %v before its second is over", closed.list())
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !slices.Equal(closed.list(), []string{"old", "young"}) {
			t.Errorf("closed %v", closed.list())
		}
		limit.stop()
		if <-taken {
			t.Error("a place after the stop")
		}
	})
}
