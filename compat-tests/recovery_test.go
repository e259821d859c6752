package compat_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
)

// TestRecovery_Downloads lets the release's own QuorumJournalManager recover segments of which the third of three
// nodes has too little. Each node is reached through a front that counts its HTTP answers, and cuts or holds up
// one of them. In all but one case the second node is down, so that nothing can be recovered without the third.
// Each case ends with a segment that all three write; at the end no transaction that was acknowledged is missing.
func TestRecovery_Downloads(t *testing.T) { onReleases(t, downloads, releases(t)...) }

func downloads(t *testing.T, ctx context.Context, site *hadoop.Site) {
	s := newStream(t, ctx, site)
	s.do("format", "open")
	s.segment()
	for _, c := range []struct {
		name    string
		recover func(r *recovery)
	}{
		{"short log", (*recovery).shortLog},
		{"lost segment", (*recovery).lostSegment},
		{"cut, the others suffice", (*recovery).cutWithQuorum},
		{"cut, then tried again", (*recovery).cutAndRetried},
		{"killed in the download", (*recovery).killedInDownload},
		{"killed between record and rename", (*recovery).killedBeforeRename},
	} {
		t.Logf("--- %s", c.name)
		r := &recovery{stream: s}
		c.recover(r)
		s.segment()
	}
	s.finish()
}

// cutAfter is where answers are cut: behind the header and the first transactions of a segment whose file has 1 MiB.
const cutAfter = 5000

// recovery is one case: the third node, too, had begun the segment that is recovered.
type recovery struct {
	*stream
	first int64 // of the segment
	short int64 // the last transaction of it that the third node had
}

// fallBehind lets all nodes begin a segment, kills the third one, writes on and ends the writer without finalizing.
func (r *recovery) fallBehind() {
	r.t.Helper()
	r.first = r.last + 1
	r.do("start")
	r.write(5)
	r.reached(r.last, true, r.nodes...)
	r.short = r.last
	r.nodes[2].Kill()
	r.write(20)
	r.reached(r.last, true, r.nodes[:2]...)
	r.do("abandon")
}

// fallBehindAlone is fallBehind after which the second node is down, too, and the third one back.
func (r *recovery) fallBehindAlone() {
	r.t.Helper()
	r.fallBehind()
	r.nodes[1].Kill()
	check(r.t, r.nodes[2].Start(r.ctx))
}

func (r *recovery) shortLog() {
	r.fallBehindAlone()
	r.recovered(true)
}

func (r *recovery) lostSegment() {
	r.fallBehind()
	r.nodes[1].Kill()
	check(r.t, os.Remove(r.inProgress(r.nodes[2])))
	check(r.t, r.nodes[2].Start(r.ctx))
	r.recovered(true)
}

// cutWithQuorum: the third node fails, the recovery does not. What it had stays as it was.
func (r *recovery) cutWithQuorum() {
	r.fallBehind()
	check(r.t, r.nodes[2].Start(r.ctx))
	for _, f := range r.fronts {
		f.Cut(cutAfter)
	}
	before := r.requests()
	r.do("open")
	r.reached(r.last, false, r.nodes[:2]...)
	// Also the third has done all that the recovery asked of it once it takes part in what follows.
	r.segment()
	if r.requests() == before {
		r.t.Error("the third node asked for nothing: this shows nothing")
	}
	r.unchanged()
	r.heal()
}

// cutAndRetried: without the third node there is no quorum, so the recovery fails, and a later one succeeds.
func (r *recovery) cutAndRetried() {
	r.fallBehindAlone()
	r.fronts[0].Cut(cutAfter)
	before := r.requests()
	r.fails("open")
	if r.requests() == before {
		r.t.Error("the third node asked for nothing: this shows nothing")
	}
	r.unchanged()
	r.heal()
	r.recovered(true)
}

// killedInDownload kills the third node when it has received the first part of the segment.
func (r *recovery) killedInDownload() {
	r.fallBehindAlone()
	r.fronts[0].Stall(cutAfter)
	opened := make(chan error, 1)
	go func() {
		_, err := r.writer.Do(r.ctx, "open")
		opened <- err
	}()
	r.until("the download has begun", func() error {
		if found := r.downloads(r.nodes[2]); len(found) == 1 {
			if info, err := os.Stat(found[0]); err != nil || info.Size() > 0 {
				return err
			}
		}
		return fmt.Errorf("downloads %v", r.downloads(r.nodes[2]))
	})
	r.nodes[2].Kill()
	if err := <-opened; err == nil {
		r.t.Error("the recovery succeeded without a quorum")
	}
	if left := r.downloads(r.nodes[2]); len(left) != 1 {
		r.t.Errorf("the kill left downloads %v: this shows nothing", left)
	}
	if r.hasRecord() {
		r.t.Error("there is a recovery record, of a download that is not complete")
	}
	r.unchangedSegment()
	r.heal()
	check(r.t, r.nodes[2].Start(r.ctx))
	r.recovered(true)
}

// killedBeforeRename: the third node is killed (SIGKILL) when it has the download and the recovery record on disk and is
// about to rename the download. Restarted it has the segment without asking for it again.
func (r *recovery) killedBeforeRename() {
	if _, err := exec.LookPath("strace"); err != nil && r.nodes[2].Kind == hadoop.Java {
		if hadoop.Required() {
			r.t.Fatal(err)
		}
		r.t.Logf("SKIPPED for Java's node: %v", err)
		return
	}
	r.fallBehind()
	r.nodes[1].Kill()
	r.killAtRename(r.nodes[2])
	check(r.t, r.nodes[2].Start(r.ctx))
	r.fails("open")
	if code, err := r.nodes[2].ExitCode(r.ctx); err != nil || code != -1 {
		r.t.Fatalf("the node ended with %d, %v; want a kill", code, err)
	}
	if left := r.downloads(r.nodes[2]); len(left) != 1 || !r.hasRecord() {
		r.t.Errorf("downloads %v, record %v: this is not the moment between record and rename", left, r.hasRecord())
	}
	r.unchangedSegment()
	r.nodes[2].Use(journalnode(r.t))
	r.nodes[2].Under = nil
	check(r.t, r.nodes[2].Start(r.ctx))
	r.recovered(false)
}

// killAtRename arms the next start of a node: ours is a build that kills itself before it renames a download, Java's is
// killed by strace at the system call.
func (r *recovery) killAtRename(j *hadoop.JournalNode) {
	r.t.Helper()
	if j.Kind == hadoop.Ours {
		j.Use(saboteurBinary(r.t, r.site, "die-before-promote"))
		return
	}
	var promised int64
	for _, node := range r.nodes {
		text := must(os.ReadFile(filepath.Join(node.Current(hadoop.JournalID), "last-promised-epoch")))(r.t)
		promised = max(promised, must(strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64))(r.t))
	}
	const calls = "rename,renameat,renameat2"
	j.Under = []string{"strace", "-f", "-qq", "-o", os.DevNull, "-P", fmt.Sprintf("%s.epoch=%d", r.inProgress(j), promised+1),
		"-e", "trace=" + calls, "-e", "inject=" + calls + ":error=EIO:signal=SIGKILL"}
}

// recovered opens a new writer, which must recover the segment with the first and the third node, and compares
// what both have then. It checks whether the third one has downloaded it now.
func (r *recovery) recovered(downloads bool) {
	r.t.Helper()
	before := r.requests()
	r.do("open")
	r.reached(r.last, false, r.nodes[0], r.nodes[2])
	if got := r.requests() > before; got != downloads {
		r.t.Errorf("the segment %d-%d, of which %s had %d, was downloaded: %v, want %v", r.first, r.last,
			r.nodes[2].Name, r.short, got, downloads)
	}
	source, copied := r.finalized(r.nodes[0]), r.finalized(r.nodes[2])
	if _, problems := oracle.CheckSame(source, copied); len(problems) > 0 || len(copied.Segments) != 1 {
		r.t.Errorf("the recovered segment: %q (%d segments)", problems, len(copied.Segments))
	}
	if r.hasRecord() {
		r.t.Error("the recovery record is still there")
	}
	check(r.t, r.revive(r.nodes[1]))
}

// finalized is the recovered segment of a node.
func (r *recovery) finalized(j *hadoop.JournalNode) oracle.Copy {
	r.t.Helper()
	all := must(oracle.ReadCopy(j.Name, j.Current(hadoop.JournalID)))(r.t)
	one := oracle.Copy{Node: j.Name}
	for _, s := range all.Segments {
		if s.First == r.first && !s.InProgress {
			one.Segments = append(one.Segments, s)
		}
	}
	return one
}

// unchanged checks that a failed download left the third node's segment as it was, and nothing else.
func (r *recovery) unchanged() {
	r.t.Helper()
	if left := r.downloads(r.nodes[2]); len(left) != 0 {
		r.t.Errorf("a failed download left %v", left)
	}
	if r.hasRecord() {
		r.t.Error("a failed download left a recovery record")
	}
	r.unchangedSegment()
}

func (r *recovery) unchangedSegment() {
	r.t.Helper()
	for _, s := range must(oracle.ReadJournal(r.nodes[2].Current(hadoop.JournalID)))(r.t) {
		if s.First == r.first {
			if !s.InProgress || s.Last != r.short {
				r.t.Errorf("the third node's segment is %s up to %d now, was up to %d", s.Name, s.Last, r.short)
			}
			return
		}
	}
	r.t.Errorf("the third node's segment %d is gone", r.first)
}

func (r *recovery) inProgress(j *hadoop.JournalNode) string {
	return filepath.Join(j.Current(hadoop.JournalID), fmt.Sprintf("edits_inprogress_%019d", r.first))
}

// downloads are the segments under the name that they have before they count.
func (r *recovery) downloads(j *hadoop.JournalNode) []string {
	r.t.Helper()
	return must(filepath.Glob(r.inProgress(j) + ".epoch=*"))(r.t)
}

// hasRecord tells whether the third node has a recovery record of the segment.
func (r *recovery) hasRecord() bool {
	_, err := os.Stat(filepath.Join(r.nodes[2].Current(hadoop.JournalID), "paxos", fmt.Sprint(r.first)))
	return err == nil
}

// until waits until ready returns nil.
func (s *stream) until(what string, ready func() error) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(end) || s.ctx.Err() != nil {
			s.t.Fatalf("%s: %v", what, err)
		}
	}
}
