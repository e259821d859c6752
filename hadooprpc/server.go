package hadooprpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Server can be told. The zero value of a field means its default; where a limit can be switched off, a
// negative value does so.
type Config struct {
	// MaxFrame is the largest request frame in bytes (ipc.maximum.data.length), default 134217728. A longer one, or one of
	// negative length, closes the connection without an answer.
	MaxFrame int
	// MaxResponseWarn is the size in bytes above which an answer is logged (ipc.server.max.response.size), default 1048576.
	MaxResponseWarn int

	// Handlers is how many calls of one key run at a time (dfs.journalnode.handler.count), default 5. One connection gets at
	// most one less, so that it cannot keep the others of its key out. Java has one ceiling for the whole process; here it is
	// one for those calls, of all keys, that have begun in the last few milliseconds.
	Handlers int
	// MaxRunning bounds the running calls of all keys together, default 1024, at least Handlers.
	MaxRunning int
	// MaxCallsPerConn bounds the calls of a connection that are not answered yet, default 100. At the bound the server reads
	// no further from that connection.
	MaxCallsPerConn int

	// RequestMemory bounds the bytes held for requests, half-read ones included. It is raised to what the other limits need:
	// WriterReserve, one largest frame, and 64 MiB that only frames up to 16 KiB may take. That sum is the default, 320 MiB
	// with the default MaxFrame.
	RequestMemory int64
	// WriterReserve is the part of RequestMemory for connections marked by Call.MarkWriter, default and minimum MaxFrame.
	WriterReserve int64
	// AnswersPerConn bounds the bytes of answers waiting for a peer to read them, default 16 MiB; a peer that exceeds it
	// with more than one answer waiting is cut.
	AnswersPerConn int64
	// AnswerMemory bounds the waiting answers of all connections, default 64 MiB. Above it those that have been stuck
	// longest are cut.
	AnswerMemory int64

	// StallTimeout is how long a peer may take for the next 64 KiB of a frame it has begun (or for the rest, if less),
	// default 10 s; a tenth of that while others wait for memory. A connection marked by Call.MarkWriter has PurgeInterval if
	// that is longer, whoever waits. Negative: for ever.
	StallTimeout time.Duration
	// PurgeInterval is how long an answer may wait for the peer to read it (ipc.server.purge.interval), default 15 min.
	// Negative: for ever.
	PurgeInterval time.Duration
	// LingerTimeout is how long a closing connection waits for the peer to see the last answer and close, default 1 s.
	LingerTimeout time.Duration

	// MaxConnections closes connections above this number at once (ipc.server.max.connections). Default 0, no limit.
	MaxConnections int
	// MakeRoomAt is the number of open connections at which a new one takes the place of the one that has been silent
	// longest: of those without a call under way, and no writer's. If there is none the new one is closed. Default 0: never.
	// It is for descriptors, of which a stranger must not take the last.
	MakeRoomAt int
	// IdleThreshold is the number of open connections from which idle ones are closed (ipc.client.idlethreshold), default
	// 4000; negative: from one on.
	IdleThreshold int
	// KillMax bounds how many idle connections one scan closes (ipc.client.kill.max), default 10.
	KillMax int
	// MaxIdleTime is half the silence after which a connection without calls is idle (ipc.client.connection.maxidletime),
	// default 10 s.
	MaxIdleTime time.Duration
	// IdleScanInterval is the time between scans (ipc.client.connection.idle-scan-interval.ms), default 10 s; negative: none.
	IdleScanInterval time.Duration

	// Mechanisms are the SASL mechanisms that clients must use. Nil: SIMPLE only. Otherwise SIMPLE is refused.
	Mechanisms []Mechanism
	// ResolveUser maps a user or principal to its short name (hadoop.security.auth_to_local). An error closes the connection
	// without an answer, as in Java. Default: the part before the first / or @.
	ResolveUser func(name string) (short string, err error)
	// Authorize says whether a connection may be used (ProxyUsers, ServiceAuthorizationManager). Its error is answered as an
	// AuthorizationException. It may block, which holds up that connection alone, until ctx ends, as it does at Shutdown and
	// Close; what it says after that counts for nothing, the connection closes without an answer. Default: RefuseImpersonation.
	Authorize func(ctx context.Context, id Identity) error
	// Confine restricts a connection to calls of the protocol that its context named, which Authorize has seen, and of
	// ProtocolMetaInfo. Java does not: there who may open any protocol may call each.
	Confine bool

	// Logger gets the server's log lines. Default: none are written.
	Logger *slog.Logger
	// Observer is told what happens, for metrics.
	Observer Observer
}

// Server serves Hadoop IPC version 9. The configuration is copied at the first Serve; Register must come before. All methods
// may be called from any goroutine.
type Server struct {
	Config

	once      sync.Once
	cfg       Config // Config with defaults; fixed by init
	protocols map[string]*Protocol
	began     time.Time // what clock counts from; fixed by init
	told      *told     // fixed by init

	ctx      context.Context // ends at Close; handlers get it
	cancel   context.CancelFunc
	admit    context.Context // ends at Shutdown and Close; Authorize gets it
	noMore   context.CancelFunc
	budget   *budget
	dispatch *dispatcher
	answers  atomic.Int64
	hot      atomic.Int32   // hot connections
	quit     chan struct{}  // closed when the last connection of a stopped server has gone
	tasks    sync.WaitGroup // connections, janitor, poller; handlers are counted by the dispatcher

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	crowd     crowd
	poller    *poller        // made for the first connection that has a descriptor
	refused   int64          // connections that a limit kept out
	users     map[string]int // connections by short user name, of those that have named one
	draining  bool           // Shutdown or Close was called
	started   bool           // background tasks run
	gone      bool           // quit is closed
}

// Register adds a protocol. It panics if the name is taken, which is a mistake of the program, like http.Handle. It must not
// be called after Serve.
func (s *Server) Register(p *Protocol) {
	if p.Name == "" || p.Name == MetaProtocol {
		panic("hadooprpc: bad protocol name " + p.Name)
	}
	if _, taken := s.protocols[p.Name]; taken {
		panic("hadooprpc: protocol registered twice: " + p.Name)
	}
	if s.protocols == nil {
		s.protocols = map[string]*Protocol{}
	}
	s.protocols[p.Name] = p
}

func (s *Server) init() {
	s.once.Do(func() {
		s.cfg = s.EnsureDefaults()
		if s.protocols == nil {
			s.protocols = map[string]*Protocol{}
		}
		s.protocols[MetaProtocol] = s.metaService()
		s.began = time.Now()
		s.told = newTold(s.cfg.Logger, time.Now)
		s.ctx, s.cancel = context.WithCancel(context.Background())
		s.admit, s.noMore = context.WithCancel(s.ctx)
		s.budget = newBudget(s.cfg)
		s.dispatch = newDispatcher(s)
		s.listeners = map[net.Listener]struct{}{}
		s.conns = map[*conn]struct{}{}
		s.users = map[string]int{}
		s.quit = make(chan struct{})
	})
}

// Serve accepts connections from l until the server is stopped or l is closed, and closes l. It always returns an error that is
// not nil, ErrServerClosed after Shutdown or Close. Whatever else an Accept fails with, it is tried again after a pause, as Java's
// Server.Listener does: for want of descriptors or kernel memory, and for errors of a network that accept(2) passes on. Several
// listeners may be served at a time.
func (s *Server) Serve(l net.Listener) error {
	s.init()
	defer func() { _ = l.Close() }()
	if !s.addListener(l) {
		return ErrServerClosed
	}
	defer s.removeListener(l)
	var pause time.Duration
	for {
		nc, err := l.Accept()
		if err != nil {
			if s.stopping() {
				return ErrServerClosed
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("hadooprpc: accept: %w", err)
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			address := l.Addr().String()
			s.told.sayOf(s.told.accepts, address, slog.LevelWarn, "a connection cannot be accepted", "address", address, "error", err)
			select {
			case <-time.After(pause):
			case <-s.quit:
			}
			continue
		}
		pause = 0
		s.accept(nc)
	}
}

func (s *Server) accept(nc net.Conn) {
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetNoDelay(true)
		_ = t.SetKeepAlive(true)
	}
	c := newConn(s, nc)
	s.mu.Lock()
	if c.raw != nil && s.poller == nil && !s.draining {
		p, err := newPoller(s)
		if err != nil {
			s.cfg.Logger.Warn("no poller: idle connections will cost a goroutine each", "error", err)
		}
		s.poller = p
	}
	if c.poller = s.poller; c.poller == nil {
		c.raw = nil
	}
	open := len(s.conns)
	limit := 0 // that is reached
	switch {
	case s.cfg.MaxConnections > 0 && open >= s.cfg.MaxConnections:
		limit = s.cfg.MaxConnections
	case s.cfg.MakeRoomAt > 0 && open >= s.cfg.MakeRoomAt && !s.draining && !s.makeRoom():
		limit = s.cfg.MakeRoomAt
	}
	if s.draining || limit > 0 {
		draining := s.draining
		if !draining {
			s.refused++
		}
		s.mu.Unlock()
		if !draining {
			s.told.say(s.told.refused, slog.LevelWarn, "connection refused: too many are open", c.remote, "limit", limit)
		}
		_ = nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.tasks.Add(1)
	s.mu.Unlock()
	if c.raw != nil {
		c.poller.add(c)
	}
	s.cfg.Observer.ConnOpened(c.remote)
	go c.run()
}

// forget is the last act of a connection.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	if user := c.identity.ShortUser; user != "" {
		if s.users[user]--; s.users[user] == 0 {
			delete(s.users, user)
		}
	}
	s.checkGone()
	s.mu.Unlock()
	s.tasks.Done()
}

// named counts a connection whose user is known from now on. Its reader calls it, at most once.
func (s *Server) named(user string) {
	if user == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[user]++
}

// Users tells how many of the open connections each user has, by the user's short name; anonymous connections are left out
// (Java Server.ConnectionManager.getUserToConnectionsMap). The map is the caller's.
func (s *Server) Users() map[string]int {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.users)
}

// checkGone closes quit when a stopped server has no connection left. s.mu is held.
func (s *Server) checkGone() {
	if s.draining && len(s.conns) == 0 && !s.gone {
		s.gone = true
		close(s.quit)
	}
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	if !s.started {
		s.started = true
		s.tasks.Add(1)
		go s.janitor()
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
}

func (s *Server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// stop closes the listeners and returns the connections that were open. No new one is accepted from then on.
func (s *Server) stop() []*conn {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	for l := range s.listeners {
		_ = l.Close()
	}
	s.checkGone()
	return s.openConns()
}

// openConns needs s.mu.
func (s *Server) openConns() []*conn {
	open := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		open = append(open, c)
	}
	return open
}

// Shutdown stops accepting and reading, lets the calls that were read finish, sends their answers, and closes the
// connections. If ctx ends first the rest is cut as by Close and its error is returned. On success nothing of the server
// runs any more.
func (s *Server) Shutdown(ctx context.Context) error {
	open := s.stop()
	for _, c := range open {
		c.drain()
	}
	s.noMore()               // who is not let in yet can make no call any more
	for _, c := range open { // who sees a connection close knows that none takes a call any more
		c.depart()
	}
	select {
	case <-s.quit:
		if err := s.Wait(ctx); err != nil {
			s.Close()
			return err
		}
		s.Close()
		return nil
	case <-ctx.Done():
		s.Close()
		return context.Cause(ctx)
	}
}

// Close stops accepting and cuts the connections: answers that are being written are given cutGrace to reach the peer, none
// is begun. Queued calls do not run. Close does not wait for handlers that run; Wait does.
func (s *Server) Close() {
	open := s.stop()
	s.cancel()
	for _, c := range open {
		c.hush()
	}
	grace := time.NewTimer(cutGrace)
	defer grace.Stop()
	select {
	case <-s.quit:
	case <-grace.C:
		for _, c := range open {
			c.cut(ErrServerClosed)
		}
		<-s.quit
	}
	s.mu.Lock()
	p := s.poller
	s.mu.Unlock()
	if p != nil {
		p.close()
	}
	s.tasks.Wait()
}

// cutGrace is how long Close waits for peers to take what was being written and to close.
const cutGrace = 500 * time.Millisecond

// Wait returns when no handler runs, or with ctx's error. It is meant for after Shutdown or Close.
func (s *Server) Wait(ctx context.Context) error {
	s.init()
	select {
	case <-s.dispatch.idle():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stats returns the gauges of this moment.
func (s *Server) Stats() Stats {
	s.init()
	s.mu.Lock()
	n, refused := len(s.conns), s.refused
	s.mu.Unlock()
	queued, running := s.dispatch.counts()
	return Stats{
		Connections: n, Queued: queued, Running: running,
		RequestBytes: s.budget.held(), AnswerBytes: s.answers.Load(),
		Refused: refused,
	}
}
