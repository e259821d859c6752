package hadoop

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// whole is a limit that cuts nothing.
const whole = -1

// Front stands at a JournalNode's addresses while the node itself listens at another loopback address, so that clients
// and peers reach it only through here. What the node sends by HTTP can be counted, cut and held up. All methods may be
// called at the same time.
type Front struct {
	RPC string // what clients are given

	listeners []net.Listener
	all       sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	conns    map[net.Conn]bool
	limit    int64 // bytes of each HTTP answer that are passed on
	delay    time.Duration
	stall    bool // behind them there is silence rather than an end
	requests int
	passed   int64
}

// Front moves the node, which must not be running, to 127.0.0.2 and takes its place at 127.0.0.1. Close ends it.
func (j *JournalNode) Front() (*Front, error) {
	f := &Front{RPC: j.RPC, conns: make(map[net.Conn]bool), limit: whole}
	rpc, http := j.RPC, j.HTTP
	j.RPC, j.HTTP = "127.0.0.2:"+portOf(rpc), "127.0.0.2:"+portOf(http)
	if err := j.Configure(nil); err != nil {
		return nil, err
	}
	if err := f.listen(rpc, j.RPC, func(client, node net.Conn) { f.pass(client, node) }); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := f.listen(http, j.HTTP, f.answer); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Through returns a copy of the node for those who are to reach it through the front.
func (f *Front) Through(j *JournalNode) *JournalNode {
	seen := *j
	seen.RPC = f.RPC
	return &seen
}

// Cut lets HTTP answers end after so many bytes, from the next one on.
func (f *Front) Cut(after int64) { f.set(after, false) }

// Stall lets HTTP answers stop after so many bytes, from the next one on; their connections stay open.
func (f *Front) Stall(after int64) { f.set(after, true) }

// Heal ends Cut and Stall for the answers to come.
func (f *Front) Heal() { f.set(whole, false) }

func (f *Front) set(limit int64, stall bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit, f.stall = limit, stall
}

// Delay makes each answer to an RPC so much later, from the next one on.
func (f *Front) Delay(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay = d
}

// Passed tells how many HTTP connections there were, and how many bytes of answers went through.
func (f *Front) Passed() (requests int, bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests, f.passed
}

// Close ends all connections and waits for what it has started.
func (f *Front) Close() error {
	f.mu.Lock()
	f.closed = true
	var err error
	for _, l := range f.listeners {
		err = errors.Join(err, l.Close())
	}
	for conn := range f.conns {
		_ = conn.Close() // whoever uses it sees the end
	}
	f.mu.Unlock()
	f.all.Wait()
	return err
}

// listen lets serve join each connection at address with one to the node.
func (f *Front) listen(address, node string, serve func(client, node net.Conn)) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	f.listeners = append(f.listeners, l)
	f.all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed
			}
			f.all.Go(func() { f.join(client, node, serve) })
		}
	})
	return nil
}

func (f *Front) join(client net.Conn, address string, serve func(client, node net.Conn)) {
	defer client.Close()
	node, err := net.Dial("tcp", address)
	if err != nil {
		return // the client sees its connection end, as from a node that has just died
	}
	defer node.Close()
	if !f.keep(client, node) {
		return
	}
	defer f.drop(client, node)
	serve(client, node)
}

func (f *Front) keep(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range conns {
		f.conns[conn] = true
	}
	return !f.closed
}

func (f *Front) drop(conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range conns {
		delete(f.conns, conn)
	}
}

// pass copies both ways until both ends are done; the end of one side is the end of the other.
func (f *Front) pass(client, node net.Conn) {
	f.back(node, client)
	_, _ = io.Copy(delayed{client, f}, node) // an error ends the connection, which is all that matters
}

type delayed struct {
	io.Writer
	f *Front
}

func (d delayed) Write(b []byte) (int, error) {
	d.f.mu.Lock()
	delay := d.f.delay
	d.f.mu.Unlock()
	time.Sleep(delay)
	return d.Writer.Write(b)
}

// back copies from the client to the node aside. gone is closed when the client's side has ended.
func (f *Front) back(node, client net.Conn) (gone <-chan struct{}) {
	ended := make(chan struct{})
	f.all.Go(func() {
		defer close(ended)
		_, _ = io.Copy(node, client)
		_ = node.Close()
	})
	return ended
}

// answer passes an HTTP answer on, as far as it may go.
func (f *Front) answer(client, node net.Conn) {
	f.mu.Lock()
	limit, stall := f.limit, f.stall
	f.requests++
	f.mu.Unlock()
	gone := f.back(node, client)
	var from io.Reader = node
	if limit != whole {
		from = io.LimitReader(node, limit)
	}
	_, _ = io.Copy(countPassed{client, f}, from)
	if stall {
		<-gone
	}
}

type countPassed struct {
	io.Writer
	f *Front
}

func (c countPassed) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.f.passed += int64(n)
	return n, err
}
