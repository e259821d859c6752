package compat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/wire"
)

// TestHA_DiskFull fills the small file systems of two of three JournalNodes under load, first each alone, then both. A full
// node refuses edits and says so, shows what it has, keeps its other journal going, promises a new epoch durably, and takes
// part again at the next roll after there is room, without a restart. With both full a failover goes through all the same.
//
// The control shows what Java's node makes of it: it may miss the promise, and two full ones stop the failover.
func TestHA_DiskFull(t *testing.T) { onReleases(t, diskFull, releases(t)...) }

func diskFull(t *testing.T, ctx context.Context, site *hadoop.Site) {
	disks := []*smallDisk{newSmallDisk(t, "ext4"), newSmallDisk(t, "tmpfs")}
	// Only this test rolls.
	p := newPair(t, ctx, site, hadoop.ClusterOptions{NameNodes: hadoop.Properties{"dfs.ha.log-roll.period": "3600"}})
	var nodes []*fullNode
	for i, d := range disks {
		nodes = append(nodes, p.onDisk(p.Journals[i], d))
	}
	p.startByHand()
	for _, n := range nodes {
		n.startOther()
	}
	p.startLoad(gentle, p.Addresses()...)
	p.moreDone(50)
	for _, n := range nodes {
		n.fullAlone()
	}
	p.bothFull(nodes)
}

// fullNode is a JournalNode whose journal lies on a small disk, and another journal of it elsewhere.
type fullNode struct {
	*pair
	j     *hadoop.JournalNode
	disk  *smallDisk
	other *journalClient // writes ns2
	next  int64          // txid of ns2
}

// onDisk puts a node's edits on the disk, and those of ns2 beside the site's.
func (p *pair) onDisk(j *hadoop.JournalNode, d *smallDisk) *fullNode {
	p.t.Helper()
	elsewhere := filepath.Join(p.Dir, j.Name, "other")
	check(p.t, os.MkdirAll(filepath.Join(elsewhere, "ns2"), 0o755)) // an old client names no nameservice: the directory does
	j.Edits = filepath.Join(d.dir, "edits")
	check(p.t, j.Configure(hadoop.Properties{
		"dfs.nameservices": "ns1,ns2", "dfs.journalnode.edits.dir.ns1": j.Edits, "dfs.journalnode.edits.dir.ns2": elsewhere,
	}))
	p.t.Cleanup(func() { // before the disk is unmounted
		if j.Process != nil {
			j.Kill()
		}
	})
	return &fullNode{pair: p, j: j, disk: d, next: 1}
}

// startOther begins to write ns2.
func (n *fullNode) startOther() {
	n.t.Helper()
	if control() { // Java looks only at the nameservice that a caller names
		return
	}
	n.other = dialJournal(n.t, n.ctx, n.j)
	id := wire.JournalID("ns2")
	n.other.must("format", wire.Message{}.Bytes(1, id).Bytes(2, modern.Message()))
	n.other.must("newEpoch", wire.Message{}.Bytes(1, id).Bytes(2, modern.Message()).Int(3, 1))
	n.other.must("startLogSegment", wire.Message{}.Bytes(1, n.otherInfo()).Int(2, 1).Sint(3, int64(modern.LayoutVersion)))
}

func (n *fullNode) otherInfo() wire.Message {
	n.other.serial++
	return wire.RequestInfo("ns2", 1, n.other.serial, -1)
}

// otherGoesOn writes three blocks to ns2.
func (n *fullNode) otherGoesOn() {
	n.t.Helper()
	if control() {
		return
	}
	for range 3 {
		var records []byte
		first := n.next
		for len(records) < 1<<20 {
			records = append(records, wire.Mkdir(n.next, "/"+strings.Repeat("x", 4000))...)
			n.next++
		}
		n.other.must("journal", wire.Message{}.Bytes(1, n.otherInfo()).Int(2, first).Int(3, n.next-first).
			Bytes(4, records).Int(5, 1))
	}
}

// fullAlone fills the disk, and makes room in the end.
func (n *fullNode) fullAlone() {
	n.t.Helper()
	n.t.Logf("--- %s on a full disk", n.j.Name)
	n.healthy()
	open := n.newest(n.j).First
	promised := n.epoch("last-promised-epoch")
	n.disk.fill()
	check(n.t, n.push())
	n.refusesEdits()
	n.readable(open)
	n.otherGoesOn()
	n.moreDone(50)

	active, standby := n.roles()
	must(n.HAAdmin(n.ctx, "-failover", active.ID, standby.ID))(n.t)
	check(n.t, standby.WaitState(n.ctx, "active"))
	n.moreDone(20)
	n.promisedMore(promised)
	if !control() {
		if h := n.health(); h.Journals["ns1"].SpaceError == "" {
			n.t.Errorf("the disk is full, and %s says %+v", n.j.Name, h)
		}
	}
	n.recovers()
}

// pushed is more than a segment has room for.
const pushed = 5 << 18

// push makes directories with names so long that the edits need a new block, each below its own parent.
func (p *pair) push() error {
	p.t.Helper()
	conn := must(wire.Dial(p.ctx, p.active().RPC, "org.apache.hadoop.hdfs.protocol.ClientProtocol", superuser(p.t)))(p.t)
	defer conn.Close()
	for i, size := 0, 0; size < pushed; i++ {
		path := fmt.Sprintf("/push%d", time.Now().UnixNano())
		for len(path) < 7600 {
			path += "/" + strings.Repeat(string(rune('a'+i%26)), 250)
			size += len(path)
		}
		permission := wire.Message{}.Int(1, 0o755)
		if _, err := conn.Call("mkdirs", wire.Message{}.String(1, path).Bytes(2, permission).Bool(3, true)); err != nil {
			return err
		}
	}
	return nil
}

// until polls.
func (n *fullNode) until(what string, done func() bool) {
	n.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) || n.ctx.Err() != nil {
			n.t.Fatalf("%s: not %s; its health: %+v", n.j.Name, what, n.health())
		}
	}
}

// refusesEdits waits until the node has refused a batch and says so everywhere.
func (n *fullNode) refusesEdits() {
	n.t.Helper()
	n.until("refusing edits", func() bool { return strings.Contains(strings.ToLower(n.j.FullLog()), "no space left on device") })
	if control() {
		return
	}
	h := n.health()
	said := h.Journals["ns1"].SpaceError
	if h.code != http.StatusServiceUnavailable || h.Journals["ns2"].Status != "ok" ||
		!strings.Contains(said, "no space left on device") ||
		!strings.Contains(said, "Make room on the file system of "+filepath.Join(n.j.Edits, "ns1")) {
		n.t.Errorf("health of %s: %+v", n.j.Name, h)
	}
	out, err := exec.Command(journalnode(n.t), "health", "--url", "http://"+n.j.HTTP).CombinedOutput()
	var failed *exec.ExitError
	if !errors.As(err, &failed) || failed.ExitCode() != 1 || !strings.Contains(string(out), "no space left on device") {
		n.t.Errorf("journalnode health: %v, %s", err, out)
	}
	for _, path := range []string{"/livez", "/readyz"} {
		if code, _ := n.get(path); code != http.StatusOK {
			n.t.Errorf("%s: %d", path, code)
		}
	}
}

// nodeHealth is what /health says.
type nodeHealth struct {
	code     int
	Journals map[string]struct{ Status, SpaceError string }
}

func (n *fullNode) health() nodeHealth {
	n.t.Helper()
	if control() {
		return nodeHealth{}
	}
	code, body := n.get("/health")
	var answer struct {
		Journals []struct{ JID, Status, SpaceError string }
	}
	check(n.t, json.Unmarshal(body, &answer))
	h := nodeHealth{code, map[string]struct{ Status, SpaceError string }{}}
	for _, j := range answer.Journals {
		h.Journals[j.JID] = struct{ Status, SpaceError string }{j.Status, j.SpaceError}
	}
	return h
}

func (n *fullNode) healthy() {
	n.t.Helper()
	if h := n.health(); !control() && (h.code != http.StatusOK || h.Journals["ns1"].SpaceError != "") {
		n.t.Errorf("health of %s: %+v", n.j.Name, h)
	}
}

func (n *fullNode) get(path string) (code int, body []byte) {
	n.t.Helper()
	req := must(http.NewRequestWithContext(n.ctx, http.MethodGet, "http://"+n.j.HTTP+path, nil))(n.t)
	resp, err := http.DefaultClient.Do(req)
	check(n.t, err)
	defer resp.Body.Close()
	return resp.StatusCode, must(io.ReadAll(resp.Body))(n.t)
}

// readable downloads the open segment: all that the node had acknowledged is in it.
func (n *fullNode) readable(first int64) {
	n.t.Helper()
	written := must(n.j.Metrics(hadoop.JournalID))(n.t).LastWrittenTxID
	version := map[string]string{}
	for line := range strings.Lines(string(must(os.ReadFile(filepath.Join(n.j.Current("ns1"), "VERSION")))(n.t))) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		version[key] = value
	}
	info := strings.Join([]string{version["layoutVersion"], version["namespaceID"], version["cTime"], version["clusterID"]}, ":")
	code, body := n.get(fmt.Sprintf("/getJournal?jid=ns1&segmentTxId=%d&inProgressOk=true&storageInfo=%s",
		first, url.QueryEscape(info)))
	if code != http.StatusOK {
		n.t.Fatalf("getJournal of segment %d: %d", first, code)
	}
	dir := n.t.TempDir()
	check(n.t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("edits_inprogress_%019d", first)), body, 0o600))
	segments := must(oracle.ReadJournal(dir))(n.t)
	last := first + int64(len(segments[0].Frames)) - 1
	n.t.Logf("%s: segment %d can be read up to %d, written %d", n.j.Name, first, last, written)
	if last < written || written <= first {
		n.t.Errorf("%s: segment %d can be read up to txid %d, %d was acknowledged", n.j.Name, first, last, written)
	}
}

func (n *fullNode) epoch(name string) int64 {
	n.t.Helper()
	text := must(os.ReadFile(filepath.Join(n.j.Current("ns1"), name)))(n.t)
	return must(strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64))(n.t)
}

// promisedMore: the new writer's epoch is in the file, now or soon: two of three promises are enough for the writer to go on.
func (n *fullNode) promisedMore(before int64) {
	n.t.Helper()
	if !control() {
		n.until(fmt.Sprintf("promising more than epoch %d", before), func() bool { return n.epoch("last-promised-epoch") > before })
	}
	n.t.Logf("%s: promised %d, before %d", n.j.Name, n.epoch("last-promised-epoch"), before)
}

// recovers makes room: with the next roll the node takes part again, and has everything from there on.
func (n *fullNode) recovers() {
	n.t.Helper()
	process := n.j.PID()
	n.disk.makeRoom()
	n.takesPartAgain()
	if n.j.PID() != process || !n.j.Running() {
		n.t.Errorf("%s was restarted", n.j.Name)
	}
}

// takesPartAgain rolls: the node has everything from there on.
func (n *fullNode) takesPartAgain() {
	n.t.Helper()
	behind := must(n.active().LastTxID())(n.t)
	n.roll()
	n.takesPart(n.Journals[2], behind)     // two of three are enough for the roll, and it may be the third
	began := n.newest(n.Journals[2]).First // where there always was room
	n.takesPart(n.j, behind)
	n.healthy()
	n.moreDone(50)
	until := must(n.active().LastTxID())(n.t)
	n.roll()
	first := int64(0)
	n.until(fmt.Sprintf("holding all behind %d up to %d", behind, until), func() bool {
		segments, err := oracle.ReadJournal(n.j.Current("ns1"))
		if err != nil { // finalized while it was read
			return false
		}
		next := int64(0)
		for _, s := range segments {
			if s.First <= behind {
				continue
			}
			if first == 0 || next == 0 {
				first, next = s.First, s.First
			}
			if s.First == next {
				next += int64(len(s.Frames))
			}
		}
		return next > until
	})
	n.t.Logf("%s: holds all from %d to %d again", n.j.Name, first, until)
	if first != began {
		n.t.Errorf("%s takes part from %d on, not from %d, which the roll began", n.j.Name, first, began)
	}
}

// bothFull fills both disks and kills the active NameNode: the other one takes over with the promises, the recovery and the
// first segment that a full disk has space for. That segment fills up too, and the quorum is lost; with room it is back.
func (p *pair) bothFull(nodes []*fullNode) {
	p.t.Helper()
	p.t.Log("--- two of three on full disks")
	p.stopLoad() // a segment that ends elsewhere on each node wants copies, for which no space is kept
	dead, next := p.roles()
	last := must(dead.LastTxID())(p.t)
	for _, j := range p.Journals {
		n := &fullNode{pair: p, j: j}
		n.until(fmt.Sprintf("at txid %d", last), func() bool { return must(j.Metrics("ns1"))(p.t).LastWrittenTxID == last })
	}
	before := make([]int64, len(nodes))
	for i, n := range nodes {
		before[i] = n.epoch("last-promised-epoch")
		n.disk.fill()
	}
	dead.Kill()
	_, err := p.HAAdmin(p.ctx, "-transitionToActive", "--forceactive", next.ID)
	for i, n := range nodes {
		n.promisedMore(before[i])
	}
	if control() {
		p.t.Logf("control: the failover to two full JournalNodes: %v", err)
		return
	}
	check(p.t, err)
	check(p.t, next.WaitState(p.ctx, "active"))
	p.startLoad(gentle, p.Addresses()...)
	p.moreDone(20)
	check(p.t, dead.Start(p.ctx))

	p.t.Log("--- until no edits fit")
	acknowledged := p.acknowledged(next)
	if err := p.push(); err == nil {
		p.t.Error("edits were acknowledged without a quorum")
	}
	p.endsItself(next)
	for _, n := range nodes {
		n.disk.makeRoom()
	}
	must(p.HAAdmin(p.ctx, "-transitionToActive", "--forceactive", dead.ID))(p.t)
	check(p.t, dead.WaitState(p.ctx, "active"))
	if last := must(dead.LastTxID())(p.t); last <= acknowledged {
		p.t.Errorf("it goes on behind %d, acknowledged was %d", last, acknowledged)
	}
	for _, n := range nodes {
		n.takesPartAgain()
		n.otherGoesOn()
	}
	p.stopLoad()
	check(p.t, next.Start(p.ctx))
	p.roll() // it wants this to leave safe mode
	check(p.t, next.WaitState(p.ctx, "standby"))
	p.judge()
}
