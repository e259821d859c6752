package main

import (
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

func (c *client) purge(keep uint64) error {
	return c.call("purgeLogs", &pb.PurgeLogsRequestProto{ReqInfo: c.info(), MinTxIdToKeep: &keep}, &pb.PurgeLogsResponseProto{})
}

func (c *client) discard(start uint64) error {
	return c.call("discardSegments", &pb.DiscardSegmentsRequestProto{Jid: c.id(), StartTxId: &start}, &pb.DiscardSegmentsResponseProto{})
}

func (c *client) prepare(first uint64) (*pb.PrepareRecoveryResponseProto, error) {
	var resp pb.PrepareRecoveryResponseProto
	return &resp, c.call("prepareRecovery", &pb.PrepareRecoveryRequestProto{ReqInfo: c.info(), SegmentTxId: &first}, &resp)
}

func (c *client) accept(state *pb.SegmentStateProto, url string) error {
	return c.call("acceptRecovery", &pb.AcceptRecoveryRequestProto{ReqInfo: c.info(), StateToAccept: state, FromURL: &url},
		&pb.AcceptRecoveryResponseProto{})
}

func (c *client) upgradeAndRollBack() error {
	if err := c.call("doPreUpgrade", &pb.DoPreUpgradeRequestProto{Jid: c.id()}, &pb.DoPreUpgradeResponseProto{}); err != nil {
		return err
	}
	newer := storageInfoPB()
	newer.CTime = proto.Uint64(5)
	if err := c.call("doUpgrade", &pb.DoUpgradeRequestProto{Jid: c.id(), SInfo: newer}, &pb.DoUpgradeResponseProto{}); err != nil {
		return err
	}
	return c.call("doRollback", &pb.DoRollbackRequestProto{Jid: c.id()}, &pb.DoRollbackResponseProto{})
}

// auditLine takes a line of the audit apart.
var auditLine = regexp.MustCompile(`msg=audit op=(\S+) jid=(\S+) user=(\S+) from=(\S+) asked="?(.*?)"? before="(.*?)" after="(.*?)" result="?(.*?)"?$`)

// TestAudit: each call that removes or replaces edits or a promise gives one line, done or refused: who, from where, which
// journal, what was asked, before and after.
func TestAudit(t *testing.T) {
	const jid = "the-jid"
	n := startHere(t, vfs.OS(), loopback(t.TempDir()))
	c := dial(t, n.addr(), jid)
	for _, step := range []struct {
		name                 string
		do                   func() error
		asked, before, after string // parts
		refused              string // part of the reason
	}{
		{"format", c.format, "nsid=4711", "not formatted", "promised 0, writer 0", ""},
		{"format", c.format, "force false, client version 3.4.2", "promised 0", "promised 0", "the current directory is not empty"},
		{"purge", func() error {
			c.newEpoch()
			for first := uint64(1); first < 30; first += 10 {
				must(t, c.startSegment(first))
				must(t, c.journal(first, first, 10, 20))
				must(t, c.finalize(first, first+9))
			}
			return c.purge(11)
		}, "epoch 1, keep from txid 11", "3 segments edits_0000000000000000001-", "2 segments edits_0000000000000000011-", ""},
		{"purge", func() error {
			c.epoch = 0
			return c.purge(21)
		}, "epoch 0, keep from txid 21", "2 segments", "2 segments", "less than the last promised epoch 1"},
		{"discard", func() error { return c.discard(21) }, "from txid 21", "2 segments edits_0000000000000000011-",
			"1 segments edits_0000000000000000011-", ""},
		{"accept", func() error {
			c.newEpoch()
			must(t, c.startSegment(21))
			must(t, c.journal(21, 21, 5, 20))
			c.newEpoch()
			state, err := c.prepare(21)
			must(t, err)
			return c.accept(state.GetSegmentState(), n.webURL+"/getJournal?jid="+jid+"&segmentTxId=21")
		}, "epoch 3, ", "promised 3", "promised 3", ""},
		{"accept", func() error { return c.accept(segmentState(21, 29, true), "http://127.0.0.1:1/x") },
			"from http://127.0.0.1:1/x", "promised 3", "promised 3", "fetching http://127.0.0.1:1/x"},
		{"rollback", c.upgradeAndRollBack, "", "c=5", "c=0", ""},
	} {
		before := len(n.log.matching("msg=audit", "op="+step.name+" "))
		err := step.do()
		if (err != nil) != (step.refused != "") {
			t.Fatalf("%s: %v", step.name, err)
		}
		lines := n.log.await(t, nil, before+1, "msg=audit", "op="+step.name+" ")
		if len(lines) != before+1 {
			t.Fatalf("%s: %d lines, want one more than %d:\n%s", step.name, len(lines), before, strings.Join(lines, "\n"))
		}
		m := auditLine.FindStringSubmatch(lines[before])
		if m == nil {
			t.Fatalf("%s: cannot read %q", step.name, lines[before])
		}
		if m[2] != jid || m[3] != "hdfs" || !strings.HasPrefix(m[4], "127.0.0.1:") {
			t.Errorf("%s: jid %s, user %s, from %s", step.name, m[2], m[3], m[4])
		}
		result := "done"
		if step.refused != "" {
			result = step.refused
		}
		for i, want := range []string{step.asked, step.before, step.after, result} {
			if got := m[5+i]; !strings.Contains(got, want) {
				t.Errorf("%s: %q has no %q:\n%s", step.name, got, want, lines[before])
			}
		}
		if level := map[bool]string{false: "level=INFO", true: "level=WARN"}[err != nil]; !strings.Contains(lines[before], level) {
			t.Errorf("%s: %q is not %s", step.name, lines[before], level)
		}
	}
	// Downloads and their failures, too.
	get(t, n.webURL+"/getJournal?jid="+jid+"&segmentTxId=11")
	get(t, n.webURL+"/getJournal?jid="+jid+"&segmentTxId=x")
	n.end()
	concerned := n.log.matching(jid)
	for _, line := range concerned {
		if !strings.Contains(line, " jid="+jid) {
			t.Errorf("a line that concerns a journal has no jid: %s", line)
		}
	}
	if len(concerned) < 25 {
		t.Errorf("only %d lines concern the journal", len(concerned))
	}
}
