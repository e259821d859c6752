package workload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"gojn/compat-tests/oracle"
)

// folders is how many directories a client spreads its objects over.
const folders = 4

// Load is a set of clients that work at the same time until they are stopped.
type Load struct {
	done   atomic.Int64 // acknowledged operations
	stop   chan struct{}
	once   sync.Once
	all    sync.WaitGroup
	cancel context.CancelFunc

	mu   sync.Mutex
	errs []error
}

// Options say what a load is.
type Options struct {
	Root      string        // its directory, which must not exist
	Clients   int           // how many work at the same time
	Pause     time.Duration // of each client after each operation
	Addresses []string      // of the NameNodes
}

// Start starts the clients. Each works in a directory of its own, so it knows alone what must be there.
func Start(ctx context.Context, ledger *oracle.Ledger, o Options) (*Load, error) {
	setup, err := Connect(o.Addresses...)
	if err != nil {
		return nil, err
	}
	defer setup.Close()
	for i := range o.Clients {
		for k := range folders {
			if err := setup.MkdirAll(fmt.Sprintf("%s/c%d/f%d", o.Root, i, k), 0o755); err != nil {
				return nil, fmt.Errorf("start the load: %w", err)
			}
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &Load{stop: make(chan struct{}), cancel: cancel}
	for i := range o.Clients {
		dir := fmt.Sprintf("%s/c%d", o.Root, i)
		w := &worker{
			load: l, ledger: ledger, session: session{addresses: o.Addresses, home: dir}, pause: o.Pause,
			dir: dir, random: rand.New(rand.NewPCG(uint64(i), 7)),
		}
		l.all.Go(func() {
			defer w.session.close()
			if err := w.run(ctx); err != nil {
				l.mu.Lock()
				l.errs = append(l.errs, err)
				l.mu.Unlock()
			}
		})
	}
	return l, nil
}

// Done returns the number of operations acknowledged so far.
func (l *Load) Done() int64 { return l.done.Load() }

// Stop lets every client finish what it is doing and waits for them. The error is that of a client that had to give
// up; failed operations are none.
func (l *Load) Stop() error {
	l.once.Do(func() { close(l.stop) })
	l.all.Wait()
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}

// worker is one client.
type worker struct {
	load    *Load
	ledger  *oracle.Ledger
	session session
	pause   time.Duration
	dir     string
	random  *rand.Rand
	next    int
	began   int              // the ledger's mark of the operation under way
	known   []*oracle.Object // whose state is certain and not gone
}

// run works until the load is stopped.
func (w *worker) run(ctx context.Context) error {
	for {
		select {
		case <-w.load.stop:
			return nil
		case <-time.After(w.pause):
		}
		client, err := w.session.get(ctx, w.load.stop)
		if errors.Is(err, errStopped) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.step(client); err != nil {
			w.ledger.Unknown(w.began)
			w.session.reset()
		}
	}
}

// step does one operation of a random kind.
func (w *worker) step(client *hdfs.Client) error {
	w.began = w.ledger.Begin()
	dice := w.random.IntN(100)
	switch {
	case dice < 35 || len(w.known) < 5:
		return w.create(client)
	case dice < 55:
		return w.mkdir(client)
	case dice < 75:
		return w.rename(client)
	case dice < 88:
		return w.chmod(client)
	default:
		return w.remove(client)
	}
}

// path returns a path that was never used.
func (w *worker) path(kind string) string {
	w.next++
	return fmt.Sprintf("%s/f%d/%s%d", w.dir, w.next%folders, kind, w.next)
}

func (w *worker) create(client *hdfs.Client) error {
	content := make([]byte, 1+w.random.IntN(2000))
	for i := range content {
		content[i] = byte(w.random.Uint32())
	}
	after := oracle.State{Path: w.path("file"), Mode: 0o644}
	torn := after
	torn.Torn = true
	o := &oracle.Object{Content: content, States: []oracle.State{{Path: after.Path, Gone: true}, torn}}
	w.ledger.Add(o)
	if err := createFile(client, after.Path, content, 0o644); err != nil {
		return err
	}
	w.settle(o, after, oracle.Ack{OpCode: "OP_ADD", Path: after.Path}, oracle.Ack{OpCode: "OP_CLOSE", Path: after.Path})
	w.known = append(w.known, o)
	return nil
}

func (w *worker) mkdir(client *hdfs.Client) error {
	after := oracle.State{Path: w.path("dir"), Mode: 0o750}
	o := &oracle.Object{Dir: true, States: []oracle.State{{Path: after.Path, Gone: true}, after}}
	w.ledger.Add(o)
	if err := client.Mkdir(after.Path, os.FileMode(0o750)); err != nil {
		return err
	}
	w.settle(o, after, oracle.Ack{OpCode: "OP_MKDIR", Path: after.Path})
	w.known = append(w.known, o)
	return nil
}

func (w *worker) rename(client *hdfs.Client) error {
	o, before := w.take()
	after := before
	after.Path = w.path("moved")
	o.States = append(o.States, after)
	if err := client.Rename(before.Path, after.Path); err != nil {
		return err
	}
	w.settle(o, after, oracle.Ack{OpCode: "OP_RENAME", Path: before.Path, Target: after.Path})
	w.known = append(w.known, o)
	return nil
}

func (w *worker) chmod(client *hdfs.Client) error {
	o, before := w.take()
	after := before
	for after.Mode == before.Mode { // 3.x does not log a chmod that changes nothing
		after.Mode = os.FileMode(w.random.IntN(0o1000)) | 0o400
	}
	o.States = append(o.States, after)
	if err := client.Chmod(before.Path, after.Mode); err != nil {
		return err
	}
	w.settle(o, after, oracle.Ack{
		OpCode: "OP_SET_PERMISSIONS", Path: before.Path, Target: strconv.Itoa(int(after.Mode)),
	})
	w.known = append(w.known, o)
	return nil
}

func (w *worker) remove(client *hdfs.Client) error {
	o, before := w.take()
	after := oracle.State{Path: before.Path, Gone: true}
	o.States = append(o.States, after)
	if err := client.Remove(before.Path); err != nil {
		return err
	}
	w.settle(o, after, oracle.Ack{OpCode: "OP_DELETE", Path: before.Path})
	return nil
}

// take removes a random object from the known ones; it comes back when the operation on it is acknowledged.
func (w *worker) take() (*oracle.Object, oracle.State) {
	i := w.random.IntN(len(w.known))
	o := w.known[i]
	w.known[i] = w.known[len(w.known)-1]
	w.known = w.known[:len(w.known)-1]
	return o, o.States[0]
}

// settle records an acknowledged operation.
func (w *worker) settle(o *oracle.Object, state oracle.State, acks ...oracle.Ack) {
	o.States = []oracle.State{state}
	w.ledger.AcknowledgeSince(w.began, acks...)
	w.load.done.Add(1)
}
