package compat_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// TestSwap_Locked lets a Java node and one of ours run over one edits directory, in which each has opened a journal
// before the other one was asked for it. Every call of the protocol to the other one, and /getJournal, is refused
// because of the lock and changes no byte, the holder goes on, and when it is killed the other one takes over.
func TestSwap_Locked(t *testing.T) {
	onReleases(t, func(t *testing.T, ctx context.Context, site *hadoop.Site) {
		l := &locked{t: t, ctx: ctx}
		java := must(site.JournalNode("java", hadoop.Java, "", nil))(t)
		ours := must(java.Elsewhere(subject(), journalnode(t)))(t)
		check(t, java.Start(ctx))
		check(t, ours.Start(ctx))

		ofJava, ofOurs := l.open("of-java", java), l.open("of-ours", ours)
		l.refusesAll(ours, ofJava, java)
		l.refusesAll(java, ofOurs, ours)
		java.Kill()
		l.takesOver(ours, ofJava)
		check(t, java.Start(ctx))
		l.refusesAll(java, ofJava, ours)
		l.refusesAll(java, ofOurs, ours)
		ours.Kill()
		l.takesOver(java, ofJava)
		l.takesOver(java, ofOurs)
		check(t, ours.Start(ctx)) // it looks for journals by itself, too
		l.refusesAll(ours, ofJava, java)
		l.refusesAll(ours, ofOurs, java)
		check(t, java.Stop())
		l.takesOver(ours, ofJava)
		l.takesOver(ours, ofOurs)
		check(t, ours.Stop())
		for _, j := range []*swapJournal{ofJava, ofOurs} {
			report(t, j.jid, j.missing(java.Current(j.jid)))
		}
	}, releases(t)...)
}

// locked is the test's run on one release.
type locked struct {
	t   *testing.T
	ctx context.Context
}

func (l *locked) dial(node *hadoop.JournalNode) *swapNode {
	l.t.Helper()
	conn := must(wire.Dial(l.ctx, node.RPC, wire.QJournalProtocol, "hdfs"))(l.t)
	l.t.Cleanup(func() { check(l.t, conn.Close()) })
	return &swapNode{node, conn}
}

func (l *locked) open(jid string, holder *hadoop.JournalNode) *swapJournal {
	l.t.Helper()
	j := &swapJournal{ctx: l.ctx, jid: jid, ns: namespace}
	check(l.t, j.do(l.dial(holder), threeAndTwo))
	return j
}

// refusesAll makes each call with arguments that would be right.
func (l *locked) refusesAll(other *hadoop.JournalNode, j *swapJournal, holder *hadoop.JournalNode) {
	l.t.Helper()
	root := filepath.Join(holder.Edits, j.jid)
	before := contents(l.t, root)
	info := func() wire.Message { return j.info(0) }
	state := wire.Message{}.Int(1, j.segment).Int(2, j.last).Bool(3, true)
	n := l.dial(other)
	for range 2 { // the refusal must not wear off
		for _, c := range []struct {
			method  string
			request wire.Message
		}{
			{"isFormatted", j.id()},
			{"getJournalState", j.id()},
			{"newEpoch", j.id().Bytes(2, j.ns.Message()).Int(3, j.epoch+1)},
			{"format", j.id().Bytes(2, j.ns.Message()).Bool(4, true)},
			{"heartbeat", info()},
			{"startLogSegment", info().Int(2, j.next).Sint(3, int64(j.ns.LayoutVersion))},
			{"journal", info().Int(2, j.next).Int(3, 1).Bytes(4, mkdirs(j.next, 1)).Int(5, j.segment)},
			{"finalizeLogSegment", info().Int(2, j.segment).Int(3, j.last)},
			{"purgeLogs", info().Int(2, j.segment)},
			{"getEditLogManifest", j.id().Int(2, 1).Bool(4, true)},
			{"prepareRecovery", info().Int(2, j.segment)},
			{"acceptRecovery", info().Bytes(2, state).String(3, j.url(n, j.jid, j.segment))},
			{"discardSegments", j.id().Int(2, j.segment)},
			{"getJournalCTime", j.id()},
			{"doPreUpgrade", j.id()},
			{"doUpgrade", j.id().Bytes(2, j.ns.StorageInfo())},
			{"doFinalize", j.id()},
			{"canRollBack", j.id().Bytes(2, j.ns.StorageInfo()).Bytes(3, j.ns.StorageInfo()).Int(4, int64(j.ns.LayoutVersion))},
			{"doRollback", j.id()},
		} {
			_, err := n.conn.Call(c.method, c.request)
			var refused *wire.RemoteError
			if !errors.As(err, &refused) || !strings.Contains(refused.Message, "The directory is already locked") {
				l.t.Errorf("%s of %s, which %s holds, by %s: %v", c.method, j.jid, holder.Name, other.Name, err)
			}
		}
	}
	request := must(http.NewRequestWithContext(l.ctx, http.MethodGet, j.url(n, j.jid, j.segment), nil))(l.t)
	response, err := http.DefaultClient.Do(request)
	check(l.t, err)
	check(l.t, response.Body.Close())
	if response.StatusCode != http.StatusInternalServerError {
		l.t.Errorf("/getJournal of %s, which %s holds, by %s: %s", j.jid, holder.Name, other.Name, response.Status)
	}
	if after := contents(l.t, root); !maps.Equal(before, after) {
		l.t.Errorf("%s was changed by %s, which does not hold it:\n%v\n%v", j.jid, other.Name, before, after)
	}
	check(l.t, j.do(l.dial(holder), "write 2"))
}

// takesOver is a new writer's recovery, with half of a segment more.
func (l *locked) takesOver(node *hadoop.JournalNode, j *swapJournal) {
	l.t.Helper()
	n := l.dial(node)
	answers := must(j.ask(n))(l.t)
	if !usable(answers) {
		l.t.Fatalf("%s does not take over %s: %v", node.Name, j.jid, answers)
	}
	check(l.t, j.do(n, goOn))
}

// contents are all names below a directory, with the hash of each file.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	check(t, filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			all[name] = ""
			return err
		}
		data, err := os.ReadFile(name)
		all[name] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	}))
	return all
}
