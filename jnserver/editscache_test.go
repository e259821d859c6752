package jnserver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/editlog"
)

// op is an operation with a body of n bytes; what is in it depends on the seed too.
func op(tx storage.TxID, n int, seed byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{7}, uint32(8+n+4))
	b = binary.BigEndian.AppendUint64(b, uint64(tx))
	body := len(b)
	b = append(b, make([]byte, n)...)
	if n > 0 {
		b[body], b[len(b)-1] = seed, ^seed
	}
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// ops are the operations first to last, all of size bytes.
func ops(first, last storage.TxID, size int) (b []byte) {
	for tx := first; tx <= last; tx++ {
		b = append(b, op(tx, size-editlog.MinFrameLen, 0)...)
	}
	return b
}

func (c *cachedEdits) put(first, last storage.TxID, size int) string {
	return c.store(-67, first, int64(last-first+1), ops(first, last, size))
}

// naiveCache is what a cache could hold if it had no capacity.
type naiveCache struct {
	layout int32
	first  storage.TxID
	ops    [][]byte
}

func (n *naiveCache) end() storage.TxID { return n.first + storage.TxID(len(n.ops)) - 1 }

func (n *naiveCache) store(layout int32, first storage.TxID, batch [][]byte) {
	if len(n.ops) == 0 || n.layout != layout || n.end()+1 != first {
		*n = naiveCache{layout: layout, first: first}
	}
	n.ops = append(n.ops, batch...)
}

func (n *naiveCache) dropFrom(first storage.TxID) {
	n.ops = n.ops[:max(0, min(len(n.ops), int(first-n.first)))]
}

func (n *naiveCache) bytes(since storage.TxID, count int64) []byte {
	b := editlog.AppendHeader(nil, n.layout)
	for i := range count {
		b = append(b, n.ops[int64(since-n.first)+i]...)
	}
	return b
}

// checkCache looks into a cache: it must hold a gapless end of what the naive one does, within the capacity.
func checkCache(t *testing.T, shared *EditsCache, caches []*cachedEdits, naive []naiveCache) {
	t.Helper()
	var used int64
	for i, c := range caches {
		var memory int64
		next := storage.TxID(-1)
		for _, k := range c.chunks {
			if next >= 0 && k.first != next || k.count < 1 {
				t.Fatalf("journal %d: %d transactions from %d on, want %d", i, k.count, k.first, next)
			}
			if err := editlog.CheckBatch(k.data, k.first, k.count); err != nil {
				t.Fatalf("journal %d: %v", i, err)
			}
			if int64(cap(k.data)) > k.memory {
				t.Fatalf("journal %d: a chunk of %d bytes counts as %d", i, cap(k.data), k.memory)
			}
			memory += k.memory
			next = k.end() + 1
		}
		if n := &naive[i]; len(c.chunks) > 0 && (c.chunks[0].first < n.first || next != n.end()+1 || c.initial > c.chunks[0].first) {
			t.Fatalf("journal %d holds %d to %d since %d, the naive one %d to %d", i, c.chunks[0].first, next-1, c.initial, n.first, n.end())
		}
		if memory != c.memory || c.adding {
			t.Fatalf("journal %d: chunks of %d bytes count as %d", i, memory, c.memory)
		}
		used += memory
	}
	if shared.used != used || used > shared.capacity {
		t.Fatalf("%d bytes in chunks, %d counted, capacity %d", used, shared.used, shared.capacity)
	}
	for _, u := range shared.users {
		if u.memory == 0 {
			t.Fatal("a journal without memory among those that can lose some")
		}
	}
}

// TestEditsCacheModel compares random histories with a cache that has no capacity: every answer is a part of what that one
// would give, a miss is outside of what is held, and no answer ever changes.
func TestEditsCacheModel(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 6))
		capacity := []int64{100, 1000, 9_000, 70_000, 1 << 20, 5 << 20}[seed%6]
		shared := NewEditsCache(capacity)
		caches, naive := make([]*cachedEdits, 3), make([]naiveCache, 3)
		for i := range caches {
			caches[i] = newCachedEdits(shared)
		}
		var answers, copies [][]byte
		var misses, gave, stored int
		for range 600 {
			i := r.IntN(len(caches))
			c, n := caches[i], &naive[i]
			next := n.end() + 1
			switch dice := r.IntN(100); {
			case dice < 55:
				layout, first := n.layout, next
				if layout == 0 || r.IntN(60) == 0 {
					layout = -60 - int32(r.IntN(8))
				}
				if r.IntN(40) == 0 {
					first += storage.TxID(r.IntN(5))
				}
				batch := make([][]byte, 1+r.IntN(6))
				for k := range batch {
					size := r.IntN(60)
					if r.IntN(200) == 0 {
						size = r.IntN(int(capacity))
					}
					batch[k] = op(first+storage.TxID(k), size, byte(r.IntN(256)))
				}
				joined := bytes.Join(batch, nil)
				c.store(layout, first, int64(len(batch)), joined)
				n.store(layout, first, batch)
				if fits := int64(len(joined)) <= capacity; fits != (len(c.chunks) > 0) {
					t.Fatalf("seed %d: a batch of %d bytes, capacity %d: %d chunks", seed, len(joined), capacity, len(c.chunks))
				}
				stored++
				clear(joined) // the cache has its own copy
			case dice < 60:
				first := n.first + storage.TxID(r.IntN(len(n.ops)+2))
				c.dropFrom(first)
				n.dropFrom(first)
			case dice < 61:
				c.clear()
				n.dropFrom(n.first)
			default:
				since := n.first - 1 + storage.TxID(r.IntN(len(n.ops)+3))
				if len(c.chunks) > 0 && r.IntN(3) > 0 {
					since = c.chunks[0].first + storage.TxID(r.IntN(int(n.end()-c.chunks[0].first)+1))
				}
				last := min(since+storage.TxID(r.IntN(20)), max(n.end(), since))
				e, err := c.retrieve(since, last)
				if err != nil {
					if here := len(c.chunks) > 0 && since >= c.chunks[0].first && since <= n.end(); here || javaerr.ClassOf(err) != javaerr.CacheMiss {
						t.Fatalf("seed %d: %d to %d of %d to %d: %v", seed, since, last, n.first, n.end(), err)
					}
					misses++
					continue
				}
				got := bytes.Join(e.Parts, nil)
				if want := n.bytes(since, e.Count); !bytes.Equal(got, want) || e.Bytes != int64(len(want)) {
					t.Fatalf("seed %d: %d from %d on: %d bytes, want %d", seed, e.Count, since, len(got), len(want))
				}
				whole := e.Count == int64(last-since)+1
				if !whole && e.Bytes+int64(len(n.ops[int64(since-n.first)+e.Count])) <= maxEditsAnswer {
					t.Fatalf("seed %d: %d transactions of %d to %d, %d bytes", seed, e.Count, since, last, e.Bytes)
				}
				gave++
				answers, copies = append(answers, e.Parts...), append(copies, got)
			}
			checkCache(t, shared, caches, naive)
		}
		if got := bytes.Join(answers, nil); !bytes.Equal(got, bytes.Join(copies, nil)) {
			t.Fatalf("seed %d: answers have changed", seed)
		}
		if misses == 0 || gave == 0 || stored == 0 {
			t.Fatalf("seed %d: %d misses, %d answers, %d batches: the history tests nothing", seed, misses, gave, stored)
		}
	}
}

// TestEditsCacheMisses: the texts of Java's CacheMissException and its amounts, in the order of its checks.
func TestEditsCacheMisses(t *testing.T) {
	const size = 100
	evicting := func(c *cachedEdits) { // 15 chunks of one operation
		for tx := storage.TxID(10); tx < 40; tx++ {
			c.put(tx, tx, size)
		}
	}
	const oldest = "Oldest txn ID available in the cache is 25, but requested txns starting at 12. The cache size " +
		"(dfs.journalnode.edit-cache-size.bytes) or cache fraction (dfs.journalnode.edit-cache-size.fraction) may need to be " +
		"increased to hold more transactions (currently 1500 bytes containing 15 transactions)"
	const empty = "Cache is empty; either it was never written to or the last write overflowed the cache capacity."
	for name, tc := range map[string]struct {
		history func(c *cachedEdits)
		since   storage.TxID
		text    string
		amount  int64
	}{
		"never written": {func(*cachedEdits) {}, 1, empty, 0},
		"began later":   {evicting, 7, "Cache started at txn ID 10 but requested txns starting at 7.", 3},
		"evicted":       {evicting, 12, oldest, 13},
		"behind its end": {evicting, 44, "Newest txn ID available in the cache is 39, but requested txns starting at 44.",
			5},
		"too large": {func(c *cachedEdits) { evicting(c); c.put(40, 55, size) }, 40, empty, 0},
		"just not too large": {func(c *cachedEdits) { evicting(c); c.put(40, 54, size) }, 12,
			strings.NewReplacer("is 25", "is 40").Replace(oldest), 28},
		"not contiguous": {func(c *cachedEdits) { evicting(c); c.put(50, 51, size) }, 39,
			"Cache started at txn ID 50 but requested txns starting at 39.", 11},
		"another layout": {func(c *cachedEdits) { evicting(c); c.store(-66, 40, 1, ops(40, 40, size)) }, 39,
			"Cache started at txn ID 40 but requested txns starting at 39.", 1},
		"cut":              {func(c *cachedEdits) { evicting(c); c.dropFrom(30) }, 30, "Newest txn ID available in the cache is 29, but requested txns starting at 30.", 1},
		"cut altogether":   {func(c *cachedEdits) { evicting(c); c.dropFrom(1) }, 30, empty, 0},
		"no operations":    {func(c *cachedEdits) { evicting(c); c.store(-67, 40, 1, []byte{1, 2, 3}) }, 39, empty, 0},
		"fewer operations": {func(c *cachedEdits) { evicting(c); c.store(-67, 40, 3, ops(40, 41, size)) }, 39, empty, 0},
		"more operations":  {func(c *cachedEdits) { evicting(c); c.store(-67, 40, 1, ops(40, 41, size)) }, 39, empty, 0},
		"no bytes":         {func(c *cachedEdits) { evicting(c); c.store(-67, 40, 1, nil) }, 39, empty, 0},
		"other txids":      {func(c *cachedEdits) { evicting(c); c.store(-67, 40, 2, ops(41, 42, size)) }, 39, empty, 0},
		"no lengths":       {func(c *cachedEdits) { evicting(c); c.store(-55, 40, 1, ops(40, 40, size)) }, 39, empty, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCachedEdits(NewEditsCache(15 * size))
			tc.history(c)
			_, err := c.retrieve(tc.since, tc.since+100)
			var m *cacheMiss
			if !errors.As(err, &m) || m.text != tc.text || m.amount != tc.amount {
				t.Errorf("got  %+v\nwant %s (%d)", m, tc.text, tc.amount)
			}
			if javaerr.ClassOf(err) != "org.apache.hadoop.hdfs.qjournal.server.JournaledEditsCache$CacheMissException" {
				t.Errorf("class %s", javaerr.ClassOf(err))
			}
			if n := c.shared.Used(); n > c.shared.Capacity() {
				t.Errorf("%d bytes", n)
			}
		})
	}
}

// TestEditsCacheTells: what is lost is told once, not with each batch that cannot be cached.
func TestEditsCacheTells(t *testing.T) {
	c := newCachedEdits(NewEditsCache(10_000))
	for i, step := range []struct {
		told string
		want string
	}{
		{c.put(1, 2, 100), ""},
		{c.put(3, 3, 100), ""},
		{c.put(5, 5, 100), "it ended at txid 3, the next batch begins at 5"},
		{c.store(-68, 6, 1, ops(6, 6, 100)), "layout version -68 follows on -67"},
		{c.store(-68, 7, 1, []byte("x")), "the batch of 1 transactions at txid 7 cannot be cut into operations"},
		{c.store(-68, 8, 1, []byte("x")), ""},
		{c.store(-68, 9, 200, ops(9, 208, 100)), ""},
		{c.store(-68, 209, 1, ops(209, 209, 100)), ""},
		{c.store(-68, 210, 200, ops(210, 409, 100)), "has 20000 bytes, more than the capacity of 10000"},
		{c.store(-50, 410, 1, nil), ""},
	} {
		if !strings.Contains(step.told, step.want) || step.want == "" && step.told != "" {
			t.Errorf("step %d: told %q, want %q", i, step.told, step.want)
		}
	}
	var off *cachedEdits
	off.dropFrom(1)
	off.clear()
	if told := off.store(-67, 1, 1, nil); told != "" {
		t.Errorf("a cache that is off tells %q", told)
	}
}

// TestEditsCacheShares: all journals share one capacity. A journal that is written takes from those that have the most, and
// of an idle one something stays.
func TestEditsCacheShares(t *testing.T) {
	shared := NewEditsCache(8 << 20)
	caches := make([]*cachedEdits, 11)
	next := make([]storage.TxID, len(caches))
	for i := range caches {
		caches[i], next[i] = newCachedEdits(shared), 1
	}
	write := func(i int) {
		caches[i].put(next[i], next[i]+99, 200)
		next[i] += 100
		if n := shared.Used(); n > shared.Capacity() {
			t.Fatalf("%d bytes of %d", n, shared.Capacity())
		}
	}
	write(10) // and never again
	for range 500 {
		write(0)
	}
	if alone := caches[0].memory; alone < 7<<20 {
		t.Errorf("a journal that is alone has %d bytes", alone)
	}
	for range 150 {
		for i := range 10 {
			write(i)
		}
	}
	for i, c := range caches[:10] {
		if c.memory < shared.Capacity()/20 || c.memory > shared.Capacity()/5 {
			t.Errorf("journal %d of ten has %d bytes of %d", i, c.memory, shared.Capacity())
		}
	}
	if e, err := caches[10].retrieve(1, 100); err != nil || e.Count != 100 {
		t.Errorf("the idle journal: %d transactions, %v", e.Count, err)
	}
	for _, c := range caches {
		c.clear()
	}
	if shared.used != 0 || len(shared.users) != 0 {
		t.Errorf("%d bytes of %d journals are left", shared.used, len(shared.users))
	}
}

// TestEditsCacheFills: little of the memory is not used, for batches of any size, but for operations of odd lengths.
func TestEditsCacheFills(t *testing.T) {
	for _, size := range []int{50, 300, 5_000, 40_000, 200_000, 300_000} {
		for _, count := range []storage.TxID{1, 7, 100} {
			if size*int(count) > 2<<20 {
				continue
			}
			c := newCachedEdits(NewEditsCache(8 << 20))
			next := storage.TxID(1)
			for range (20<<20)/(size*int(count)) + 1 {
				c.put(next, next+count-1, size)
				next += count
			}
			payload := 0
			for _, k := range c.chunks {
				payload += len(k.data)
			}
			if least := int64(15 << 19); c.memory < least || size <= 40_000 && int64(payload) < least*8/10 || payload < 5<<20 {
				t.Errorf("operations of %d bytes, %d at a time: %d bytes in %d", size, count, payload, c.memory)
			}
		}
	}
}

// TestEditsCacheAnswerSize: an answer ends before maxEditsAnswer, but for one operation that is longer.
func TestEditsCacheAnswerSize(t *testing.T) {
	c := newCachedEdits(NewEditsCache(64 << 20))
	c.put(1, 20_000, 300)
	c.put(20_001, 20_001, maxEditsAnswer+1)
	c.put(20_002, 20_003, 300)
	for since, want := range map[storage.TxID]int64{
		1: (maxEditsAnswer - 8) / 300, 10_000: 10_001, 20_000: 1, 20_001: 1, 20_002: 2,
	} {
		e, err := c.retrieve(since, 20_003)
		if err != nil || e.Count != want {
			t.Errorf("%d from %d on, want %d (%v)", e.Count, since, want, err)
		}
		if n := len(bytes.Join(e.Parts, nil)); int64(n) != e.Bytes || e.Holds < e.Bytes-8 {
			t.Errorf("%d bytes, %d told, %d held", n, e.Bytes, e.Holds)
		}
	}
}

// TestEditsCacheRaces: readers of all journals while each has its writer and little memory is there. Each answer is what was
// written, of one history.
func TestEditsCacheRaces(t *testing.T) {
	shared := NewEditsCache(40_000)
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		c := newCachedEdits(shared)
		writers.Go(func() {
			r := rand.New(rand.NewPCG(1, 2))
			next, size := storage.TxID(1), 90
			for range 3000 {
				switch r.IntN(40) {
				case 0:
					next -= storage.TxID(r.IntN(20))
					next = max(next, 1)
					size = 50 + r.IntN(100) // what is cut is written anew, otherwise
					c.dropFrom(next)
				case 1:
					c.clear()
				}
				n := storage.TxID(1 + r.IntN(30))
				c.put(next, next+n-1, size)
				next += n
			}
		})
		readers.Go(func() {
			r := rand.New(rand.NewPCG(3, 4))
			since := storage.TxID(1)
			for {
				select {
				case <-stop:
					return
				default:
				}
				e, err := c.retrieve(since, since+storage.TxID(r.IntN(100)))
				if err != nil {
					if _, scanErr := fmt.Sscanf(err.Error(), "Oldest txn ID available in the cache is %d,", &since); scanErr != nil {
						since = 1
					}
					continue
				}
				all := bytes.Join(e.Parts, nil)
				s, err := editlog.ScanSegment(bytes.NewReader(all), int64(len(all)))
				if err != nil || s.Txns != e.Count || s.First != since || s.EndOffset != int64(len(all)) {
					t.Errorf("%d from %d on: %+v, %v", e.Count, since, s, err)
					return
				}
				since += storage.TxID(e.Count)
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	if n := shared.Used(); n > shared.Capacity() {
		t.Errorf("%d bytes", n)
	}
}
