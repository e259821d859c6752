package jnserver

import "slices"

// OnDisk are the ids of the formatted journals that FindJournals saw at start, sorted.
func (n *Node) OnDisk() []string { return slices.Clone(n.onDisk) }
