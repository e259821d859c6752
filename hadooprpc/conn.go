package hadooprpc

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is one connection. Its reader is a state machine that runs on a goroutine only while there is something to do. What
// it waits for otherwise (bytes, memory, room for a call) wakes it by starting a new goroutine. Exactly one party holds the
// right to run the reader: a goroutine in run, or conn.waiting says for what it was put down. Fields of the reader may be
// touched only with that right.
type conn struct {
	srv    *Server
	nc     net.Conn
	raw    syscall.RawConn // nil: reading blocks a goroutine
	poller *poller         // nil if raw is
	remote net.Addr
	pollID uint64 // in poller; fixed by add

	// The reader's.
	phase    phase
	head     [preambleLen]byte // preamble or length prefix being read
	headN    int
	want     int // length of the frame being read
	frame    *[]byte
	grant    grant // what frame is charged to
	waiter   *waiter
	scratch  *scratch // nil while nothing is buffered
	armed    bool     // it has been armed once, or is about to be
	sasl     saslState
	context  bool  // the connection context has been read
	own      *call // to be served by the reader's goroutine
	identity Identity

	// For the janitor.
	lastRead atomic.Int64 // by Server.clock
	progress atomic.Int64 // by Server.clock, of the last 64 KiB of a frame; 0: no frame has been begun
	holds    atomic.Int32 // 1 + pool of the memory held while reading
	gained   int          // the reader's: bytes since progress

	hot    atomic.Bool // see hot.go; set by the reader only
	writer atomic.Bool // marked by MarkWriter

	// Guarded by dispatcher.mu.
	left   bool
	queues map[*keyQueue]*connQueue
	writes map[string]struct{}

	mu        sync.Mutex
	waiting   waitFor
	inflight  int // answers owed: calls queued or running, answers not written
	closed    bool
	cause     error
	draining  bool // no new call; finish when inflight is 0
	hushed    bool // no answer is begun any more
	finishing bool // the last answer is queued or written; what comes is thrown away
	finishBy  time.Time
	flushing  bool // somebody writes
	out       []answer
	outBytes  int64
	writeFrom time.Time // when the write under way began
}

type phase uint8

const (
	phasePreamble phase = iota
	phaseLength
	phaseBody
)

type waitFor uint8

const (
	waitNone waitFor = iota
	waitReadable
	waitMemory
	waitRoom
)

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, remote: nc.RemoteAddr()}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	c.lastRead.Store(s.clock())
	return c
}

var errPeerClosed = errors.New("closed by the peer")

// run is the reader. It returns when it has put itself down or when the connection has ended.
func (c *conn) run() {
	for {
		switch c.step() {
		case stepRead:
			again, err := c.fill()
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = errPeerClosed
				}
				c.cut(err)
			} else if again && c.park() {
				return
			}
		case stepCall:
			if !c.serve() {
				return
			}
		case stepWait:
			return
		case stepEnd:
			c.end()
			return
		}
	}
}

// fill reads once, into the frame if much of it is missing, into the scratch buffer otherwise.
func (c *conn) fill() (again bool, err error) {
	if c.scratch == nil {
		c.scratch = scratchPool.Get().(*scratch)
		c.scratch.r, c.scratch.w = 0, 0
	}
	sc := c.scratch
	p, direct := c.room(), true
	if len(p) < 1<<10 {
		p, direct = sc.b[:], false
		sc.r, sc.w = 0, 0
	}
	n := 0
	if c.raw != nil {
		n, again, err = sc.read(c.raw, p, c.hot.Load())
		if errors.Is(err, os.ErrDeadlineExceeded) {
			again, err = true, c.cool()
		}
	} else {
		n, err = c.nc.Read(p)
	}
	if n > 0 {
		err = nil // it will come again
		c.srv.cfg.Observer.Received(n)
		c.lastRead.Store(c.srv.clock())
		if direct {
			*c.frame = (*c.frame)[:len(*c.frame)+n]
			c.gain(n)
		} else {
			sc.w = n
		}
	}
	return again, err
}

// room is the unfilled part of the frame's buffer.
func (c *conn) room() []byte {
	if c.phase != phaseBody || c.frame == nil {
		return nil
	}
	f := *c.frame
	return f[len(f):min(cap(f), c.want)]
}

// park puts the reader down until there is something to read. It reports false if the reader must go on.
func (c *conn) park() bool {
	if c.scratch != nil {
		scratchPool.Put(c.scratch) // empty, else neither fill nor serve would have been called
		c.scratch = nil
	}
	again := c.armed
	c.armed = true
	if !c.await(waitReadable) {
		return false
	}
	// From here on somebody else may have the right to the reader, and may have ended the connection.
	if err := c.poller.arm(c, again); err != nil {
		// The descriptor is closed, or the kernel has no memory for it. Whoever closed it may have woken the reader.
		c.cut(err)
	}
	return true
}

// await puts the reader down. It reports false if the connection has closed.
func (c *conn) await(w waitFor) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.waiting = w
	return true
}

// wake starts the reader again if it waits for w.
func (c *conn) wake(w waitFor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeLocked(w)
}

func (c *conn) wakeLocked(w waitFor) {
	if c.waiting == w && w != waitNone {
		c.waiting = waitNone
		go c.run()
	}
}

// cut closes the connection at once; the reader then ends it.
func (c *conn) cut(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutLocked(cause)
}

func (c *conn) cutLocked(cause error) {
	if c.closed {
		return
	}
	c.dropOut()
	c.uncount(c.outBytes) // what is being written is lost too
	c.closed = true
	c.cause = cause
	_ = c.nc.Close()
	c.wakeLocked(c.waiting)
}

// isClosed also tells whether what the peer sends is to be thrown away.
func (c *conn) isClosed() (closed, finishing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed, c.finishing || c.hushed
}

// end gives everything back. The reader calls it once, last.
func (c *conn) end() {
	c.dropFrame()
	c.setHot(false)
	if c.scratch != nil {
		scratchPool.Put(c.scratch)
		c.scratch = nil
	}
	c.sasl.dispose()
	if c.raw != nil {
		c.poller.forget(c)
	}
	for _, k := range c.srv.dispatch.drop(c) {
		k.release()
		c.srv.cfg.Observer.CallDropped(k.Protocol, k.Method)
	}
	c.srv.cfg.Logger.Debug("connection closed", "remote", c.remote, "cause", c.cause)
	c.srv.cfg.Observer.ConnClosed(c.remote, c.cause)
	c.srv.forget(c)
}
