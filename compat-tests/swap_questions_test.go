package compat_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gojn/compat-tests/wire"
)

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

// withoutRest leaves out what a node says of its own addresses, and the committed txid of a manifest, which 2.7 does
// not have: prepareRecovery tells it.
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

// body gets what /getJournal sends: the whole file. Its padding is not always the same: threads of a Java node share
// the buffer.
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
