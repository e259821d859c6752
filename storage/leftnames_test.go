package storage_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

// leftNames are all names that a kill can leave in a journal's directory, for N a txid or an epoch, and whether Java's
// JournalNode makes them too, in the same place. A name that is ours alone must be ignored by Java: TestSwap_InPlace in
// compat-tests has each of them, and docs/compatibility.md a row.
var leftNames = map[string]bool{
	"in_use.lock":                     true,
	"current/":                        true,
	"current/VERSION":                 true,
	"current/VERSION.tmp":             false,
	"current/last-promised-epoch":     true,
	"current/last-writer-epoch":       true,
	"current/committed-txid":          true,
	"current/edits_N-N":               true,
	"current/edits_N-N.trash":         true,
	"current/edits_inprogress_N":      true,
	"current/paxos/":                  true,
	"current/paxos/N":                 true,
	"current/paxos/N.tmp":             true,
	"previous/":                       true,
	"previous.tmp/":                   true,
	"removed.tmp/":                    true,
	"finalized.tmp/":                  true,
	"current.tmp/":                    true, // 3.x
	"formatted.tmp/":                  false,
	"gojn.reserve":                    false,
	"edits.sync/":                     true, // 3.x
	"edits.sync/edits_N-N":            true,
	"gojn.vote":                       false,
	"gojn.vote.tmp":                   false,
	"current/last-promised-epoch.tmp": true,
	"current/last-writer-epoch.tmp":   true,

	"current/edits_inprogress_N.epoch=N":      true,
	"current/edits_inprogress_N.epoch=N.part": false,
	"current/edits_inprogress_N.renewed":      false,
	"current/edits_inprogress_N.stale":        true,
	"current/edits_inprogress_N.trash":        true,
	"current/edits_inprogress_N.empty":        true,
}

// TestLeftNames looks into the directory before every operation of every change that a Dir makes, which is where a kill
// may end it, and wants leftNames, all and no others.
func TestLeftNames(t *testing.T) {
	seen := make(map[string]bool)
	look := func(mem *vfs.Mem) {
		for name := range tree(t, mem, rootDir) {
			name = stateDir.ReplaceAllString(name, "current/$1")
			seen[numbers.ReplaceAllString(name, "N")] = true
		}
	}
	noSpaceTaken := func(*vfs.Mem) {}
	for _, s := range append(crashScenarios(), emptyScenario()) {
		mem, _, run := reservedArena(t, s, noSpaceTaken, func(mem *vfs.Mem, _ vfs.Op, _ int) error {
			look(mem)
			return nil
		})
		if err := run(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		look(mem)
	}
	lookDuringRenew(t, look)
	for name := range seen {
		if _, listed := leftNames[name]; !listed {
			t.Errorf("%s is left by a kill and not listed", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(leftNames)) {
		if !seen[name] {
			t.Errorf("%s is listed and was not seen", name)
		}
	}
}

var (
	// stateDir is what has the content of a current/.
	stateDir = regexp.MustCompile(`^(?:previous|(?:previous|removed|finalized|current|formatted)\.tmp)/(.+)$`)
	numbers  = regexp.MustCompile(`[0-9]+`)
)

// lookDuringRenew looks while a copy takes the place of a segment of which a sync failed.
func lookDuringRenew(t *testing.T, look func(*vfs.Mem)) {
	t.Helper()
	mem, d, _, _ := poisonedDir(t, vfs.MediumDirect)
	must(t, d.Close())
	d = mustOpen(t, vfs.Inject(mem, func(vfs.Op) error {
		look(mem)
		return nil
	}))
	s, _, err := d.Find(10)
	must(t, err)
	scan, err := d.Scan(s)
	must(t, err)
	must(t, d.Renew(s, scan))
}

// emptyScenario sets a segment without a transaction aside.
func emptyScenario() crashScenario {
	return crashScenario{name: "empty", run: func(d *storage.Dir) error {
		w, err := d.StartSegment(10, -67)
		if err != nil {
			return err
		}
		if err := w.Abort(); err != nil {
			return err
		}
		_, _, _, err = d.LatestSegment()
		return err
	}}
}
