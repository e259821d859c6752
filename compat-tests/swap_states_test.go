package compat_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// swapState is a state in which a journal is handed over, and the name of the journal.
type swapState struct {
	name, why string
	build     string // the steps that lead there, see swapJournal.do
	edit      func(root string, j *swapJournal) error
	work      string // what the taker does after the questions
	clusterID string // instead of the fixtures'
	load      bool   // a writer goes on until the kill
	loose     bool   // each run makes another directory: ways are compared that begin at the same one
	like      string // the state that it must be like, if that is not itself
	newest    int64  // the newest segment by what other nodes say to newEpoch; 0: by what this one says
	// withheld: a Java node leaves no promise in it, so that ours takes it for one that was wiped, and does not vote.
	withheld bool
	// refused: no Java node serves it, whoever made it, and what ours does then.
	refused refusal
	// What is not as on the way of Java's nodes alone where ours is the taker, and where ours is the maker, who has it
	// back: by the answer's label, or the file in the tree, a part of what it is instead.
	oursTakes, oursMakes map[string]string
}

// refusal is what our node does with a directory that Java's refuses.
type refusal string

const (
	served  refusal = ""
	refuses refusal = "refuses too"
	serves  refusal = "serves"
)

// namespace is what a NameNode of the release says.
func (s swapState) namespace(release hadoop.Release) wire.Namespace {
	ns := modern
	if release.Version == hadoop.Hadoop277.Version {
		ns = namespace
	}
	if s.clusterID != "" {
		ns.ClusterID = s.clusterID
	}
	return ns
}

const (
	// goOn is the rest of a recovery, a segment, and half of another.
	goOn = "recover; start; write 3; finalize; start; write 2; commit"

	// swapSource is the journal that recoveries fetch from.
	swapSource = "source"

	threeAndTwo  = "format; epoch; start; write 3; finalize; start; write 2; "
	swapUpgraded = threeAndTwo + "preupgrade; upgrade 1600000000000; "
	upgradeAll   = "recover; preupgrade; upgrade 1600000000000; finalizeupgrade"
)

// swapStates are all states.
func swapStates(release hadoop.Release) []swapState {
	states := slices.Concat(
		swapSegments(release), swapRecoveries(), swapUpgrades(release), swapVersions(), swapLeftovers())
	for i := range states {
		if states[i].work == "" {
			states[i].work = goOn
		}
	}
	return states
}

// swapSegments: of the segments and what is kept beside them.
func swapSegments(release hadoop.Release) []swapState {
	var lengthCounts map[string]string // 2.7 takes a transaction for whole that is as long as it says, padding included
	if release.Version == hadoop.Hadoop277.Version {
		lengthCounts = map[string]string{"taken manifest": "startTxId:4 endTxId:5", "taken prepare": "endTxId:5"}
	}
	return []swapState{
		{name: "formatted", why: "nothing but a format", build: "format", withheld: true},
		{name: "promised", why: "a promise and no segment", build: "format; epoch; epoch"},
		{name: "finalized", why: "no open segment", build: "format; epoch; start; write 3; finalize"},
		{name: "in-progress", why: "an open segment", build: threeAndTwo},
		{name: "committed", why: "an open segment, all of it known as committed", build: threeAndTwo + "commit"},
		{name: "empty-segment", why: "an open segment without a transaction",
			build: "format; epoch; start; write 3; finalize; start"},
		{name: "one-transaction", why: "a segment that may be started over", build: "format; epoch; start; write 1",
			work: "restart; write 3; finalize; start; write 2"},
		{name: "two-open", why: "a segment that its writer left, and the next one",
			build: "format; epoch; start; write 3; epoch; start; write 2",
			// Java's manifest fails; ours has the newest open segment, and what is finalized
			oursTakes: map[string]string{"taken manifest": "startTxId:4 endTxId:5", "taken body 4": "inprogress"},
			oursMakes: map[string]string{"back manifest": "startTxId:9 endTxId:10", "back body 4": "5: ", "back body 6": "8: ",
				"back body 9": "inprogress"}},
		{name: "purged", why: "segments were purged", build: threeAndTwo + "finalize; start; write 4; purge 4"},
		{name: "discarded", why: "segments were discarded, and written anew", build: threeAndTwo +
			"finalize; start; write 4; discard 4; epoch; start; write 1"},
		{name: "new-promise", why: "a writer's promise without its segment", build: threeAndTwo + "epoch"},
		{name: "large", why: "batches and padding beyond a MiB",
			build: "format; epoch; start; write 1; write 12000; write 3000; finalize; start; write 1; write 14000"},
		{name: "under-load", why: "kill -9 between and in the calls of a busy writer",
			build: "format; epoch; start; write 1", load: true, loose: true},
		{name: "torn", why: "the first half of a transaction at the end, and padding", build: threeAndTwo,
			work: "accept 10 source; finalize; start; write 3; finalize; start; write 2; commit",
			edit: func(root string, _ *swapJournal) error {
				return overwrite(root+"/current/"+inProgressName(4), mkdirs(4, 2), mkdirs(6, 1)[:40])
			}, oursTakes: lengthCounts},
	}
}

// swapRecoveries: of recoveries that did not come to their end. The segment from 4 on has two transactions here and
// seven in the journal "source".
func swapRecoveries() []swapState {
	halfDone := threeAndTwo + "keep; accept 10 source"
	// Java looks for half-done recoveries in prepareRecovery only, ours when it opens the journal too.
	completed := map[string]string{"taken manifest": "startTxId:4 endTxId:10", "taken body 4": "inprogress"}
	completedAlone := map[string]string{
		"taken manifest": "startTxId:4 endTxId:10", "taken body 4": "inprogress", "taken new epoch": "lastSegmentTxId:4",
	}
	download := func(root string) string { return root + "/current/" + inProgressName(4) + ".epoch=2" }
	return []swapState{
		{name: swapSource, why: "the source of recoveries", build: "format; epoch; start; write 3; finalize; start; write 7",
			work: ";"},
		{name: "accepted", why: "a recovery record of what is here", build: threeAndTwo + "accept 5 source"},
		{name: "downloaded", why: "a recovery record of what was fetched", build: threeAndTwo + "accept 10 source"},
		{name: "half-done", why: "a recovery record, and the fetched segment not renamed", build: halfDone,
			edit: func(root string, j *swapJournal) error {
				open := root + "/current/" + inProgressName(4)
				return errors.Join(os.Rename(open, download(root)), os.WriteFile(open, j.kept, 0o644))
			}, oursTakes: completed},
		{name: "half-done-alone", why: "the same, and nothing was here before", build: halfDone, newest: 4,
			edit: func(root string, _ *swapJournal) error {
				return os.Rename(root+"/current/"+inProgressName(4), download(root))
			}, oursTakes: completedAlone},
		{name: "cut-download", why: "a fetched segment, cut, without a record", build: threeAndTwo + "epoch",
			edit: func(root string, _ *swapJournal) error {
				return os.WriteFile(download(root), []byte("\xff\xff\xff\xc1\x00\x00\x00\x00\x03\x00"), 0o644)
			}},
		{name: "temporaries", why: "what writes that were cut off have left beside their files",
			build: threeAndTwo + "accept 5 source",
			edit: func(root string, _ *swapJournal) error {
				var errs []error
				for _, name := range []string{"last-promised-epoch.tmp", "last-writer-epoch.tmp", "paxos/4.tmp", "paxos/9.tmp"} {
					errs = append(errs, os.WriteFile(root+"/current/"+name, []byte("9"), 0o644))
				}
				return errors.Join(errs...)
			}},
	}
}

// swapUpgrades: of each step of an upgrade and the ways back and on, done or cut off inside.
func swapUpgrades(release hadoop.Release) []swapState {
	const promisedFile, writerFile = "current/last-promised-epoch", "current/last-writer-epoch"
	// A Java node forgets the promises that it had not carried over yet, and begins again with epoch 1.
	promiseFound := map[string]string{
		"taken state": "Epoch:1", "taken prepare": "lastWriterEpoch:1 lastCommittedTxId:3", "back state": "Epoch:2",
		"back prepare": "lastWriterEpoch:2", promisedFile: "is 3, not 2", writerFile: "is 3, not 2",
	}
	move := func(root string, pairs ...string) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := os.Rename(filepath.Join(root, pairs[i]), filepath.Join(root, pairs[i+1])); err != nil {
				return err
			}
		}
		return nil
	}
	remove := func(root string, names ...string) error {
		for _, name := range names {
			if err := os.RemoveAll(filepath.Join(root, "current", name)); err != nil {
				return err
			}
		}
		return nil
	}
	var noPaxosDir refusal // 2.7 does not make one
	if release.Version == hadoop.Hadoop277.Version {
		noPaxosDir = serves
	}
	return []swapState{
		{name: "pre-upgraded", why: "doPreUpgrade was done", build: threeAndTwo + "preupgrade"},
		{name: "pre-upgrade-cut", why: "of doPreUpgrade, only the first rename was done", build: threeAndTwo + "preupgrade",
			edit: func(root string, _ *swapJournal) error { return os.RemoveAll(root + "/current") }},
		{name: "upgraded", why: "doUpgrade was done", build: swapUpgraded},
		{name: "upgraded-then-finalized", why: "doUpgrade was done, the taker ends it", build: swapUpgraded,
			work: goOn + "; finalizeupgrade"},
		{name: "upgraded-then-rolled-back", why: "doUpgrade was done, the taker rolls back",
			build: swapUpgraded, work: "rollback",
			oursTakes: map[string]string{"back state": "Epoch:2", promisedFile: "is 3, not 2", writerFile: "is 3, not 2"}},
		{name: "upgrade-cut", why: "of our doUpgrade, the rename was not done", build: swapUpgraded,
			edit: func(root string, _ *swapJournal) error { return move(root, "previous", "previous.tmp") }},
		{name: "upgrade-cut-as-java", why: "of Java's doUpgrade, only VERSION was written", build: swapUpgraded,
			edit: func(root string, _ *swapJournal) error {
				return errors.Join(move(root, "previous", "previous.tmp"),
					remove(root, "last-promised-epoch", "last-writer-epoch", "committed-txid", "paxos"))
			}, oursTakes: promiseFound, refused: noPaxosDir},
		{name: "upgrade-cut-before-epochs", why: "of Java's doUpgrade, all but the epochs was done", build: swapUpgraded,
			edit: func(root string, _ *swapJournal) error {
				return remove(root, "last-promised-epoch", "last-writer-epoch", "committed-txid")
			}, oursTakes: promiseFound},
		{name: "upgrade-finalized", why: "doFinalize was done", build: swapUpgraded + "finalizeupgrade"},
		{name: "finalize-cut", why: "of doFinalize, the deletion was not done", build: swapUpgraded,
			edit: func(root string, _ *swapJournal) error { return move(root, "previous", "finalized.tmp") }},
		{name: "rolled-back", why: "doRollback was done", build: swapUpgraded + "epoch; start; write 2; finalize; rollback",
			oursMakes: map[string]string{"taken state": "Epoch:2", "back state": "Epoch:3", "back prepare": "lastWriterEpoch:3",
				promisedFile: "is 4, not 3", writerFile: "is 4, not 3"}},
		{name: "rollback-cut-early", why: "of doRollback, the first rename was done", build: swapUpgraded,
			edit: func(root string, _ *swapJournal) error { return move(root, "current", "removed.tmp") }},
		{name: "rollback-cut-late", why: "of doRollback, the deletion was not done", build: swapUpgraded,
			edit: func(root string, j *swapJournal) error {
				j.ns.CTime = namespace.CTime
				return move(root, "current", "removed.tmp", "previous", "current")
			}},
	}
}

// overwrite puts more behind the first occurrence of bytes in a file.
func overwrite(name string, behind, more []byte) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	at := strings.Index(string(data), string(behind))
	if at < 0 {
		return fmt.Errorf("%s has other transactions", name)
	}
	copy(data[at+len(behind):], more)
	return os.WriteFile(name, data, 0o644)
}
