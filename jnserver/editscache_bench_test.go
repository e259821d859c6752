package jnserver

import (
	"fmt"
	"testing"

	"gojn/storage"
)

// BenchmarkEditsCacheStore is what a batch of operations of 200 bytes costs its writer beside the disk.
func BenchmarkEditsCacheStore(b *testing.B) {
	for _, count := range []storage.TxID{1, 50, 2600} {
		b.Run(fmt.Sprintf("%d operations", count), func(b *testing.B) {
			c := newCachedEdits(NewEditsCache(32 << 20))
			batch := ops(1, count, 200)
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			next := storage.TxID(1)
			for b.Loop() {
				b.StopTimer()
				renumber(batch, next)
				b.StartTimer()
				c.store(-67, next, int64(count), batch)
				next += count
			}
		})
	}
}

// renumber gives operations of 200 bytes the txids from first on.
func renumber(batch []byte, first storage.TxID) {
	for at := 0; at < len(batch); at += 200 {
		for i := range 8 {
			batch[at+5+i] = byte(uint64(first) >> (56 - 8*i))
		}
		first++
	}
}

// BenchmarkEditsCacheRetrieve looks up so many of 100,000 operations, in the middle of a chunk.
func BenchmarkEditsCacheRetrieve(b *testing.B) {
	c := newCachedEdits(NewEditsCache(64 << 20))
	for tx := storage.TxID(1); tx < 100_000; tx += 100 {
		c.put(tx, tx+99, 200)
	}
	for _, count := range []storage.TxID{1, 5000} {
		b.Run(fmt.Sprintf("%d operations", count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if e, err := c.retrieve(50_000, 50_000+count-1); err != nil || e.Count != int64(count) {
					b.Fatal(e.Count, err)
				}
			}
		})
	}
}
