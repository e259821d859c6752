package hadooprpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
)

type step uint8

const (
	stepRead step = iota // more bytes are needed
	stepWait             // the reader has been put down
	stepCall             // a call is to be served here
	stepEnd              // the connection has closed
)

var (
	errFrameLength = errors.New("frame length out of range")
	errFinished    = errors.New("closed after the last answer")
)

// step uses up what has been read and tells what is needed next.
func (c *conn) step() step {
	for {
		closed, finishing := c.isClosed()
		if closed {
			return stepEnd
		}
		if finishing {
			c.dropFrame()
			if c.scratch != nil {
				c.scratch.r = c.scratch.w
			}
			c.phase = phaseLength
			return stepRead
		}
		switch c.phase {
		case phasePreamble:
			if !c.take(preambleLen) {
				return stepRead
			}
			c.phase = phaseLength
			c.preamble(c.head)
		case phaseLength:
			if c.headN == 0 {
				if full, ok := c.full(); full {
					return ok
				}
			}
			if !c.take(4) {
				return stepRead
			}
			n := int32(binary.BigEndian.Uint32(c.head[:4]))
			if n < 0 || int(n) > c.srv.cfg.MaxFrame {
				c.srv.told.say(c.srv.told.lengths, slog.LevelWarn, "connection closed: frame length out of range", c.remote,
					"length", n, "limit", c.srv.cfg.MaxFrame)
				c.cut(fmt.Errorf("%w: %d", errFrameLength, n))
				continue
			}
			c.want = int(n)
			c.phase = phaseBody
		case phaseBody:
			if s, done := c.body(); !done {
				return s
			}
			f, g := c.frame, c.grant
			c.frame, c.grant = nil, grant{}
			c.phase = phaseLength
			c.progress.Store(0)
			c.holds.Store(0)
			if !c.process(f, g) {
				putBuffer(f)
				c.srv.budget.release(g)
			}
			if c.own != nil {
				return stepCall
			}
		}
	}
}

// take moves bytes from the scratch buffer to head until n are there, and then starts head anew.
func (c *conn) take(n int) bool {
	if sc := c.scratch; sc != nil {
		k := copy(c.head[c.headN:n], sc.b[sc.r:sc.w])
		sc.r += k
		c.headN += k
	}
	if c.headN < n {
		return false
	}
	c.headN = 0
	return true
}

// body moves the frame on. It reports done when the frame is whole; otherwise the step tells how to go on.
//
// A frame up to smallFrame gets its buffer with its first byte. A larger one begins with a buffer of firstPart; when that is
// full the whole length is reserved, the buffer grows to bigPart at most, and once that is full to the whole length. So a
// peer ties up address space and memory only as it sends, and of a long frame at most the first MiB is copied.
func (c *conn) body() (step, bool) {
	for {
		if c.frame == nil {
			if c.want > 0 && (c.scratch == nil || c.scratch.r == c.scratch.w) {
				return stepRead, false
			}
			size, id := c.want, poolSmall
			if c.want > smallFrame {
				size = firstPart
			}
			g, s, ok := c.reserve(size, id)
			if !ok {
				return s, false
			}
			c.hold(g)
			c.frame = getBuffer(size)
			c.gained = 0
			c.progress.Store(c.srv.clock())
		}
		if sc := c.scratch; sc != nil {
			n := copy(c.room(), sc.b[sc.r:sc.w])
			*c.frame = (*c.frame)[:len(*c.frame)+n]
			sc.r += n
			c.gain(n)
		}
		switch {
		case len(*c.frame) >= c.want:
			return 0, true
		case len(c.room()) > 0:
			return stepRead, false
		}
		if c.want > smallFrame && c.grant.bytes <= firstPart+frameOverhead {
			g, s, ok := c.reserve(c.want, poolLarge)
			if !ok {
				return s, false
			}
			c.srv.budget.release(c.grant)
			c.hold(g)
		}
		size := c.want
		if len(*c.frame) < bigPart {
			size = min(size, bigPart)
		}
		grown := getBuffer(size)
		*grown = append(*grown, *c.frame...)
		putBuffer(c.frame)
		c.frame = grown
	}
}

func (c *conn) hold(g grant) {
	c.grant = g
	c.holds.Store(1 + int32(g.pool))
}

// reserve takes memory for a frame of size bytes, or puts the reader down until there is some.
func (c *conn) reserve(size int, id poolID) (grant, step, bool) {
	b := c.srv.budget
	n := int64(bufferSize(size)) + frameOverhead
	if w := c.waiter; w != nil {
		// The only other thing that wakes a waiting reader is the end of the connection, which step has looked for.
		g, granted := b.claim(w)
		if granted {
			c.waiter = nil
			c.progress.Store(c.srv.clock())
			return g, 0, true
		}
		c.cut(errors.New("woken without memory"))
		return grant{}, stepEnd, false
	}
	if g, ok := b.try(id, n, c.writer.Load()); ok {
		return g, 0, true
	}
	w := &waiter{conn: c, bytes: n, pool: id}
	if c.writer.Load() {
		w.pool = poolReserve
	}
	c.waiter = w
	c.progress.Store(0) // it is not the peer who is slow
	if !c.await(waitMemory) {
		return grant{}, stepEnd, false
	}
	b.wait(w)
	return grant{}, stepWait, false
}

// progressBytes is what a peer must send of its frame in each StallTimeout.
const progressBytes = 64 << 10

func (c *conn) gain(n int) {
	c.gained += n
	if c.gained >= progressBytes {
		c.gained = 0
		c.progress.Store(c.srv.clock())
	}
}

// dropFrame gives back what a frame holds and waits for.
func (c *conn) dropFrame() {
	if c.waiter != nil {
		c.srv.budget.cancel(c.waiter)
		c.waiter = nil
	}
	if c.frame != nil {
		putBuffer(c.frame)
		c.frame = nil
	}
	c.srv.budget.release(c.grant)
	c.grant = grant{}
	c.progress.Store(0)
	c.holds.Store(0)
}

// full puts the reader down while the connection has as many calls under way as it may. It reports how to go on if so.
func (c *conn) full() (bool, step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inflight < c.srv.cfg.MaxCallsPerConn {
		return false, 0
	}
	if c.closed {
		return true, stepEnd
	}
	c.waiting = waitRoom
	return true, stepWait
}
