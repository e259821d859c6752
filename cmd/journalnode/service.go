package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"gojn/hadooprpc"
	"gojn/internal/sdnotify"
	"gojn/jnserver"
)

const (
	// statusInterval is how often the status is looked at; it is sent when it has changed.
	statusInterval = 5 * time.Second
	// watchdogTries is how many questions the node may leave unanswered before the manager's patience ends.
	watchdogTries = 4
	// readyPatience is how long a journal that does not open keeps the node from being ready: a disk that hangs is no reason
	// to be killed, and the node serves its other journals.
	readyPatience = 10 * time.Second
	// statusJournals is how many journals the status names.
	statusJournals = 8
)

// service tells the service manager (systemd, Type=notify) how the node is doing. That it cannot be told is a warning,
// never a reason to stop. A nil service tells nobody.
type service struct {
	manager *sdnotify.Manager
	log     *slog.Logger
	ctx     context.Context // ends when the stop begins
	cancel  context.CancelFunc

	patience, interval time.Duration // readyPatience and statusInterval

	mu     sync.Mutex
	ended  bool           // nothing but the end is told any more
	status sdnotify.State // the last one
	failed string         // the last warning, so that it is said once
}

// newService takes the manager from the environment of this process.
func newService(log *slog.Logger) *service {
	manager, err := sdnotify.FromEnvironment()
	if err != nil {
		log.Warn("the environment names no usable service manager", "error", err)
	}
	s := &service{manager: manager, log: log, patience: readyPatience, interval: statusInterval}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// attend tells of the node until it stops: its status, that it is ready once it serves and has tried to open what it
// found on disk, for readyPatience at most, and that it is alive. It returns at once; the daemon waits for what it starts.
func (s *service) attend(d *daemon) {
	if s.manager == nil {
		return
	}
	d.service = s
	s.send(sdnotify.Status("opening journals; " + s.addresses(d)))
	d.serving.Go(func() {
		patience := time.NewTimer(s.patience)
		defer patience.Stop()
		select {
		case <-d.opening.done:
		case <-patience.C:
		case <-s.ctx.Done():
			return
		}
		s.watch(d)
	})
}

// watch tells that the node is ready, until the manager has taken it: nobody else would ever say it. Then it sends the status
// when it has changed, and the proof of life when the manager wants it, until the stop begins.
func (s *service) watch(d *daemon) {
	pending := []sdnotify.State{sdnotify.Ready}
	tell := func() {
		if s.sendStatus(d, pending...) {
			pending = nil
		}
	}
	tell()
	status := time.NewTicker(s.interval)
	defer status.Stop()
	var pings <-chan time.Time
	patience := s.manager.Watchdog() / watchdogTries
	if patience > 0 {
		watchdog := time.NewTicker(patience)
		defer watchdog.Stop()
		pings = watchdog.C
		s.ping(d, patience)
	}
	for {
		select {
		case <-status.C:
			tell()
		case <-pings:
			s.ping(d, patience)
		case <-s.ctx.Done():
			return
		}
	}
}

// ping tells the manager that the node is alive if it answers a call over its own port. The call needs no disk: a node
// whose disk hangs is not helped by a restart, and serves its other journals. It waits for the node's own locks too.
func (s *service) ping(d *daemon, patience time.Duration) {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	var err error
	for _, addr := range loopbacksOf(d.rpcAddr) {
		if err = hadooprpc.Alive(ctx, addr); err == nil {
			break
		}
	}
	switch {
	case s.ctx.Err() != nil:
	case err != nil:
		s.log.Error("the node does not answer its own call: the service manager is not told that it is alive",
			"error", err)
	default:
		s.sendStatus(d, sdnotify.Alive)
	}
}

// loopbacksOf are the addresses where a server that listens on addr may be reached from its own machine. Where there is IPv4
// a wildcard, also IPv6's, takes it, see net.Listen; where there is none only ::1 does.
func loopbacksOf(addr net.Addr) []string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return []string{addr.String()}
	}
	port := strconv.Itoa(tcp.Port)
	list := []string{net.JoinHostPort("127.0.0.1", port)}
	if tcp.IP.To4() == nil {
		list = append(list, net.JoinHostPort("::1", port))
	}
	return list
}

// sendStatus sends states and, if it is another one than before, the status; it tells whether the manager has taken them.
func (s *service) sendStatus(d *daemon, states ...sdnotify.State) bool {
	text := journalsText(d.node.Health())
	if names := d.opening.unfinished(); len(names) > 0 {
		text += "; waiting for the disk of " + shorten(names)
	}
	status := sdnotify.Status(text + "; " + s.addresses(d))
	s.mu.Lock()
	news := status != s.status
	s.mu.Unlock()
	if news {
		states = append(states, status)
	}
	return s.send(states...)
}

func (s *service) addresses(d *daemon) string {
	return fmt.Sprintf("RPC %s, HTTP %s", d.info.HostAndPort, d.webAddress())
}

// webAddress is where HTTP is served, with its scheme if that is HTTPS.
func (d *daemon) webAddress() string { return strings.TrimPrefix(d.webURL, "http://") }

// journalsText names the journals, first those that are not in order.
func journalsText(health []jnserver.JournalHealth) string {
	if len(health) == 0 {
		return "no journals yet"
	}
	var bad, good []string
	for _, j := range health {
		switch {
		case j.OpenError != nil:
			bad = append(bad, j.JournalID+" (cannot be read)")
		case len(j.Bad) > 0:
			bad = append(bad, fmt.Sprintf("%s (segments not in order: %d)", j.JournalID, len(j.Bad)))
		case j.VoteError != nil:
			bad = append(bad, j.JournalID+" (may not vote)")
		case !j.Formatted:
			bad = append(bad, j.JournalID+" (not formatted)")
		default:
			good = append(good, j.JournalID)
		}
	}
	text := fmt.Sprintf("%d journals", len(health))
	if len(health) == 1 {
		text = "1 journal"
	}
	if len(bad) > 0 {
		text += fmt.Sprintf(", %d of them not in order", len(bad))
	}
	return text + ": " + shorten(append(bad, good...))
}

// shorten names as many journals as a status does.
func shorten(names []string) string {
	more := ""
	if len(names) > statusJournals {
		names, more = names[:statusJournals], ", ..."
	}
	return strings.Join(names, ", ") + more
}

// send sends the states, unless the stop has begun; it tells whether the manager has taken them.
func (s *service) send(states ...sdnotify.State) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended && (len(states) == 0 || s.sendLocked(states))
}

// sendLocked is send with s.mu held, so that messages keep their order.
func (s *service) sendLocked(states []sdnotify.State) bool {
	err := s.manager.Send(states...)
	text := ""
	if err != nil {
		if text = err.Error(); text != s.failed {
			s.log.Warn("the service manager could not be told", "states", states, "error", err)
		}
	} else {
		for _, state := range states {
			if strings.HasPrefix(string(state), string(sdnotify.Status(""))) {
				s.status = state
			}
		}
	}
	s.failed = text
	return err == nil
}

// end tells that the stop begins, and ends what attend started.
func (s *service) end() {
	if s == nil {
		return
	}
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.sendLocked([]sdnotify.State{sdnotify.Stopping, sdnotify.Status("stopping")})
	}
}

// startFailed tells why the node did not start.
func (s *service) startFailed(err error) {
	var code exitCode
	if err == nil || errors.As(err, &code) {
		return // it had started
	}
	s.send(sdnotify.Status("failed to start: " + err.Error()))
}
