package hadooprpc

import "sync"

// Frames and answers up to 1 MiB live in pooled buffers of six sizes; the last has some room for headers. Larger ones come
// from the heap; their pages go back to the kernel after use. The garbage collector empties the pools of what is not used. So
// resident memory falls again after large calls.
var bufferSizes = [...]int{512, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1<<20 + 16<<10}

var bufferPools [len(bufferSizes)]sync.Pool // of *[]byte, nil at first; they hold memory only, no state

// bufferSize is the capacity of the buffer that getBuffer(n) returns.
func bufferSize(n int) int {
	for _, size := range bufferSizes {
		if n <= size {
			return size
		}
	}
	return n
}

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
	discard((*b)[:cap(*b)])
	*b = nil
}
