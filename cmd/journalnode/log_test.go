package main

import (
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

// TestLongTextsInTheLog: what a client sends makes neither long lines, some of which are written under the journal's lock, nor
// a long answer.
func TestLongTextsInTheLog(t *testing.T) {
	const jid = "ns1"
	long := strings.Repeat("x", 16<<20)
	n := startHere(t, vfs.OS(), loopback(t.TempDir()))
	c := dial(t, n.addr(), jid)
	must(t, c.format())
	c.newEpoch()
	must(t, c.startSegment(1))
	must(t, c.journal(1, 1, 5, 20))
	other := namespace()
	other.StorageInfo.NamespceID, other.StorageInfo.ClusterID, other.SoftwareVersion = proto.Uint32(0), &long, &long
	state := segmentState(1, 5, true)
	for name, err := range map[string]error{
		"format": c.call("format", &pb.FormatRequestProto{Jid: c.id(), NsInfo: other, Force: proto.Bool(true)}, &pb.FormatResponseProto{}),
		"accept": c.accept(state, "http://127.0.0.1:1/"+long),
		"a long journal": c.call("format", &pb.FormatRequestProto{Jid: &pb.JournalIdProto{Identifier: &long}, NsInfo: namespace()},
			&pb.FormatResponseProto{}),
	} {
		if name != "accept" && err == nil {
			t.Errorf("%s was done", name)
		} else if err != nil && len(err.Error()) > 64<<10 {
			t.Errorf("%s: an answer of %d bytes", name, len(err.Error()))
		}
	}
	n.end()
	if len(n.log.matching("msg=audit", "bytes more)")) == 0 || len(n.log.matching("request refused", "bytes more)")) == 0 {
		t.Error("no line tells what is left out")
	}
	for _, line := range n.log.all() {
		if len(line) >= 8<<10 {
			t.Errorf("a line of %d bytes: %.200s", len(line), line)
		}
	}
}

// TestClipAttr: texts, errors and what has a text are clipped, and told to be; messages and stacks of ours are not.
func TestClipAttr(t *testing.T) {
	long := strings.Repeat("é", 1<<20)
	clipped := strings.Repeat("é", maxLogged/2) + "... (2096128 bytes more)"
	for _, c := range []struct {
		name string
		attr slog.Attr
		want string
	}{
		{"text", slog.String("a", long), clipped},
		{"error", slog.Any("a", errors.New(long)), clipped},
		{"Stringer", slog.Any("a", &url.URL{Opaque: long}), clipped},
		{"other", slog.Any("a", struct{ s string }{long}), "{" + strings.Repeat("é", maxLogged/2-1) + "... (2096130 bytes more)"},
		{"short", slog.String("a", long[:maxLogged]), long[:maxLogged]},
		{"nothing", slog.Any("a", nil), "<nil>"},
		{"number", slog.Int("a", 7), "7"},
		{"message", slog.String(slog.MessageKey, long), long},
		{"stack", slog.String("stack", long[:maxStack]), long[:maxStack]},
		{"stack with a text", slog.String("stack", long), long[:maxStack] + "... (2031616 bytes more)"},
	} {
		if got := clipAttr(nil, c.attr).Value.String(); got != c.want {
			t.Errorf("%s: %d bytes, want %d: %.20s...%s", c.name, len(got), len(c.want), got, got[max(0, len(got)-40):])
		}
	}
}
