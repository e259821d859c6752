package compat_test

import (
	"context"
	bin "encoding/binary" // the package has a binary of its own
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/wire"
)

// swapNode is a running node and a connection to it, which one goroutine uses at a time.
type swapNode struct {
	*hadoop.JournalNode
	conn *wire.Client
}

// swapJournal is what the writer of one journal knows, whichever node serves it.
type swapJournal struct {
	ctx context.Context
	jid string
	ns  wire.Namespace

	epoch, serial int64
	segment, next int64 // first txid of the open segment, and the next one to write
	first, last   int64 // the acknowledged transactions that must be there
	beforeUpgrade int64 // last, at doPreUpgrade
	newest        int64 // see swapState
	found         wire.Fields
	kept          []byte // a copy of the open segment's file
}

func (j *swapJournal) id() wire.Message { return wire.Message{}.Bytes(1, wire.JournalID(j.jid)) }

// info is the next RequestInfo; told is the committed txid, if it is positive.
func (j *swapJournal) info(told int64) wire.Message {
	j.serial++
	if told == 0 {
		told = -1
	}
	return wire.Message{}.Bytes(1, wire.RequestInfo(j.jid, j.epoch, j.serial, told))
}

// do makes the steps of a script, which are separated by semicolons:
//
//	format, reformat, epoch, start, write N, finalize, commit     as their calls, which tell what is committed
//	preupgrade, upgrade CTIME, finalizeupgrade, rollback
//	purge N, discard N
//	recover         the rest of the recovery that the questions have begun, for what the node said then
//	restart         startLogSegment over the segment of one transaction that the questions have found
//	accept N JID    a recovery of the open segment up to N, from the journal JID of the same node
//	keep            a copy of the open segment's file is kept, for the state's edit
func (j *swapJournal) do(n *swapNode, script string) error {
	for step := range strings.SplitSeq(script, ";") {
		if words := strings.Fields(step); len(words) > 0 {
			if err := j.step(n, words[0], words[1:]...); err != nil {
				return fmt.Errorf("%s: %w", strings.Join(words, " "), err)
			}
		}
	}
	return nil
}

func (j *swapJournal) step(n *swapNode, verb string, args ...string) error {
	var number int64
	if len(args) > 0 {
		var err error
		if number, err = strconv.ParseInt(args[0], 10, 64); err != nil {
			return err
		}
	}
	switch verb {
	case "format":
		j.first, j.next = 1, 1
		return n.done("format", j.id().Bytes(2, j.ns.Message()))
	case "reformat":
		j.epoch, j.first, j.last, j.next = 0, 1, 0, 1
		return n.done("format", j.id().Bytes(2, j.ns.Message()).Bool(4, true))
	case "epoch":
		j.epoch++
		return n.done("newEpoch", j.id().Bytes(2, j.ns.Message()).Int(3, j.epoch))
	case "start":
		j.segment = j.next
		return n.done("startLogSegment", j.info(j.last).Int(2, j.segment).Sint(3, int64(j.ns.LayoutVersion)))
	case "write":
		return j.write(n, int(number))
	case "finalize":
		return n.done("finalizeLogSegment", j.info(j.last).Int(2, j.segment).Int(3, j.next-1))
	case "commit":
		return n.done("heartbeat", j.info(j.last))
	case "preupgrade":
		j.beforeUpgrade = j.last
		return n.done("doPreUpgrade", j.id())
	case "upgrade":
		j.ns.CTime = number
		return n.done("doUpgrade", j.id().Bytes(2, j.ns.StorageInfo()))
	case "finalizeupgrade":
		return n.done("doFinalize", j.id())
	case "rollback":
		j.last, j.next = j.beforeUpgrade, j.beforeUpgrade+1
		j.ns.CTime = namespace.CTime
		return n.done("doRollback", j.id())
	case "purge":
		j.first = number
		return n.done("purgeLogs", j.info(j.last).Int(2, number))
	case "discard":
		j.last, j.next = number-1, number
		return n.done("discardSegments", j.id().Int(2, number))
	case "recover":
		return j.recover(n)
	case "restart":
		j.last, j.next = j.segment-1, j.segment
		return j.step(n, "start")
	case "accept":
		return j.accept(n, number, args[1])
	case "keep":
		var err error
		j.kept, err = os.ReadFile(filepath.Join(n.Current(j.jid), inProgressName(j.segment)))
		return err
	}
	return fmt.Errorf("no step %q", verb)
}

// mkdirs are n transactions from first on. Unlike wire.Mkdir's their fields can be read too: a 2.7 node does that for
// each manifest, and looks for the next good one at every byte if it fails.
func mkdirs(first int64, n int) []byte {
	var all []byte
	for txid := first; txid < first+int64(n); txid++ {
		path := fmt.Sprintf("/tx/%d", txid)
		op := bin.BigEndian.AppendUint64([]byte{3, 0, 0, 0, 0}, uint64(txid))
		op = bin.BigEndian.AppendUint64(op, uint64(16385+txid)) // inode
		op = append(bin.BigEndian.AppendUint16(op, uint16(len(path))), path...)
		op = bin.BigEndian.AppendUint64(op, uint64(namespace.CTime))                      // modified
		op = bin.BigEndian.AppendUint64(op, uint64(namespace.CTime))                      // accessed
		op = append(op, "\x08testuser\x09testgroup\x01\xff"+"\x00\x00\x00\x00"+"\x00"...) // no ACL, no attributes
		bin.BigEndian.PutUint32(op[1:], uint32(len(op)-5+4))
		all = append(all, bin.BigEndian.AppendUint32(op, crc32.ChecksumIEEE(op))...)
	}
	return all
}

// write writes a batch.
func (j *swapJournal) write(n *swapNode, count int) error {
	request := j.info(j.last).Int(2, j.next).Int(3, int64(count)).Bytes(4, mkdirs(j.next, count)).Int(5, j.segment)
	if err := n.done("journal", request); err != nil {
		return err
	}
	j.next += int64(count)
	j.last = j.next - 1
	return nil
}

// recover accepts what the node has answered to prepareRecovery, and finalizes it.
func (j *swapJournal) recover(n *swapNode) error {
	state, err := wire.Parse([]byte(j.found.Text(1)))
	if err != nil {
		return err
	}
	first, there := state.Int(1)
	if !there {
		return nil
	}
	end, _ := state.Int(2)
	if end < j.last {
		return fmt.Errorf("the segment from %d ends at %d, and %d was acknowledged", first, end, j.last)
	}
	url := j.url(n, j.jid, first)
	if err := n.done("acceptRecovery", j.info(0).Bytes(2, []byte(j.found.Text(1))).String(3, url)); err != nil {
		return err
	}
	j.last, j.next = end, end+1
	return n.done("finalizeLogSegment", j.info(0).Int(2, first).Int(3, end))
}

func (j *swapJournal) accept(n *swapNode, end int64, from string) error {
	if err := j.step(n, "epoch"); err != nil {
		return err
	}
	if err := n.done("prepareRecovery", j.info(0).Int(2, j.segment)); err != nil {
		return err
	}
	state := wire.Message{}.Int(1, j.segment).Int(2, end).Bool(3, true)
	j.last, j.next = end, end+1
	return n.done("acceptRecovery", j.info(0).Bytes(2, state).String(3, j.url(n, from, j.segment)))
}

// url names no storageInfo: Java's servlet never takes a cluster id with a colon.
func (j *swapJournal) url(n *swapNode, jid string, first int64) string {
	return fmt.Sprintf("http://%s/getJournal?jid=%s&segmentTxId=%d&inProgressOk=true", n.HTTP, jid, first)
}

func inProgressName(first int64) string { return fmt.Sprintf("edits_inprogress_%019d", first) }

func (n *swapNode) done(method string, request wire.Message) error {
	_, err := n.conn.Call(method, request)
	return err
}

// missing looks for what was acknowledged.
func (j *swapJournal) missing(current string) (problems []string) {
	segments, err := oracle.ReadJournal(current)
	if errors.Is(err, fs.ErrNotExist) && j.last < j.first {
		return nil // nothing was acknowledged
	}
	if err != nil {
		return []string{err.Error()}
	}
	held := make(map[int64]string)
	for _, s := range segments {
		for _, f := range s.Frames {
			held[f.TxID] = string(f.Bytes)
		}
	}
	lost := func() (problems []string) {
		for txid := j.first; txid <= j.last; txid++ {
			if held[txid] != string(mkdirs(txid, 1)) {
				problems = append(problems, fmt.Sprintf("txid %d of %d-%d is %q", txid, j.first, j.last, held[txid]))
			}
		}
		return problems
	}
	problems = lost()
	if j.last >= j.first {
		delete(held, j.last)
		if len(lost()) != len(problems)+1 {
			problems = append(problems, "control: a transaction that is taken away is not missed")
		}
	}
	return problems
}
