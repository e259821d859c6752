package hadooprpc

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

var errRoom = errors.New("closed: silent longest when another came")

// crowd is what Server.makeRoom remembers. It is guarded by Server.mu.
type crowd struct {
	silent []silence // those to close next, the longest silent first
	closed int       // since logged
	logged time.Time // zero: never
}

// silence is a connection and what its lastRead was.
type silence struct {
	conn  *conn
	since int64
}

const (
	// crowdBatch is how many connections one look at all of them finds. Who is found and stays silent stays ahead of all that
	// were not, so each costs a look at a small part of them only.
	crowdBatch = 64
	// crowdLog is the time between two log lines.
	crowdLog = time.Minute
)

// makeRoom closes the connection that has been silent longest, of those that may be. It reports false if there is none. s.mu
// is held.
func (s *Server) makeRoom() bool {
	for range 2 {
		for len(s.crowd.silent) > 0 {
			next := s.crowd.silent[0]
			s.crowd.silent = s.crowd.silent[1:]
			if next.conn.giveWay(next.since) {
				s.crowd.closed++
				s.logCrowd()
				return true
			}
		}
		s.crowd.silent = s.longestSilent()
	}
	return false
}

func (s *Server) logCrowd() {
	now := time.Now()
	if !s.crowd.logged.IsZero() && now.Sub(s.crowd.logged) < crowdLog {
		return
	}
	s.cfg.Logger.Warn("too many connections: silent ones are closed to make room for others", "limit", s.cfg.MakeRoomAt,
		"closed", s.crowd.closed)
	s.crowd.logged, s.crowd.closed = now, 0
}

// longestSilent needs s.mu.
func (s *Server) longestSilent() []silence {
	found := make([]silence, 0, crowdBatch+1)
	for c := range s.conns {
		since := c.lastRead.Load()
		if len(found) == crowdBatch && since >= found[crowdBatch-1].since || !c.mayGiveWay() {
			continue
		}
		at, _ := slices.BinarySearchFunc(found, since, func(f silence, t int64) int { return cmp.Compare(f.since, t) })
		found = slices.Insert(found, at, silence{c, since})
		found = found[:min(len(found), crowdBatch)]
	}
	return found
}

func (c *conn) mayGiveWay() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mayGiveWayLocked()
}

// mayGiveWayLocked: a writer's connection is not closed for a stranger's sake, however long it is silent. Marks are few: one
// for each key.
func (c *conn) mayGiveWayLocked() bool { return !c.closed && c.inflight == 0 && !c.writer.Load() }

// giveWay closes c if it has been silent since then and may be closed.
func (c *conn) giveWay(since int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mayGiveWayLocked() || c.lastRead.Load() != since {
		return false
	}
	c.cutLocked(errRoom)
	return true
}
