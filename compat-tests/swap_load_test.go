package compat_test

import (
	"sync/atomic"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// loadedTxns is how many transactions must be acknowledged before a node is killed.
const loadedTxns = 500

// load starts a writer for each state that wants one and returns when all have had enough acknowledged. They go on
// until the node is killed; end waits for that.
func (w *swapWay) load(node *hadoop.JournalNode) (end func()) {
	w.t.Helper()
	var loads []*swapLoad
	for _, state := range w.states {
		if state.load {
			conn := must(wire.Dial(w.ctx, node.RPC, wire.QJournalProtocol, "hdfs"))(w.t)
			loads = append(loads, startLoad(w.journals[state.name], &swapNode{node, conn}))
		}
	}
	for _, l := range loads {
		for l.enough.Load() == 0 && w.ctx.Err() == nil {
			select {
			case <-l.done:
				w.t.Fatalf("%s: the load has ended: %v", l.journal.jid, l.err)
			case <-time.After(time.Millisecond):
			}
		}
	}
	return func() {
		w.t.Helper()
		for _, l := range loads {
			<-l.done
			check(w.t, l.node.conn.Close())
			w.t.Logf("%s: %s was killed behind txid %d", l.journal.jid, node.Name, l.journal.last)
		}
	}
}

// swapLoad is a writer that goes on until its node dies. Nobody else uses the journal meanwhile.
type swapLoad struct {
	journal *swapJournal
	node    *swapNode
	enough  atomic.Int64
	done    chan struct{}
	err     error // what has ended it, once done is closed
}

// startLoad starts the writer: batches of one to five transactions, a new segment after each hundred.
func startLoad(j *swapJournal, n *swapNode) *swapLoad {
	l := &swapLoad{journal: j, node: n, done: make(chan struct{})}
	goal := j.next + loadedTxns
	go func() {
		defer close(l.done)
		for l.err == nil {
			if j.next-j.segment >= 100 {
				l.err = j.do(n, "finalize; start")
				continue
			}
			if l.err = j.write(n, 1+int(j.next%5)); l.err == nil && j.last >= goal {
				l.enough.Store(j.last)
			}
		}
	}()
	return l
}
