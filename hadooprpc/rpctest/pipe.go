package rpctest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBuffer is how many bytes one direction of a pipe holds before a writer waits, like a socket's buffer.
const pipeBuffer = 64 << 10

// Pipe returns the two ends of an in-memory connection. Unlike net.Pipe it buffers, and its ends have CloseWrite, so it behaves
// as TCP does: a write returns before it is read, and what was written before a close can still be read.
func Pipe() (client, server net.Conn) {
	up, down := newHalf(), newHalf()
	return &pipeEnd{in: down, out: up, local: "client", remote: "server"},
		&pipeEnd{in: up, out: down, local: "server", remote: "client"}
}

// half is one direction.
type half struct {
	mu            sync.Mutex
	changed       *sync.Cond
	buf           []byte
	writeClosed   bool // nothing more will come
	readClosed    bool // nobody reads any more
	readUntil     time.Time
	writeUntil    time.Time
	readT, writeT *time.Timer
}

func newHalf() *half {
	h := &half{}
	h.changed = sync.NewCond(&h.mu)
	return h
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readClosed:
			return 0, net.ErrClosed
		case len(h.buf) > 0:
			n := copy(p, h.buf)
			h.buf = h.buf[n:]
			h.changed.Broadcast()
			return n, nil
		case h.writeClosed:
			return 0, io.EOF
		case passed(h.readUntil):
			return 0, os.ErrDeadlineExceeded
		}
		h.changed.Wait()
	}
}

func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.writeClosed:
			return n, net.ErrClosed
		case h.readClosed:
			return n, io.ErrClosedPipe
		case len(p) == 0:
			return n, nil
		case passed(h.writeUntil):
			return n, os.ErrDeadlineExceeded
		}
		if room := pipeBuffer - len(h.buf); room > 0 {
			k := min(room, len(p))
			h.buf = append(h.buf, p[:k]...)
			p = p[k:]
			n += k
			h.changed.Broadcast()
			continue
		}
		h.changed.Wait()
	}
}

func passed(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

// close closes one side; both ends of the half then see it.
func (h *half) close(side *bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*side = true
	h.changed.Broadcast()
}

func (h *half) deadline(until *time.Time, timer **time.Timer, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*until = t
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	if !t.IsZero() {
		*timer = time.AfterFunc(time.Until(t), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.changed.Broadcast()
		})
	}
	h.changed.Broadcast()
}

type pipeEnd struct {
	in, out       *half
	local, remote pipeAddr
}

type pipeAddr string

func (pipeAddr) Network() string  { return "memory" }
func (a pipeAddr) String() string { return string(a) }

func (e *pipeEnd) Read(p []byte) (int, error)  { return e.in.read(p) }
func (e *pipeEnd) Write(p []byte) (int, error) { return e.out.write(p) }
func (e *pipeEnd) LocalAddr() net.Addr         { return e.local }
func (e *pipeEnd) RemoteAddr() net.Addr        { return e.remote }

// CloseWrite tells the peer that nothing more will come.
func (e *pipeEnd) CloseWrite() error {
	e.out.close(&e.out.writeClosed)
	return nil
}

func (e *pipeEnd) Close() error {
	e.out.close(&e.out.writeClosed)
	e.in.close(&e.in.readClosed)
	return e.SetDeadline(time.Time{})
}

func (e *pipeEnd) SetReadDeadline(t time.Time) error {
	e.in.deadline(&e.in.readUntil, &e.in.readT, t)
	return nil
}

func (e *pipeEnd) SetWriteDeadline(t time.Time) error {
	e.out.deadline(&e.out.writeUntil, &e.out.writeT, t)
	return nil
}

func (e *pipeEnd) SetDeadline(t time.Time) error {
	_ = e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}
