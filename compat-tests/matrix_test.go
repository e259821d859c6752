package compat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// TestRPC_ErrorMatrix makes the same calls, right and wrong, to our node and to Java's of 3.x and compares answers,
// exception classes and the first line of their messages. Where the specification takes another decision than Java
// (its GO remarks), deliberate lists it with the reason; a listed difference that is none any more is an error too.
func TestRPC_ErrorMatrix(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		cache := hadoop.Properties{"dfs.ha.tail-edits.in-progress": "true"}
		ours := must(site.JournalNode("matrix-ours", subject(), journalnode(t), cache))(t)
		java := must(site.JournalNode("matrix-java", hadoop.Java, "", cache))(t)
		compareMatrix(t, site, runMatrix(t, ctx, ours, errorMatrix), runMatrix(t, ctx, java, errorMatrix), deliberate)
	}, releases(t)...)
}

// compareMatrix wants Java's answers of ours, but for the differences.
func compareMatrix(t *testing.T, site *hadoop.Site, got, want []result, deliberate map[string]difference) {
	t.Helper()
	for i, row := range want {
		ours := got[i].outcome
		d, listed := deliberate[row.label]
		if !listed {
			d, listed = deliberate[site.Install.Release.Version+" "+row.label]
		}
		switch same := ours == row.outcome; {
		case control() && !same:
			t.Errorf("%s: two Java nodes differ\n 1: %s\n 2: %s", row.label, ours, row.outcome)
		case control() || same && !listed:
		case same:
			t.Errorf("%s does not differ any more (%s), take it off the list: %s", row.label, d.reason, ours)
		case !listed || !strings.Contains(ours, d.ours):
			t.Errorf("%s:\n ours: %s\n java: %s\n listed: %+v", row.label, ours, row.outcome, d)
		default:
			t.Logf("%s (%s)\n ours: %s\n java: %s", row.label, d.reason, ours, row.outcome)
		}
	}
	for label := range deliberate {
		if !slices.ContainsFunc(want, func(r result) bool { return r.label == withoutRelease(label) }) {
			t.Errorf("the list of differences names %q, which is no call", label)
		}
	}
}

// difference is an answer that is deliberately not Java's.
type difference struct {
	ours   string // what our answer contains
	reason string // with the section of journal.md
}

// withoutRelease is the call's label of an entry of deliberate.
func withoutRelease(label string) string {
	for _, release := range hadoop.Releases() {
		label = strings.TrimPrefix(label, release.Version+" ")
	}
	return label
}

// deliberate lists where we answer otherwise than Java, by the call's label, or by release and label.
var deliberate = map[string]difference{
	"heartbeat unformatted": {
		"qjournal.protocol.JournalNotFormattedException", "3.6 GO: refused as not formatted",
	},
	"manifest empty in-progress": {
		"OK manifest{log{startTxId:1 endTxId:3 isInProgress:0} committedTxnId:3}",
		"3.10 GO: a segment in progress without transactions is left out",
	},
	"3.4.2 storage info for a peer": {
		`OK layoutVersion:4294967229 namespaceID:1073741825 clusterID:"CID-`, "3.16: only 3.5 knows the method",
	},
	"3.4.2 storage info of an unformatted journal": {
		`OK layoutVersion:0 namespaceID:0 clusterID:"" cTime:0`, "3.16: only 3.5 knows the method",
	},
	"err2 acceptRecovery 1-9 bad url": {
		"java.net.ConnectException: fetching http://127.0.0.1:1/x", "3.13: the message also names the URL",
	},
	"err2 manifest with two segments in progress": {
		"log{startTxId:20 endTxId:20 isInProgress:1}",
		"3.10 GO: the newest segment in progress is listed instead of failing",
	},
	"err3 prepareRecovery 1": {
		"takes no part in the recovery",
		"2.6 GO: a segment that ends below what this process acknowledged takes no part in a recovery",
	},
}

// result is what one call gave.
type result struct{ label, outcome string }

// runMatrix starts the node and makes all calls on one connection.
func runMatrix(t *testing.T, ctx context.Context, j *hadoop.JournalNode, steps func(*hadoop.JournalNode) []step) []result {
	t.Helper()
	check(t, j.Start(ctx))
	conn := must(wire.Dial(ctx, j.RPC, wire.QJournalProtocol, "hdfs"))(t)
	defer conn.Close()
	var results []result
	for _, s := range steps(j) {
		protocol, version := s.protocol, s.version
		if protocol == "" {
			protocol = wire.QJournalProtocol
		}
		if version == 0 {
			version = 1
		}
		answer, err := conn.CallAs(protocol, version, s.method, s.request)
		results = append(results, result{s.label, neutral(j, outcome(t, s, answer, err))})
	}
	check(t, j.Stop())
	return results
}

// outcome is one line: the fields of the answer, or class, code and first line of the error.
func outcome(t *testing.T, s step, answer []byte, err error) string {
	t.Helper()
	var remote *wire.RemoteError
	switch {
	case err == nil:
		return "OK " + wire.Show(answer, answerFields[s.method], nestedFields)
	case errors.As(err, &remote):
		return fmt.Sprintf("FAIL status %d code %d %s", remote.Status, remote.Detail, remote)
	default:
		t.Fatalf("%s: %v", s.label, err)
		return ""
	}
}

// neutral replaces what must differ between two nodes: directories and ports. The host of fromURL is the reverse
// lookup of the bound address in Java; clients take only scheme and port from it (rpc.md 3.3).
func neutral(j *hadoop.JournalNode, text string) string {
	_, port, _ := strings.Cut(j.HTTP, ":")
	return strings.NewReplacer(j.Edits, "EDITS", "httpPort:"+port, "httpPort:HTTP", "//localhost:"+port, "//127.0.0.1:HTTP",
		":"+port, ":HTTP").Replace(text)
}

var manifestFields = map[int]string{1: "manifest", 2: "httpPort", 3: "fromURL"}

// answerFields names the fields of each answer.
var answerFields = map[string]map[int]string{
	"isFormatted":                   {1: "isFormatted"},
	"getJournalState":               {1: "lastPromisedEpoch", 2: "httpPort", 3: "fromURL"},
	"newEpoch":                      {1: "lastSegmentTxId"},
	"getEditLogManifest":            manifestFields,
	"getEditLogManifestFromJournal": manifestFields,
	"prepareRecovery":               {1: "segmentState", 2: "acceptedInEpoch", 3: "lastWriterEpoch", 4: "lastCommittedTxId"},
	"getJournalCTime":               {1: "resultCTime"},
	"canRollBack":                   {1: "canRollBack"},
	"getJournaledEdits":             {1: "txnCount", 2: "editLog"},
	"getStorageInfo":                {1: "layoutVersion", 2: "namespaceID", 3: "clusterID", 4: "cTime"},
}

// nestedFields names the fields of embedded messages.
var nestedFields = map[string]map[int]string{
	"manifest":     {1: "log", 2: "committedTxnId"},
	"log":          {1: "startTxId", 2: "endTxId", 3: "isInProgress"},
	"segmentState": {1: "startTxId", 2: "endTxId", 3: "isInProgress"},
}
