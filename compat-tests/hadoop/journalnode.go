package hadoop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Kind says whose JournalNode a process is.
type Kind string

// The two implementations.
const (
	Ours Kind = "ours"
	Java Kind = "java"
)

// JournalNode is one JournalNode with its own configuration and edits directory.
type JournalNode struct {
	Name  string
	Kind  Kind
	RPC   string // address of QJournalProtocol
	HTTP  string // address of /getJournal and /jmx
	Edits string // dfs.journalnode.edits.dir

	// JVM are the flags of Java's node; nil: those of all test processes, which are small and quick to start.
	JVM []string
	// Under is put before the command line, such as strace with its options; then PID is not the node's.
	Under []string

	*Process // nil before the first Start

	site   *Site
	conf   string
	binary string
}

// JournalNode configures a node; it does not start it. binary is the path of our journalnode, unused for Java's. The
// configuration is the same for both kinds: the two addresses and the edits directory, plus extra.
func (s *Site) JournalNode(name string, kind Kind, binary string, extra Properties) (*JournalNode, error) {
	address, err := s.addresses(2)
	if err != nil {
		return nil, err
	}
	j := &JournalNode{
		Name: name, Kind: kind, RPC: address[0], HTTP: address[1], Edits: filepath.Join(s.Dir, name, "edits"),
		site: s, conf: filepath.Join(s.Dir, name, "conf"), binary: binary,
	}
	return j, j.Configure(extra)
}

// Elsewhere returns a node of another kind over the same directory but at addresses of its own, not started.
func (j *JournalNode) Elsewhere(kind Kind, binary string) (*JournalNode, error) {
	other, err := j.site.JournalNode(j.Name+"-"+string(kind), kind, binary, nil)
	if err != nil {
		return nil, err
	}
	other.Edits = j.Edits
	return other, other.Configure(nil)
}

// Configure writes the configuration anew, for the next Start.
func (j *JournalNode) Configure(extra Properties) error {
	return Properties{
		"dfs.journalnode.rpc-address":  j.RPC,
		"dfs.journalnode.http-address": j.HTTP,
		"dfs.journalnode.edits.dir":    j.Edits,
		"hadoop.tmp.dir":               filepath.Join(j.site.Dir, j.Name, "tmp"),
	}.With(extra).write(j.conf)
}

// Start starts the process and returns when both its ports answer.
func (j *JournalNode) Start(ctx context.Context) error {
	if err := j.Launch(); err != nil {
		return err
	}
	return j.WaitServing(ctx)
}

// Launch starts the process without waiting for an answer.
func (j *JournalNode) Launch() (err error) {
	argv := []string{j.binary, "--config", j.conf}
	if j.Kind == Java {
		argv = j.site.Install.argv(javaCommand{
			conf: j.conf, heap: "128m", flags: j.JVM, class: "org.apache.hadoop.hdfs.qjournal.server.JournalNode",
		}, filepath.Join(j.site.Dir, "tmp"))
	}
	argv = append(append([]string{}, j.Under...), argv...)
	j.Process, err = j.site.launcher.start(j.Name, j.site.Dir, argv, nil)
	return err
}

// WaitServing returns when the RPC port accepts connections and /jmx answers.
func (j *JournalNode) WaitServing(ctx context.Context) error {
	return waitFor(ctx, "start "+j.Name, startTimeout, func() error {
		if err := dial(j.RPC); err != nil {
			return err
		}
		var bean struct{}
		return j.site.jmx(j.HTTP, "Hadoop:service=JournalNode,name=JournalNodeInfo", &bean)
	}, j.Process)
}

// ConfDir is its configuration directory.
func (j *JournalNode) ConfDir() string { return j.conf }

// Current returns the directory of a journal's segments.
func (j *JournalNode) Current(jid string) string { return filepath.Join(j.Edits, jid, "current") }

// ResidentBytes reads VmRSS of the running process.
func (j *JournalNode) ResidentBytes() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", j.PID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS for %s", j.Name)
}

// Use makes another build of our JournalNode the one that the next Start runs.
func (j *JournalNode) Use(binary string) { j.binary = binary }

// Metrics are those of one journal that tests look at.
type Metrics struct {
	// LastWrittenTxID: our node has synced it; Java's shows up to ten seconds old news.
	LastWrittenTxID int64 `json:"LastWrittenTxId"`
	// TxnsServedViaRPC counts transactions that getJournaledEdits has answered, EmptyResponses its answers without any,
	// also those that say that the node is behind, and CacheMisses its refusals for want of them in the cache.
	TxnsServedViaRPC int64 `json:"TxnsServedViaRpc"`
	EmptyResponses   int64 `json:"RpcEmptyResponses"`
	CacheMisses      int64 `json:"RpcRequestCacheMissAmountNumMisses"`
	// EditLogsSynced counts the segments that came from other nodes since the start.
	EditLogsSynced int64 `json:"NumEditLogsSynced"`
}

// Metrics asks the running node for the metrics of a journal.
func (j *JournalNode) Metrics(jid string) (Metrics, error) {
	var m Metrics
	err := j.site.jmx(j.HTTP, "Hadoop:service=JournalNode,name=Journal-"+jid, &m)
	return m, err
}

// BuildJournalNode compiles ./cmd/journalnode of this repository, as a release is built, to the path out.
func BuildJournalNode(ctx context.Context, out string) error { return build(ctx, out, "", "-s -w") }

// BuildSaboteur compiles the build of ./cmd/journalnode that betrays its journals, by a plan of internal/saboteur.
func BuildSaboteur(ctx context.Context, out, plan string) error {
	return build(ctx, out, "saboteur", "-s -w -X main.sabotage="+plan)
}

func build(ctx context.Context, out, tags, ldflags string) error {
	root, err := RepositoryRoot()
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", tags, "-ldflags", ldflags, "-o", out,
		"./cmd/journalnode")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build journalnode: %w\n%s", err, output)
	}
	return nil
}
