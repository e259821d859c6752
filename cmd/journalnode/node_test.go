package main

import (
	"os"
	"testing"

	"gojn/storage/vfs"
)

// node is a JournalNode inside the test.
type node struct {
	*daemon
	log     *lineLog
	signals chan os.Signal
	ended   bool
}

// startHere starts a node that lasts as long as the test.
func startHere(t *testing.T, fsys vfs.FS, keys map[string]string) *node {
	t.Helper()
	settings, conf := configure(t, keys)
	n := &node{log: newLineLog(), signals: make(chan os.Signal, 2)}
	d, err := start(settings, conf, fsys, newLogger(n.log))
	must(t, err)
	n.daemon = d
	t.Cleanup(n.end)
	return n
}

// end stops the node and waits for it.
func (n *node) end() {
	if !n.ended {
		n.ended = true
		n.stop(newLogger(n.log), n.signals)
	}
}

func (n *node) addr() string { return n.rpcAddr.String() }

// gate holds up the operations of a file system that it is told to hold up.
type gate struct {
	hold    func(vfs.Op) bool
	waiting chan vfs.Op   // gets each operation that is held up
	open    chan struct{} // closed to let them go
}

func (g *gate) letGo() { close(g.open) }

func newGate(hold func(vfs.Op) bool) *gate {
	return &gate{hold: hold, waiting: make(chan vfs.Op, 1000), open: make(chan struct{})}
}

func (g *gate) on(fsys vfs.FS) vfs.FS {
	return vfs.Inject(fsys, func(op vfs.Op) error {
		if g.hold(op) {
			g.waiting <- op
			<-g.open
		}
		return nil
	})
}
