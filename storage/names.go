package storage

import (
	"fmt"
	"strconv"
	"strings"
)

// Every file name of a journal's directory is made and read here. Names must stay as Java's
// (NNStorage.getInProgressEditsFileName, getFinalizedEditsFileName, FileJournalManager), so that it can take over.

// Suffixes of segment files that were set aside. Such a file is no segment any more.
const (
	SuffixEmpty   = ".empty"   // a segment in progress without any transaction
	SuffixTrash   = ".trash"   // cut off by discardSegments
	SuffixStale   = ".stale"   // left open by a writer that has moved on; set aside by purgeLogs
	SuffixCorrupt = ".corrupt" // written by NameNodes only; ignored and purged here
)

const (
	finalizedPrefix  = "edits_"
	inProgressPrefix = "edits_inprogress_"
	downloadInfix    = ".epoch="
	txidWidth        = 19 // digits of the largest int64
)

// FinalizedName is the name of a finalized segment: edits_<first>-<last>, both with 19 digits.
func FinalizedName(first, last TxID) string {
	return fmt.Sprintf("%s%0*d-%0*d", finalizedPrefix, txidWidth, int64(first), txidWidth, int64(last))
}

// InProgressName is the name of an open or unrecovered segment: edits_inprogress_<first> with 19 digits.
func InProgressName(first TxID) string {
	return fmt.Sprintf("%s%0*d", inProgressPrefix, txidWidth, int64(first))
}

// DownloadName is the name under which acceptRecovery of epoch e stores a segment until its paxos record is durable.
func DownloadName(first TxID, e Epoch) string {
	return InProgressName(first) + downloadInfix + e.String()
}

// PaxosName is the name of a segment's record in paxos/: the first txid without padding.
func PaxosName(first TxID) string { return first.String() }

// ParseSegmentName tells whether name is one of a finalized or an in-progress segment, and which. Padding is not
// required, as in FileJournalManager.matchEditLogs; numbers above the largest int64 make it no segment.
func ParseSegmentName(name string) (Segment, bool) {
	if digits, ok := strings.CutPrefix(name, inProgressPrefix); ok {
		first, ok := parseTxID(digits)
		return Segment{First: first, Last: InvalidTxID, InProgress: true, Name: name}, ok
	}
	digits, ok := strings.CutPrefix(name, finalizedPrefix)
	if !ok {
		return Segment{}, false
	}
	a, b, _ := strings.Cut(digits, "-")
	first, okFirst := parseTxID(a)
	last, okLast := parseTxID(b)
	return Segment{First: first, Last: last, Name: name}, okFirst && okLast
}

// ParseDownloadName is the inverse of DownloadName.
func ParseDownloadName(name string) (first TxID, e Epoch, ok bool) {
	rest, ok := strings.CutPrefix(name, inProgressPrefix)
	if !ok {
		return 0, 0, false
	}
	a, b, _ := strings.Cut(rest, downloadInfix)
	first, okFirst := parseTxID(a)
	n, okEpoch := parseTxID(b)
	return first, Epoch(n), okFirst && okEpoch
}

// ParseAsideName tells the first txid and the suffix of a file that began as a segment in progress and is none any more:
// set aside, or a download of an acceptRecovery. It takes what Java 3.x takes when it purges
// (FileJournalManager.EDITS_INPROGRESS_STALE_REGEX): any suffix on one line that does not end in a blank.
func ParseAsideName(name string) (first TxID, suffix string, ok bool) {
	rest, ok := strings.CutPrefix(name, inProgressPrefix)
	if !ok {
		return 0, "", false
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	first, ok = parseTxID(rest[:digits])
	suffix = rest[digits:]
	if !ok || suffix == "" || strings.ContainsAny(suffix, "\r\n") || strings.ContainsAny(suffix[len(suffix)-1:], " \t\v\f") {
		return 0, "", false
	}
	return first, suffix, true
}

// ParsePaxosName is the inverse of PaxosName; zero padding is taken too, as Java's purge of paxos/ does.
func ParsePaxosName(name string) (first TxID, ok bool) { return parseTxID(name) }

// parseTxID reads Java's (\d+) followed by Long.parseLong: ASCII digits only, no sign.
func parseTxID(digits string) (TxID, bool) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, false
	}
	return TxID(n), true
}
