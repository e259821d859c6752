package oracle

import (
	"bytes"
	"fmt"
	"slices"
)

// Copy is one JournalNode's directory.
type Copy struct {
	Node     string
	Segments []Segment
}

// ReadCopy reads the current/ directory of one node.
func ReadCopy(node, current string) (Copy, error) {
	segments, err := ReadJournal(current)
	return Copy{Node: node, Segments: segments}, err
}

// Without returns the copy without one transaction (for controls: an oracle that cannot fail proves nothing).
func (c Copy) Without(txid int64) Copy {
	less := Copy{Node: c.Node}
	for _, s := range c.Segments {
		s.Frames = slices.DeleteFunc(slices.Clone(s.Frames), func(f Frame) bool { return f.TxID == txid })
		less.Segments = append(less.Segments, s)
	}
	return less
}

// Live returns the copies without segments that were left behind. A segment in progress counts only while it can
// still be the writer's: no node has finalized it and its node has nothing later. Otherwise a recovery went on
// without this node, and its tail may hold what no quorum ever accepted.
func Live(copies []Copy) []Copy {
	finalized := make(map[int64]bool)
	for _, c := range copies {
		for _, s := range c.Segments {
			if !s.InProgress {
				finalized[s.First] = true
			}
		}
	}
	var live []Copy
	for _, c := range copies {
		l := Copy{Node: c.Node}
		for i, s := range c.Segments {
			if !s.InProgress || !finalized[s.First] && i == len(c.Segments)-1 {
				l.Segments = append(l.Segments, s)
			}
		}
		live = append(live, l)
	}
	return live
}

// WithoutStraggler returns the copies, as [Live] does, without a segment that ends before the given next one, which all
// nodes but one have finalized, and which that one has left in progress with the same beginning: a writer that dies may
// have finalized it with the others, and begun the next one, while a slower node was still behind with its edits. The
// recovery is of the next one alone. left is 0 if there is no such segment, else its first txid.
func WithoutStraggler(copies []Copy, next int64) (rest []Copy, left int64) {
	rest = Live(copies)
	var whole Segment
	finalized := 0
	for _, c := range rest {
		for _, s := range c.Segments {
			if !s.InProgress && s.Last+1 == next {
				whole = s
				finalized++
			}
		}
	}
	behind := false
	for _, c := range copies {
		if slices.ContainsFunc(c.Segments, func(s Segment) bool { return !s.InProgress && s.First == whole.First }) {
			continue // what it has in progress too was left behind
		}
		for _, s := range c.Segments {
			if s.InProgress && s.First == whole.First && bytes.Equal(s.Header, whole.Header) && s.begins(whole) {
				behind = true
			}
		}
	}
	if !behind || finalized != len(copies)-1 {
		return rest, 0
	}
	for i, c := range rest {
		rest[i].Segments = slices.DeleteFunc(c.Segments, func(s Segment) bool { return s.First == whole.First })
	}
	return rest, whole.First
}

// begins tells whether the other segment begins with the transactions of this one.
func (s Segment) begins(whole Segment) bool {
	return len(s.Frames) <= len(whole.Frames) &&
		slices.EqualFunc(s.Frames, whole.Frames[:len(s.Frames)], func(f, g Frame) bool { return bytes.Equal(f.Bytes, g.Bytes) })
}

// holding is what one node has at a txid.
type holding struct {
	node   string
	layout int32
	bytes  []byte
}

// index maps each txid to those that hold it.
func index(copies []Copy) map[int64][]holding {
	held := make(map[int64][]holding)
	for _, c := range copies {
		for _, s := range c.Segments {
			for _, f := range s.Frames {
				held[f.TxID] = append(held[f.TxID], holding{c.Node, s.LayoutVersion, f.Bytes})
			}
		}
	}
	return held
}

// CheckQuorum checks that each transaction from first to last (both acknowledged) lies on at least two nodes, and
// that every transaction which several nodes hold has the same bytes and layout version on all of them. It returns a
// problem per deviation, and how many transactions all nodes hold.
func CheckQuorum(copies []Copy, first, last int64) (onAll int, problems []string) {
	held := index(copies)
	for txid := first; txid <= last; txid++ {
		if n := len(held[txid]); n < 2 {
			problems = append(problems, fmt.Sprintf("acknowledged txid %d lies on %d of %d nodes", txid, n, len(copies)))
		}
	}
	for txid, holders := range held {
		if len(holders) == len(copies) {
			onAll++
		}
		for _, other := range holders[1:] {
			if other.layout != holders[0].layout || !bytes.Equal(other.bytes, holders[0].bytes) {
				problems = append(problems, fmt.Sprintf("txid %d differs between %s and %s", txid, holders[0].node, other.node))
			}
		}
	}
	return onAll, problems
}

// CheckSame checks that two directories hold the same segments with the same headers and transactions.
func CheckSame(a, b Copy) (transactions int, problems []string) {
	if len(a.Segments) != len(b.Segments) {
		return 0, []string{fmt.Sprintf("%s has segments %v, %s has %v", a.Node, names(a), b.Node, names(b))}
	}
	for i, s := range a.Segments {
		t := b.Segments[i]
		if s.Name != t.Name || !bytes.Equal(s.Header, t.Header) {
			problems = append(problems, fmt.Sprintf("%s: %s (header %x), %s: %s (header %x)",
				a.Node, s.Name, s.Header, b.Node, t.Name, t.Header))
			continue
		}
		if len(s.Frames) != len(t.Frames) || !s.begins(t) {
			problems = append(problems, fmt.Sprintf("%s differs between %s and %s", s.Name, a.Node, b.Node))
		}
		transactions += len(s.Frames)
	}
	return transactions, problems
}

func names(c Copy) []string {
	var all []string
	for _, s := range c.Segments {
		all = append(all, s.Name)
	}
	return all
}
