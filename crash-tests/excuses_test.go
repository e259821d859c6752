package crashtests

import "strings"

// excuses are the mutations that this suite cannot notice, without lines, and why what they take away does no harm
// here. TestEachSyncIsNeeded fails if an entry is noticed after all, or if nothing like it runs any more.
func excuses() map[string]string {
	return map[string]string{
		"OFF sync Dir.syncFile < Dir.Scan < Journal.proveFinalized": "what a node of ours has finalized was durable before; for Java's, " +
			"which was not, jnserver has TestFinalizedByAnother",
		"OFF sync Dir.syncFile < Dir.Scan < Dir.judgeTwins": "a finalized segment of ours was durable before it got its name; Java's is " +
			"read from the medium behind the sync, and overtakes nothing if it is not whole there",
		"OFF syncdir writeFileAtomic < longFile.write < Dir.raisePromise < Dir.undoPreUpgrade < Dir.recover < Dir.reload < Dir.load": "doRollback " +
			"needs it; here the directory becomes current/, which the start syncs before it is over (Dir.syncVisible)",
	}
}

// orderExcuse is the reason why two syncs need not come in their order, or why one is none of a promise. Such mutations are
// not tried.
func orderExcuse(m mutation) (reason string, excused bool) {
	if strings.Contains(m.String(), "sync reserve.") || strings.Contains(m.String(), "syncdir reserve.") {
		return "the reserve promises nothing: it is read before it counts, and given back for the file system's commit", true
	}
	if m.off != (site{}) {
		return "", false
	}
	if _, excused = excuses()[mutation{off: m.late.first}.functions()]; excused {
		return "the first one may be missed altogether", true
	}
	both := func(part string) bool {
		return strings.Contains(m.late.first.calls, part) && strings.Contains(m.late.second.calls, part)
	}
	either := func(part string) bool {
		return strings.Contains(m.late.first.calls, part) || strings.Contains(m.late.second.calls, part)
	}
	switch {
	case both("SyncDownload.Verify:"):
		return "none of them is moved in before all are durable", true
	case either("Dir.judgeTwins:"):
		return "what was finalized here is durable already", true
	case either("Dir.dropOvertaken:"):
		return "the record of a segment that a finalized one has overtaken says nothing, and goes again with the next start", true
	case both("Dir.makeEmpty:"):
		return "nobody looks into formatted.tmp/ before it is renamed, and both are durable by then", true
	case both("Dir.carryEpochs:"):
		return "current/ does not count before it has VERSION, and both are durable by then", true
	case both("Dir.LatestSegment:"):
		return "the segment that is set aside is empty", true
	case both("Download.Finish:"):
		return "the record, without which a download is garbage, is written behind both", true
	case strings.Contains(m.late.first.calls, "Dir.SetWriterEpoch:") &&
		strings.Contains(m.late.second.calls, "Dir.DeletePaxos:"):
		return "the writer's epoch counts once the new file is there, which is made behind both", true
	case strings.Contains(m.late.first.calls, "Dir.raisePromise:"):
		return "until previous/ is renamed too, the next start undoes the rollback, and by then both are durable", true
	case strings.Contains(m.late.first.calls, "Dir.createRoot:"):
		return "nothing below the root counts before format answers, and both are durable by then", true
	case strings.Contains(m.late.first.calls, "Dir.load:"):
		return "both are done before the start is over, and nothing is answered earlier", true
	}
	return "", false
}
