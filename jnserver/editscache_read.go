package jnserver

import (
	"fmt"
	"slices"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/editlog"
)

// maxEditsAnswer bounds the edits in one answer, but for a single operation that is longer. A standby asks for up to 5000
// transactions at a time, some MiB, and goes on from where an answer ends.
const maxEditsAnswer = 4 << 20

// JournaledEdits is an answer to getJournaledEdits.
type JournaledEdits struct {
	// Count is the number of transactions in Parts.
	Count int64
	// Parts are the header of a segment and whole operations; nil if there is nothing new. They lie in the cache and never
	// change.
	Parts [][]byte
	// Bytes is the length of Parts, Holds that of the memory that they keep from being freed.
	Bytes, Holds int64
}

// cacheMiss is Java's JournaledEditsCache.CacheMissException. A NameNode then reads the segments by HTTP.
type cacheMiss struct {
	text   string
	amount int64 // transactions between what was asked for and what is here
}

func (m *cacheMiss) Error() string     { return m.text }
func (m *cacheMiss) JavaClass() string { return string(javaerr.CacheMiss) }

func miss(amount storage.TxID, format string, args ...any) error {
	return &cacheMiss{text: fmt.Sprintf(format, args...), amount: int64(amount)}
}

// retrieve gives the transactions from since to last, or as many of them from since on as are here and may go into an answer,
// at least one (Java retrieveEdits). What it refers to stays as it is, whatever becomes of the cache. The error is a
// cacheMiss, or tells that last is below since, which Java finds out last too.
func (c *cachedEdits) retrieve(since, last storage.TxID) (JournaledEdits, error) {
	header, chunks, err := c.lookup(since, last)
	if err != nil {
		return JournaledEdits{}, err
	}
	if last < since {
		return JournaledEdits{}, javaerr.New(javaerr.IOException, "at least one transaction must be asked for")
	}
	e := JournaledEdits{Parts: make([][]byte, 1, 1+len(chunks)), Bytes: int64(len(header))}
	e.Parts[0] = header
	for _, k := range chunks {
		data, first := k.data, k.first
		if first < since {
			data = data[editlog.Skip(data, int64(since-first)):]
			first = since
		}
		count := int64(k.end()-first) + 1
		if k.end() > last {
			count = int64(last-first) + 1
			data = data[:editlog.Skip(data, count)]
		}
		if room := maxEditsAnswer - int(e.Bytes); len(data) > room {
			length, n := editlog.Fit(data, room)
			if n == 0 && e.Count == 0 {
				length, n = editlog.Skip(data, 1), 1
			}
			data, count = data[:length], n
		}
		if count == 0 {
			break
		}
		e.Parts = append(e.Parts, data[:len(data):len(data)])
		e.Count += count
		e.Bytes += int64(len(data))
		e.Holds += k.memory
		if first+storage.TxID(count) <= k.end() {
			break
		}
	}
	return e, nil
}

// endsAt tells whether nothing behind last is cached.
func (c *cachedEdits) endsAt(last storage.TxID) bool {
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	n := len(c.chunks)
	return n == 0 || c.chunks[n-1].end() <= last
}

// lookup gives the chunks that hold since and what follows up to last, or up to more than goes into an answer.
func (c *cachedEdits) lookup(since, last storage.TxID) (header []byte, found []*editsChunk, err error) {
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	n := len(c.chunks)
	if n == 0 {
		return nil, nil, miss(0, "Cache is empty; either it was never written to or the last write overflowed the cache capacity.")
	}
	first, end := c.chunks[0].first, c.chunks[n-1].end()
	switch {
	case since < c.initial:
		return nil, nil, miss(c.initial-since, "Cache started at txn ID %d but requested txns starting at %d.", c.initial, since)
	case since < first:
		return nil, nil, miss(first-since, "Oldest txn ID available in the cache is %d, but requested txns starting at %d. "+
			"The cache size (dfs.journalnode.edit-cache-size.bytes) or cache fraction (dfs.journalnode.edit-cache-size.fraction) "+
			"may need to be increased to hold more transactions (currently %d bytes containing %d transactions)",
			first, since, c.shared.capacity, end-first+1)
	case since > end:
		return nil, nil, miss(since-end, "Newest txn ID available in the cache is %d, but requested txns starting at %d.", end, since)
	}
	from, _ := slices.BinarySearchFunc(c.chunks, since, func(k *editsChunk, t storage.TxID) int {
		switch {
		case k.end() < t:
			return -1
		case k.first > t:
			return 1
		}
		return 0
	})
	to, size := from+1, 0 // of the first chunk, as little as one operation may be wanted
	for to < n && c.chunks[to].first <= last && size <= maxEditsAnswer {
		size += len(c.chunks[to].data)
		to++
	}
	return c.header, slices.Clone(c.chunks[from:to]), nil
}
