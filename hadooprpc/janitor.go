package hadooprpc

import (
	"errors"
	"time"
)

var (
	errStalled = errors.New("cut: sent part of a frame and stalled")
	errUnread  = errors.New("cut: does not read its answers")
	errIdle    = errors.New("closed: idle")
)

const janitorTick = time.Second

// janitor cuts peers that stall while they hold memory, ends closing connections whose peer does not close, and closes idle
// ones (Java Server.ConnectionManager). It runs until the server has stopped.
func (s *Server) janitor() {
	defer s.tasks.Done()
	tick := time.NewTicker(janitorTick)
	defer tick.Stop()
	lastScan := time.Now()
	for {
		select {
		case <-s.quit:
			return
		case now := <-tick.C:
			s.mu.Lock()
			open := s.openConns()
			s.mu.Unlock()
			short := s.budget.short()
			for _, c := range open {
				c.inspect(now, short)
			}
			if s.cfg.IdleScanInterval > 0 && now.Sub(lastScan) >= s.cfg.IdleScanInterval {
				lastScan = now
				s.closeIdle(now, open)
			}
		}
	}
}

// clock is the time for lastRead and progress, in nanoseconds, never 0. It is monotonic: setting the wall clock must not cut
// whoever is within a frame.
func (s *Server) clock() int64 { return s.clockAt(time.Now()) }

func (s *Server) clockAt(t time.Time) int64 { return int64(t.Sub(s.began)) + 1 }

// stallLimit is how long c may stall within a frame, 0 for ever. Who stalls in a pool that others wait for is given a tenth,
// but not a writer: other writers have the reserve, and the writer's connection is worth more than a stranger's wait.
func (c *conn) stallLimit(short [3]bool) time.Duration {
	cfg := &c.srv.cfg
	limit := max(0, cfg.StallTimeout)
	switch h := c.holds.Load(); {
	case limit == 0 || c.writer.Load() && cfg.PurgeInterval < 0:
		return 0
	case c.writer.Load():
		return max(limit, cfg.PurgeInterval)
	case h > 0 && short[h-1]:
		return limit / 10
	}
	return limit
}

// inspect cuts c if its time is over. short tells which pools have waiters.
func (c *conn) inspect(now time.Time, short [3]bool) {
	cfg := &c.srv.cfg
	if p := c.progress.Load(); p != 0 {
		if limit := c.stallLimit(short); limit > 0 && c.srv.clockAt(now)-p > int64(limit) {
			cfg.Logger.Warn("connection cut: it stalled within a frame", "remote", c.remote)
			c.cut(errStalled)
			return
		}
	}
	c.letCool(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
	case c.flushing && cfg.PurgeInterval > 0 && now.Sub(c.writeFrom) > cfg.PurgeInterval:
		cfg.Logger.Warn("connection cut: it does not read its answers", "remote", c.remote, "bytes", c.outBytes)
		c.cutLocked(errUnread)
	case c.finishing && now.After(c.finishBy):
		c.cutLocked(errFinished)
	case c.finishing && c.draining && c.inflight == 0 && !c.flushing && atRest(c.nc): // depart came before the acknowledgement
		c.cutLocked(errFinished)
	}
}

// closeIdle closes up to KillMax connections that have had neither bytes nor calls for twice MaxIdleTime, if at least
// IdleThreshold are open.
func (s *Server) closeIdle(now time.Time, open []*conn) {
	if len(open) < s.cfg.IdleThreshold || s.cfg.MaxIdleTime < 0 {
		return
	}
	killed := 0
	for _, c := range open {
		if killed >= s.cfg.KillMax && s.cfg.KillMax >= 0 {
			return
		}
		if s.clockAt(now)-c.lastRead.Load() <= int64(2*s.cfg.MaxIdleTime) {
			continue
		}
		c.mu.Lock()
		if c.inflight == 0 && !c.closed {
			killed++
			c.cutLocked(errIdle)
		}
		c.mu.Unlock()
	}
	if killed > 0 {
		s.cfg.Logger.Info("closed idle connections", "count", killed, "open", len(open))
	}
}
