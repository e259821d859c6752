package jnserver_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

// A format that is refused forgets the journal that it had opened, but not while another format of it is under way: the
// journal would then stay locked by a Journal that nobody can reach.
func TestRefusedFormatBesideAnother(t *testing.T) {
	mem := vfs.NewMem()
	refused, goOn := make(chan struct{}), make(chan struct{})       // the first format was refused; it may end
	inFormat, forgotten := make(chan struct{}), make(chan struct{}) // the second one is in the disk; it may go on
	block := false
	cfg := newConfig(vfs.Inject(mem, func(op vfs.Op) error {
		if block && (op.Kind == "mkdir" || op.Kind == "mkdirall") {
			block = false
			close(inFormat)
			<-forgotten
		}
		return nil
	}), noFetch)
	cfg.Audit = func(r jnserver.AuditRecord) {
		if r.Err != nil {
			close(refused)
			<-goOn
		}
	}
	n := newNode(t, cfg)
	client := newClient(t, n)
	call := func(nsID uint32) <-chan string {
		done := make(chan string, 1)
		go func() {
			c := &rpcClient{t: t, client: client, jid: "ns1", lv: 0xffffffff - 66}
			info := c.namespace(nil)
			info.StorageInfo.NamespceID = &nsID
			done <- c.formatAs(info)
		}()
		return done
	}
	first := call(0)
	<-refused
	block = true
	second := call(5)
	<-inFormat
	close(goOn)
	if got := <-first; !strings.HasPrefix(got, "FAIL "+string(javaerr.IllegalState)) {
		t.Errorf("format of namespace 0: %s", got)
	}
	close(forgotten)
	if got := <-second; got != "OK null" {
		t.Errorf("format: %s", got)
	}
	j, err := n.Journal("ns1", "")
	must(t, err)
	if !j.Snapshot().Formatted() {
		t.Error("not formatted")
	}
}

// What is told of a journal that could not be opened ends when it can be opened again, or is gone.
func TestFailedJournals(t *testing.T) {
	mem := vfs.NewMem()
	n := newNode(t, newConfig(mem, noFetch))
	damaged := journalRoot + "/current/VERSION"
	writeTo(t, mem, damaged, []byte("layoutVersion=-67\n"))
	for range 2 {
		_, err := n.Journal("ns1", "")
		wantError(t, err, javaerr.InconsistentFSState, "file VERSION has namespaceID missing")
	}
	health := n.Health()
	if len(health) != 1 || health[0].JournalID != "ns1" || health[0].OpenError == nil || len(n.Failed()) != 1 {
		t.Fatalf("health %v", health)
	}
	must(t, mem.RemoveAll(journalRoot))
	j, err := n.Journal("ns1", "")
	must(t, err)
	if j.Snapshot().Formatted() || len(n.Health()) != 0 {
		t.Errorf("health of a journal that is gone: %v", n.Health())
	}
}

// The memory of journals that cannot be opened is bounded, and its reasons stay current.
func TestFailedJournalsBounded(t *testing.T) {
	mem := vfs.NewMem()
	n := newNode(t, newConfig(mem, noFetch))
	for i := range 300 {
		jid := fmt.Sprint("bad", i)
		writeTo(t, mem, editsDir+"/"+jid+"/current/VERSION", nil)
		if _, err := n.Journal(jid, ""); err == nil {
			t.Fatal("opened")
		}
	}
	if failed := n.Failed(); len(failed) != 256 {
		t.Errorf("%d failed journals are remembered", len(failed))
	}
	lock, err := mem.OpenFile(editsDir+"/bad0/in_use.lock", os.O_RDWR|os.O_CREATE, 0o644)
	must(t, err)
	must(t, lock.Lock())
	defer func() { _ = lock.Close() }()
	_, err = n.Journal("bad0", "")
	if got := n.Failed()["bad0"]; !errors.Is(got, err) || !strings.Contains(got.Error(), "locked") {
		t.Errorf("the reason told is %v, the last was %v", got, err)
	}
}

// TestLongNameservice: a nameservice that is longer than any is not remembered, and so not told to other nodes.
func TestLongNameservice(t *testing.T) {
	n := newNode(t, newConfig(vfs.NewMem(), noFetch))
	c := newClient(t, n)
	jid, longest, long := "ns1", strings.Repeat("x", 255), strings.Repeat("x", 1<<20)
	nn := &rpcClient{t: t, client: c, jid: jid, lv: 0xffffffff - 66}
	if got := nn.formatAs(nn.namespace(nil)); got != "OK null" {
		t.Fatal(got)
	}
	for _, name := range []struct{ named, want string }{{"east", "east"}, {long, "east"}, {longest + "x", "east"}, {longest, longest}} {
		req := &pb.IsFormattedRequestProto{Jid: &pb.JournalIdProto{Identifier: &jid}, NameServiceId: &name.named}
		must(t, c.Call(t.Context(), "isFormatted", req, &pb.IsFormattedResponseProto{}))
		if got := n.Nameservice(jid); got != name.want {
			t.Errorf("after one of %d bytes: %.300s", len(name.named), got)
		}
	}
}
