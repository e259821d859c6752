package jnserver

import (
	"fmt"
	"slices"

	"gojn/storage"
	"gojn/storage/editlog"
)

// cachedEdits are the newest edits of one journal (Java qjournal.server.JournaledEditsCache): operations without a gap, each
// either committed, or durable here and written by the one who holds the present promise. It has its own copy of them. A nil
// one is a cache that is off.
//
// store, dropFrom and clear are the journal's, called with its lock held; retrieve may come at any time.
type cachedEdits struct {
	shared *EditsCache
	silent bool // it has told that batches cannot be cached, and has cached none since

	// Guarded by shared.mu. Other journals may take the first of the chunks, but not the last one while adding.
	layout  int32
	header  []byte // of a segment of that layout
	chunks  []*editsChunk
	memory  int64
	initial storage.TxID // where the cache began, whatever was evicted since; valid if there are chunks
	adding  bool
}

func newCachedEdits(shared *EditsCache) *cachedEdits {
	if shared == nil {
		return nil
	}
	return &cachedEdits{shared: shared}
}

// canLose tells whether there is a chunk to evict: the one that is being filled is none.
func (c *cachedEdits) canLose() bool {
	return len(c.chunks) > 1 || len(c.chunks) == 1 && !c.adding
}

// store adds a batch that is durable here or known to be committed (Java storeEdits). One that does not go on where the cache
// ends, or of another layout, begins it anew. One that is no sequence of operations first, first+1 .. cannot be cut, and one
// that is larger than the whole capacity does not fit: the cache is empty then. The reason is told if something was lost that
// Java would not have let go too, or for the first of several such batches.
func (c *cachedEdits) store(layout int32, first storage.TxID, count int64, records []byte) (lost string) {
	if c == nil {
		return ""
	}
	if reason := c.unfit(layout, first, count, records); reason != "" {
		c.clear()
		if c.silent {
			return ""
		}
		c.silent = true
		return reason
	}
	c.silent = false
	lost = c.begin(layout, first)
	if !c.add(first, count, records) {
		c.addAlone(first, count, records)
	}
	return lost
}

func (c *cachedEdits) unfit(layout int32, first storage.TxID, count int64, records []byte) string {
	if !editlog.HasLengths(layout) {
		return fmt.Sprintf("layout version %d has operations without a length", layout)
	}
	reason := ""
	if int64(len(records)) > c.shared.capacity {
		reason = fmt.Sprintf("has %d bytes, more than the capacity of %d", len(records), c.shared.capacity)
	} else if err := editlog.CheckBatch(records, first, count); err != nil {
		reason = fmt.Sprintf("cannot be cut into operations: %v", err)
	}
	if reason == "" {
		return ""
	}
	return fmt.Sprintf("the batch of %d transactions at txid %d %s", count, first, reason)
}

// begin prepares for a batch that starts at first: what it does not go on from goes.
func (c *cachedEdits) begin(layout int32, first storage.TxID) (lost string) {
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	if n := len(c.chunks); n > 0 {
		end := c.chunks[n-1].end()
		switch {
		case c.layout != layout:
			lost = fmt.Sprintf("layout version %d follows on %d", layout, c.layout)
		case end+1 != first:
			lost = fmt.Sprintf("it ended at txid %d, the next batch begins at %d", end, first)
		}
		if lost != "" {
			c.removeFrom(0)
		}
	}
	if c.layout != layout || c.header == nil {
		c.layout, c.header = layout, editlog.AppendHeader(nil, layout)
	}
	if len(c.chunks) == 0 {
		c.initial = first
	}
	c.adding = true
	return lost
}

// add copies a batch behind the last chunk and into new ones. It reports false if there is no memory for them: the chunks of a
// small cache may have no room beside each other for a batch that has itself.
func (c *cachedEdits) add(first storage.TxID, count int64, records []byte) bool {
	c.shared.mu.Lock()
	last := c.last()
	size := c.shared.chunkSize(c.memory)
	c.shared.mu.Unlock()

	// As begin has set adding, the last chunk stays where it is.
	into, rest, n := 0, records, int64(0)
	if last != nil && len(records) <= last.room() {
		into, rest, n = len(records), nil, count
	} else if last != nil {
		into, n = editlog.Fit(records, last.room())
		rest = records[into:]
	}
	var parts []editsChunk // memory is set, data is what to copy
	var need int64
	for at := first + storage.TxID(n); len(rest) > 0; {
		length, k := editlog.Fit(rest, size)
		room := size
		if k == 0 {
			length, k = editlog.Skip(rest, 1), 1
			room = allocated(length)
		}
		parts = append(parts, editsChunk{first: at, count: k, data: rest[:length], memory: int64(room)})
		at, rest, need = at+storage.TxID(k), rest[length:], need+int64(room)
	}
	if !c.reserve(need, into > 0) {
		return false
	}
	chunks := make([]*editsChunk, len(parts))
	for i, p := range parts {
		chunks[i] = p.filled()
	}
	var grown *editsChunk
	if into > 0 {
		data := append(last.data, records[:into]...) // beyond what anybody was shown
		grown = &editsChunk{first: last.first, count: last.count + n, data: data, memory: last.memory}
	}
	c.link(grown, chunks...)
	return true
}

// addAlone is add into one chunk of the batch's length, in place of everything that was there. The cache stays empty if other
// journals are adding just now and their chunks cannot go.
func (c *cachedEdits) addAlone(first storage.TxID, count int64, records []byte) {
	c.clear()
	if n := int64(len(records)); c.reserve(n, false) {
		k := editsChunk{first: first, count: count, data: records, memory: n}
		c.link(nil, k.filled())
	}
}

// allocated is what Go allocates for n bytes, a whole number of pages from 32 KiB on.
func allocated(n int) int {
	const page = 8 << 10
	if n > 4*page {
		n = (n + page - 1) &^ (page - 1)
	}
	return n
}

// filled makes the chunk that k describes.
func (k editsChunk) filled() *editsChunk {
	k.data = append(make([]byte, 0, k.memory), k.data...)
	return &k
}

// reserve counts n more bytes for what is being added; keep tells that the last chunk is needed for it.
func (c *cachedEdits) reserve(n int64, keep bool) bool {
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	c.adding = keep
	return c.shared.reserve(c, n)
}

// link shows what was added: grown in the place of the last chunk, and more behind it.
func (c *cachedEdits) link(grown *editsChunk, more ...*editsChunk) {
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	if grown != nil {
		c.chunks[len(c.chunks)-1] = grown
	}
	c.chunks = append(c.chunks, more...)
	c.adding = false
}

// last is the last chunk, nil if there is none. shared.mu is held.
func (c *cachedEdits) last() *editsChunk {
	if len(c.chunks) == 0 {
		return nil
	}
	return c.chunks[len(c.chunks)-1]
}

// dropFrom forgets first and all that follows it: it may not be in the log any more, or not the same.
func (c *cachedEdits) dropFrom(first storage.TxID) {
	if c == nil {
		return
	}
	c.shared.mu.Lock()
	at := slices.IndexFunc(c.chunks, func(k *editsChunk) bool { return k.end() >= first })
	if at < 0 {
		c.shared.mu.Unlock()
		return
	}
	cut := *c.chunks[at]
	c.removeFrom(at)
	c.shared.mu.Unlock()
	if cut.first >= first {
		return
	}
	cut.count = int64(first - cut.first)
	end := editlog.Skip(cut.data, cut.count)
	cut.data = cut.data[:end:end] // the room behind it is not used again: answers may refer to what is there

	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	if c.shared.used+cut.memory <= c.shared.capacity {
		c.shared.count(c, cut.memory)
		c.chunks = append(c.chunks, &cut)
	}
}

// clear forgets everything.
func (c *cachedEdits) clear() {
	if c == nil {
		return
	}
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	c.removeFrom(0)
	c.adding = false
}

// removeFrom unlinks the chunks from index at on. shared.mu is held.
func (c *cachedEdits) removeFrom(at int) {
	freed := int64(0)
	for i := at; i < len(c.chunks); i++ {
		freed += c.chunks[i].memory
		c.chunks[i] = nil
	}
	c.chunks = c.chunks[:at]
	if freed > 0 {
		c.shared.count(c, -freed)
	}
}
