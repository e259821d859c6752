package compat_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
	"gojn/compat-tests/workload"
)

// lateRoot is where operations go that a fenced NameNode must refuse; like a load's, its objects lie three levels
// below.
const lateRoot = "/late"

// fencing is a pair of which one NameNode loses its epoch to the other, with what was sent to it afterwards.
type fencing struct {
	*pair

	mu      sync.Mutex
	sent    int
	late    []string // not acknowledged, and sent when the NameNode's epoch was over: they must never show up
	present []string // acknowledged
}

// newFencing makes the directory of the late operations.
func newFencing(p *pair) *fencing {
	p.t.Helper()
	client := must(workload.Connect(p.Addresses()...))(p.t)
	defer client.Close()
	check(p.t, client.MkdirAll(lateRoot+"/a/b", 0o755))
	return &fencing{pair: p}
}

// name returns a path that was never used and that is no other one's beginning.
func (f *fencing) name() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent++
	return fmt.Sprintf("%s/a/b/op%06d", lateRoot, f.sent)
}

// mkdir sends one operation to this NameNode and no other, and tells whether it was acknowledged.
func (f *fencing) mkdir(n *hadoop.NameNode) bool {
	name := f.name()
	client, err := workload.Connect(n.RPC)
	if err == nil {
		err = client.Mkdir(name, 0o755)
		_ = client.Close() // its outcome is known
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.late = append(f.late, name)
		return false
	}
	f.present = append(f.present, name)
	return true
}

// crowd starts clients of this NameNode, whose epoch is over. Each sends operations as long as the NameNode listens;
// they must all be refused. It returns how many there were.
func (f *fencing) crowd(n *hadoop.NameNode) (wait func() int) {
	var all sync.WaitGroup
	before := f.sent
	for range clients {
		all.Go(func() {
			for again := true; again; again = listens(n.RPC) {
				if f.mkdir(n) {
					f.t.Errorf("%s acknowledged an operation after its epoch", n.ID)
				}
			}
		})
	}
	return func() int { all.Wait(); return f.sent - before }
}

func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	return err == nil && conn.Close() == nil
}

// promised returns what the nodes have promised, once all three have promised the same, and more than old. An epoch
// that a quorum has accepted reaches the third node too, a little later.
func (f *fencing) promised(old int64) int64 {
	f.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var epochs []int64
		for _, j := range f.Journals {
			text := must(os.ReadFile(filepath.Join(j.Current(hadoop.JournalID), "last-promised-epoch")))(f.t)
			epochs = append(epochs, must(strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64))(f.t))
		}
		if epochs[0] > old && epochs[0] == epochs[1] && epochs[1] == epochs[2] {
			return epochs[0]
		}
		if time.Now().After(end) {
			f.t.Fatalf("the nodes have promised %v, want the same behind %d", epochs, old)
		}
	}
}

// logged returns how long each JournalNode's log is.
func (f *fencing) logged() []int {
	var lengths []int
	for _, j := range f.Journals {
		lengths = append(lengths, len(j.FullLog()))
	}
	return lengths
}

// requireRefused checks, of a NameNode that has ended, what the nodes and it say of its end: they have refused its
// write because of its epoch, by their logs from the given lengths on, and so it says itself. It leaves as soon as two
// have answered, so the call to the third may be cut off; each of the three is asked again, in its name.
func (f *fencing) requireRefused(n *hadoop.NameNode, old, promised int64, logged []int) {
	f.t.Helper()
	reason := fmt.Sprintf("IPC's epoch %d is less than the last promised epoch %d", old, promised)
	refused := 0
	for i, j := range f.Journals {
		for line := range strings.Lines(j.FullLog()[logged[i]:]) {
			if strings.Contains(line, reason) && (j.Kind == hadoop.Java || strings.Contains(line, "op=journal ")) {
				refused++
				break
			}
		}
	}
	f.t.Logf("%s: its write was refused by %d nodes: %s", n.ID, refused, reason)
	if refused < 2 {
		f.t.Errorf("%s ended although %d nodes refused its write", n.ID, refused)
	}
	if !strings.Contains(n.FullLog(), reason) {
		f.t.Errorf("%s does not say %q: %s", n.ID, reason, n.Tail(20))
	}
	for _, j := range f.Journals {
		f.requireRefusal(j, old, reason)
	}
}

// requireRefusal sends a write of an epoch that is over to one node.
func (f *fencing) requireRefusal(j *hadoop.JournalNode, epoch int64, reason string) {
	f.t.Helper()
	open := f.newest(j)
	name := f.name()
	f.late = append(f.late, name)
	conn := must(wire.Dial(f.ctx, j.RPC, wire.QJournalProtocol, superuser(f.t)))(f.t)
	defer conn.Close()
	info := wire.RequestInfo(hadoop.JournalID, epoch, 1<<40, -1)
	_, err := conn.Call("journal", wire.Message{}.Bytes(1, info).Int(2, open.Last+1).Int(3, 1).
		Bytes(4, wire.Mkdir(open.Last+1, name)).Int(5, open.First))
	var remote *wire.RemoteError
	if !errors.As(err, &remote) || remote.Class != "java.io.IOException" || !strings.Contains(remote.FirstLine(), reason) {
		f.t.Errorf("%s answers a write of epoch %d with %v, want an IOException: %s", j.Name, epoch, err, reason)
	}
}

// judgeLate looks for the late operations in both namespaces and, after the pair was judged, in every file of the
// nodes. Acknowledged ones, sent in the same way, must be found in the same way.
func (f *fencing) judgeLate() {
	f.t.Helper()
	f.rollAndFollow()
	for _, n := range f.NameNodes {
		f.judgeLateNamespace(n)
	}
	f.judge()
	if len(f.late) == 0 || len(f.present) == 0 {
		f.t.Errorf("%d late operations, %d acknowledged ones: this shows nothing", len(f.late), len(f.present))
	}
	files := f.files()
	for _, name := range f.late {
		if holders := holders(files, "edits_", name); len(holders) > 0 {
			f.t.Errorf("%s, sent to a fenced NameNode, lies in %v", name, holders)
		}
	}
	for _, name := range f.present {
		if holders := holders(files, "edits_0", name); len(holders) < 2 {
			f.t.Errorf("control: %s, acknowledged, is seen in the finalized segments %v", name, holders)
		}
	}
	f.t.Logf("%d operations sent to fenced NameNodes are nowhere, %d sent to the others are there",
		len(f.late), len(f.present))
}

func (f *fencing) judgeLateNamespace(n *hadoop.NameNode) {
	f.t.Helper()
	view := workload.View(n.RPC, []string{lateRoot})
	defer view.Close()
	all := must(view.List())(f.t)
	for _, name := range f.present {
		if _, ok := all[name]; !ok {
			f.t.Errorf("%s does not show %s, which was acknowledged", n.ID, name)
		}
		delete(all, name)
	}
	for name := range all {
		f.t.Errorf("%s shows %s, which was sent to a fenced NameNode", n.ID, name)
	}
}

// files reads every file of edits of the nodes, also those set aside.
func (f *fencing) files() map[string][]byte {
	f.t.Helper()
	all := make(map[string][]byte)
	for _, j := range f.Journals {
		for _, file := range must(filepath.Glob(filepath.Join(j.Current(hadoop.JournalID), "edits_*")))(f.t) {
			all[path.Join(j.Name, filepath.Base(file))] = must(os.ReadFile(file))(f.t)
		}
	}
	return all
}

// holders returns which of the files, of names that begin so, hold a path; edits have it as it is.
func holders(files map[string][]byte, prefix, name string) []string {
	var found []string
	for file, content := range files {
		if strings.HasPrefix(path.Base(file), prefix) && bytes.Contains(content, []byte(name)) {
			found = append(found, file)
		}
	}
	return found
}
