package compat_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/wire"
)

// TestSwap_InPlace hands directories over. A node of one kind brings a journal into each of swapStates and is killed;
// a node of the other kind, or of the same one, takes the directory over, is asked what it finds, works with it as a
// new writer makes it, and is killed; then a node of the first kind has it back, is asked and works. Java -> Java ->
// Java is the model: every answer and, at the end, every tree of the other ways is the same, but for the listed
// differences, and no acknowledged transaction is missing. Of the way from ours to ours CI takes what is its own
// model.
func TestSwap_InPlace(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		s := &swap{t: t, ctx: ctx, site: site, states: swapStates(site.Install.Release)}
		java := s.build("java-made", hadoop.Java)
		ours := s.build("ours-made", subject())
		ways := []*swapWay{
			java.to("java-java", hadoop.Java), java.to("java-ours", subject()),
			ours.to("ours-java", hadoop.Java), ours.to("ours-ours", subject()),
		}
		if !long() {
			ways[3].states = slices.DeleteFunc(slices.Clone(s.states), func(s swapState) bool { return !s.loose })
		}
		for _, w := range ways {
			w.handOver()
		}
		for i, w := range ways {
			for _, state := range w.states {
				model := ways[0]
				if state.loose {
					model = ways[i|1] // what ours makes of the same directory
				}
				w.compare(state, model)
			}
		}
	}, releases(t)...)
}

// sideBySide is how many journals of a node are worked with at a time: they wait for the disk.
const sideBySide = 8

// swap is the run of all states on one release.
type swap struct {
	t      *testing.T
	ctx    context.Context
	site   *hadoop.Site
	states []swapState
}

// swapWay is an edits directory on its way from one kind of node to another and back.
type swapWay struct {
	swap
	name         string // <maker>-<taker>
	maker, taker hadoop.Kind
	edits        string
	journals     map[string]*swapJournal // by state

	mu      sync.Mutex
	answers map[string][]answer // by state, of the taker and then of the maker
	trees   map[string]oracle.Tree
}

// node configures a node over the directory.
func (w *swapWay) node(kind hadoop.Kind, name string) *hadoop.JournalNode {
	w.t.Helper()
	node := must(w.site.JournalNode(name, kind, journalnode(w.t), nil))(w.t)
	node.Edits = w.edits
	check(w.t, node.Configure(sameRelease(w.site.Install)))
	return node
}

// each does something with every journal, some at a time, each on a connection of its own.
func (w *swapWay) each(node *hadoop.JournalNode, do func(n *swapNode, state swapState, j *swapJournal) error) {
	w.t.Helper()
	var all sync.WaitGroup
	errs := make([]error, len(w.states))
	places := make(chan struct{}, sideBySide)
	for i, state := range w.states {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			conn, err := wire.Dial(w.ctx, node.RPC, wire.QJournalProtocol, "hdfs")
			if err == nil {
				err = errors.Join(do(&swapNode{node, conn}, state, w.journals[state.name]), conn.Close())
			}
			if err != nil {
				errs[i] = fmt.Errorf("%s on %s: %w", state.name, node.Name, err)
			}
		})
	}
	all.Wait()
	check(w.t, errors.Join(errs...))
}

// build makes all states with a node of one kind, kills it, and does to the directories what a kill cannot be timed
// for.
func (s *swap) build(name string, maker hadoop.Kind) *swapWay {
	s.t.Helper()
	begin := time.Now()
	w := &swapWay{
		swap: *s, maker: maker, edits: filepath.Join(s.site.Dir, name), journals: make(map[string]*swapJournal),
	}
	for _, state := range s.states {
		w.journals[state.name] = &swapJournal{
			ctx: s.ctx, jid: state.name, newest: state.newest, ns: state.namespace(s.site.Install.Release),
		}
	}
	node := w.node(maker, name)
	check(s.t, node.Start(s.ctx))
	makeSome := func(source bool) func(*swapNode, swapState, *swapJournal) error {
		return func(n *swapNode, state swapState, j *swapJournal) error {
			if (state.name == swapSource) != source {
				return nil
			}
			return j.do(n, state.build)
		}
	}
	w.each(node, makeSome(true))
	w.each(node, makeSome(false))
	endLoad := w.load(node)
	node.Kill()
	endLoad()
	for _, state := range s.states {
		if state.edit == nil {
			continue
		}
		if err := state.edit(filepath.Join(w.edits, state.name), w.journals[state.name]); err != nil {
			s.t.Fatalf("%s: %v", state.name, err)
		}
	}
	s.t.Logf("%s: %d states in %v", name, len(s.states), time.Since(begin).Round(time.Millisecond))
	return w
}

// to is a way to a taker, on a copy of the directory.
func (w *swapWay) to(name string, taker hadoop.Kind) *swapWay {
	w.t.Helper()
	other := &swapWay{
		swap: w.swap, name: name, maker: w.maker, taker: taker, edits: filepath.Join(w.site.Dir, name),
		journals: make(map[string]*swapJournal), answers: make(map[string][]answer), trees: make(map[string]oracle.Tree),
	}
	check(w.t, copyTree(other.edits, w.edits))
	for name, j := range w.journals {
		own := *j
		other.journals[name] = &own
	}
	return other
}

// handOver lets the taker and then the maker serve the directory. Each is killed.
func (w *swapWay) handOver() {
	w.t.Helper()
	begin := time.Now()
	w.turn("taken", w.taker, func(state swapState) string { return state.work })
	w.turn("back", w.maker, func(swapState) string { return goOn })
	for _, state := range w.states {
		root := filepath.Join(w.edits, state.name)
		tree, err := oracle.ReadTree(root)
		if err != nil {
			w.t.Errorf("%s: %s: %v", w.name, state.name, err)
		}
		for name := range tree {
			if isLeftover(name) {
				delete(tree, name)
			}
		}
		w.trees[state.name] = tree
		report(w.t, w.name+" "+state.name, w.journals[state.name].missing(filepath.Join(root, "current")))
	}
	check(w.t, os.RemoveAll(w.edits))
	w.t.Logf("%s: %d states in %v", w.name, len(w.states), time.Since(begin).Round(time.Millisecond))
}

// turn is one node's time with the directory.
func (w *swapWay) turn(name string, kind hadoop.Kind, work func(swapState) string) {
	w.t.Helper()
	node := w.takeOver(w.node(kind, w.name+"-"+name))
	w.askAll(name, node, work)
	node.Kill()
}

// askAll asks a node about all journals and works with those that it serves.
func (w *swapWay) askAll(name string, node *hadoop.JournalNode, work func(swapState) string) {
	w.t.Helper()
	w.each(node, func(n *swapNode, state swapState, j *swapJournal) error {
		answers, err := j.ask(n)
		if err != nil {
			return err
		}
		for _, a := range answers {
			w.add(state.name, answer{name + " " + a.label, a.text})
		}
		j.newest = 0
		if !usable(answers) {
			return nil // compare tells whether that may be
		}
		err = j.do(n, work(state))
		var refused *wire.RemoteError
		if errors.As(err, &refused) {
			w.add(state.name, answer{name + " work", "FAIL " + err.Error()})
			return nil // so here
		}
		return err
	})
}

func (w *swapWay) add(state string, a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[state] = append(w.answers[state], a)
}

// usable tells whether the journal was formatted and nothing that a new writer asks at the end, or does, was refused.
func usable(answers []answer) bool {
	return len(answers) > 2 && !strings.HasPrefix(answers[len(answers)-1].text, "FAIL")
}

// takeOver starts a node and lets it open every journal. A Java node that has completed or undone something has to be
// restarted once more to be of use (JNStorage does not look again); ours serves at once.
func (w *swapWay) takeOver(node *hadoop.JournalNode) *hadoop.JournalNode {
	w.t.Helper()
	check(w.t, node.Start(w.ctx))
	if node.Kind == hadoop.Ours {
		return node
	}
	var again []string
	w.each(node, func(n *swapNode, state swapState, j *swapJournal) error {
		data, err := n.conn.Call("isFormatted", j.id())
		if err != nil {
			return nil //nolint:nilerr // the same will be told when it is asked
		}
		fields, err := wire.Parse(data)
		if yes, _ := fields.Int(1); yes == 0 && state.refused == served {
			w.mu.Lock()
			defer w.mu.Unlock()
			again = append(again, state.name)
		}
		return err
	})
	if len(again) == 0 {
		return node
	}
	for _, jid := range again {
		if root := filepath.Join(node.Edits, jid); !hasLeftovers(root) { // else there is what it does not touch
			awaitDeletions(w.t, w.ctx, node, jid)
		}
	}
	node.Kill()
	check(w.t, node.Start(w.ctx))
	return node
}
