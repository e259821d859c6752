package vfs

// memSpace bounds what a Mem may hold. Blocks are counted as processes see them: what a truncation or a removal frees can be
// used at once, as on tmpfs; journaling file systems give it out after their next commit, which a sync forces.
type memSpace struct {
	limited        bool
	blocks, inodes int64
	short          error
}

// SetSpace bounds the file system: whole blocks of 4096 bytes for data that is not a hole, and files and directories, the
// root among them. Beyond it what would need more fails with short, syscall.ENOSPC or syscall.EDQUOT; a write does what fits
// before. nil as short lifts the bounds. What is there already stays; Statfs tells what is left.
func (m *Mem) SetSpace(bytes, inodes int64, short error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.space = memSpace{limited: short != nil, blocks: bytes / blockSize, inodes: inodes, short: short}
}

// Used tells what counts against the bounds of SetSpace.
func (m *Mem) Used() (bytes, inodes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	blocks, inodes := m.used()
	return blocks * blockSize, inodes
}

// used walks the tree: a file counts once, whatever its names; one without a name does not.
func (m *Mem) used() (blocks, inodes int64) {
	seen := map[*node]bool{}
	var count func(n *node)
	count = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		inodes++
		blocks += int64(len(n.now))
		for _, child := range n.entries {
			count(child)
		}
	}
	count(m.root)
	return blocks, inodes
}

// inode fails if there is none left.
func (m *Mem) inode() error {
	if !m.space.limited {
		return nil
	}
	if _, inodes := m.used(); inodes >= m.space.inodes {
		return m.space.short
	}
	return nil
}

// room tells how many of the n bytes from off can be written to a file, and what the rest fails with.
func (m *Mem) room(c *content, off int64, n int) (int, error) {
	if !m.space.limited {
		return n, nil
	}
	used, _ := m.used()
	free := m.space.blocks - used
	for i := off / blockSize; i*blockSize < off+int64(n); i++ {
		if c.now[i] != nil {
			continue
		}
		if free--; free < 0 {
			return int(max(i*blockSize-off, 0)), m.space.short
		}
	}
	return n, nil
}

// free is what Statfs tells of a bounded file system.
func (m *Mem) free(info FSInfo) FSInfo {
	if !m.space.limited {
		return info
	}
	blocks, inodes := m.used()
	info.TotalBytes = uint64(m.space.blocks * blockSize)
	info.FreeBytes = uint64(max(m.space.blocks-blocks, 0) * blockSize)
	info.FreeInodes = uint64(max(m.space.inodes-inodes, 0))
	return info
}
