package compat_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	bin "encoding/binary" // the package has a binary of its own
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
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
//	format, reformat, epoch, start, write N, finalize, commit     as their calls; a call tells what is committed before it
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

// mkdirs are n transactions from first on. Unlike wire.Mkdir's their fields can be read too: a 2.7 node does that for each
// manifest, and looks for the next good one at every byte if it fails.
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

// answer is what a node says to one question.
type answer struct{ label, text string }

// interview is what a node answers about a journal.
type interview struct {
	j       *swapJournal
	n       *swapNode
	answers []answer
	err     error // not an answer
}

// ask puts the fixed questions to a node; the last of them begin the recovery of a new writer. Nothing is said of a
// journal that is not formatted, but for the reason.
func (j *swapJournal) ask(n *swapNode) ([]answer, error) {
	i := &interview{j: j, n: n}
	formatted, _ := i.call("isFormatted", "isFormatted", j.id())
	state, ok := i.call("state", "getJournalState", j.id())
	if yes, _ := formatted.Int(1); yes == 0 || !ok {
		return i.answers, i.err
	}
	i.call("ctime", "getJournalCTime", j.id())
	rollback := j.id().Bytes(2, j.ns.StorageInfo()).Bytes(3, j.ns.StorageInfo()).Int(4, int64(j.ns.LayoutVersion))
	i.call("canRollBack", "canRollBack", rollback)
	i.call("finalized", "getEditLogManifest", j.id().Int(2, 1).Bool(4, false))
	all, _ := i.call("manifest", "getEditLogManifest", j.id().Int(2, 1).Bool(4, true))
	i.bodies(all.Text(1))

	promised, _ := state.Int(1)
	i.call("same epoch", "newEpoch", j.id().Bytes(2, j.ns.Message()).Int(3, promised))
	j.epoch, j.serial, j.found = promised+1, 0, wire.Fields{}
	epoch, ok := i.call("new epoch", "newEpoch", j.id().Bytes(2, j.ns.Message()).Int(3, j.epoch))
	segment, there := epoch.Int(1)
	if j.newest > segment {
		segment, there = j.newest, true
	}
	if !ok || !there {
		return i.answers, i.err
	}
	j.segment = segment
	if j.found, ok = i.call("prepare", "prepareRecovery", j.info(0).Int(2, segment)); ok {
		i.body("prepared body", segment)
	}
	return i.answers, i.err
}

// call makes one call, of which the answer is kept; false if it is an error.
func (i *interview) call(label, method string, request wire.Message) (wire.Fields, bool) {
	data, err := i.n.conn.Call(method, request)
	var remote *wire.RemoteError
	switch {
	case errors.As(err, &remote):
		i.answers = append(i.answers, answer{label, "FAIL " + remote.Class})
		return wire.Fields{}, false
	case err != nil:
		i.err = errors.Join(i.err, fmt.Errorf("%s: %w", label, err))
		return wire.Fields{}, false
	}
	text := withoutRest("OK " + wire.Show(data, answerFields[method], nestedFields))
	i.answers = append(i.answers, answer{label, text})
	fields, err := wire.Parse(data)
	i.err = errors.Join(i.err, err)
	return fields, err == nil
}

// withoutRest leaves out what a node says of its own addresses, and the committed txid of a manifest, which 2.7 does not
// have: prepareRecovery tells it.
func withoutRest(text string) string {
	text, _, _ = strings.Cut(text, " httpPort:")
	return manifestCommitted.ReplaceAllString(text, "")
}

var manifestCommitted = regexp.MustCompile(` ?committedTxnId:-?\d+`)

// bodies gets every segment of a manifest.
func (i *interview) bodies(manifest string) {
	fields, err := wire.Parse([]byte(manifest))
	i.err = errors.Join(i.err, err)
	for _, log := range fields.Bytes[1] {
		fields, err := wire.Parse(log)
		i.err = errors.Join(i.err, err)
		first, _ := fields.Int(1)
		i.body(fmt.Sprintf("body %d", first), first)
	}
}

// body gets what /getJournal sends: the whole file. Its padding is not always the same: threads of a Java node share the buffer.
func (i *interview) body(label string, first int64) {
	text, err := func() (string, error) {
		request, err := http.NewRequestWithContext(i.j.ctx, http.MethodGet, i.j.url(i.n, i.j.jid, first), nil)
		if err != nil {
			return "", err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			return response.Status, err
		}
		_, name, _ := strings.Cut(response.Header.Get("Content-Disposition"), "filename=")
		file, err := os.ReadFile(filepath.Join(i.n.Current(i.j.jid), name))
		if err != nil || !bytes.Equal(data, file) {
			return fmt.Sprintf("%s: not the %d bytes of the file but %d", name, len(file), len(data)), err
		}
		return fmt.Sprintf("%s: %x", name, sha256.Sum256(bytes.TrimRight(data, "\xff"))), nil
	}()
	i.answers = append(i.answers, answer{label, text})
	i.err = errors.Join(i.err, err)
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
