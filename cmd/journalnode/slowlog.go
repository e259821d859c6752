package main

import (
	"log/slog"
	"math"
	"sync"
	"time"

	"gojn/hadooprpc"
	"gojn/jnserver"
)

// slowLog is ipc.server.log.slow.rpc: calls that took much longer than others of their method are logged (Java
// Server.logSlowRpcCalls): more than three standard deviations above the mean, once 1,024 calls were seen.
type slowLog struct {
	threshold time.Duration
	log       *slog.Logger

	mu      sync.Mutex
	methods map[string]*moments
}

const slowAfter = 1024

type moments struct{ n, mean, m2 float64 }

func newSlowLog(threshold time.Duration, log *slog.Logger) *slowLog {
	return &slowLog{threshold: threshold, log: log, methods: make(map[string]*moments)}
}

// callDone tells whether the call was slow.
func (s *slowLog) callDone(c hadooprpc.CallInfo) bool {
	slow := s.isSlow(c)
	if slow {
		s.log.Warn("slow RPC", "method", c.Method, "jid", jnserver.JournalOf(c.Key), "client", c.Remote,
			"took_ms", c.Processing.Milliseconds(), "queued_ms", c.Queue.Milliseconds())
	}
	return slow
}

func (s *slowLog) isSlow(c hadooprpc.CallInfo) bool {
	if !c.Resolved {
		return false // names that a peer made up must not fill the map
	}
	took := float64(c.Processing)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.methods[c.Method]
	if m == nil {
		m = &moments{}
		s.methods[c.Method] = m
	}
	slow := m.n > slowAfter && took > m.mean+3*math.Sqrt(m.m2/m.n) && c.Processing > s.threshold
	m.n++
	delta := took - m.mean
	m.mean += delta / m.n
	m.m2 += delta * (took - m.mean)
	return slow
}
