package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	"gojn/jnserver"
	pb "gojn/qjournalpb"
)

const layoutVersion = -66 // of 3.4.2

// client speaks QJournalProtocol as a NameNode would.
type client struct {
	t      *testing.T
	c      *hadooprpc.Client
	jid    string
	epoch  uint64
	serial uint64
}

func dial(t *testing.T, addr, jid string) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := hadooprpc.Dial(ctx, addr, hadooprpc.ClientConfig{Protocol: jnserver.QJournalProtocol, User: "hdfs"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &client{t: t, c: c, jid: jid}
}

func (c *client) call(method string, req, resp proto.Message) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.c.Call(ctx, method, req, resp)
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) id() *pb.JournalIdProto { return &pb.JournalIdProto{Identifier: &c.jid} }

// info is a fresh RequestInfo.
func (c *client) info() *pb.RequestInfoProto {
	c.serial++
	return &pb.RequestInfoProto{JournalId: c.id(), Epoch: proto.Uint64(c.epoch), IpcSerialNumber: proto.Uint64(c.serial)}
}

func storageInfoPB() *pb.StorageInfoProto {
	return &pb.StorageInfoProto{LayoutVersion: proto.Uint32(1<<32 + layoutVersion), NamespceID: proto.Uint32(4711),
		ClusterID: proto.String("CID-test"), CTime: proto.Uint64(0)}
}

func namespace() *pb.NamespaceInfoProto {
	return &pb.NamespaceInfoProto{BuildVersion: proto.String("b"), Unused: proto.Uint32(0), BlockPoolID: proto.String("BP-1"),
		StorageInfo: storageInfoPB(), SoftwareVersion: proto.String("3.4.2")}
}

func (c *client) format() error {
	return c.call("format", &pb.FormatRequestProto{Jid: c.id(), NsInfo: namespace()}, &pb.FormatResponseProto{})
}

// formatAnew is the format of a new cluster: whatever other nodes say of what they had.
func (c *client) formatAnew() error {
	return c.call("format", &pb.FormatRequestProto{Jid: c.id(), NsInfo: namespace(), Force: proto.Bool(true)}, &pb.FormatResponseProto{})
}

func (c *client) isFormatted() (bool, error) {
	var resp pb.IsFormattedResponseProto
	err := c.call("isFormatted", &pb.IsFormattedRequestProto{Jid: c.id()}, &resp)
	return resp.GetIsFormatted(), err
}

func (c *client) state() (*pb.GetJournalStateResponseProto, error) {
	var resp pb.GetJournalStateResponseProto
	return &resp, c.call("getJournalState", &pb.GetJournalStateRequestProto{Jid: c.id()}, &resp)
}

// newEpoch takes the next epoch.
func (c *client) newEpoch() *pb.NewEpochResponseProto {
	c.t.Helper()
	state, err := c.state()
	c.must(err)
	c.epoch, c.serial = state.GetLastPromisedEpoch()+1, 0
	var resp pb.NewEpochResponseProto
	c.must(c.call("newEpoch", &pb.NewEpochRequestProto{Jid: c.id(), NsInfo: namespace(), Epoch: &c.epoch}, &resp))
	return &resp
}

func (c *client) startSegment(first uint64) error {
	return c.call("startLogSegment", &pb.StartLogSegmentRequestProto{ReqInfo: c.info(), Txid: &first,
		LayoutVersion: proto.Int32(layoutVersion)}, &pb.StartLogSegmentResponseProto{})
}

// journal writes n transactions from first on, each with a body of size bytes.
func (c *client) journal(segment, first uint64, n, size int) error {
	return c.call("journal", &pb.JournalRequestProto{ReqInfo: c.info(), FirstTxnId: &first, NumTxns: proto.Uint32(uint32(n)),
		Records: frames(first, n, size), SegmentTxnId: &segment}, &pb.JournalResponseProto{})
}

func (c *client) finalize(first, last uint64) error {
	return c.call("finalizeLogSegment", &pb.FinalizeLogSegmentRequestProto{ReqInfo: c.info(), StartTxId: &first, EndTxId: &last},
		&pb.FinalizeLogSegmentResponseProto{})
}

// write formats the journal and leaves a segment open with transactions 1 to n.
func (c *client) write(n, size int) {
	c.t.Helper()
	c.must(c.format())
	c.newEpoch()
	c.must(c.startSegment(1))
	c.must(c.journal(1, 1, n, size))
}

// frames are n edits as a NameNode encodes them (spec journal.md 2); the body is of no operation that exists.
func frames(first uint64, n, size int) []byte {
	var out []byte
	for i := range n {
		at := len(out)
		out = append(out, 200)
		out = binary.BigEndian.AppendUint32(out, uint32(12+size))
		out = binary.BigEndian.AppendUint64(out, first+uint64(i))
		for k := range size {
			out = append(out, byte(first)+byte(k))
		}
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[at:]))
	}
	return out
}

// webClient keeps no connection.
var webClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// answer is an HTTP answer without its body.
type answer struct {
	StatusCode    int
	Status        string
	Header        http.Header
	ContentLength int64
}

// get reads a URL; headers are name, value, name, value.
func get(t *testing.T, url string, headers ...string) (answer, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := webClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Status, resp.Header, resp.ContentLength}, string(body)
}

// bean reads one bean of /jmx.
func bean(t *testing.T, web, name string) map[string]any {
	t.Helper()
	_, body := get(t, web+"/jmx?qry="+name)
	var list struct{ Beans []map[string]any }
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Beans) != 1 {
		t.Fatalf("%d beans %s, %v", len(list.Beans), name, err)
	}
	return list.Beans[0]
}

// poll asks until it is told yes.
func poll(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !yes(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func uintText(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		if os.Getenv("COMPAT") == "required" {
			t.Fatal("no IPv6 here: ", err)
		}
		t.Skip("no IPv6 here: ", err)
	}
	_ = l.Close()
}
