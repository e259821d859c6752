package jnserver_test

import (
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"gojn/storage/vfs"

	pb "gojn/qjournalpb"
)

// state is a directory that was given to a JournalNode at start: the capture after its recovery, with one thing changed.
type state struct {
	t    *testing.T
	mem  *vfs.Mem
	root string
}

func (s *state) path(name string) string { return s.root + "/" + name }

func (s *state) put(name, content string) { writeTo(s.t, s.mem, s.path(name), []byte(content)) }
func (s *state) remove(names ...string) {
	for _, name := range names {
		must(s.t, s.mem.RemoveAll(s.path(name)))
	}
}
func (s *state) rename(from, to string) { must(s.t, s.mem.Rename(s.path(from), s.path(to))) }
func (s *state) mkdir(name string)      { must(s.t, s.mem.MkdirAll(s.path(name), 0o755)) }
func (s *state) copyCurrent(to string)  { s.served(to, "3.4.2") }
func (s *state) version(from, to string) {
	s.put("current/VERSION", strings.Replace(string(readFrom(s.t, s.mem, s.path("current/VERSION"))), from, to, 1))
}

// served is the capture of release after its recovery: segments 1-3, 4-8, 9-15, 16-19 finalized, promised epoch 3,
// committed 18.
func (s *state) served(dir, release string) {
	copyFixture(s.t, s.mem, release, s.path(dir))
	s.rename(dir+"/edits_inprogress_0000000000000000016", dir+"/edits_0000000000000000016-0000000000000000019")
	s.remove(dir + "/paxos/16")
	s.put(dir+"/last-promised-epoch", "3\n")
	s.put(dir+"/last-writer-epoch", "3\n")
}

const inProgress99 = "current/edits_inprogress_0000000000000000099"

// startupStates is the legend of the captures startup-states.txt.
var startupStates = map[string]func(s *state){
	"s01": func(s *state) { s.copyCurrent("previous.tmp") },
	"s02": func(s *state) { s.rename("current", "previous.tmp"); s.mkdir("current") },
	"s03": func(s *state) { s.copyCurrent("previous"); s.remove("current/VERSION") },
	"s04": func(s *state) { s.copyCurrent("removed.tmp") },
	"s05": func(s *state) { s.copyCurrent("previous"); s.rename("current", "removed.tmp") },
	"s06": func(s *state) { s.copyCurrent("finalized.tmp") },
	"s07": func(s *state) { s.remove("current") },
	"s08": func(s *state) { s.remove("current/VERSION") },
	"s09": func(s *state) { s.version("JOURNAL_NODE", "NAME_NODE") },
	"s10": func(s *state) { s.version("clusterID", "clusterName") },
	"s11": func(s *state) { s.put("current/committed-txid", "\x00\x00\x01") },
	"s12": func(s *state) { s.put("current/last-promised-epoch", "abc\n") },
	"s13": func(s *state) { s.put("current/last-promised-epoch", "") },
	"s14": func(s *state) { s.put("current/last-promised-epoch", " 7\n") },
	"s15": func(s *state) {
		s.put("in_use.lock", "1@other")
		f, err := s.mem.OpenFile(s.path("in_use.lock"), os.O_RDWR, 0)
		must(s.t, err)
		must(s.t, f.Lock())
		s.t.Cleanup(func() { _ = f.Close() })
	},
	"s16": func(s *state) { s.copyCurrent("previous.tmp"); s.mkdir("removed.tmp") },
	"s17": func(s *state) { s.put("current/last-promised-epoch", "7") },
	"s18": func(s *state) {
		s.put("current/edits_inprogress_0000000000000000001", string(segmentFile(1, 3)))
	},
	"s19": func(s *state) { s.put(inProgress99, "") },
	"s20": func(s *state) { s.put(inProgress99, "\xff\xff\xff\xbd\x00\x00\x00") },
	"s21": func(s *state) {
		s.version("layoutVersion=-67", "layoutVersion=-99")
		s.version("layoutVersion=-63", "layoutVersion=-99")
	},
	"s22": func(s *state) { s.remove("current/paxos") },
	"s23": func(s *state) {
		s.remove("current/last-promised-epoch", "current/last-writer-epoch", "current/committed-txid")
	},
	"s24": func(s *state) { s.put("current/last-promised-epoch", "7\r\n8") },
	"s25": func(s *state) {
		s.put("current/edits_0000000000000000001-0000000000000000009", string(segmentFile(1, 9)))
	},
	"s26": func(s *state) {
		s.put("current/VERSION", "! odd\r\n  layoutVersion: -63\r\nclusterID = CID\\-x\\:y\n\nnamespaceID 5\n"+
			"cTime=15\\\n   00\nstorageType=JOURNAL_NODE")
	},
	"s27": func(s *state) { s.put(inProgress99, string(segmentFile(1, 3))+strings.Repeat("\x00", 1000)) },
}

const (
	finalizedLogs = "logs {   startTxId: 1   endTxId: 3   isInProgress: false } logs {   startTxId: 4   endTxId: 8   isInProgress: false } " +
		"logs {   startTxId: 9   endTxId: 15   isInProgress: false } logs {   startTxId: 16   endTxId: 19   isInProgress: false }"
	servedManifest = "OK " + finalizedLogs + " committedTxnId: 18"
	notFormatted   = "FAIL org.apache.hadoop.hdfs.qjournal.protocol.JournalNotFormattedException "
	inconsistent   = "FAIL org.apache.hadoop.hdfs.server.common.InconsistentFSStateException "
)

// startupDifferences are the deliberate differences, by "state label".
func startupDifferences(release string) map[string]difference {
	list := make(map[string]difference)
	const atOnce = "spec 1.8 GO: what an interrupted upgrade or rollback left is served without a second restart"
	for _, s := range []string{"s01", "s02", "s04", "s05", "s06"} {
		list[s+" isFormatted"] = difference{"OK true", atOnce}
		list[s+" getJournalState"] = difference{"OK 3", atOnce}
		list[s+" manifest"] = difference{servedManifest, atOnce}
		list[s+" purge e9"] = difference{"OK null", atOnce}
	}
	for _, s := range []string{"s07", "s08"} {
		list[s+" heartbeat e9"] = difference{notFormatted + "..", "spec 3.6 GO: no epoch files on an unformatted journal"}
	}
	for s, reason := range map[string]string{
		"s03": "version file in current directory is missing.",
		"s09": "Incompatible node types: storageType=JOURNAL_NODE but StorageDirectory type=NAME_NODE",
		"s10": "file VERSION has clusterID missing.",
		"s16": "too many temporary directories.",
	} {
		for _, label := range []string{"getJournalState", "manifest", "heartbeat e9", "purge e9"} {
			list[s+" "+label] = difference{inconsistent + "Directory /data/jn/" + s + " is in an inconsistent state: " + reason,
				"spec 1.6 GO: the lock is released and the real reason told each time"}
		}
	}
	list["s18 manifest"] = difference{servedManifest, "spec 3.10 GO: an in-progress segment that a finalized one covers is left out"}
	list["s27 manifest"] = difference{servedManifest, "trap 23: Java lists 99 to 3"}
	for s, text := range map[string]string{
		"s12": `For input string: "abc"`, "s13": "Cannot parse null string", "s14": `For input string: " 7"`,
	} {
		for _, label := range []string{"getJournalState", "heartbeat e9", "purge e9"} {
			list[s+" "+label] = difference{"FAIL java.io.IOException java.lang.NumberFormatException: " + text +
				" in /data/jn/" + s + "/current/last-promised-epoch", "Java's words, with the file; class of 3.x"}
		}
	}
	if release != "2.7.7" {
		return list
	}
	list["s11 manifest"] = difference{"FAIL java.io.IOException File /data/jn/s11/current/committed-txid had invalid length: 3",
		"as 3.x, whose manifest has the value"}
	list["s22 purge e9"] = difference{"OK null", "spec 1.5 GO: paxos/ is made on demand"}
	return list
}

// TestStartupStates opens the captured start-up states and wants the answers of the real JournalNodes, but for the listed
// differences. The state of the directories themselves is looked at in storage.
func TestStartupStates(t *testing.T) {
	for _, release := range []string{"2.7.7", "3.4.2"} {
		t.Run(release, func(t *testing.T) {
			mem := vfs.NewMem()
			client := newClient(t, newNode(t, newConfig(mem, noFetch)))
			differences := startupDifferences(release)
			var c *rpcClient
			var name string
			seen := 0
			for _, w := range readCapture(t, "testdata/hadoop-"+release+"/startup-states.txt") {
				if section, ok := strings.CutPrefix(w.label, "## "); ok {
					name = section
					s := &state{t: t, mem: mem, root: editsDir + "/" + name}
					s.served("current", release)
					startupStates[name](s)
					c = &rpcClient{t: t, client: client, jid: name, serial: 1}
					seen++
					continue
				}
				got := likeRelease(release, startupCall(t, c, w.label))
				key := name + " " + w.label
				d, deliberate := differences[key]
				delete(differences, key)
				switch {
				case !deliberate && got != w.answer:
					t.Errorf("%s\n ours %s\n Java %s", key, got, w.answer)
				case deliberate && got == w.answer:
					t.Errorf("%s: listed as a difference (%s), but the answer is Java's", key, d.why)
				case deliberate && !matches(got, likeRelease(release, d.ours)):
					t.Errorf("%s (%s)\n got  %s\n want %s", key, d.why, got, d.ours)
				}
			}
			if seen != len(startupStates) {
				t.Errorf("%d states in the capture, %d here", seen, len(startupStates))
			}
			for key := range differences {
				t.Errorf("difference %q was never met", key)
			}
		})
	}
}

// startupCall makes one of the five calls of the captures and prints the answer as they do: of the state only the epoch, of
// the manifest only its inside.
func startupCall(t *testing.T, c *rpcClient, label string) string {
	t.Helper()
	switch label {
	case "isFormatted":
		return c.isFormatted()
	case "getJournalState":
		answer, _, _ := strings.Cut(c.journalState(), " httpPort")
		return strings.Replace(answer, "lastPromisedEpoch: ", "", 1)
	case "manifest":
		resp := &pb.GetEditLogManifestResponseProto{}
		answer := c.call("getEditLogManifest", &pb.GetEditLogManifestRequestProto{
			Jid: c.id(), SinceTxId: proto.Uint64(1), InProgressOk: proto.Bool(true),
		}, resp)
		if strings.HasPrefix(answer, "FAIL") {
			return answer
		}
		return strings.TrimSpace("OK " + javaText(resp.GetManifest().ProtoReflect(), ""))
	case "heartbeat e9":
		return c.heartbeat(c.info(9, 30))
	case "purge e9":
		return c.purge(9, 1)
	}
	t.Fatalf("unknown call %q", label)
	return ""
}
