package compat_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// TestKill_OneNodeControl is the control of [TestKill_OneNode]: what it looks at must convict a node of an
// acknowledged transaction that is gone, of a promise that went back, and a build that loses its last writes when
// it is killed.
func TestKill_OneNodeControl(t *testing.T) {
	if control() {
		t.Skip("it needs our binary")
	}
	t.Parallel()
	w := newNodeWriter(t, journalnode(t))
	w.killInSegment()
	w.examine()
	current := w.current()
	convicted(t, "nothing", w.problems(), "")
	undo := loseLastTransaction(t, current)
	convicted(t, "a lost transaction", w.problems(), "acknowledged was")
	undo()
	undo = lowerPromise(t, current)
	convicted(t, "a lower promise", w.problems(), "last-promised-epoch is")
	undo()
	convicted(t, "nothing", w.problems(), "")

	site := must(hadoop.NewSite(t.TempDir(), nil))(t)
	t.Cleanup(site.Close)
	w = newNodeWriter(t, saboteurBinary(t, site, "forget=16"))
	w.killInSegment()
	convicted(t, "the saboteur", w.problems(), "acknowledged was")
}

// killInSegment lets the node live and kills it when a segment has acknowledged transactions.
func (w *nodeWriter) killInSegment() {
	w.t.Helper()
	w.v.launch()
	w.begin(aim{})
	defer w.conn.Close()
	w.takeOver()
	w.start()
	for range 40 {
		w.journal()
	}
	w.v.kill()
}

// convicted checks that the problems found are what they must be: one of them has the text; none for no text.
func convicted(t *testing.T, of string, problems []string, text string) {
	t.Helper()
	t.Logf("control: %s: %q", of, problems)
	found := strings.Contains(strings.Join(problems, "\n"), text)
	if text == "" {
		found = len(problems) == 0
	}
	if !found {
		t.Errorf("control: convicted of %q, done was: %s", problems, of)
	}
}

// loseLastTransaction cuts the last transaction off the last segment of a node that is dead.
func loseLastTransaction(t *testing.T, current string) (undo func()) {
	t.Helper()
	segments := must(oracle.ReadJournal(current))(t)
	s := segments[len(segments)-1]
	if len(s.Frames) == 0 {
		t.Fatalf("%s has nothing to lose", s.Path)
	}
	length := int64(len(s.Header))
	for _, f := range s.Frames[:len(s.Frames)-1] {
		length += int64(len(f.Bytes))
	}
	content := must(os.ReadFile(s.Path))(t)
	check(t, os.Truncate(s.Path, length))
	return func() { check(t, os.WriteFile(s.Path, content, 0o644)) }
}

// lowerPromise makes a dead node forget its last promise.
func lowerPromise(t *testing.T, current string) (undo func()) {
	t.Helper()
	name := filepath.Join(current, "last-promised-epoch")
	epoch := must(readEpoch(name))(t)
	check(t, os.WriteFile(name, []byte(fmt.Sprintf("%d\n", epoch-1)), 0o644))
	return func() { check(t, os.WriteFile(name, []byte(fmt.Sprintf("%d\n", epoch)), 0o644)) }
}
