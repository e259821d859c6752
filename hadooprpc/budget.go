package hadooprpc

import "sync"

// budget bounds the memory of requests. It has three pools: small frames, large frames, and the writers' reserve. A writer
// takes from the pool of its frame while nobody queues there, and from the reserve otherwise, so others never hold it up.
// Each pool serves its waiters in order. Large frames reserve their whole length at once; a holder therefore never waits
// for more of the same pool, and two half-read frames cannot block each other.
type budget struct {
	mu    sync.Mutex
	pools [3]pool
}

type poolID uint8

const (
	poolSmall poolID = iota
	poolLarge
	poolReserve
)

type pool struct {
	limit, used int64
	waiters     []*waiter
}

// grant is a piece of a pool; the zero value is none.
type grant struct {
	bytes int64
	pool  poolID
}

// waiter is a connection's place in a pool's queue. Its fields are guarded by budget.mu.
type waiter struct {
	conn    *conn
	bytes   int64
	pool    poolID
	granted bool
	gone    bool // cancelled
}

func newBudget(c Config) *budget {
	b := &budget{}
	b.pools[poolSmall].limit = smallShare
	b.pools[poolLarge].limit = c.RequestMemory - c.WriterReserve - smallShare
	b.pools[poolReserve].limit = c.WriterReserve
	return b
}

func (p *pool) fits(n int64) bool { return p.used+n <= p.limit }

// try takes n bytes of the pool, or of the reserve for a writer, without waiting.
func (b *budget) try(id poolID, n int64, writer bool) (grant, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := &b.pools[id]; len(p.waiters) == 0 && p.fits(n) {
		p.used += n
		return grant{n, id}, true
	}
	if p := &b.pools[poolReserve]; writer && len(p.waiters) == 0 && p.fits(n) {
		p.used += n
		return grant{n, poolReserve}, true
	}
	return grant{}, false
}

// wait queues w; its connection is woken when the bytes are there, which may be at once.
func (b *budget) wait(w *waiter) {
	b.mu.Lock()
	if w.gone {
		b.mu.Unlock()
		return
	}
	p := &b.pools[w.pool]
	p.waiters = append(p.waiters, w)
	woken := p.grant()
	b.mu.Unlock()
	wakeAll(woken)
}

// grant serves the head of the queue as far as memory goes. budget.mu is held; the connections are to be woken after.
func (p *pool) grant() []*conn {
	var woken []*conn
	for len(p.waiters) > 0 && p.fits(p.waiters[0].bytes) {
		w := p.waiters[0]
		p.waiters[0] = nil
		p.waiters = p.waiters[1:]
		p.used += w.bytes
		w.granted = true
		woken = append(woken, w.conn)
	}
	return woken
}

func wakeAll(conns []*conn) {
	for _, c := range conns {
		c.wake(waitMemory)
	}
}

// claim returns what w was granted.
func (b *budget) claim(w *waiter) (grant, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return grant{w.bytes, w.pool}, w.granted
}

// cancel takes w out of its queue, or gives back what it was granted.
func (b *budget) cancel(w *waiter) {
	b.mu.Lock()
	w.gone = true
	p := &b.pools[w.pool]
	if w.granted {
		p.used -= w.bytes
	}
	for i, o := range p.waiters {
		if o == w {
			p.waiters = append(p.waiters[:i:i], p.waiters[i+1:]...)
			break
		}
	}
	woken := p.grant()
	b.mu.Unlock()
	wakeAll(woken)
}

func (b *budget) release(g grant) {
	if g.bytes == 0 {
		return
	}
	b.mu.Lock()
	p := &b.pools[g.pool]
	p.used -= g.bytes
	woken := p.grant()
	b.mu.Unlock()
	wakeAll(woken)
}

// held is the number of bytes that are reserved.
func (b *budget) held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var n int64
	for i := range b.pools {
		n += b.pools[i].used
	}
	return n
}

// short tells for each pool whether somebody waits for its memory.
func (b *budget) short() (out [3]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.pools {
		out[i] = len(b.pools[i].waiters) > 0
	}
	return out
}
