package hadooprpc

import (
	"time"
)

// A call wakes as few threads as can be, because each costs the caller several microseconds: the goroutine that has read it
// also serves it, and then waits for the next one itself, in the runtime's poller. Both need care.
//
// While it serves, the reader is put down as if it waited for bytes, so that whatever else comes is read by another goroutine;
// when the call is done, it takes the reader up again unless that has happened. So a call that hangs holds up nobody.
//
// A connection whose reader waits with a goroutine is hot. That costs memory, so only maxHot are at a time, only such as have
// just had a call, and the janitor ends it for one that has been silent for hotFor: it sets a deadline that has passed.
const (
	maxHot = 256
	hotFor = 2 * time.Second
)

// mayServe tells whether the next call may be served by the reader: not if another frame has been read in part already, as
// that would have to wait, nor if there is no poller to wake another reader.
func (c *conn) mayServe() bool {
	return c.raw != nil && (c.scratch == nil || c.scratch.r == c.scratch.w)
}

// serve runs the call in own. It reports whether this goroutine is the reader still, or again.
func (c *conn) serve() bool {
	k := c.own
	c.own = nil
	parked := c.park() // else the connection has closed, and the call ends quickly
	c.srv.dispatch.serve(k)
	if !parked {
		return true
	}
	c.mu.Lock()
	ours := c.waiting == waitReadable
	if ours {
		c.waiting = waitNone
	}
	c.mu.Unlock()
	if !ours {
		return false
	}
	if err := c.poller.disarm(c); err != nil {
		c.cut(err)
		return true
	}
	c.setHot(true)
	return true
}

// setHot counts the connection among the hot ones, if there is room, or takes it out.
func (c *conn) setHot(hot bool) {
	switch {
	case c.hot.Load() == hot:
	case !hot:
		c.hot.Store(false)
		c.srv.hot.Add(-1)
	case c.srv.hot.Add(1) > maxHot:
		c.srv.hot.Add(-1)
	default:
		c.hot.Store(true)
	}
}

// letCool has the reader of a hot connection that has been silent wait in the poller.
func (c *conn) letCool(now time.Time) {
	if c.hot.Load() && c.srv.clockAt(now)-c.lastRead.Load() > int64(hotFor) {
		_ = c.nc.SetReadDeadline(now) // it fails if the connection is closed
	}
}

// cool is what the reader does when that deadline has ended its wait, or when it meets it later.
func (c *conn) cool() error {
	c.setHot(false)
	return c.nc.SetReadDeadline(time.Time{})
}
