package hadooprpc

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller wakes connections when there is something to read. A connection that waits on it has no goroutine and no buffer;
// with ten thousand idle ones, that is the difference between 2 KiB and 6 KiB each. It is an epoll set of its own, one-shot,
// which is itself watched by the runtime's poller, so that no thread blocks in it.
type poller struct {
	srv   *Server
	epoll *os.File
	fd    int // of epoll; it is closed after the last connection has gone
	done  chan struct{}

	mu    sync.Mutex
	conns map[uint64]*conn
	last  uint64
}

func newPoller(s *Server) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &poller{
		srv: s, epoll: os.NewFile(uintptr(fd), "epoll"), fd: fd, done: make(chan struct{}), conns: map[uint64]*conn{},
	}
	raw, err := p.epoll.SyscallConn()
	if err != nil {
		_ = p.epoll.Close()
		return nil, err
	}
	go p.loop(raw)
	return p, nil
}

func (p *poller) loop(raw syscall.RawConn) {
	defer close(p.done)
	events := make([]unix.EpollEvent, 128)
	for {
		n := 0
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			n, failed = unix.EpollWait(int(fd), events, 0)
			if errors.Is(failed, unix.EINTR) {
				n, failed = 0, nil
			}
			return n > 0 || failed != nil
		})
		if err != nil {
			return // closed
		}
		if failed != nil {
			// Nothing but a broken descriptor gets here; without the poller no connection would ever be read again.
			p.srv.cfg.Logger.Error("epoll_wait failed", "error", failed)
			return
		}
		for _, e := range events[:n] {
			id := uint64(uint32(e.Fd))<<32 | uint64(uint32(e.Pad))
			p.mu.Lock()
			c := p.conns[id]
			p.mu.Unlock()
			if c != nil {
				c.wake(waitReadable)
			}
		}
	}
}

// add makes c known. It must come before c's reader runs.
func (p *poller) add(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	c.pollID = p.last
	p.conns[c.pollID] = c
}

// arm has c woken once when it can be read or has been closed by the peer; again tells that it has been armed before. c must
// be marked as waiting before. So its reader may run again meanwhile, and arm touches nothing of the reader's: once the
// descriptor is closed it fails, and closing waits for it.
func (p *poller) arm(c *conn, again bool) error {
	op := unix.EPOLL_CTL_ADD
	if again {
		op = unix.EPOLL_CTL_MOD
	}
	return p.control(c, op, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLONESHOT)
}

// disarm undoes arm; c may be woken once more all the same.
func (p *poller) disarm(c *conn) error { return p.control(c, unix.EPOLL_CTL_MOD, unix.EPOLLONESHOT) }

func (p *poller) control(c *conn, op int, events uint32) error {
	k := controls.Get().(*control)
	k.epoll, k.op = p.fd, op
	k.event = unix.EpollEvent{Events: events, Fd: int32(c.pollID >> 32), Pad: int32(uint32(c.pollID))}
	err := c.raw.Control(k.run)
	if err == nil {
		err = k.err
	}
	k.err = nil
	controls.Put(k)
	return err
}

// control is one epoll_ctl. It is kept for the next one: two come with each call.
type control struct {
	epoll, op int
	event     unix.EpollEvent
	err       error
	run       func(fd uintptr)
}

var controls = sync.Pool{New: func() any {
	k := new(control)
	k.run = func(fd uintptr) {
		k.err = os.NewSyscallError("epoll_ctl", unix.EpollCtl(k.epoll, k.op, int(fd), &k.event))
	}
	return k
}}

// forget drops c; its descriptor leaves the epoll set by being closed.
func (p *poller) forget(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c.pollID)
}

func (p *poller) close() {
	_ = p.epoll.Close()
	<-p.done
}
