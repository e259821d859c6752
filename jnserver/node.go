package jnserver

import (
	"errors"
	"path"
	"slices"
	"sync"
	"time"

	"gojn/internal/javaerr"
	"gojn/storage"
)

// Config is what a Node is made of. It is not changed afterwards.
type Config struct {
	Env // for every journal; Events is called besides the node's own listeners

	// EditsDir is dfs.journalnode.edits.dir, absolute.
	EditsDir string
	// EditsDirByNameservice is dfs.journalnode.edits.dir.<nameservice>, absolute; it wins over EditsDir for calls that
	// carry that nameservice.
	EditsDirByNameservice map[string]string
	// EditsDirSpare tells that each configured nameservice has a directory of its own: only a call without one means EditsDir.
	EditsDirSpare bool
	// HTTPURL is the address of the HTTP server, <scheme>://<host>:<port>, which clients build the addresses of segments
	// from; they take scheme and port and use the host from their own configuration. HTTPPort is its port.
	HTTPURL  string
	HTTPPort uint32
	// Process is the client id of this process's own calls to JournalNodes (qjournalpb.IsProcessID), by which it recognises
	// that it asks itself. Empty: it never does.
	Process []byte
	// EditsCache is how many bytes of edits all journals together keep for getJournaledEdits; 0: none, the call is refused
	// (Java without dfs.ha.tail-edits.in-progress).
	EditsCache int64
	// Audit, if set, gets one record for each call that removes or replaces edits or a promise.
	Audit func(AuditRecord)
}

// Node holds the journals of this process (Java qjournal.server.JournalNode). It is safe for concurrent use.
type Node struct {
	cfg     Config
	started time.Time
	metrics *metricsSet

	mu       sync.Mutex // guards all below; never held during I/O
	closed   bool
	journals map[string]*Journal
	opening  map[string]*opening
	formats  map[string]int      // formats under way: their journals are not forgotten
	failed   map[string]error    // journals that are on disk and could not be opened, with the last reason
	asked    map[string]bool     // ids without a directory that calls have named, of which JournalsStatus tells
	listed   map[string]bool     // edits directories that FindJournals has listed
	onDisk   map[string][]string // the formatted journals that FindJournals saw, and the edits directories that they lie in
}

// opening lets the second caller of a journal wait for the first, who opens it.
type opening struct {
	done chan struct{}
	j    *Journal
	err  error
}

// maxFailed bounds what is remembered of journals that cannot be opened, maxAsked of those that are only asked for: peers choose
// the ids. maxFileName is NAME_MAX. maxNameservice is the longest nameservice of a call, in bytes, that is remembered and told to
// other nodes: a peer may send 128 MiB.
const (
	maxFailed      = 256
	maxAsked       = 256
	maxFileName    = 255
	maxNameservice = 255
)

var errNodeClosed = errors.New("the JournalNode is stopping")

// NewNode makes a node. It opens no journal: each one is opened when it is first asked for.
func NewNode(cfg Config) *Node {
	n := &Node{
		cfg:      cfg,
		started:  cfg.Clock.Now(),
		metrics:  newMetricsSet(cfg.Clock),
		journals: make(map[string]*Journal),
		opening:  make(map[string]*opening),
		formats:  make(map[string]int),
		failed:   make(map[string]error),
		asked:    make(map[string]bool),
		listed:   make(map[string]bool),
		onDisk:   make(map[string][]string),
	}
	if cfg.EditsCache > 0 {
		n.cfg.Edits = NewEditsCache(cfg.EditsCache)
	}
	outer := cfg.Events
	n.cfg.Events = func(jid string, e Event) {
		n.metrics.listen(jid, e)
		if outer != nil {
			outer(jid, e)
		}
	}
	return n
}

// Close gives every open segment up and releases the locks of all journals. Calls that come later are refused.
func (n *Node) Close() error {
	n.mu.Lock()
	n.closed = true
	journals := make([]*Journal, 0, len(n.journals))
	for _, j := range n.journals {
		journals = append(journals, j)
	}
	n.mu.Unlock()
	var errs []error
	for _, j := range journals {
		errs = append(errs, j.Close())
	}
	return errors.Join(errs...)
}

// Journal returns the journal of that id, opening it if it is not open (Java JournalNode.getOrCreateJournal). An id that
// has no directory gets a journal that is unformatted and of which only the id is remembered, for JournalsStatus; nsID may
// be "". Errors: a bad id (IllegalArgumentException), or why the directory cannot be opened, each time anew.
func (n *Node) Journal(jid, nsID string) (*Journal, error) {
	j, err := n.journal(jid, n.baseDirOf(jid, nsID), false)
	if err == nil && nsID != "" && len(nsID) <= maxNameservice {
		j.askedAs(nsID)
	}
	return j, err
}

// Nameservice is the one, of up to 255 bytes, that calls for an open journal have named last, "" if none did, as those of 2.x.
func (n *Node) Nameservice(jid string) string {
	n.mu.Lock()
	j := n.journals[jid]
	n.mu.Unlock()
	if j == nil {
		return ""
	}
	if ns := j.nameservice.Load(); ns != nil {
		return *ns
	}
	return ""
}

// askedAs takes note of the nameservice of a call.
func (j *Journal) askedAs(nsID string) {
	if last := j.nameservice.Load(); last == nil || *last != nsID {
		ns := nsID // of its own: most calls change nothing and allocate nothing
		j.nameservice.Store(&ns)
	}
}

// journalToFormat is Journal for format, which creates the directory: the journal is remembered until the matching
// formatEnds, and from then on unless it still has no directory.
func (n *Node) journalToFormat(jid, nsID string) (*Journal, error) {
	n.mu.Lock()
	n.formats[jid]++
	n.mu.Unlock()
	j, err := n.journal(jid, n.baseDirOf(jid, nsID), true)
	if err != nil {
		n.formatEnds(jid)
	}
	return j, err
}

// formatEnds forgets the journal if it was the last format of it and none succeeded. While another one is under way the
// journal must stay: it may be about to take the lock.
func (n *Node) formatEnds(jid string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.formats[jid]--; n.formats[jid] > 0 {
		return
	}
	delete(n.formats, jid)
	if j := n.journals[jid]; j != nil && j.Snapshot().State == storage.NonExistent {
		delete(n.journals, jid)
	}
}

// journal is Journal in the directory that base tells, which is asked only if the journal is not open; keep remembers one
// without a directory too.
func (n *Node) journal(jid string, base func() string, keep bool) (*Journal, error) {
	if err := CheckJournalID(jid); err != nil {
		return nil, err
	}
	for {
		n.mu.Lock()
		if n.closed {
			n.mu.Unlock()
			return nil, errNodeClosed
		}
		if j := n.journals[jid]; j != nil {
			n.mu.Unlock()
			return j, nil
		}
		o := n.opening[jid]
		if o == nil {
			o = &opening{done: make(chan struct{})}
			n.opening[jid] = o
			n.mu.Unlock()
			n.openJournal(o, jid, base(), keep)
			return o.j, o.err
		}
		n.mu.Unlock()
		<-o.done
		if o.err != nil || !keep {
			return o.j, o.err
		}
	}
}

func (n *Node) openJournal(o *opening, jid, base string, keep bool) {
	if path.IsAbs(base) {
		o.j, o.err = OpenJournal(n.cfg.Env, jid, path.Join(base, jid))
	} else { // Java validates the directory of one of several nameservices when it is first used
		o.err = javaerr.New(javaerr.IllegalArgument, "Journal dir '%s' should be an absolute path", base)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case o.err != nil:
		n.fail(jid, o.err)
	case n.closed:
		_ = o.j.Close() // nothing was written
		o.j, o.err = nil, errNodeClosed
	default:
		delete(n.failed, jid)
		s := o.j.Snapshot()
		if keep || s.State != storage.NonExistent {
			n.journals[jid] = o.j
			delete(n.asked, jid)
		} else if s.Problem != nil {
			n.fail(jid, s.Problem)
		} else if len(n.asked) < maxAsked && len(jid) <= maxFileName {
			n.asked[jid] = true
		}
	}
	delete(n.opening, jid)
	close(o.done)
}

func (n *Node) baseDirOf(jid, nsID string) func() string {
	return func() string { return n.baseDir(jid, nsID) }
}

// baseDir is the directory that holds the journal's (Java JournalNode.getLogDir). A call without a nameservice, as from a
// 2.7 client, must not pin the journal to the wrong directory: what exists is taken first (spec 1.7).
func (n *Node) baseDir(jid, nsID string) string {
	if dir, ok := n.cfg.EditsDirByNameservice[nsID]; ok {
		return dir
	}
	if nsID == "" {
		for _, ns := range sortedKeys(n.cfg.EditsDirByNameservice) {
			dir := n.cfg.EditsDirByNameservice[ns]
			if _, err := n.cfg.FS.Stat(path.Join(dir, jid)); err == nil {
				return dir
			}
		}
	}
	return n.cfg.EditsDir
}

// Journals are the journals that are open, sorted by id.
func (n *Node) Journals() []*Journal {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]*Journal, 0, len(n.journals))
	for _, jid := range sortedKeys(n.journals) {
		list = append(list, n.journals[jid])
	}
	return list
}

// fail remembers why a journal that is on disk cannot be served. n.mu is held.
func (n *Node) fail(jid string, err error) {
	if _, known := n.failed[jid]; known || len(n.failed) < maxFailed && len(jid) <= maxFileName {
		n.failed[jid] = err
	}
}

// Failed are the journals that could not be opened when they were last asked for, with the reason.
func (n *Node) Failed() map[string]error {
	n.mu.Lock()
	defer n.mu.Unlock()
	failed := make(map[string]error, len(n.failed))
	for jid, err := range n.failed {
		failed[jid] = err
	}
	return failed
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
