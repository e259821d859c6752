package jnserver_test

import (
	"fmt"
	"strings"
	"testing"

	"gojn/jnserver"
	"gojn/storage/vfs"
)

// What the start opens is what every call would open: a journal whose nameservice has been given another directory since, or
// that lies in two, waits for the call that names its nameservice (Java JournalNode.getLogDir).
func TestFound(t *testing.T) {
	mem := vfs.NewMem()
	for _, dir := range []string{
		editsDir + "/moved", "/new/moved", // also where it was before
		editsDir + "/fresh", // its own directory has nothing yet
		editsDir + "/plain", "/new/alone",
		editsDir + "/twice", "/other/twice",
	} {
		copyFixture(t, mem, "3.4.2", dir+"/current")
	}
	cfg := newConfig(mem, noFetch)
	cfg.EditsDirByNameservice = map[string]string{"moved": "/new", "fresh": "/new", "x": "/other", "relative": "new"}
	n := newNode(t, cfg)
	dirs := n.EditsDirs()
	if got, want := fmt.Sprint(dirs), fmt.Sprint([]string{editsDir, "/new", "/other"}); len(dirs) != 3 || got != want {
		t.Fatalf("edits directories %s, want %s", got, want)
	}
	must(t, n.FindJournals(dirs[1]))
	if got, want := n.Found(), []jnserver.Found{{JournalID: "moved", Dir: "/new"}}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("while another disk has not answered: %v, want %v", got, want)
	}
	must(t, n.FindJournals(dirs[0]))
	must(t, n.FindJournals(dirs[2]))
	want := []jnserver.Found{
		{JournalID: "alone", Dir: "/new"}, {JournalID: "moved", Dir: "/new"}, {JournalID: "plain", Dir: editsDir},
	}
	if got := n.Found(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("found %v, want %v", got, want)
	}
	spare := cfg
	spare.EditsDirSpare = true // no nameservice means the default directory
	o := newNode(t, spare)
	for _, dir := range dirs {
		must(t, o.FindJournals(dir))
	}
	if got := o.Found(); fmt.Sprint(got) != fmt.Sprint(want[:2]) {
		t.Errorf("found %v beside a spare directory, want %v", got, want[:2])
	}
	for _, f := range n.Found() {
		must(t, n.OpenFound(f))
	}
	for jid, root := range map[string]string{"moved": "/new/moved", "plain": editsDir + "/plain", "fresh": "/new/fresh", "alone": "/new/alone"} {
		j, err := n.Journal(jid, jid)
		must(t, err)
		if got := j.Snapshot(); got.Root != root || got.Formatted() != (jid != "fresh") {
			t.Errorf("%s is in %s, formatted %t; want %s", jid, got.Root, got.Formatted(), root)
		}
	}
}

// A disk that hangs keeps nobody from a journal that was found on another one: nothing looks at it.
func TestOpenFoundLooksAtItsOwnDiskOnly(t *testing.T) {
	mem := vfs.NewMem()
	copyFixture(t, mem, "3.4.2", "/good/ns2/current")
	var touched []vfs.Op
	cfg := newConfig(vfs.Inject(mem, func(op vfs.Op) error {
		if strings.HasPrefix(op.Path, "/bad") {
			touched = append(touched, op)
		}
		return nil
	}), noFetch)
	cfg.EditsDirByNameservice = map[string]string{"ns1": "/bad", "ns2": "/good"}
	n := newNode(t, cfg)
	must(t, n.FindJournals("/good"))
	found := n.Found()
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	must(t, n.OpenFound(found[0]))
	if j, err := n.Journal("ns2", ""); err != nil || !j.Snapshot().Formatted() {
		t.Errorf("a call without a nameservice: %v", err)
	}
	if len(touched) > 0 {
		t.Errorf("it would have waited for %v", touched)
	}
}
