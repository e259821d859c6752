package hadooprpc

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
)

// ClientConfig says what a client connects as. The zero value of a field means its default.
type ClientConfig struct {
	// Protocol is the name of the protocol that the calls go to.
	Protocol string
	// Version of the protocol, default 1.
	Version uint64
	// User is the effective user; "" is anonymous. Authentication is SIMPLE.
	User string
	// ClientID is the client's id, which calls carry and answers echo; default 16 random bytes of each connection's own.
	ClientID []byte
	// RealUser is who acts for User; "" if nobody does.
	RealUser string
	// PingInterval is the silence after which a ping goes out while calls wait (ipc.ping.interval), default 1 min; negative:
	// no pings.
	PingInterval time.Duration
	// MaxResponse is the largest response in bytes (ipc.maximum.response.length), default 134217728; negative: no limit.
	MaxResponse int
	// Dialer opens the connection, default net.Dialer with TCP_NODELAY and keep-alive.
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)
}

func (c ClientConfig) ensureDefaults() ClientConfig {
	if c.Version == 0 {
		c.Version = 1
	}
	def(&c.PingInterval, time.Minute)
	def(&c.MaxResponse, 128<<20)
	if c.Dialer == nil {
		c.Dialer = (&net.Dialer{}).DialContext
	}
	return c
}

// Client is one connection to a server (Java ipc.Client.Connection with its protobuf invoker). Its methods may be called from
// any goroutine. Once the connection is lost every call fails; the owner dials anew.
type Client struct {
	cfg  ClientConfig
	nc   net.Conn
	id   []byte
	done chan struct{} // closed when the reader and the pinger have ended
	quit chan struct{} // closed when the connection is lost

	writing chan struct{} // holds a token while nobody writes; the token also guards greeted
	greeted bool          // preamble and context are out

	mu      sync.Mutex
	pending map[int32]*pendingCall
	next    int32
	err     error     // why the connection is lost
	quiet   time.Time // since when calls wait without a response
}

// pendingCall is a call that waits for its response.
type pendingCall struct {
	resp proto.Message
	done chan error // buffered: it gets one error or nil
}

// Dial connects to addr, "host:port". Nothing is sent before the first call.
func Dial(ctx context.Context, addr string, cfg ClientConfig) (*Client, error) {
	cfg = cfg.ensureDefaults()
	nc, err := cfg.Dialer(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c, err := NewClient(nc, cfg)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return c, nil
}

// NewClient makes a client of a connection that is already there. It owns nc from then on.
func NewClient(nc net.Conn, cfg ClientConfig) (*Client, error) {
	id := cfg.ClientID
	if len(id) == 0 {
		id = make([]byte, 16)
		if _, err := rand.Read(id); err != nil {
			return nil, err
		}
	}
	c := &Client{
		cfg: cfg.ensureDefaults(), nc: nc, id: id, pending: map[int32]*pendingCall{},
		done: make(chan struct{}), quit: make(chan struct{}), writing: make(chan struct{}, 1),
	}
	c.writing <- struct{}{}
	var tasks sync.WaitGroup
	tasks.Go(c.read)
	if c.cfg.PingInterval > 0 {
		tasks.Go(c.ping)
	}
	go func() {
		tasks.Wait()
		close(c.done)
	}()
	return c, nil
}

// Call calls method with req and fills resp. It returns a *RemoteError if the server answered with one, ctx's error if ctx
// ends first (the call may still run), and otherwise what is wrong with the connection. If ctx ends while the request is being
// written the connection is lost, since half a frame is out.
func (c *Client) Call(ctx context.Context, method string, req, resp proto.Message) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	call := &pendingCall{resp: resp, done: make(chan error, 1)}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return c.err
	}
	id := c.next
	c.next = (c.next + 1) & 0x7FFFFFFF
	if len(c.pending) == 0 {
		c.quiet = time.Now()
	}
	c.pending[id] = call
	c.mu.Unlock()

	b, err := c.frame(id, method, req)
	if err != nil {
		c.forget(id)
		return err
	}
	if err := c.write(ctx, b); err != nil {
		if c.forget(id) {
			return err
		}
		return <-call.done
	}
	select {
	case err := <-call.done:
		return err
	case <-ctx.Done():
		if c.forget(id) {
			return context.Cause(ctx)
		}
		return <-call.done // the response has come meanwhile; resp may be written to until then
	}
}

// frame builds the request frame.
func (c *Client) frame(id int32, method string, req proto.Message) ([]byte, error) {
	param, err := proto.Marshal(req)
	if err != nil {
		return nil, err
	}
	header, err := proto.Marshal(&rpcpb.RequestHeaderProto{
		MethodName: &method, DeclaringClassProtocolName: &c.cfg.Protocol, ClientProtocolVersion: &c.cfg.Version,
	})
	if err != nil {
		return nil, err
	}
	return appendRequest(nil, requestEnvelope(id, 0, c.id), header, param)
}

// greeting is preamble and connection context.
func (c *Client) greeting() ([]byte, error) {
	m := &rpcpb.IpcConnectionContextProto{Protocol: &c.cfg.Protocol}
	if c.cfg.User != "" {
		m.UserInfo = &rpcpb.UserInformationProto{EffectiveUser: &c.cfg.User}
		if c.cfg.RealUser != "" {
			m.UserInfo.RealUser = &c.cfg.RealUser
		}
	}
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	out := append([]byte(magic), ipcVersion, 0, byte(authNone))
	return appendRequest(out, requestEnvelope(callIDContext, -1, c.id), b)
}

// write sends a frame, and before the first one the greeting, in one write as Java's client does. After an error in the middle
// of a frame the connection is lost.
func (c *Client) write(ctx context.Context, frame []byte) error {
	select {
	case <-c.writing:
	case <-c.quit:
		return c.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { c.writing <- struct{}{} }()
	if !c.greeted {
		hello, err := c.greeting()
		if err != nil {
			return err
		}
		frame = append(hello, frame...)
		c.greeted = true
	}
	stop := context.AfterFunc(ctx, func() { c.lose(fmt.Errorf("a request was cut: %w", context.Cause(ctx))) })
	defer stop()
	if _, err := c.nc.Write(frame); err != nil {
		c.lose(err)
		return c.Err()
	}
	return nil
}

// forget takes a call out of those that wait; false if it is not there any more.
func (c *Client) forget(id int32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, there := c.pending[id]
	delete(c.pending, id)
	return there
}

// lose ends the connection: all calls that wait fail with cause.
func (c *Client) lose(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if !errors.Is(cause, ErrClientClosed) {
		cause = fmt.Errorf("connection to %s lost: %w", c.nc.RemoteAddr(), cause)
	}
	c.err = cause
	for id, call := range c.pending {
		delete(c.pending, id)
		call.done <- cause
	}
	close(c.quit)
	_ = c.nc.Close()
}

// Close closes the connection; calls that wait fail with ErrClientClosed. It may be called more than once.
func (c *Client) Close() error {
	c.lose(ErrClientClosed)
	<-c.done
	return nil
}

// Done is closed when the connection is lost or closed; Err then says why.
func (c *Client) Done() <-chan struct{} { return c.quit }

// Err is nil while the connection is usable.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *Client) read() {
	r := bufio.NewReader(c.nc)
	for {
		b, err := readResponse(r, c.cfg.MaxResponse)
		if err == nil {
			err = c.accept(b)
		}
		if err != nil {
			c.lose(err)
			return
		}
	}
}

// ping keeps the connection alive while calls wait, as Java's PingInputStream does.
func (c *Client) ping() {
	tick := time.NewTicker(c.cfg.PingInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.quit:
			return
		case now := <-tick.C:
			c.mu.Lock()
			due := len(c.pending) > 0 && now.Sub(c.quiet) >= c.cfg.PingInterval
			c.mu.Unlock()
			if !due {
				continue
			}
			b, err := appendRequest(nil, requestEnvelope(callIDPing, -1, c.id))
			if err == nil {
				err = c.write(context.Background(), b)
			}
			if err != nil {
				c.lose(err)
				return
			}
		}
	}
}
