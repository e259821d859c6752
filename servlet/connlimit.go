package servlet

import (
	"container/list"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// silentGrace is how long a connection has for its first head, the handshake included, when others wait for its place.
const silentGrace = time.Second

// connLimit bounds the connections of a server. To make room for a new one it closes the longest idle one, or else the one that
// has been silent longest, and at a stop those that have not brought a request yet.
type connLimit struct {
	slots chan struct{} // one token per open connection, and one for each Accept under way
	done  chan struct{} // closed by stop

	mu      sync.Mutex
	stopped bool
	waiting int                        // Accepts that wait for a slot
	idle    *list.List                 // of place, the longest idle first
	silent  *list.List                 // of place: have not brought a whole head yet, the oldest first
	where   map[net.Conn]*list.Element // in one of the two
	open    map[net.Conn]struct{}      // all
}

// place is a connection that waits for its client.
type place struct {
	conn  net.Conn
	since time.Time
}

func newConnLimit(n int) *connLimit {
	return &connLimit{slots: make(chan struct{}, n), done: make(chan struct{}), idle: list.New(),
		silent: list.New(), where: make(map[net.Conn]*list.Element), open: make(map[net.Conn]struct{})}
}

// stop lets a waiting Accept return and closes the silent connections, those to come included: http.Server.Shutdown would
// wait for each that is younger than 5 s, so that one health check of a load balancer would cost every stop its grace. The
// idle ones go too, see hangUp.
func (c *connLimit) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	c.stopped = true
	close(c.done)
	for _, conns := range []*list.List{c.silent, c.idle} {
		for e := conns.Front(); e != nil; e = e.Next() {
			hangUp(e.Value.(place).conn) // its goroutine sees the end and tells observe
		}
	}
}

// cutAll closes all connections.
func (c *connLimit) cutAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		hangUp(conn)
	}
}

// hangUp closes a connection without a word: Close of a TLS connection says goodbye first, for up to 5 s to a peer that
// reads nothing, which nobody may wait for who holds a lock.
func hangUp(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}

func (c *connLimit) isStopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

// drain takes all slots for good: it returns true once every connection's goroutine has ended, false after d.
func (c *connLimit) drain(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	for range cap(c.slots) {
		select {
		case c.slots <- struct{}{}:
		case <-t.C:
			return false
		}
	}
	return true
}

func (c *connLimit) limit(l net.Listener) net.Listener {
	return &limitedListener{Listener: l, conns: c}
}

type limitedListener struct {
	net.Listener
	conns *connLimit
}

// Accept waits for room first, so that what is too much stays in the kernel's backlog.
func (l *limitedListener) Accept() (net.Conn, error) {
	if !l.conns.take() {
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.conns.slots
		if !errors.Is(err, net.ErrClosed) {
			err = passing{err}
		}
	}
	return conn, err
}

// passing has net/http go on after a pause, as it does of itself for a few errors only: accept(2) fails for others too that pass,
// such as ENOBUFS, and a node does not end by them.
type passing struct{ error }

func (passing) Timeout() bool   { return false }
func (passing) Temporary() bool { return true }
func (p passing) Unwrap() error { return p.error }

// take gets a slot, at the cost of an idle or silent connection if it must; false after stop.
func (c *connLimit) take() bool {
	select {
	case c.slots <- struct{}{}:
		return true
	default:
	}
	c.wait(+1)
	defer c.wait(-1)
	look := time.NewTicker(silentGrace)
	defer look.Stop()
	for {
		select {
		case c.slots <- struct{}{}:
			return true
		case <-c.done:
			return false
		case <-look.C: // nobody has gone meanwhile
			c.cutSilent()
		}
	}
}

// wait notes that an Accept waits (+1) or no longer does (-1). One that begins to wait closes the connection that has
// been idle longest; if none is, observe closes the next that becomes idle.
func (c *connLimit) wait(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting += n
	if first := c.idle.Front(); n > 0 && first != nil {
		c.cut(first)
	}
}

// cutSilent closes the connection that has been silent longest, if it had its time: half-open handshakes on one port must not
// keep clients from the other.
func (c *connLimit) cutSilent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.silent.Front(); first != nil && time.Since(first.Value.(place).since) >= silentGrace {
		c.cut(first)
	}
}

// cut closes a connection; its goroutine sees the end and gives the slot back. Called with mu held.
func (c *connLimit) cut(e *list.Element) {
	conn := e.Value.(place).conn
	c.forget(conn)
	hangUp(conn)
}

// forget takes a connection out of its list. Called with mu held.
func (c *connLimit) forget(conn net.Conn) {
	if e := c.where[conn]; e != nil {
		c.idle.Remove(e) // one of the two does nothing
		c.silent.Remove(e)
		delete(c.where, conn)
	}
}

// observe is the server's ConnState hook. The server calls it for each connection in order, from the connection's
// goroutine; each connection that Accept gave ends in StateClosed (nothing here hijacks).
func (c *connLimit) observe(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(conn)
	switch state {
	case http.StateNew:
		c.where[conn], c.open[conn] = c.silent.PushBack(place{conn, time.Now()}), struct{}{}
		if c.stopped {
			hangUp(conn)
		}
	case http.StateIdle:
		if c.waiting > 0 {
			hangUp(conn)
			return
		}
		c.where[conn] = c.idle.PushBack(place{conn, time.Now()})
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
		<-c.slots
	}
}
