package hadooprpc

import (
	"slices"
	"sync"
	"time"
)

// dispatcher decides which queued call runs next. Calls are queued by key, and within a key by connection; a key's
// connections take turns. At most Handlers calls of a key run at a time, at most Handlers-1 of them for one connection, and
// at most MaxRunning of all keys, when keys take turns too. While the connection that is the writer of a key runs no call of
// that key, its next one starts even above these limits. Any call of that connection and key takes this place, so a protocol
// should give its questions another key than its changes, which a writer makes one at a time.
//
// Of the calls that have just begun at most Handlers run at a time, whoever makes them: more would only wait for the CPUs and
// the disk, in no order, some of them for very long. A call that has lasted slowAfter (at most twice that, while others wait)
// counts no more; it waits for something that others need not wait for.
//
// So a hanging disk fills its journal's share and nothing else, and a client with slow calls leaves room for the others.
type dispatcher struct {
	srv *Server

	mu      sync.Mutex
	keys    map[string]*keyQueue
	writers map[string]*conn
	starved []*keyQueue // runnable but for MaxRunning or quick, in order
	quick   []*call     // running, and counted as having just begun
	aging   *time.Timer // runs age
	waiting bool        // aging is set
	own     *call       // of the submit under way: its caller serves it if it may run at once
	queued  int
	running int
	workers int           // goroutines that run a call or write its answer
	idlers  chan struct{} // closed when workers falls to 0; nil if nobody asked
}

// keyQueue holds the calls of one key. All fields are guarded by dispatcher.mu.
type keyQueue struct {
	key     string
	running int
	small   int64        // bytes of the small pool that queued and running calls hold
	turns   []*connQueue // those with queued calls, the next to serve first
	starved bool         // in dispatcher.starved
}

// connQueue holds the calls of one connection for one key.
type connQueue struct {
	key     *keyQueue
	conn    *conn
	calls   []*call
	running int
}

func newDispatcher(s *Server) *dispatcher {
	return &dispatcher{srv: s, keys: map[string]*keyQueue{}, writers: map[string]*conn{}}
}

// ErrTooBusy answers a call that was not taken because the waiting calls of its key fill their share of the memory. Java's
// FairCallQueue answers so, and counts it as a backoff.
var ErrTooBusy error = errorf(CodeRPCServer, ClassRetriable, "Server too busy")

// submit queues k and starts what may run. If k itself may run at once and the caller asks for it with here, the caller has
// to serve it; mine tells so. It refuses with ErrTooBusy if the key's calls hold keyShare already.
func (d *dispatcher) submit(k *call, here bool) (mine bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	kq := d.keys[k.key]
	if kq == nil {
		kq = &keyQueue{key: k.key}
		d.keys[k.key] = kq
	}
	if k.grant.pool == poolSmall {
		if kq.small+k.grant.bytes > keyShare && d.writers[k.key] != k.conn {
			return false, ErrTooBusy
		}
		kq.small += k.grant.bytes
	}
	q := k.conn.queues[kq]
	if q == nil {
		if k.conn.queues == nil {
			k.conn.queues = map[*keyQueue]*connQueue{}
		}
		q = &connQueue{key: kq, conn: k.conn}
		k.conn.queues[kq] = q
	}
	if len(q.calls) == 0 {
		kq.turns = append(kq.turns, q)
	}
	q.calls = append(q.calls, k)
	d.queued++
	k.queue = q
	if here {
		d.own = k
	}
	d.pump(kq)
	mine = here && d.own == nil // start has left it to us
	d.own = nil
	return mine, nil
}

// next returns the place in kq.turns of the queue to serve now, or -1. global tells that only what all keys share is lacking.
func (d *dispatcher) next(kq *keyQueue) (at int, global bool) {
	at, global = d.turn(kq)
	if at >= 0 && len(d.quick) >= d.srv.cfg.Handlers {
		return -1, true
	}
	return at, global
}

func (d *dispatcher) turn(kq *keyQueue) (at int, global bool) {
	limit := d.srv.cfg.Handlers
	if w := d.writers[kq.key]; w != nil {
		if q := w.queues[kq]; q != nil && q.running == 0 && len(q.calls) > 0 {
			return slices.Index(kq.turns, q), false
		}
	}
	if kq.running >= limit {
		return -1, false
	}
	for i, q := range kq.turns {
		if q.running < max(limit-1, 1) {
			if d.running < d.srv.cfg.MaxRunning {
				return i, false
			}
			return -1, true
		}
	}
	return -1, false
}

// pump starts what kq may run. d.mu is held.
func (d *dispatcher) pump(kq *keyQueue) {
	for {
		at, global := d.next(kq)
		if at < 0 {
			if global {
				d.starve(kq)
			}
			break
		}
		d.start(kq, at)
	}
	if kq.running == 0 && len(kq.turns) == 0 && d.keys[kq.key] == kq && !kq.starved {
		delete(d.keys, kq.key)
	}
}

func (d *dispatcher) starve(kq *keyQueue) {
	if !kq.starved {
		kq.starved = true
		d.starved = append(d.starved, kq)
	}
	if d.waiting || len(d.quick) < d.srv.cfg.Handlers {
		return
	}
	d.waiting = true
	if d.aging == nil {
		d.aging = time.AfterFunc(slowAfter, d.age)
	} else {
		d.aging.Reset(slowAfter)
	}
}

const slowAfter = 2 * time.Millisecond

// age takes those calls out of quick that it has met before, and starts what waited for that.
func (d *dispatcher) age() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = false
	d.quick = slices.DeleteFunc(d.quick, func(k *call) bool { return k.aged })
	for _, k := range d.quick {
		k.aged = true
	}
	d.resume()
	if len(d.starved) > 0 {
		d.starve(d.starved[0]) // sets the timer again if it is quick that they wait for
	}
}

// resume starts what waited for something that all keys share. Each key has one turn before it goes on.
func (d *dispatcher) resume() {
	for n := len(d.starved); n > 0 && len(d.quick) < d.srv.cfg.Handlers; n-- {
		kq := d.starved[0]
		d.starved = d.starved[1:]
		kq.starved = false
		if at, _ := d.next(kq); at >= 0 {
			d.start(kq, at)
		}
		if _, global := d.next(kq); global {
			d.starve(kq)
		} else {
			d.pump(kq)
		}
	}
}

func (d *dispatcher) start(kq *keyQueue, at int) {
	q := kq.turns[at]
	k := q.calls[0]
	q.calls[0] = nil
	q.calls = q.calls[1:]
	kq.turns = append(kq.turns[:at], kq.turns[at+1:]...)
	if len(q.calls) > 0 {
		kq.turns = append(kq.turns, q)
	}
	d.queued--
	d.running++
	kq.running++
	q.running++
	d.workers++
	d.quick = append(d.quick, k)
	if k == d.own {
		d.own = nil
		return
	}
	go d.serve(k)
}

// serve runs a call that start has taken out of its queue.
func (d *dispatcher) serve(k *call) {
	d.srv.serveCall(k)
	d.leave()
}

// done gives back what k held of the limits and starts what may run now. The answer is not written yet.
func (d *dispatcher) done(k *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := k.queue
	d.running--
	q.key.running--
	q.key.forget(k)
	q.running--
	if q.running == 0 && len(q.calls) == 0 {
		delete(q.conn.queues, q.key)
	}
	if i := slices.Index(d.quick, k); i >= 0 {
		d.quick = slices.Delete(d.quick, i, i+1)
	}
	d.resume() // those have their turn before this key
	d.pump(q.key)
}

func (kq *keyQueue) forget(k *call) {
	if k.grant.pool == poolSmall {
		kq.small -= k.grant.bytes
	}
}

func (d *dispatcher) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.workers--
	if d.workers == 0 && d.idlers != nil {
		close(d.idlers)
		d.idlers = nil
	}
}

// drop takes the queued calls of a closed connection out and returns them; they never run.
func (d *dispatcher) drop(c *conn) []*call {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.left = true
	var dropped []*call
	for kq, q := range c.queues {
		dropped = append(dropped, q.calls...)
		d.queued -= len(q.calls)
		for _, k := range q.calls {
			kq.forget(k)
		}
		q.calls = nil
		for i, o := range kq.turns {
			if o == q {
				kq.turns = append(kq.turns[:i], kq.turns[i+1:]...)
				break
			}
		}
		if q.running == 0 {
			delete(c.queues, kq)
		}
		d.pump(kq)
	}
	for key := range c.writes {
		if d.writers[key] == c {
			delete(d.writers, key)
		}
	}
	c.writes = nil
	return dropped
}

// markWriter makes c the writer of key.
func (d *dispatcher) markWriter(key string, c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.writers[key]
	if old == c || c.left {
		return
	}
	if old != nil {
		delete(old.writes, key)
		old.writer.Store(len(old.writes) > 0)
	}
	if c.writes == nil {
		c.writes = map[string]struct{}{}
	}
	c.writes[key] = struct{}{}
	c.writer.Store(true)
	d.writers[key] = c
	if kq := d.keys[key]; kq != nil {
		d.pump(kq)
	}
}

func (d *dispatcher) counts() (queued, running int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queued, d.running
}

// idle returns a channel that is closed once no call runs.
func (d *dispatcher) idle() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.workers == 0 {
		ch := make(chan struct{})
		close(ch)
		return ch
	}
	if d.idlers == nil {
		d.idlers = make(chan struct{})
	}
	return d.idlers
}
