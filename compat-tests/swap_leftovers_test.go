package compat_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// ownNames are all names that our node makes in a journal's directory and Java's does not, or not there: some last,
// some for a moment, so that a kill can leave them. A name that ends in a slash is a directory, which gets some files.
var ownNames = []string{
	"gojn.reserve",                             // space for promises on a full disk; it stays
	"gojn.vote",                                // of a node that was wiped; says nothing beside a writer's epoch
	"edits.sync/",                              // segments on their way from other nodes; also of Java's 3.x
	"formatted.tmp/",                           // what a format puts in the place of current/
	"current.tmp/",                             // what it has replaced; also of Java's 3.x
	"finalized.tmp.tmp/",                       // of Java's 3.x only; ours removes it
	"current/VERSION.tmp",                      // Java writes VERSION in place
	"current/last-promised-epoch.tmp",          // as Java
	"current/last-writer-epoch.tmp",            // as Java
	"current/paxos/4.tmp",                      // as Java
	"current/paxos/7.tmp",                      // of a record that is not there
	"current/" + inProgress4 + ".renewed",      // a copy of what the medium has
	"current/" + inProgress4 + ".epoch=1.part", // a download that goes on
	"current/" + inProgress4 + ".epoch=1",      // a download without a record, as Java
	"current/" + inProgress1 + ".renewed",      // of a segment that is finalized
}

const (
	inProgress1 = "edits_inprogress_0000000000000000001"
	inProgress4 = "edits_inprogress_0000000000000000004"
)

// isLeftover tells whether a name of a tree is one of those, in current/ or in what an upgrade has made of it: Java's
// node leaves them, ours takes most of them away.
func isLeftover(name string) bool {
	for _, l := range ownNames {
		if strings.HasSuffix(l, "/") && strings.HasPrefix(name, l) {
			return true
		}
	}
	switch base := filepath.Base(name); {
	case base == "gojn.reserve", base == "gojn.vote", strings.HasSuffix(base, ".tmp") && !strings.HasSuffix(name, "/"):
		return true
	case strings.HasSuffix(base, ".renewed"), strings.HasSuffix(base, ".part"), strings.Contains(base, ".epoch="):
		return true
	}
	return false
}

// hasLeftovers tells whether current.tmp/ or finalized.tmp.tmp/ is still the one that addLeftovers has put there.
func hasLeftovers(root string) bool {
	for _, dir := range []string{"current.tmp", "finalized.tmp.tmp"} {
		if text, err := os.ReadFile(filepath.Join(root, dir, "VERSION")); err == nil && string(text) == leftoverText {
			return true
		}
	}
	return false
}

const leftoverText = "garbage\n"

// addLeftovers puts all of them into a journal's directory.
func addLeftovers(root string, _ *swapJournal) error {
	var errs []error
	for _, name := range ownNames {
		path := filepath.Join(root, name)
		if !strings.HasSuffix(name, "/") {
			err := os.WriteFile(path, []byte(leftoverText), 0o644)
			if errors.Is(err, os.ErrNotExist) && strings.HasPrefix(name, "current/paxos/") {
				err = nil // between doPreUpgrade and doUpgrade there is no such directory
			}
			errs = append(errs, err)
			continue
		}
		errs = append(errs, os.MkdirAll(path+"/paxos", 0o755))
		for _, file := range []string{"VERSION", "last-promised-epoch", inProgress4} {
			errs = append(errs, os.WriteFile(filepath.Join(path, file), []byte(leftoverText), 0o644))
		}
	}
	return errors.Join(errs...)
}

// cutFormat leaves what our format does between its two renames.
func cutFormat(root string, j *swapJournal) error {
	version, err := os.ReadFile(root + "/current/VERSION")
	j.last, j.next = 0, 1
	return errors.Join(err,
		os.Rename(root+"/current", root+"/current.tmp"),
		os.WriteFile(root+"/current.tmp/VERSION", []byte(leftoverText), 0o644),
		os.MkdirAll(root+"/formatted.tmp/paxos", 0o755), os.WriteFile(root+"/formatted.tmp/VERSION", version, 0o644),
		os.WriteFile(root+"/formatted.tmp/last-promised-epoch", []byte("0\n"), 0o644))
}

// swapLeftovers: a journal's whole life with and without the files that our node may leave. Both Javas do the same
// with it.
func swapLeftovers() []swapState {
	states := []swapState{{
		name: "format-cut", why: "our format, cut off in the instant in which neither state is in its place",
		build: threeAndTwo, edit: cutFormat, refused: serves, // Java: not formatted
	}}
	for _, life := range []swapState{
		{name: "start", build: threeAndTwo},
		{name: "format", build: threeAndTwo, work: "reformat; epoch; start; write 3; finalize; start; write 2; commit"},
		{name: "purge", build: threeAndTwo, work: "recover; start; write 3; finalize; start; write 2; purge 6"},
		{name: "discard", build: threeAndTwo, work: "recover; discard 4; epoch; start; write 3; finalize; start; write 2"},
		{name: "pre-upgrade", build: threeAndTwo + "preupgrade"},
		{name: "upgrade", build: threeAndTwo, work: goOn + "; preupgrade; upgrade 1600000000000"},
		{name: "finalize", build: threeAndTwo, work: goOn + "; preupgrade; upgrade 1600000000000; finalizeupgrade"},
		{name: "rollback", build: threeAndTwo, work: "recover; preupgrade; upgrade 1600000000000; rollback"},
		{name: "finalize-cut", build: swapUpgraded, edit: func(root string, _ *swapJournal) error {
			return os.Rename(root+"/previous", root+"/finalized.tmp")
		}},
	} {
		with, edit := life, life.edit
		life.name, life.why = "life-"+life.name, "to compare"
		with.name, with.why, with.like = "leftovers-"+with.name, "with all that our node may leave", life.name
		with.edit = func(root string, j *swapJournal) error {
			if edit != nil {
				if err := edit(root, j); err != nil {
					return err
				}
			}
			return addLeftovers(root, j)
		}
		states = append(states, life, with)
	}
	return states
}
