package main

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"gojn/internal/hadoopconf"
	"gojn/jnserver"
	"gojn/storage/vfs"
)

const (
	// openAtOnce is how many journals of one edits directory are opened at a time at start.
	openAtOnce = 8
	// lookPatience is how long the start waits for the edits directories to be listed, so that /jmx names their journals
	// from the first answer on. A disk that hangs must not keep the node from serving what lies on another.
	lookPatience = 2 * time.Second
)

// opening is what the start does on disk while the node serves: it lists each edits directory and opens the journals that it
// finds. Java opens a journal when it is first asked for; here /health and the service manager tell of a damaged one before
// a NameNode needs it. A journal that cannot be opened is tried again by each call, as ever. Directories, and the journals
// in them, wait for nobody else's disk.
type opening struct {
	node   *jnserver.Node
	log    *slog.Logger
	closed func() bool   // the node stops, and what cannot be opened is no news
	listed chan struct{} // closed when each directory was listed
	done   chan struct{} // closed when each journal was tried

	began   time.Time
	overdue time.Duration // readyPatience

	mu   sync.Mutex
	left map[string]bool // the directories that are not listed yet, and the ids of journals not tried yet
}

func newOpening(node *jnserver.Node, closed func() bool, log *slog.Logger) *opening {
	return &opening{
		node: node, log: log, closed: closed, listed: make(chan struct{}), done: make(chan struct{}), left: map[string]bool{},
		began: time.Now(), overdue: readyPatience,
	}
}

// unfinished names what is still waited for, sorted: edits directories and journals.
func (o *opening) unfinished() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	names := make([]string, 0, len(o.left))
	for name := range o.left {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// late names what has been waited for longer than a disk that works needs.
func (o *opening) late() []string {
	if time.Since(o.began) < o.overdue {
		return nil
	}
	return o.unfinished()
}

func (o *opening) begin(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.left[name] = true
}

func (o *opening) end(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.left, name)
}

// start lists the directories and waits for that as long as patience; then it opens what was found, also what is found
// later. It returns before that is done; serving waits for what it starts.
func (o *opening) start(patience time.Duration, serving *sync.WaitGroup, before func(dir string)) {
	var lists sync.WaitGroup
	for _, dir := range o.node.EditsDirs() {
		o.begin(dir)
		lists.Go(func() {
			defer o.end(dir)
			before(dir)
			if err := o.node.FindJournals(dir); err != nil {
				// The directory of the start was checked. Another nameservice's is its calls' business, as in Java.
				o.log.Warn("cannot list an edits directory: /jmx names a journal in it only once it is used", "dir", dir, "error", err)
			}
		})
	}
	serving.Go(func() {
		lists.Wait()
		close(o.listed)
	})
	select {
	case <-o.listed:
	case <-time.After(patience):
		o.log.Warn("the start goes on while a disk does not answer", "waiting_for", o.unfinished())
	}
	serving.Go(o.open)
}

// open opens what was found until now and, once all directories are listed, the rest.
func (o *opening) open() {
	defer close(o.done)
	var opens sync.WaitGroup
	tried := make(map[string]bool)
	o.openNew(tried, &opens)
	<-o.listed
	o.openNew(tried, &opens)
	opens.Wait()
}

// openNew begins to open the journals that were found and not tried, openAtOnce of each directory.
func (o *opening) openNew(tried map[string]bool, opens *sync.WaitGroup) {
	found := make(map[string][]jnserver.Found)
	for _, f := range o.node.Found() {
		if !tried[f.JournalID] {
			tried[f.JournalID] = true
			found[f.Dir] = append(found[f.Dir], f)
			o.begin(f.JournalID)
		}
	}
	for _, journals := range found {
		next := make(chan jnserver.Found, len(journals))
		for _, f := range journals {
			next <- f
		}
		close(next)
		for range min(openAtOnce, len(journals)) {
			opens.Go(func() {
				for f := range next {
					if err := o.node.OpenFound(f); err != nil && !o.closed() {
						o.log.Error("a journal on disk cannot be opened", "jid", f.JournalID, "error", err)
					}
					o.end(f.JournalID)
				}
			})
		}
	}
}

// nameOthers warns of file systems that may not keep what they were told to sync, of directories that checkStart left out.
func nameOthers(s *hadoopconf.JournalNode, fsys vfs.FS, log *slog.Logger) func(dir string) {
	if _, ok := s.StartDir(); ok {
		return func(string) {}
	}
	return func(dir string) {
		if _, err := fsys.Stat(dir); err == nil {
			nameFileSystem(fsys, dir, log)
		}
	}
}
