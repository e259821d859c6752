package hadooprpc

import (
	"net"
	"time"
)

// answer is one response frame on its way out.
type answer struct {
	buf   *[]byte
	tail  [][]byte // goes behind buf; it belongs to somebody else
	holds int64    // memory that tail keeps from being freed, if that is more than its length
	owed  bool     // it was counted in inflight
	last  bool     // the connection finishes after it
}

// size is the length of the frame.
func (a answer) size() int {
	n := len(*a.buf)
	for _, p := range a.tail {
		n += len(p)
	}
	return n
}

// cost is what the answer counts as among those that wait.
func (a answer) cost() int64 {
	return max(int64(a.size()), int64(len(*a.buf))+a.holds)
}

// admit counts an answer that will be owed. It reports false if no new call is to be taken.
func (c *conn) admit() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.draining || c.finishing || c.hushed {
		return false
	}
	c.inflight++
	return true
}

// send queues an answer and writes what is queued, unless somebody is writing already: that goroutine then takes it along.
// So answers go out whole, in the order of their sending, several with one system call under load.
func (c *conn) send(a answer) {
	c.mu.Lock()
	if c.closed || c.finishing || c.hushed {
		c.settle(a)
		c.mu.Unlock()
		putBuffer(a.buf)
		return
	}
	n := a.cost()
	c.out = append(c.out, a)
	c.outBytes += n
	total := c.srv.answers.Add(n)
	if a.last {
		c.finishing = true
		c.finishBy = time.Now().Add(c.srv.cfg.LingerTimeout)
	}
	if limit := c.srv.cfg.AnswersPerConn; limit >= 0 && c.outBytes > limit && c.outBytes > n {
		c.srv.cfg.Logger.Warn("connection cut: too many unread answers", "remote", c.remote, "bytes", c.outBytes)
		c.cutLocked(errUnread)
	}
	flush := !c.flushing && !c.closed
	if flush {
		c.flushing = true
		c.writeFrom = time.Now()
	}
	c.mu.Unlock()
	if limit := c.srv.cfg.AnswerMemory; limit >= 0 && total > limit {
		c.srv.relieve(limit)
	}
	if flush {
		c.flush()
	}
}

// abandon ends what is owed for a call that will not be answered.
func (c *conn) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(answer{owed: true})
}

// settle ends what is owed for a. c.mu is held.
func (c *conn) settle(a answer) {
	if a.owed {
		c.inflight--
		if c.inflight < c.srv.cfg.MaxCallsPerConn {
			c.wakeLocked(waitRoom)
		}
	}
}

// flush writes until nothing is queued.
func (c *conn) flush() {
	for {
		c.mu.Lock()
		batch := c.out
		c.out = nil
		if len(batch) == 0 || c.closed {
			c.out = batch
			c.dropOut()
			c.flushing = false
			c.settled()
			c.mu.Unlock()
			return
		}
		c.writeFrom = time.Now()
		c.mu.Unlock()

		n, err := c.write(batch)
		c.srv.cfg.Observer.Sent(int(n))

		c.mu.Lock()
		for _, a := range batch {
			c.uncount(a.cost())
			c.settle(a)
		}
		if err != nil {
			c.cutLocked(err)
		}
		c.mu.Unlock()
		for _, a := range batch {
			putBuffer(a.buf)
		}
	}
}

func (c *conn) write(batch []answer) (int64, error) {
	parts := len(batch)
	for _, a := range batch {
		parts += len(a.tail)
	}
	if parts == 1 {
		n, err := c.nc.Write(*batch[0].buf)
		return int64(n), err
	}
	bufs := make(net.Buffers, 0, parts)
	for _, a := range batch {
		bufs = append(append(bufs, *a.buf), a.tail...)
	}
	return bufs.WriteTo(c.nc)
}

// settled is called when the queue has run empty or been dropped. c.mu is held.
func (c *conn) settled() {
	if c.closed {
		return
	}
	if c.hushed || c.draining && c.inflight == 0 {
		c.finishing = true
	}
	if !c.finishing {
		return
	}
	// The peer must see the last answer before the connection goes: closing with unread input would reset it. So only our
	// side is shut, and the reader throws away what comes until the peer closes or the time is over.
	c.finishBy = time.Now().Add(c.srv.cfg.LingerTimeout)
	w, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || w.CloseWrite() != nil {
		c.cutLocked(errFinished)
		return
	}
	c.wakeLocked(waitRoom)
}

// dropOut forgets the queued answers. c.mu is held. What is being written stays with its writer.
func (c *conn) dropOut() {
	for _, a := range c.out {
		c.uncount(a.cost())
		c.settle(a)
		putBuffer(a.buf)
	}
	c.out = nil
}

// uncount takes n bytes off the waiting answers. c.mu is held. Those of a closed connection were taken off when it closed.
func (c *conn) uncount(n int64) {
	if !c.closed {
		c.outBytes -= n
		c.srv.answers.Add(-n)
	}
}

// drain lets the connection finish: no new call is taken, and it closes after the last answer. depart must follow.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
}

// depart closes a draining connection that owes no answer: at once if it is at rest, for a Java client that waits for no answer
// reads nothing and would see that our side is shut only at its next call.
func (c *conn) depart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.inflight > 0 || c.flushing || c.finishing {
		return
	}
	if atRest(c.nc) {
		c.cutLocked(errFinished)
		return
	}
	c.settled()
}

// hush forbids answers that have not been begun, and lets the connection finish after those that have. Closing at once would
// not do: with input unread, the kernel throws away what it has not sent yet, and the peer may see half an answer.
func (c *conn) hush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finishing {
		return
	}
	c.hushed = true
	c.dropOut()
	if !c.flushing {
		c.settled()
	}
}

// relieve cuts those connections whose answers have been stuck longest until the waiting answers fit into limit. Up to twice
// the limit it leaves alone who has been writing for less than stuckAfter: that is a burst, not a peer that does not read.
func (s *Server) relieve(limit int64) {
	for {
		total := s.answers.Load()
		if total <= limit {
			return
		}
		s.mu.Lock()
		open := s.openConns()
		s.mu.Unlock()
		var victim *conn
		var since time.Time
		for _, c := range open {
			c.mu.Lock()
			if c.flushing && !c.closed && (victim == nil || c.writeFrom.Before(since)) {
				victim, since = c, c.writeFrom
			}
			c.mu.Unlock()
		}
		if victim == nil || total <= 2*limit && time.Since(since) < stuckAfter {
			return
		}
		s.cfg.Logger.Warn("connection cut: unread answers fill the memory", "remote", victim.remote)
		victim.cut(errUnread)
	}
}

const stuckAfter = time.Second
