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

// inspect cuts c if its time is over. short tells which pools have waiters: then who stalls in one is given a tenth.
func (c *conn) inspect(now time.Time, short [3]bool) {
	cfg := &c.srv.cfg
	if p := c.progress.Load(); p != 0 && cfg.StallTimeout > 0 {
		limit := cfg.StallTimeout
		if h := c.holds.Load(); h > 0 && short[h-1] {
			limit /= 10
		}
		if now.UnixNano()-p > int64(limit) {
			cfg.Logger.Warn("connection cut: it stalled within a frame", "remote", c.remote)
			c.cut(errStalled)
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
	case c.flushing && cfg.PurgeInterval > 0 && now.Sub(c.writeFrom) > cfg.PurgeInterval:
		cfg.Logger.Warn("connection cut: it does not read its answers", "remote", c.remote, "bytes", c.outBytes)
		c.cutLocked(errUnread)
	case c.finishing && now.After(c.finishBy):
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
		if now.UnixNano()-c.lastRead.Load() <= int64(2*s.cfg.MaxIdleTime) {
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
