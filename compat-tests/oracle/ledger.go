// Package oracle judges from the outside whether a cluster kept what it acknowledged. It has its own parser of edits
// files and imports nothing of the JournalNode that it judges.
package oracle

import (
	"os"
	"slices"
	"sync"
)

// State is one possible condition of an object: a path with a mode, or gone.
type State struct {
	Path string
	Mode os.FileMode // permission bits
	Gone bool
	// Torn says that the file's creation was not acknowledged: its length is any prefix of the content.
	Torn bool
}

// Object is a directory or a file that a client has made. It has one state when every operation on it was
// acknowledged, and two when the outcome of the last one is unknown; nothing is done with an object after that.
type Object struct {
	Dir     bool
	Content []byte // of a file
	States  []State
}

// Certain tells whether the object's state is known, and that state.
func (o *Object) Certain() (State, bool) {
	if len(o.States) != 1 {
		return State{}, false
	}
	return o.States[0], true
}

// Ack is an operation that a NameNode acknowledged, by the name that Hadoop's edits viewer gives it.
type Ack struct {
	OpCode string // for example "OP_MKDIR"
	Path   string
	Target string // of a rename; the decimal mode of a chmod
}

// Ledger is the clients' record of what they did. All methods may be called at the same time; an Object belongs to
// the client that added it until all clients have ended.
type Ledger struct {
	mu      sync.Mutex
	objects []*Object
	acks    []Ack
	began   []int // for each of acks, how many there were when its operation began
	unknown []int // for each operation of unknown outcome, how many of acks there were when it began
}

// Add records a new object.
func (l *Ledger) Add(o *Object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.objects = append(l.objects, o)
}

// Begin marks the begin of an operation, for [Ledger.AcknowledgeSince] and [Ledger.Unknown].
func (l *Ledger) Begin() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acks)
}

// AcknowledgeSince records acknowledged operations which began at the mark: all that was acknowledged before it has
// lower txids.
func (l *Ledger) AcknowledgeSince(mark int, acks ...Ack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ack := range acks {
		l.acks, l.began = append(l.acks, ack), append(l.began, mark)
	}
}

// Acknowledge records acknowledged operations of which nobody knows when they began.
func (l *Ledger) Acknowledge(acks ...Ack) { l.AcknowledgeSince(0, acks...) }

// Unknown counts an operation which began at the mark and whose outcome the client does not know.
func (l *Ledger) Unknown(mark int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unknown = append(l.unknown, mark)
}

// UnknownSince returns how many operations of unknown outcome began when so many were acknowledged, or later.
func (l *Ledger) UnknownSince(acknowledged int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, mark := range l.unknown {
		if mark >= acknowledged {
			n++
		}
	}
	return n
}

// Counts returns how many operations were acknowledged and how many have an unknown outcome.
func (l *Ledger) Counts() (acknowledged, unknown int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acks), len(l.unknown)
}

// Objects returns a copy of the list of objects.
func (l *Ledger) Objects() []*Object {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.objects)
}

// Acks returns a copy of the list of acknowledged operations.
func (l *Ledger) Acks() []Ack {
	acks, _ := l.history()
	return acks
}

// history returns copies of the acknowledged operations and, for each, how many there were when it began.
func (l *Ledger) history() (acks []Ack, began []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acks), slices.Clone(l.began)
}
