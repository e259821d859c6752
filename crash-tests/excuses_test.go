package crashtests

import "strings"

// Why a sync may be missed by no test of this suite.
const (
	// The load that ends the call, or the next start, syncs the root, current/ and paxos/ before it relies on what they show
	// (Dir.syncVisible), and completes or undoes the same step once more if it was lost.
	byLoad = "the load behind it, or at the next start, syncs the same directory and takes the step up again"
	// Mem keeps the changes of one directory in their order, as journaling file systems do.
	byLaterSync = "a later sync of the same directory in this call comes before anything relies on it; " +
		"a file system that reorders the changes of one directory would need it"
	byRecord = "the recovery record is durable by then, and the next start repeats the rename"
)

// excuses are the mutations that this suite cannot notice, without lines, and why what they take away does no harm here.
// TestEachSyncIsNeeded fails if an entry is noticed after all, or if nothing like it runs any more.
func excuses() map[string]string {
	const change = "syncdir Dir.syncCurrent < Dir.change < Dir.changeSynced < Dir.change < "
	const rename = "syncdir Dir.syncRoot < Dir.renameInRoot < "
	const remove = "syncdir Dir.syncRoot < Dir.removeInRoot < "
	return map[string]string{
		"OFF sync Dir.syncFile < Dir.FinalizeClosed < Journal.FinalizeLogSegment": "the scan before it has synced the file, " +
			"or this process wrote it and Abort did; Dir.Finalize promises it to other callers",
		"OFF sync Dir.syncFile < Dir.Scan < Journal.inspect": "newEpoch or the start has scanned the last segment, and Abort has " +
			"synced earlier ones; only a Java node that was killed leaves an earlier one unsynced",
		"OFF sync Dir.syncFile < Dir.CompleteAccept < Dir.completeAccepts": "Download.Finish has synced it before the record was " +
			"written, and a second download of one epoch that ends at the same txid is not made",
		"OFF syncdata SegmentWriter.begin < CreateSegment < Dir.StartSegment": "an open segment without a header is an empty " +
			"one, and the sync of the first batch, or before finalizing, takes the header along",
		"OFF " + change + "Dir.Renew < Journal.prove":                                                                                   "the file that comes back holds the same on the medium",
		"OFF " + change + "Dir.SetAside < Dir.LatestSegment":                                                                            "an empty segment that comes back is set aside again",
		"OFF " + change + "Dir.promote < Download.Promote < Journal.AcceptRecovery":                                                     byRecord,
		"OFF " + change + "Dir.promote < Dir.CompleteAccept < Dir.completeAccepts":                                                      byRecord,
		"OFF syncdir Dir.preUpgrade < Dir.PreUpgrade < Journal.DoPreUpgrade":                                                            byLaterSync,
		"OFF " + rename + "Dir.preUpgrade < Dir.PreUpgrade < Journal.DoPreUpgrade":                                                      byLaterSync,
		"OFF " + rename + "Dir.Upgrade < Journal.DoUpgrade":                                                                             byLoad,
		"OFF " + rename + "Dir.Rollback < Journal.DoRollback":                                                                           byLoad,
		"OFF " + remove + "Dir.Rollback < Journal.DoRollback":                                                                           byLoad,
		"OFF " + rename + "Dir.format < Dir.Format < Journal.Format":                                                                    byLoad,
		"OFF " + rename + "Dir.completeFormat < Dir.reload < Dir.load":                                                                  byLoad,
		"OFF " + rename + "Dir.recover < Dir.reload < Dir.load":                                                                         byLoad,
		"OFF " + remove + "Dir.recover < Dir.reload < Dir.load":                                                                         byLoad,
		"OFF " + rename + "Dir.undoPreUpgrade < Dir.recover < Dir.reload < Dir.load":                                                    byLoad,
		"OFF syncdir longFile.get < longFile.set < Dir.setEpoch < Dir.SetWriterEpoch < Journal.StartLogSegment":                         byLaterSync,
		"OFF syncdir mkdirDurable < Dir.preUpgrade < Dir.PreUpgrade < Journal.DoPreUpgrade":                                             byLaterSync,
		"OFF syncdir mkdirDurable < Dir.makePaxosDir < Dir.Upgrade < Journal.DoUpgrade":                                                 byLaterSync,
		"OFF syncdir writeFileAtomic < longFile.set < Dir.setEpoch < Dir.SetWriterEpoch < Journal.StartLogSegment":                      byLaterSync,
		"OFF syncdir writeFileAtomic < writeEpochFiles < Dir.forgetPrevious < Dir.makeEmpty < Dir.format < Dir.Format < Journal.Format": byLaterSync,
		"OFF syncdir writeFileAtomic < writeEpochFiles < Dir.carryEpochs < Dir.Upgrade < Journal.DoUpgrade":                             byLaterSync,
		"SWAP " + rename + "Dir.format < Dir.Format < Journal.Format BEFORE syncdir writeFileAtomic < writeVersion < " +
			"Dir.makeEmpty < Dir.format < Dir.Format < Journal.Format": "in a first format there is nothing old to lose",
		"OFF syncdir mkdirDurable < Dir.makeEmpty < Dir.format < Dir.Format < Journal.Format": byLaterSync,
	}
}

// orderExcuse is the reason why two syncs need not come in their order. Such swaps are not tried.
func orderExcuse(m mutation) (reason string, excused bool) {
	if m.off != (site{}) {
		return "", false
	}
	if _, excused = excuses()[mutation{off: m.late.first}.functions()]; excused {
		return "the first one may be missed altogether", true
	}
	both := func(part string) bool {
		return strings.Contains(m.late.first.calls, part) && strings.Contains(m.late.second.calls, part)
	}
	switch {
	case both("Dir.makeEmpty:"):
		return "nobody looks into formatted.tmp/ before it is renamed, and both are durable by then", true
	case both("Dir.carryEpochs:"):
		return "current/ does not count before it has VERSION, and both are durable by then", true
	case both("Dir.LatestSegment:"):
		return "the segment that is set aside is empty", true
	case strings.Contains(m.late.first.calls, "Dir.raisePromise:"):
		return "until previous/ is renamed too, the next start undoes the rollback, and by then both are durable", true
	case strings.Contains(m.late.first.calls, "Dir.createRoot:"):
		return "nothing below the root counts before format answers, and both are durable by then", true
	case strings.Contains(m.late.first.calls, "Dir.load:"):
		return "both are done before the start is over, and nothing is answered earlier", true
	}
	return "", false
}
