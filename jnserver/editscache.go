package jnserver

import (
	"math/bits"
	"slices"
	"sync"

	"gojn/storage"
)

// EditsCache is the memory in which the journals of a process keep their newest edits for getJournaledEdits. Java has one
// JournaledEditsCache of its own for each journal; here all of them share one budget.
//
// A journal's edits lie in chunks, each an allocation of its own that holds whole operations one behind the other. A chunk is
// filled by the journal's writer and never written again where it was shown, so that answers refer to it without a copy. It is
// the unit in which memory is freed: when the chunks together need more than the capacity, the journal that has the most loses
// its oldest chunk. Chunks are as large as a quarter of what their journal has, 4 to 256 KiB, and a sixteenth of the capacity at
// most; but an operation longer than that has one of its length.
//
// What counts is the chunks, also as far as they are not filled. Not counted is what the answers on their way refer to and the
// cache has let go of, which the server's AnswerMemory bounds, and what the garbage collector has not freed yet.
type EditsCache struct {
	capacity int64

	// mu is held to link and unlink chunks and to look them up, never while edits are copied or read. It guards all below and
	// what cachedEdits says.
	mu    sync.Mutex
	used  int64          // the sum of all memory
	users []*cachedEdits // those with memory
}

const (
	minEditsChunk = 4 << 10
	maxEditsChunk = 256 << 10
)

// NewEditsCache makes a cache that holds up to capacity bytes, at least 1.
func NewEditsCache(capacity int64) *EditsCache { return &EditsCache{capacity: max(capacity, 1)} }

// Capacity is the bound in bytes, and Used what is held of it now.
func (c *EditsCache) Capacity() int64 { return c.capacity }

// Used is never above Capacity.
func (c *EditsCache) Used() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}

// chunkSize is the size of the next chunk of a journal that has memory already.
func (c *EditsCache) chunkSize(memory int64) int {
	size := int64(1) << bits.Len64(uint64(memory/4)|1) / 2
	return int(max(1, min(max(size, minEditsChunk), maxEditsChunk, c.capacity/16)))
}

// reserve counts n more bytes as user's, after others or itself have lost chunks as needed. It reports false, and counts
// nothing, if nobody has one to lose. mu is held.
func (c *EditsCache) reserve(user *cachedEdits, n int64) bool {
	for c.used+n > c.capacity {
		if !c.evict() {
			return false
		}
	}
	c.count(user, n)
	return true
}

// evict takes the oldest chunk of the journal that has the most memory.
func (c *EditsCache) evict() bool {
	var most *cachedEdits
	for _, u := range c.users {
		if u.canLose() && (most == nil || u.memory > most.memory) {
			most = u
		}
	}
	if most == nil {
		return false
	}
	lost := most.chunks[0]
	most.chunks[0] = nil
	most.chunks = most.chunks[1:]
	c.count(most, -lost.memory)
	return true
}

func (c *EditsCache) count(user *cachedEdits, n int64) {
	was := user.memory
	user.memory += n
	c.used += n
	switch {
	case was == 0 && user.memory > 0:
		c.users = append(c.users, user)
	case was > 0 && user.memory == 0:
		i := slices.Index(c.users, user)
		c.users = slices.Delete(c.users, i, i+1)
	}
}

// editsChunk holds the operations first to first+len-1. It is replaced, never changed, but that the writer adds behind the
// bytes that data has.
type editsChunk struct {
	first  storage.TxID
	count  int64
	data   []byte // its capacity is what may still be filled
	memory int64  // of the allocation
}

func (k *editsChunk) end() storage.TxID { return k.first + storage.TxID(k.count) - 1 }

func (k *editsChunk) room() int { return cap(k.data) - len(k.data) }
