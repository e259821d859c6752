package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "gojn/qjournalpb"
)

// allowVoteOf runs the command as a process.
func allowVoteOf(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	p := launch(t, nil, append([]string{"allow-vote"}, args...)...)
	code = p.exit()
	return code, p.stdout.text() + p.log.text()
}

// TestAllowVote wipes a node as operators do, VERSION copied back by hand: it refuses newEpoch, /health says why, and after the
// command, and only then, it votes; the log repeats the reason.
func TestAllowVote(t *testing.T) {
	edits := t.TempDir()
	keys := loopback(edits)
	conf := confDir(t, keys)
	p := launch(t, nil, "--config", conf).up()
	writer := dial(t, p.rpc, "ns1")
	must(t, writer.format())
	current := filepath.Join(edits, "edits", "ns1", "current")
	version, err := os.ReadFile(filepath.Join(current, "VERSION"))
	must(t, err)
	if code, said := allowVoteOf(t, "--config", conf, "--reason", "why not", "ns1"); code != 1 || !strings.Contains(said, "is the node stopped?") {
		t.Errorf("while the node runs: code %d, %q", code, said)
	}
	stopped(t, p)
	if code, said := allowVoteOf(t, "--config", conf, "--reason", "why not", "ns1"); code != 0 || !strings.Contains(said, "nothing to do") {
		t.Errorf("of a journal that votes: code %d, %q", code, said)
	}

	must(t, os.RemoveAll(current))
	must(t, os.Mkdir(current, 0o700))
	must(t, os.WriteFile(filepath.Join(current, "VERSION"), version, 0o600))
	p = launch(t, nil, "--config", conf).up()
	writer = dial(t, p.rpc, "ns1")
	err = writer.call("newEpoch", &pb.NewEpochRequestProto{Jid: writer.id(), NsInfo: namespace(), Epoch: proto.Uint64(1)},
		&pb.NewEpochResponseProto{})
	if err == nil || !strings.Contains(err.Error(), "does not know what it has promised") {
		t.Fatalf("newEpoch: %v", err)
	}
	if code, line := healthOf(t, nil, "--url", p.web); code != 1 || !strings.Contains(line, "does not know what it has promised") {
		t.Errorf("health: %d %q", code, line)
	}
	p.log.await(t, nil, 1, "this journal does not know what it has promised")
	stopped(t, p)

	code, said := allowVoteOf(t, "--config", conf, "--reason=the cluster is new", "ns1")
	if code != 0 || !strings.Contains(said, "votes from now on") || !strings.Contains(said, "the cluster is new") {
		t.Fatalf("code %d, %q", code, said)
	}
	p = launch(t, nil, "--config", conf).up()
	p.log.await(t, nil, 1, "by a person's decision", "the cluster is new")
	dial(t, p.rpc, "ns1").newEpoch()
	stopped(t, p)
}

func stopped(t *testing.T, p *process) {
	t.Helper()
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.exit()
}

// TestAllowVoteRefuses: nothing is decided by accident.
func TestAllowVoteRefuses(t *testing.T) {
	edits := t.TempDir()
	conf := confDir(t, loopback(edits))
	must(t, os.MkdirAll(filepath.Join(edits, "edits", "empty"), 0o755))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--config", conf, "ns1"}, "--reason TEXT"},
		{[]string{"--config", conf, "--reason"}, "--reason needs a text"},
		{[]string{"--config", conf, "--reason", "x"}, "the journal's name are needed"},
		{[]string{"--config", conf, "--reason", "x", "ns1"}, "there is no journal ns1"},
		{[]string{"--config", conf, "--reason", "x", "empty"}, "is not formatted"},
		{[]string{"--config", conf, "--reason", "x", "../ns1"}, "bad journal id"},
		{[]string{"--config", conf, "--reason", "x", "ns1", "ns2"}, "bad arguments"},
		{[]string{"--config", conf, "--reason", "x", "--force", "ns1"}, "bad arguments"},
		{[]string{"--config", filepath.Join(edits, "nowhere"), "--reason", "x", "ns1"}, "no such file"},
	} {
		if code, said := allowVoteOf(t, c.args...); code != 1 || !strings.Contains(said, c.want) {
			t.Errorf("%v: code %d, %q", c.args, code, said)
		}
	}
}
