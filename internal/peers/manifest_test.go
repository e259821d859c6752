package peers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	pb "gojn/qjournalpb"
	"gojn/storage"
)

func log(first, last uint64, inProgress bool) *pb.RemoteEditLogProto {
	return &pb.RemoteEditLogProto{StartTxId: &first, EndTxId: &last, IsInProgress: &inProgress}
}

func TestParseManifest(t *testing.T) {
	for _, c := range []struct {
		name      string
		logs      []*pb.RemoteEditLogProto
		committed *uint64
		want      []Segment // nil and wrong: refused
		wrong     bool
	}{
		{name: "empty"},
		{name: "two", logs: []*pb.RemoteEditLogProto{log(1, 3, false), log(4, 4, false)}, want: []Segment{{1, 3}, {4, 4}}},
		{name: "gap", logs: []*pb.RemoteEditLogProto{log(1, 3, false), log(9, 12, false)}, want: []Segment{{1, 3}, {9, 12}}},
		{name: "in progress", logs: []*pb.RemoteEditLogProto{log(1, 3, false), log(4, 3, true)}, want: []Segment{{1, 3}}},
		{name: "overlap", logs: []*pb.RemoteEditLogProto{log(1, 3, false), log(3, 4, false)}, wrong: true},
		{name: "twice", logs: []*pb.RemoteEditLogProto{log(1, 3, false), log(1, 3, false)}, wrong: true},
		{name: "order", logs: []*pb.RemoteEditLogProto{log(4, 5, false), log(1, 3, false)}, wrong: true},
		{name: "backwards", logs: []*pb.RemoteEditLogProto{log(4, 3, false)}, wrong: true},
		{name: "negative", logs: []*pb.RemoteEditLogProto{log(1<<63, 1<<63+1, false)}, wrong: true},
		{name: "committed", committed: proto.Uint64(12)},
		{name: "committed not known", committed: proto.Uint64(18446744073709539271)},
	} {
		b, err := proto.Marshal(&pb.GetEditLogManifestResponseProto{HttpPort: proto.Uint32(80), FromURL: proto.String("http://h:1"),
			Manifest: &pb.RemoteEditLogManifestProto{Logs: c.logs, CommittedTxnId: c.committed}})
		if err != nil {
			t.Fatal(err)
		}
		m, from, err := parseManifest(b)
		if (err != nil) != c.wrong {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.wrong {
			continue
		}
		want := Manifest{Segments: c.want, Committed: storage.InvalidTxID}
		if c.name == "committed" {
			want.Committed = 12
		}
		if diff := cmp.Diff(want, m); diff != "" || from != (httpServer{"http://h:1", 80}) {
			t.Errorf("%s: %+v\n%s", c.name, from, diff)
		}
	}
}

// FuzzParseManifest: what is read is what the protobuf library reads, and nothing else is.
func FuzzParseManifest(f *testing.F) {
	for _, m := range []*pb.GetEditLogManifestResponseProto{
		{HttpPort: proto.Uint32(80), FromURL: proto.String("http://h:1"), Manifest: &pb.RemoteEditLogManifestProto{
			Logs: []*pb.RemoteEditLogProto{log(1, 3, false), log(4, 9, true)}, CommittedTxnId: proto.Uint64(3)}},
		{HttpPort: proto.Uint32(80), Manifest: &pb.RemoteEditLogManifestProto{}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{0x0a, 4, 8, 0, 16, 0})
	f.Add([]byte{0x0b, 0x0c, 0x0a, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, from, err := parseManifest(b)
		if err != nil {
			return
		}
		var lib pb.GetEditLogManifestResponseProto
		if err := proto.Unmarshal(b, &lib); err != nil {
			return // text that is no UTF-8, required fields of other nesting: nothing depends on it
		}
		want := Manifest{Committed: storage.InvalidTxID}
		for _, l := range lib.GetManifest().GetLogs() {
			if !l.GetIsInProgress() {
				want.Segments = append(want.Segments, Segment{storage.TxID(l.GetStartTxId()), storage.TxID(l.GetEndTxId())})
			}
		}
		if lib.Manifest.CommittedTxnId != nil {
			want.Committed = storage.TxID(lib.Manifest.GetCommittedTxnId())
		}
		if diff := cmp.Diff(want, m); diff != "" || from != (httpServer{lib.GetFromURL(), lib.GetHttpPort()}) {
			t.Errorf("%x: %+v\n%s", b, from, diff)
		}
	})
}
