package storage_test

import (
	"testing"

	"gojn/storage"
	"gojn/storage/vfs"
)

// wiped makes of the journal one that was emptied and formatted after a peer.
func wiped(t *testing.T, mem *vfs.Mem, d *storage.Dir) {
	t.Helper()
	must(t, mem.RemoveAll(currentDir))
	must(t, mem.SyncDir(rootDir))
	must(t, d.FormatLikePeer(fixtureInfo))
	wantVote(t, "after FormatLikePeer", d, storage.Vote{Withheld: true})
}

// promised is wiped, and then a writer's request came that was no start of a segment.
func promised(t *testing.T, mem *vfs.Mem, d *storage.Dir) {
	t.Helper()
	wiped(t, mem, d)
	must(t, d.SetPromisedEpoch(7))
	wantVote(t, "after a promise", d, storage.Vote{Withheld: true})
}

// voteScenarios are the changes that give a vote back, and those that must not.
func voteScenarios() []crashScenario {
	setPromise := func(d *storage.Dir) error { return d.SetPromisedEpoch(7) }
	setWriter := func(d *storage.Dir) error { return d.SetWriterEpoch(7) }
	grant := func(note string) func(d *storage.Dir) error {
		return func(d *storage.Dir) error { return d.GrantVote(note) }
	}
	return []crashScenario{
		{name: "a promise of the wiped", before: wiped, run: setPromise, retried: true, midway: true},
		{name: "a writer comes to the wiped", before: promised, run: setWriter, retried: true, midway: true},
		{name: "GrantVote", before: wiped, run: grant(""), retried: true, midway: true},
		{name: "GrantVote after a promise", before: promised, run: grant(""), retried: true, midway: true},
		{name: "GrantVote by hand", before: wiped, run: grant("root: a new cluster"), retried: true, midway: true,
			between: func(old, new, v view) bool { return v.Vote == old.Vote && v.Promised == new.Promised }},
		{name: "GrantVote by hand after a promise", before: promised, run: grant("root"), retried: true, midway: true},
		{name: "Format of the wiped", before: promised, run: func(d *storage.Dir) error { return d.Format(upgradedInfo, true) },
			withCommitted: true, retried: true, midway: true, between: func(_, new, v view) bool {
				v.Vote.Withheld = false // the mark goes last
				return v == new
			}},
		{name: "Upgrade of the wiped", before: func(t *testing.T, mem *vfs.Mem, d *storage.Dir) {
			wiped(t, mem, d)
			must(t, d.PreUpgrade())
		}, run: func(d *storage.Dir) error { return d.Upgrade(upgradedInfo) }, withCommitted: true, midway: true},
	}
}

// TestVoteLasts restarts the journal after each scenario: what it says of the vote is what it said before.
func TestVoteLasts(t *testing.T) {
	withheld, votes := storage.Vote{Withheld: true}, storage.Vote{}
	want := map[string]storage.Vote{
		"a promise of the wiped": withheld, "a writer comes to the wiped": votes,
		"GrantVote": votes, "GrantVote after a promise": votes, "GrantVote by hand": {Granted: "root: a new cluster"},
		"GrantVote by hand after a promise": {Granted: "root"}, "Format of the wiped": votes, "Upgrade of the wiped": withheld,
	}
	for _, s := range voteScenarios() {
		t.Run(s.name, func(t *testing.T) {
			expected, listed := want[s.name]
			if !listed {
				t.Fatal("nothing is expected of this scenario")
			}
			mem, d, run := arena(t, s, none)
			must(t, run())
			wantVote(t, "at once", d, expected)
			wantVote(t, "after a power cut", mustOpen(t, mem.CrashClone(nil)), expected)
		})
	}
}

// TestVoteOfJavasDirectory: a promise proves a vote, also without a writer's epoch; a directory without one has none.
func TestVoteOfJavasDirectory(t *testing.T) {
	mem := formatted(t).settled()
	must(t, mem.Remove(currentDir+"/last-writer-epoch"))
	wantVote(t, "promised", mustOpen(t, everything(mem)), storage.Vote{})
	must(t, mem.Remove(currentDir+"/last-promised-epoch"))
	wantVote(t, "not promised", mustOpen(t, everything(mem)), storage.Vote{Withheld: true})
}

// TestVoteAfterJavaServed: between two starts of ours a Java node served a writer, which gives the vote back.
func TestVoteAfterJavaServed(t *testing.T) {
	mem := formatted(t).settled()
	d := mustOpen(t, mem)
	promised(t, mem, d)
	must(t, d.Close())
	writeTo(t, mem, currentDir+"/last-writer-epoch", []byte("8\n"))
	writeTo(t, mem, currentDir+"/last-promised-epoch", []byte("8\n"))
	wantVote(t, "after Java's writer", mustOpen(t, mem), storage.Vote{})
	if _, err := mem.Stat(rootDir + "/gojn.vote"); err == nil {
		t.Error("the mark stayed")
	}
}

// TestVoteMarkCannotBeRead: what the mark says counts only if it is a grant.
func TestVoteMarkCannotBeRead(t *testing.T) {
	for _, text := range []string{"", "granted", "yes\n", "\x00"} {
		mem := formatted(t).settled()
		must(t, mem.Remove(currentDir+"/last-writer-epoch"))
		writeTo(t, mem, rootDir+"/gojn.vote", []byte(text))
		wantVote(t, text, mustOpen(t, mem), storage.Vote{Withheld: true})
	}
}

// TestFormatLikePeerCut cuts the power before each operation: what is there afterwards is not formatted, or may not vote.
func TestFormatLikePeerCut(t *testing.T) {
	mem := newDisk(t).settled()
	var cuts []*vfs.Mem
	d := mustOpen(t, vfs.Inject(mem, func(vfs.Op) error {
		cuts = append(cuts, mem.CrashClone(nil), everything(mem))
		return nil
	}))
	must(t, d.FormatLikePeer(fixtureInfo))
	formattedCuts := 0
	for _, cut := range append(cuts, mem.CrashClone(nil)) {
		after := mustOpen(t, cut)
		if after.State() != storage.Normal {
			continue
		}
		formattedCuts++
		wantVote(t, "after a power cut", after, storage.Vote{Withheld: true})
	}
	if formattedCuts == 0 || formattedCuts == len(cuts) {
		t.Errorf("%d of %d disks were formatted: this shows nothing", formattedCuts, len(cuts))
	}
}

// TestFormatLikePeerOfAnotherNode: edits or an earlier state tell that the node is not new.
func TestFormatLikePeerOfAnotherNode(t *testing.T) {
	d := mustOpen(t, formatted(t).settled())
	if err := d.FormatLikePeer(fixtureInfo); err == nil {
		t.Error("a directory with edits was formatted after a peer")
	}
	must(t, d.PreUpgrade())
	if err := d.FormatLikePeer(fixtureInfo); err == nil {
		t.Error("a directory in the middle of an upgrade was formatted after a peer")
	}
}

// TestGrantIsOneLine keeps a note from saying more than one thing.
func TestGrantIsOneLine(t *testing.T) {
	mem := formatted(t).settled()
	d := mustOpen(t, mem)
	wiped(t, mem, d)
	must(t, d.GrantVote("by root\nwithheld\t"))
	wantVote(t, "granted", mustOpen(t, mem.CrashClone(nil)), storage.Vote{Granted: "by root withheld"})
}

func wantVote(t *testing.T, what string, d *storage.Dir, want storage.Vote) {
	t.Helper()
	if got := d.Vote(); got != want {
		t.Fatalf("%s: %+v, want %+v", what, got, want)
	}
}
