package compat_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"gojn/compat-tests/oracle"
)

// quorumLedger is what the writers of [TestKill_Quorum] have noted in their file (see QuorumLoad.java), which
// outlives all kills. It finds out by itself when their notes contradict each other.
type quorumLedger struct {
	file *os.File
	rest []byte // of a line that is not complete

	tried   map[int64]map[string]bool // by txid, the hashes
	pending map[string][]transaction  // by writer, tried and not acknowledged yet
	acked   map[int64]string
	last    int64            // acknowledged
	epochs  map[string]int64 // by writer
	epoch   int64            // the last one that a quorum has promised
	failed  map[string]string
	counts  map[string]int // of the lines, by their first word

	// What was read from the nodes after the last recovery, from its writer's first transaction on.
	reader     string
	from, next int64
	read       map[int64]string
	whole      bool  // all of it was read: recovered is of this log
	recovered  int64 // the last transaction of the last log that was read whole

	// What the client says of each node, since the last takeover began.
	nodes map[string]nodeReport

	purged int64 // nothing below it need be there
	found  []string
}

type transaction struct {
	txid int64
	hash string
}

// nodeReport is what a client says of one node.
type nodeReport struct {
	acked     int64
	outOfSync bool
}

func newQuorumLedger(name string) (*quorumLedger, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|os.O_CREATE, 0o644)
	return &quorumLedger{
		file: file, tried: make(map[int64]map[string]bool), pending: make(map[string][]transaction),
		acked: make(map[int64]string), epochs: make(map[string]int64), failed: make(map[string]string),
		counts: make(map[string]int), read: make(map[int64]string), nodes: make(map[string]nodeReport), purged: 1,
	}, err
}

// update reads what was noted since.
func (l *quorumLedger) update() error {
	more, err := io.ReadAll(l.file)
	if err != nil {
		return err
	}
	text := append(l.rest, more...)
	end := bytes.LastIndexByte(text, '\n') + 1
	for line := range strings.Lines(string(text[:end])) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := l.take(line); err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	l.rest = bytes.Clone(text[end:])
	return nil
}

// take takes one line.
func (l *quorumLedger) take(line string) error {
	event, rest, _ := strings.Cut(line, " ")
	writer, rest, _ := strings.Cut(rest, " ")
	number, hash, _ := strings.Cut(rest, " ")
	l.counts[event]++
	switch event {
	case "nodes":
		l.report(rest)
		return nil
	case "failed":
		l.failed[writer] = rest
		return nil
	case "opening":
		clear(l.nodes)
		return nil
	}
	n, err := strconv.ParseInt(number, 10, 64)
	switch {
	case err != nil:
		return err
	case event == "tried":
		l.try(writer, transaction{n, hash})
	case event == "acked":
		l.acknowledge(writer, n)
	case event == "opened":
		if n <= l.epoch {
			l.problem("writer %s has epoch %d, a quorum had promised %d", writer, n, l.epoch)
		}
		l.epochs[writer], l.epoch = n, n
	case event == "read":
		l.takeRead(writer, transaction{n, hash})
	case event == "log":
		l.takeLog(writer, n)
	}
	return nil
}

func (l *quorumLedger) problem(format string, args ...any) {
	l.found = append(l.found, fmt.Sprintf(format, args...))
}

func (l *quorumLedger) try(writer string, t transaction) {
	if l.tried[t.txid] == nil {
		l.tried[t.txid] = make(map[string]bool)
	}
	l.tried[t.txid][t.hash] = true
	l.pending[writer] = append(l.pending[writer], t)
}

// acknowledge takes all that a writer has tried up to a transaction. A writer whose time is over may be told late
// of what a quorum had before; then the next one has read it.
func (l *quorumLedger) acknowledge(writer string, last int64) {
	for _, t := range l.pending[writer] {
		if before, ok := l.acked[t.txid]; ok && before != t.hash {
			l.problem("txid %d was acknowledged twice, as %.8s and as %.8s", t.txid, before, t.hash)
		}
		l.acked[t.txid] = t.hash
		l.last = max(l.last, t.txid)
		if l.epochs[writer] >= l.epochs[l.reader] {
			continue
		}
		if hash, ok := l.read[t.txid]; ok && hash != t.hash {
			l.problem("acknowledged txid %d was read as %.8s", t.txid, hash)
		}
		// While the log is read, takeRead and takeLog will compare with what was acknowledged.
		if l.whole && t.txid > l.recovered {
			l.problem("acknowledged txid %d was not recovered by writer %s, whose log ends at %d", t.txid, l.reader,
				l.recovered)
		}
	}
	delete(l.pending, writer)
}

// reading begins what a writer reads after its recovery.
func (l *quorumLedger) reading(writer string, from int64) {
	l.reader, l.from, l.next, l.whole = writer, from, from, false
	clear(l.read)
}

func (l *quorumLedger) takeRead(writer string, t transaction) {
	if writer != l.reader || t.txid != l.next {
		l.problem("writer %s has read txid %d, next was %d of %s", writer, t.txid, l.next, l.reader)
	}
	l.next = t.txid + 1
	l.read[t.txid] = t.hash
	if hash, ok := l.acked[t.txid]; ok && hash != t.hash {
		l.problem("acknowledged txid %d was read as %.8s, not %.8s", t.txid, t.hash, hash)
	}
	if !l.tried[t.txid][t.hash] {
		l.problem("txid %d was read as %.8s, which nobody has written", t.txid, t.hash)
	}
}

// takeLog takes the end of a log that was read after a recovery: it is the truth for all that follow.
func (l *quorumLedger) takeLog(writer string, last int64) {
	if last != l.next-1 {
		l.problem("writer %s has read up to %d, its log ends at %d", writer, l.next-1, last)
	}
	if l.last > last {
		l.problem("acknowledged txids %d to %d are not in the log that writer %s has recovered", last+1, l.last, writer)
	}
	l.recovered, l.whole = last, true
	for txid := l.from; txid <= last; txid++ { // a recovered transaction is as good as an acknowledged one
		l.acked[txid] = l.read[txid]
	}
	l.last = max(l.last, last)
}

var reported = regexp.MustCompile(`([0-9.]+:\d+) \(Written txid (\d+)([^,\]]*)`)

// report takes the client's words of its nodes: QuorumOutputStream.generateReport.
func (l *quorumLedger) report(text string) {
	for _, m := range reported.FindAllStringSubmatch(text, -1) {
		txid, err := strconv.ParseInt(m[2], 10, 64)
		if err == nil {
			l.nodes[m[1]] = nodeReport{acked: txid, outOfSync: strings.Contains(m[3], "re-sync")}
		}
	}
}

// purge forgets what lies below a limit.
func (l *quorumLedger) purge(limit int64) {
	for txid := l.purged; txid < limit; txid++ {
		delete(l.acked, txid)
		delete(l.tried, txid)
	}
	l.purged = limit
}

// problems compares the nodes' directories with what was acknowledged.
func (l *quorumLedger) problems(copies []oracle.Copy) []string {
	var found []string
	holders := make(map[int64]int)
	finalized := make(map[int64]string)
	for _, c := range copies {
		for _, s := range c.Segments {
			for _, f := range s.Frames {
				if f.TxID < l.purged {
					continue
				}
				sum := sha256.Sum256(f.Bytes)
				hash := hex.EncodeToString(sum[:])
				if !l.tried[f.TxID][hash] {
					found = append(found, fmt.Sprintf("%s has in %s a txid %d that nobody has written", c.Node, s.Name, f.TxID))
				}
				if acked, ok := l.acked[f.TxID]; ok && acked == hash {
					holders[f.TxID]++
				} else if ok && !s.InProgress {
					found = append(found, fmt.Sprintf("%s has in %s txid %d as %.8s, acknowledged was %.8s", c.Node, s.Name,
						f.TxID, hash, acked))
				}
				if before, ok := finalized[f.TxID]; ok && !s.InProgress && before != hash {
					found = append(found, fmt.Sprintf("txid %d is finalized as %.8s and as %.8s", f.TxID, before, hash))
				}
				if !s.InProgress {
					finalized[f.TxID] = hash
				}
			}
		}
	}
	for txid := l.purged; txid <= l.last; txid++ {
		if _, ok := l.acked[txid]; !ok {
			found = append(found, fmt.Sprintf("txid %d was not acknowledged, and later ones were", txid))
		} else if holders[txid] < 2 {
			found = append(found, fmt.Sprintf("acknowledged txid %d lies as it was written on %d nodes", txid, holders[txid]))
		}
	}
	return found
}
