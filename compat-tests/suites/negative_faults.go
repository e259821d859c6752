package main

// The classes of the victims. The last one is ours, see NodeRules.java: no test of Hadoop sends the number of a call twice, stops
// all nodes with a segment in progress, or looks at one node whose accept failed behind its record (testRandomized makes such
// nodes, and the others make up for them).
const (
	journalNodeTests = "org.apache.hadoop.hdfs.qjournal.server.TestJournalNode"
	managerTests     = "org.apache.hadoop.hdfs.qjournal.client.TestQuorumJournalManager"
	ownTests         = "gojn.suites.own.TestNodeRules"
)

// undoneFinalize is the file that is there again where the finalized one must be.
const undoneFinalize = "inprogress_0000000000000000001"

// unfinished is how a recovery ends in which a node is told to finalize what it has not put in its place.
const unfinished = "Trying to finalize"

// halfDone is how a node refuses to tell what it has accepted where it has not put that in its place.
const halfDone = "was accepted up to txid 4 in epoch 2 but what is on disk is startTxId: 1 endTxId: 3"

// plantedFaults are all of them. Each was seen to fail its victims, every time, and its sound build to pass them.
var plantedFaults = []plantedFault{
	{
		name:  "no-epoch-check",
		words: "a request of an epoch below the promised one is accepted",
		stop:  "term",
		replacements: []replacement{{
			file: "jnserver/fence.go",
			old:  "	if r.Epoch < f.promised {\n",
			new:  "	if false {\n",
		}},
		victims: everywhere(victim{class: journalNodeTests, method: "testAcceptRecoveryBehavior",
			says: "prepare from earlier epoch not rejected"}),
	},
	{
		name:  "no-paxos-record",
		words: "acceptRecovery writes no recovery record",
		stop:  "term",
		replacements: []replacement{{
			file: "jnserver/recovery.go",
			old:  "		if err := j.dir.SetPaxos(record); err != nil {\n",
			new:  "		if err := error(nil); err != nil {\n",
		}},
		victims: everywhere(acceptors...),
	},
	{
		name:  "paxos-record-untold",
		words: "prepareRecovery does not tell what was accepted earlier",
		stop:  "term",
		replacements: []replacement{{
			file: "jnserver/recovery.go",
			old:  "		if accepted && (state == nil || state.InProgress) {\n",
			new:  "		if false {\n",
		}},
		victims: everywhere(acceptors[:2]...),
	},
	{
		name:      "unsynced-write",
		words:     "edits are acknowledged that were written and not synced, and a killed node loses them",
		plan:      "unsynced=64",
		soundPlan: "unsynced=64",
		stop:      "kill",
		replacements: []replacement{{
			file: "storage/segment.go",
			old:  "	if err := w.file.SyncData(); err != nil {\n		return w.syncFailed(err)\n",
			new:  "	if err := error(nil); err != nil {\n		return w.syncFailed(err)\n",
		}},
		victims: everywhere(victim{class: ownTests, method: "testStopsLoseNothing", says: "5 transactions were acknowledged"}),
	},
	{
		name:      "unsynced-finalize",
		words:     "finalizeLogSegment is answered before its rename is synced, and a killed node loses it",
		plan:      "cut-renames",
		soundPlan: "cut-renames",
		stop:      "kill",
		replacements: []replacement{{
			file: "storage/segmentops.go",
			old: "	err = d.change(rename, func(segs []Segment) []Segment {\n" +
				"		return withSegment(withoutSegments(segs, named(s.Name)), final)\n",
			new: "	err = d.changeSynced(rename, func(segs []Segment) []Segment {\n" +
				"		return withSegment(withoutSegments(segs, named(s.Name)), final)\n",
		}},
		victims: everywhere(
			victim{class: managerTests, method: "testOutOfSyncAtBeginningOfSegment0", says: undoneFinalize},
			victim{class: managerTests, method: "testOutOfSyncAtBeginningOfSegment1", says: undoneFinalize},
			victim{class: managerTests, method: "testOutOfSyncAtBeginningOfSegment2", says: undoneFinalize},
		),
	},
	{
		name:         "half-done-accept-forgotten",
		words:        "an accept that failed between its record and the rename of the download is finished by no start and no call",
		stop:         "kill",
		replacements: unfinishedAccepts,
		victims: everywhere(
			victim{class: ownTests, method: "testHalfDoneAcceptIsFinished", says: halfDone},
			victim{class: ownTests, method: "testHalfDoneAcceptIsFinishedByTheNextProcess", says: halfDone},
		),
	},
	{
		name:  "accept-without-rename",
		words: "acceptRecovery is answered when its record is written: the download is put in its place neither then nor later",
		stop:  "term",
		replacements: append([]replacement{{
			file: "jnserver/recovery.go",
			old:  "			if err := download.Promote(record); err != nil {\n",
			new:  "			if err := error(nil); err != nil {\n",
		}}, unfinishedAccepts...),
		victims: everywhere(
			victim{class: managerTests, method: "testChangeWritersLogsOutOfSync1", says: unfinished},
			victim{class: managerTests, method: "testChangeWritersLogsOutOfSync2", says: unfinished},
			victim{class: managerTests, method: "testChangeWritersLogsOutOfSync3", says: unfinished},
		),
	},
	{
		name:  "serial-reset",
		words: "a writer's new connection makes a node forget the highest serial number of its epoch",
		stop:  "term",
		replacements: []replacement{
			{file: "jnserver/fence.go", old: "	Client string\n}", new: "	Client string\n	Conn   string\n}"},
			{file: "jnserver/fence.go", old: "	serial         int64\n", new: "	serial         int64\n	conn           string\n"},
			{
				file: "jnserver/methods.go",
				old:  "		Client:        caller(c).Host,\n",
				new:  "		Client: caller(c).Host, Conn: caller(c).Addr,\n",
			},
			{
				file: "jnserver/fence.go",
				old:  "	serial := f.serial\n",
				new:  "	serial := f.serial\n	if r.Conn != f.conn {\n		serial = -1\n	}\n",
			},
			{
				file: "jnserver/journal.go",
				old:  "		j.fence.serial = r.Serial\n",
				new:  "		j.fence.serial, j.fence.conn = r.Serial, r.Conn\n",
			},
		},
		victims: everywhere(victim{class: ownTests, method: "testSerialsOutliveConnections",
			says: "was accepted on another connection"}),
	},
}

// acceptors are methods that read back what a node has accepted; the last one looks for the record's file.
var acceptors = []victim{
	{class: journalNodeTests, method: "testAcceptRecoveryBehavior", says: "<0>"}, // the epoch of what was accepted
	{class: managerTests, method: "testRecoverAfterIncompleteRecovery", says: "finalized to wrong txid, expected 4"},
	{class: managerTests, method: "testNewerVersionOfSegmentWins", says: "/paxos"},
}

// unfinishedAccepts take away both that make up for an accept that was cut off behind its record.
var unfinishedAccepts = []replacement{
	{
		file: "jnserver/recovery.go",
		old:  "		if accepted {\n			replaced, err := j.dir.CompleteAccept(record)\n",
		new:  "		if false {\n			replaced, err := j.dir.CompleteAccept(record)\n",
	},
	{
		file: "storage/download.go",
		old:  "		if r, found, err := d.Paxos(first); err == nil && found && r.AcceptedIn == epoch {\n",
		new:  "		if r, found, err := d.Paxos(first); false && err == nil && found && r.AcceptedIn == epoch {\n",
	},
}

// everywhere says that the methods are victims on each release.
func everywhere(v ...victim) map[string][]victim {
	return map[string][]victim{"2.7.7": v, "3.4.2": v, "3.5.0": v}
}
