package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/internal/javaerr"
)

// line is the connection to a peer for one protocol, as Java's client has them. It is dialled when a question needs it,
// anew when it was lost, and closed when it has been idle.
type line struct {
	peer     Peer
	protocol string
	dialing  chan struct{} // holds a token while nobody dials

	// Guarded by Peers.mu.
	client *hadooprpc.Client // nil: there is none
	at     netip.Addr        // where client is connected to
	calls  int               // questions that use this line
	idle   time.Time         // since when there is none
	old    bool              // the peer, as client reaches it, does not know InterQJournalProtocol
}

type lineKey struct {
	peer     Peer
	protocol string
}

// line gives the line to a peer and counts the caller in; done counts it out.
func (p *Peers) line(peer Peer, protocol string) (l *line, done func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	key := lineKey{peer, protocol}
	l = p.lines[key]
	if l == nil {
		l = &line{peer: peer, protocol: protocol, dialing: make(chan struct{}, 1)}
		l.dialing <- struct{}{}
		p.lines[key] = l
	}
	l.calls++
	return l, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		l.calls--
		l.idle = time.Now()
	}, nil
}

// sweep closes the lines that have been idle, and forgets them.
func (p *Peers) sweep() {
	tick := time.NewTicker(max(p.cfg.IdleTimeout/2, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case now := <-tick.C:
			var idle []*hadooprpc.Client
			p.mu.Lock()
			for key, l := range p.lines {
				if l.calls == 0 && now.Sub(l.idle) >= p.cfg.IdleTimeout {
					delete(p.lines, key)
					if l.client != nil {
						idle = append(idle, l.client)
					}
				}
			}
			p.mu.Unlock()
			for _, c := range idle {
				_ = c.Close()
			}
		}
	}
}

// Close cuts all questions, which then fail with ErrClosed, and closes all connections. It may be called more than
// once.
func (p *Peers) Close() error {
	p.mu.Lock()
	p.closed = true
	lines := p.lines
	p.lines = map[lineKey]*line{}
	p.mu.Unlock()
	p.cancel(ErrClosed)
	for _, l := range lines {
		p.mu.Lock()
		c := l.client
		l.client = nil
		p.mu.Unlock()
		if c != nil {
			_ = c.Close()
		}
	}
	<-p.swept
	return nil
}

// use gives the connection of l, dialling if there is none. fresh tells that it was dialled now.
func (p *Peers) use(ctx context.Context, l *line) (c *hadooprpc.Client, fresh bool, err error) {
	select {
	case <-l.dialing:
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	defer func() { l.dialing <- struct{}{} }()
	p.mu.Lock()
	c = l.client
	p.mu.Unlock()
	if c != nil && c.Err() == nil {
		return c, false, nil
	}
	nc, at, err := p.dial(ctx, l.peer)
	if err != nil {
		return nil, false, err
	}
	c, err = hadooprpc.NewClient(nc, hadooprpc.ClientConfig{
		Protocol: l.protocol, User: p.cfg.User, ClientID: p.cfg.Process, MaxResponse: p.cfg.MaxAnswer,
	})
	if err != nil {
		_ = nc.Close()
		return nil, false, err
	}
	p.mu.Lock()
	lost, closed := l.client, p.closed
	if !closed {
		l.client, l.at, l.old = c, at, false
	}
	p.mu.Unlock()
	if lost != nil {
		_ = lost.Close()
	}
	if closed {
		_ = c.Close()
		return nil, false, ErrClosed
	}
	return c, true, nil
}

// dial resolves the peer's name now and tries its addresses one after the other, each with its share of the time that
// is left.
func (p *Peers) dial(ctx context.Context, peer Peer) (net.Conn, netip.Addr, error) {
	addrs, err := p.resolve(ctx, peer.Host)
	if err != nil {
		return nil, netip.Addr{}, err
	}
	var errs []error
	for i, addr := range addrs {
		nc, err := p.dialOne(ctx, net.JoinHostPort(addr.String(), strconv.Itoa(peer.Port)), len(addrs)-i)
		if err == nil {
			return nc, addr, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, netip.Addr{}, errors.Join(errs...)
}

func (p *Peers) dialOne(ctx context.Context, address string, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	return p.cfg.Dial(ctx, "tcp", address)
}

// call asks a peer. A connection that was there before and turns out to be lost, since the peer closed it or was
// restarted, is dialled anew once. It returns who answered. Errors: a *hadooprpc.RemoteError with the first line of its
// text, ErrMyself, ErrClosed, ctx's, or why there is no connection.
func (p *Peers) call(ctx context.Context, l *line, method string, req, resp proto.Message) (netip.Addr, error) {
	for {
		c, fresh, err := p.use(ctx, l)
		if err != nil {
			return netip.Addr{}, err
		}
		err = c.Call(ctx, method, req, resp)
		p.mu.Lock()
		at := l.at
		p.mu.Unlock()
		var remote *hadooprpc.RemoteError
		switch {
		case err == nil:
			return at, nil
		case errors.As(err, &remote) && remote.Class == string(javaerr.SameNode):
			p.recognise(l.peer, at)
			return at, ErrMyself
		case errors.As(err, &remote):
			return at, firstLine(remote)
		case ctx.Err() == nil && !fresh && c.Err() != nil:
			proto.Reset(resp)
			continue
		case ctx.Err() != nil:
			p.drop(l, c)
		}
		return at, err
	}
}

// drop closes a connection that did not answer, so that the next question does not wait on one to a machine that is
// gone. It does not if others wait on it too: the last of them will.
func (p *Peers) drop(l *line, c *hadooprpc.Client) {
	p.mu.Lock()
	mine := l.calls == 1 && l.client == c
	if mine {
		l.client = nil
	}
	p.mu.Unlock()
	if mine {
		_ = c.Close()
	}
}

// maxRemoteText is how much of a peer's error text is kept, in bytes.
const maxRemoteText = 500

// firstLine leaves Java's stack out.
func firstLine(e *hadooprpc.RemoteError) *hadooprpc.RemoteError {
	clip := func(s string) string {
		s, _, _ = strings.Cut(s, "\n")
		if len(s) > maxRemoteText {
			s = strings.ToValidUTF8(s[:maxRemoteText], "") + "..."
		}
		return strings.TrimSpace(s)
	}
	return &hadooprpc.RemoteError{Class: clip(e.Class), Message: clip(e.Message), Code: e.Code, Fatal: e.Fatal}
}

// within limits a question by limit, the caller's ctx and Close.
func (p *Peers) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cut := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p.ctx, func() { cut(ErrClosed) })
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	return ctx, func() {
		stop()
		cancel()
		cut(nil)
	}
}
