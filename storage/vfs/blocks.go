package vfs

import (
	"bytes"
	"maps"
	"math"
)

// blockSize is the unit in which Mem keeps data and a failed sync loses it, like a page of the page cache. sectorSize is the
// unit in which what was not synced survives a power cut or not.
const (
	blockSize  = 4096
	sectorSize = 512
)

// content is the data of a file in memory twice: as processes see it and as it is on the disk. Blocks are shared between
// the two until one is written, and never changed while shared. A missing block is zeros. A block that differs and is not
// dirty was lost by a failed sync.
type content struct {
	now, disk        map[int64]*block
	dirty            map[int64]struct{} // blocks that the next sync writes
	size, sizeOnDisk int64
}

type block [blockSize]byte

// preallocated is what segments are filled up with. Most blocks of a journal are that, so they share one.
var preallocated = func() *block {
	b := new(block)
	for i := range b {
		b[i] = 0xff
	}
	return b
}()

func newContent() content {
	return content{now: map[int64]*block{}, disk: map[int64]*block{}, dirty: map[int64]struct{}{}}
}

func (c *content) readAt(b []byte, off int64) int {
	if off >= c.size {
		return 0
	}
	b = b[:min(int64(len(b)), c.size-off)]
	for n := 0; n < len(b); {
		i, at := (off+int64(n))/blockSize, (off+int64(n))%blockSize
		part := b[n:min(len(b), n+int(blockSize-at))]
		if blk := c.now[i]; blk != nil {
			copy(part, blk[at:])
		} else {
			clear(part)
		}
		n += len(part)
	}
	return len(b)
}

func (c *content) writeAt(b []byte, off int64) {
	for n := 0; n < len(b); {
		i, at := (off+int64(n))/blockSize, (off+int64(n))%blockSize
		if at == 0 && bytes.HasPrefix(b[n:], preallocated[:]) {
			c.now[i] = preallocated
			c.dirty[i] = struct{}{}
			n += blockSize
			continue
		}
		n += copy(c.own(i)[at:], b[n:])
	}
	c.size = max(c.size, off+int64(len(b)))
}

// own gives block i for writing: one that nobody shares.
func (c *content) own(i int64) *block {
	blk := c.now[i]
	if blk == nil {
		blk = new(block)
	} else if blk == preallocated || c.disk[i] == blk {
		dup := *blk
		blk = &dup
	}
	c.now[i] = blk
	c.dirty[i] = struct{}{}
	return blk
}

func (c *content) truncate(size int64) {
	if size < c.size {
		for i := range c.now {
			if i*blockSize >= size {
				delete(c.now, i)
				c.dirty[i] = struct{}{}
			}
		}
		if at := size % blockSize; at != 0 && c.now[size/blockSize] != nil {
			clear(c.own(size / blockSize)[at:])
		}
	}
	c.size = size
}

// readDisk is readAt for what is on the disk, up to the length that processes see.
func (c *content) readDisk(b []byte, off int64) int {
	disk := content{now: c.disk, size: c.size}
	return disk.readAt(b, off)
}

// lose marks what was written clean; on the disk are those blocks of it that keep chooses. Blocks that were cut off and the
// length are no data: they stay dirty.
func (c *content) lose(keep func() bool) {
	for _, i := range sortedKeys(c.dirty) {
		switch {
		case c.now[i] == nil:
		case keep != nil && keep():
			c.syncBlock(i)
		default:
			delete(c.dirty, i)
		}
	}
}

// uncache drops the blocks that are not dirty from memory: reading shows the disk's. It tells whether that was all.
func (c *content) uncache() bool {
	for _, blocks := range []map[int64]*block{c.now, c.disk} {
		for _, i := range sortedKeys(blocks) {
			if _, dirty := c.dirty[i]; dirty {
				continue
			}
			if blk := c.disk[i]; blk != nil {
				c.now[i] = blk
			} else {
				delete(c.now, i)
			}
		}
	}
	return len(c.dirty) == 0
}

// sync puts on the disk what is dirty.
func (c *content) sync() {
	for i := range c.dirty {
		c.syncBlock(i)
	}
	c.sizeOnDisk = c.size
}

// syncRange puts n bytes from off on the disk, as a write with O_DSYNC does.
func (c *content) syncRange(off int64, n int) {
	for i := off / blockSize; i*blockSize < off+int64(n); i++ {
		c.syncBlock(i)
	}
	c.sizeOnDisk = c.size
}

func (c *content) syncBlock(i int64) {
	if blk := c.now[i]; blk != nil {
		c.disk[i] = blk
	} else {
		delete(c.disk, i)
	}
	delete(c.dirty, i)
}

// torn is a block of which keep chooses the new sectors. Neither block is changed or shared: a file may go on being written.
func torn(before, now *block, keep func() bool) *block {
	left := new(block)
	if before != nil {
		*left = *before
	}
	for at := 0; at < blockSize; at += sectorSize {
		old, sector := left[at:at+sectorSize], now[at:at+sectorSize]
		if !bytes.Equal(old, sector) && keep() {
			copy(old, sector)
		}
	}
	return left
}

// afterCrash is what a crash leaves: what is on the disk, and of the rest what keep chooses. It is all on disk then.
// The file's new length and each sector that differs are chosen by themselves: a length without its data reads as zeros. Of
// blocks that were preallocated or cut off, all or nothing is left.
func (c *content) afterCrash(keep func() bool) content {
	left := content{now: maps.Clone(c.disk), disk: map[int64]*block{}, dirty: map[int64]struct{}{}, size: c.sizeOnDisk}
	if c.size != c.sizeOnDisk && keep() {
		left.size = c.size
	}
	for _, i := range sortedKeys(c.dirty) {
		blk := c.now[i]
		switch {
		case blk != nil && blk != preallocated:
			left.now[i] = torn(c.disk[i], blk, keep)
		case !keep():
		case blk == nil:
			delete(left.now, i)
		default:
			left.now[i] = blk
		}
	}
	// What lies behind the end is gone, and must not come back when the file grows again.
	size := left.size
	left.disk = maps.Clone(left.now)
	left.size = math.MaxInt64
	left.truncate(size)
	left.sync()
	return left
}
