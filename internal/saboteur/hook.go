package saboteur

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"gojn/storage/vfs"
)

// HookAddress is the environment variable that tells the plan hook whom to ask, as host:port.
const HookAddress = "GOJN_SUITES_HOOK"

// The two questions, and how long an answer may take.
const (
	beforePersist = "before"
	afterPersist  = "after"
	answerLimit   = 30 * time.Second
)

// Hook wraps fsys so that ask is called where Java's Journal.acceptRecovery calls its JournalFaultInjector: with "before" when a
// recovery record is about to be written, and with "after" when it is durable. An error of ask is the error of the operation:
// of opening <record>.tmp, so that nothing of the record is there; and of the sync of paxos/, which was done. It may be used by
// many goroutines at once.
func Hook(fsys vfs.FS, ask func(question string) error) vfs.FS {
	return &hookFS{FS: fsys, ask: ask, named: make(map[string]bool)}
}

// hookFS looks at the operations by which a record is replaced: <n>.tmp opened, written, synced, renamed, the directory synced.
type hookFS struct {
	vfs.FS
	ask func(question string) error

	mu    sync.Mutex
	named map[string]bool // directories paxos/ in which a record got its name and that were not synced since
}

func (h *hookFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	if record, ok := strings.CutSuffix(name, ".tmp"); ok && flag&os.O_CREATE != 0 && isRecord(record) {
		if err := h.ask(beforePersist); err != nil {
			return nil, err
		}
	}
	return h.FS.OpenFile(name, flag, perm)
}

func (h *hookFS) Rename(oldName, newName string) error {
	if err := h.FS.Rename(oldName, newName); err != nil {
		return err
	}
	if isRecord(newName) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.named[path.Dir(newName)] = true
	}
	return nil
}

func (h *hookFS) SyncDir(name string) error {
	if err := h.FS.SyncDir(name); err != nil {
		return err
	}
	h.mu.Lock()
	persisted := h.named[name]
	delete(h.named, name)
	h.mu.Unlock()
	if !persisted {
		return nil
	}
	return h.ask(afterPersist)
}

// isRecord tells whether a path is one of a recovery record: paxos/<txid>.
func isRecord(name string) bool {
	_, err := strconv.ParseUint(path.Base(name), 10, 63)
	return err == nil && path.Base(path.Dir(name)) == "paxos"
}

// asker asks over a connection of its own for each question: a line, answered by a line, "ok" or "throw <message>". Whatever
// else happens is an error: a test whose fault was not asked for must not pass for one that had none.
func asker(address string) func(question string) error {
	return func(question string) error {
		answer, err := exchange(address, question)
		if err != nil {
			return fmt.Errorf("the fault hook at %s was not answered %q: %w", address, question, err)
		}
		message, thrown := strings.CutPrefix(answer, "throw ")
		switch {
		case thrown:
			return errors.New(message)
		case answer != "ok":
			return fmt.Errorf("the fault hook at %s was answered %q to %q", address, answer, question)
		}
		return nil
	}
}

func exchange(address, question string) (answer string, err error) {
	conn, err := net.DialTimeout("tcp", address, answerLimit)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // nothing is written any more
	if err := conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte(question + "\n")); err != nil {
		return "", err
	}
	answer, err = bufio.NewReader(conn).ReadString('\n')
	return strings.TrimRight(answer, "\r\n"), err
}
