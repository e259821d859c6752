package jnserver_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/editlog"
	"gojn/storage/vfs"
)

var rewrite = flag.Bool("rewrite", false, "write the outputs of testdata/scripts anew")

// TestScripts runs the scripts in testdata/scripts against three nodes with disks in memory. A script is blocks of commands
// above "----" and what they print below it, up to an empty line. A command is
//
//	<nodes> <verb> <arguments> [name=value..]
//
// for the nodes n1,n2.. or all; each verb is a method of scriptNode below.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no scripts")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			must(t, err)
			got := runScript(t, string(text))
			if *rewrite {
				must(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			wantLines, gotLines := strings.Split(string(text), "\n"), strings.Split(got, "\n")
			for i, line := range gotLines {
				if i >= len(wantLines) || wantLines[i] != line {
					t.Fatalf("%s:%d (see -rewrite)\n%s", file, i+1, around(wantLines, gotLines, i))
				}
			}
			if len(wantLines) != len(gotLines) {
				t.Fatalf("%s: %d lines, want %d", file, len(gotLines), len(wantLines))
			}
		})
	}
}

func around(want, got []string, i int) string {
	clip := func(lines []string) string {
		return strings.Join(lines[min(max(i-6, 0), len(lines)):min(i+8, len(lines))], "\n")
	}
	return "--- want\n" + clip(want) + "\n--- got\n" + clip(got)
}

// runScript returns the script with the outputs as they are.
func runScript(t *testing.T, text string) string {
	c := newCluster(t)
	var out strings.Builder
	inOutput := false
	var block []string
	for _, line := range strings.SplitAfter(text, "\n") {
		switch trimmed := strings.TrimSpace(line); {
		case inOutput:
			if trimmed == "" {
				inOutput = false
				out.WriteString(line)
			}
		case trimmed == "----":
			out.WriteString(line)
			for _, command := range block {
				out.WriteString(c.run(command))
			}
			block, inOutput = nil, true
		default:
			out.WriteString(line)
			if trimmed != "" && !strings.HasPrefix(trimmed, "#") {
				block = append(block, trimmed)
			}
		}
	}
	if len(block) > 0 {
		t.Fatalf("commands without ----: %q", block)
	}
	return out.String()
}

type cluster struct {
	t     *testing.T
	nodes []*scriptNode
}

// scriptNode is one JournalNode of a script, with its disk.
type scriptNode struct {
	t       *testing.T
	name    string
	cluster *cluster
	mem     *vfs.Mem
	node    *jnserver.Node
	journal *jnserver.Journal
	serial  int64
	tracing bool
	log     opLog
	fail    func(op vfs.Op) error
	args    []string
	options map[string]string
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t}
	for _, name := range []string{"n1", "n2", "n3"} {
		n := &scriptNode{t: t, name: name, cluster: c, mem: vfs.NewMem()}
		must(t, n.mem.MkdirAll(journalRoot, 0o755))
		n.mem = everything(n.mem)
		n.open()
		c.nodes = append(c.nodes, n)
	}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			_ = n.node.Close()
		}
	})
	return c
}

func (n *scriptNode) open() {
	fsys := vfs.Inject(n.mem, func(op vfs.Op) error {
		if n.fail != nil {
			if err := n.fail(op); err != nil {
				return err
			}
		}
		return n.log.hook(op)
	})
	n.node = jnserver.NewNode(newConfig(fsys, n))
	n.journal = nil
	j, err := n.node.Journal("ns1", "")
	must(n.t, err)
	n.journal = j
	n.serial = 0
}

func (n *scriptNode) CheckURL(string) error { return nil }

// Fetch downloads <node>:<first txid> as a peer's /getJournal would be.
func (n *scriptNode) Fetch(_ context.Context, url string, dst io.Writer) (int64, error) {
	name, first, _ := strings.Cut(url, ":")
	for _, peer := range n.cluster.nodes {
		if peer.name != name {
			continue
		}
		r, err := peer.journal.OpenSegment(txID(n.t, first), true)
		if err != nil {
			return 0, err
		}
		defer func() { _ = r.File.Close() }()
		return io.Copy(dst, io.NewSectionReader(r.File, 0, r.Size))
	}
	return 0, errors.New("no node " + name)
}

// run runs one command and returns what it prints.
func (c *cluster) run(command string) string {
	words := strings.Fields(command)
	if len(words) < 2 {
		c.t.Fatalf("bad command %q", command)
	}
	var out strings.Builder
	done := false
	for _, n := range c.nodes {
		if words[0] != "all" && !slices.Contains(strings.Split(words[0], ","), n.name) {
			continue
		}
		done = true
		n.args, n.options = nil, map[string]string{}
		for _, word := range words[2:] {
			if name, value, ok := strings.Cut(word, "="); ok && name != ".epoch" {
				n.options[name] = value
			} else {
				n.args = append(n.args, word)
			}
		}
		verb, ok := scriptVerbs[words[1]]
		if !ok {
			c.t.Fatalf("unknown verb in %q", command)
		}
		n.log.take()
		text, err := verb(n)
		if err != nil {
			class := string(javaerr.ClassOf(err))
			text = class[strings.LastIndex(class, ".")+1:] + ": " + strings.ReplaceAll(err.Error(), "\n", "\n     ")
		}
		fmt.Fprintf(&out, "%s: %s\n", n.name, strings.TrimRight(text, "\n"))
		if n.tracing {
			out.WriteString(counted(n.log.take()))
		}
	}
	if !done {
		c.t.Fatalf("no node in %q", command)
	}
	return out.String()
}

// counted lists operations, equal ones behind each other once.
func counted(ops []string) string {
	var out strings.Builder
	for i := 0; i < len(ops); {
		same := 1
		for i+same < len(ops) && ops[i+same] == ops[i] {
			same++
		}
		fmt.Fprintf(&out, "      %s", short(ops[i]))
		if same > 1 {
			fmt.Fprintf(&out, " (%d times)", same)
		}
		out.WriteString("\n")
		i += same
	}
	return out.String()
}

// short takes the padding out of file names.
func short(text string) string {
	for strings.Contains(text, "_00") || strings.Contains(text, "-00") {
		text = strings.NewReplacer("_00", "_0", "-00", "-0").Replace(text)
	}
	return strings.NewReplacer("_0", "_", "-0", "-").Replace(text)
}

func txID(t *testing.T, s string) storage.TxID {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	must(t, err)
	return storage.TxID(n)
}

func (n *scriptNode) tx(i int) storage.TxID { return txID(n.t, n.arg(i)) }

func (n *scriptNode) arg(i int) string {
	if i >= len(n.args) {
		n.t.Fatalf("%s: argument %d is missing", n.name, i)
	}
	return n.args[i]
}

// span is an argument <first>-<last>.
func (n *scriptNode) span(i int) (first, last storage.TxID) {
	a, b, _ := strings.Cut(n.arg(i), "-")
	return txID(n.t, a), txID(n.t, b)
}

// info is a RequestInfo of the epoch in the first argument, with the next serial unless serial= is given.
func (n *scriptNode) info() jnserver.RequestInfo {
	n.serial++
	r := jnserver.RequestInfo{JournalID: "ns1", Epoch: storage.Epoch(n.tx(0)), Serial: n.serial, Client: "10.0.0.1"}
	if s, ok := n.options["serial"]; ok {
		r.Serial = int64(txID(n.t, s))
	}
	if c, ok := n.options["committed"]; ok {
		r.Committed, r.HasCommitted = txID(n.t, c), true
	}
	return r
}

func (n *scriptNode) spaceInfo() storage.StorageInfo {
	info := fixtureInfo
	if v, ok := n.options["lv"]; ok {
		info.LayoutVersion = int32(txID(n.t, v))
	}
	if v, ok := n.options["nsid"]; ok {
		info.NamespaceID = int32(txID(n.t, v))
	}
	if v, ok := n.options["ctime"]; ok {
		info.CTime = int64(txID(n.t, v))
	}
	return info
}

func done(err error) (string, error) { return "ok", err }

// file is the path of the segment in progress at first, or with last=<txid> that of the finalized one.
func (n *scriptNode) file(first storage.TxID) string {
	name := storage.InProgressName(first)
	if last, ok := n.options["last"]; ok {
		name = storage.FinalizedName(first, txID(n.t, last))
	}
	return journalRoot + "/current/" + name
}

// reopen starts the node anew on mem, as after the process ended.
func (n *scriptNode) reopen(mem *vfs.Mem) (string, error) {
	n.fail = nil
	n.mem = mem
	n.open()
	return "ok", nil
}

var scriptVerbs = map[string]func(n *scriptNode) (string, error){
	"format": func(n *scriptNode) (string, error) {
		r := jnserver.FormatRequest{Info: n.spaceInfo(), BlockPoolID: "BP-1", SoftwareVersion: "3.4.2"}
		if v, ok := n.options["version"]; ok {
			r.SoftwareVersion = v
		}
		if v, ok := n.options["force"]; ok {
			force := v == "true"
			r.Force = &force
		}
		return done(n.journal.Format(r))
	},
	"newepoch": func(n *scriptNode) (string, error) {
		last, ok, err := n.journal.NewEpoch(n.spaceInfo(), storage.Epoch(n.tx(0)), "10.0.0.1")
		if !ok {
			return "ok, no segment", err
		}
		return fmt.Sprintf("ok, last segment %d", last), err
	},
	"heartbeat": func(n *scriptNode) (string, error) { return done(n.journal.Heartbeat(n.info())) },
	"start": func(n *scriptNode) (string, error) {
		return done(n.journal.StartLogSegment(n.info(), n.tx(1), layout))
	},
	// write <epoch> <segment> <first>-<last>
	"write": func(n *scriptNode) (string, error) {
		first, last := n.span(2)
		return done(n.journal.Write(n.info(), writes(n.tx(1), first, last)))
	},
	"finalize": func(n *scriptNode) (string, error) {
		first, last := n.span(1)
		return done(n.journal.FinalizeLogSegment(n.info(), first, last))
	},
	"prepare": func(n *scriptNode) (string, error) {
		a, err := n.journal.PrepareRecovery(n.info(), n.tx(1))
		if err != nil {
			return "", err
		}
		text := "nothing"
		if s := a.Segment; s != nil {
			text = fmt.Sprintf("%d-%d", s.Start, s.End)
			if s.InProgress {
				text += " in progress"
			}
		}
		text += fmt.Sprintf(", writer %d", a.LastWriter)
		if a.HasAccepted {
			text += fmt.Sprintf(", accepted in %d", a.AcceptedIn)
		}
		if a.HasCommitted {
			text += fmt.Sprintf(", committed %d", a.Committed)
		}
		return text, nil
	},
	// accept <epoch> <first>-<last> from=<node>
	"accept": func(n *scriptNode) (string, error) {
		first, last := n.span(1)
		url := fmt.Sprintf("%s:%d", n.options["from"], first)
		state := jnserver.SegmentState{Start: first, End: last, InProgress: n.options["final"] == ""}
		return done(n.journal.AcceptRecovery(n.t.Context(), n.info(), state, url))
	},
	"purge":           func(n *scriptNode) (string, error) { return done(n.journal.PurgeLogsOlderThan(n.info(), n.tx(1))) },
	"discard":         func(n *scriptNode) (string, error) { return done(n.journal.DiscardSegments(n.tx(0))) },
	"preupgrade":      func(n *scriptNode) (string, error) { return done(n.journal.DoPreUpgrade()) },
	"upgrade":         func(n *scriptNode) (string, error) { return done(n.journal.DoUpgrade(n.spaceInfo())) },
	"finalizeupgrade": func(n *scriptNode) (string, error) { return done(n.journal.DoFinalize()) },
	"rollback":        func(n *scriptNode) (string, error) { return done(n.journal.DoRollback()) },
	"canrollback": func(n *scriptNode) (string, error) {
		can, err := n.journal.CanRollBack(int32(n.tx(0)))
		return fmt.Sprint(can), err
	},
	"ctime": func(n *scriptNode) (string, error) {
		c, err := n.journal.CTime()
		return fmt.Sprint(c), err
	},
	"manifest": func(n *scriptNode) (string, error) {
		m, err := n.journal.EditLogManifest(0, true)
		return m.String(), err
	},
	"state": func(n *scriptNode) (string, error) {
		s := n.journal.Snapshot()
		text := fmt.Sprintf("%s promised %d, writer %d, committed %d, highest %d", s.State, s.Promised, s.Writer, s.CommittedTxID(), s.Highest)
		if s.IsWriting {
			text += fmt.Sprintf(", writing %d", s.Writing)
		}
		return text, nil
	},
	"health": func(n *scriptNode) (string, error) {
		text := ""
		for _, h := range n.node.Health() {
			for _, b := range h.Bad {
				text += fmt.Sprintf("\n      segment %d: %s: %s", b.First, short(b.Name), b.Reason)
			}
		}
		if text == "" {
			return "no bad segment", nil
		}
		return text, nil
	},
	// files lists the segments and what was one, with their transactions, and the recovery records.
	"files": func(n *scriptNode) (string, error) {
		var text string
		dir := journalRoot + "/current"
		for _, name := range names(n.t, n.mem, dir) {
			if !strings.HasPrefix(name, "edits") {
				continue
			}
			text += "\n      " + short(name)
			if f, err := n.mem.OpenFile(dir+"/"+name, os.O_RDONLY, 0); err == nil {
				info, err := f.Stat()
				must(n.t, err)
				if scan, err := editlog.ScanSegment(f, info.Size()); err == nil && scan.HasTxns() {
					text += fmt.Sprintf(" has %d-%d", scan.First, scan.End)
				}
				_ = f.Close()
			}
		}
		for _, name := range names(n.t, n.mem, dir+"/paxos") {
			text += "\n      paxos/" + name
		}
		return text, nil
	},
	// what /getJournal sends of a segment
	"read": func(n *scriptNode) (string, error) {
		scan, err := readSegment(n.t, n.journal, n.tx(0))
		return fmt.Sprintf("%d-%d", scan.First, scan.End), err
	},
	"trace": func(n *scriptNode) (string, error) {
		n.tracing = n.arg(0) == "on"
		return n.arg(0), nil
	},
	// fail <kind> <end of file name>: such operations fail until mend; after=<n> lets n of them pass
	"fail": func(n *scriptNode) (string, error) {
		kind, end := n.arg(0), n.arg(1)
		pass, _ := strconv.Atoi(n.options["after"])
		torn := n.options["torn"]
		n.fail = func(op vfs.Op) error {
			if op.Kind != kind || !strings.HasSuffix(op.Path, end) {
				return nil
			}
			if pass--; pass >= 0 {
				return nil
			}
			if torn != "" {
				return &vfs.Torn{Bytes: int(txID(n.t, torn)), Err: errors.New("input/output error")}
			}
			return errors.New("input/output error")
		}
		return "ok", nil
	},
	"mend": func(n *scriptNode) (string, error) { n.fail = nil; return "ok", nil },
	// flip <segment> <txid>: one byte in the body of a transaction changes
	"flip": func(n *scriptNode) (string, error) {
		flip(n.t, n.mem, n.file(n.tx(0)), int64(8+frameLen*(n.tx(1)-n.tx(0))+14))
		return "ok", nil
	},
	// cut <segment> <txid>: the file ends before a transaction
	"cut": func(n *scriptNode) (string, error) {
		cut(n.t, n.mem, n.file(n.tx(0)), int64(8+frameLen*(n.tx(1)-n.tx(0))))
		return "ok", nil
	},
	// place <first>-<last>: a finalized segment appears on the disk, as a syncer of finalized segments brings it
	"place": func(n *scriptNode) (string, error) {
		first, last := n.span(0)
		must(n.t, n.mem.Rename(n.file(first), n.file(first)+storage.SuffixStale))
		writeTo(n.t, n.mem, journalRoot+"/current/"+storage.FinalizedName(first, last), segmentFile(first, last))
		return "ok", nil
	},
	// stop ends the process in order, kill without warning, crash cuts the power; then it starts again
	"stop": func(n *scriptNode) (string, error) {
		must(n.t, n.node.Close())
		return n.reopen(n.mem)
	},
	"kill":  func(n *scriptNode) (string, error) { return n.reopen(everything(n.mem)) },
	"crash": func(n *scriptNode) (string, error) { return n.reopen(n.mem.CrashClone(nil)) },
}
