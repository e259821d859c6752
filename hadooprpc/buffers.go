package hadooprpc

import "sync"

// Frames and answers up to 64 KiB live in pooled buffers of four sizes. Larger ones come from the heap and are dropped after
// use, so that resident memory falls again after a large call.
var bufferSizes = [...]int{512, 4 << 10, 16 << 10, 64 << 10}

var bufferPools [len(bufferSizes)]sync.Pool // of *[]byte, nil at first; they hold memory only, no state

// getBuffer returns an empty buffer of capacity n or more; a pointer, so that pooling it allocates nothing.
func getBuffer(n int) *[]byte {
	for i, size := range bufferSizes {
		if n > size {
			continue
		}
		if b, ok := bufferPools[i].Get().(*[]byte); ok {
			return b
		}
		b := make([]byte, 0, size)
		return &b
	}
	b := make([]byte, 0, n)
	return &b
}

// putBuffer takes a buffer back; nobody may use it any more.
func putBuffer(b *[]byte) {
	if b == nil {
		return
	}
	for i, size := range bufferSizes {
		if cap(*b) == size {
			*b = (*b)[:0]
			bufferPools[i].Put(b)
			return
		}
	}
}
