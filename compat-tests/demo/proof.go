package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/workload"
)

// lossError says what is not as it was acknowledged.
type lossError struct{ problems []string }

// shownProblems bounds how many are printed.
const shownProblems = 10

func (e *lossError) Error() string {
	shown := e.problems[:min(shownProblems, len(e.problems))]
	return fmt.Sprintf("LOST: %d problems, such as\n  %s", len(e.problems), strings.Join(shown, "\n  "))
}

// proof looks for everything acknowledged: in both NameNodes, and, once these have stopped, in the nodes' directories.
func (s *story) proof(ctx context.Context) error {
	var problems []string
	for _, n := range s.NameNodes {
		view := workload.View(n.RPC, []string{root})
		found, wrong := oracle.CheckNamespace(&s.ledger, view)
		view.Close()
		if len(wrong) > 0 {
			s.say("%s does not show what was acknowledged.", n.ID)
			problems = append(problems, wrong...)
			continue
		}
		s.say("%s shows all %d objects as they were acknowledged, %d KiB of file contents read back and compared.",
			n.ID, found.Objects, found.Bytes>>10)
	}
	last, err := s.NameNodes[1].LastTxID()
	if err != nil {
		return err
	}
	deeds, err := s.deeds() // of nodes that run
	if err != nil {
		return err
	}
	if err := together(s.NameNodes[0].Stop, s.NameNodes[1].Stop); err != nil {
		return err
	}
	copies, err := s.copies()
	if err != nil {
		return err
	}
	views, err := s.views(ctx, copies)
	if err != nil {
		return err
	}
	if err := s.judge(copies, views, last, problems); err != nil {
		return err
	}
	s.plain("\nWhat the JournalNodes did:\n")
	for _, line := range deeds {
		s.plain("  " + line)
	}
	acknowledged, _ := s.ledger.Counts()
	s.plain(fmt.Sprintf("\nNothing is lost: %d of %d acknowledged edits are where they belong.", acknowledged, acknowledged))
	return nil
}

// judge compares the directories with the ledger; problems are those found before. It proves that it would have seen a
// loss.
func (s *story) judge(
	copies []oracle.Copy, views map[string][]oracle.Record, last int64, problems []string,
) error {
	const first = 1 // it was formatted here, and nothing is purged
	onAll, wrong := oracle.CheckQuorum(copies, first, last)
	problems = append(problems, wrong...)
	found, wrong := oracle.CheckViewer(&s.ledger, copies, views)
	problems = append(problems, wrong...)
	acknowledged, _ := s.ledger.Counts()
	if found != acknowledged || acknowledged == 0 {
		problems = append(problems, fmt.Sprintf("%d of %d acknowledged edits are on two nodes", found, acknowledged))
	}
	if len(problems) > 0 {
		return &lossError{problems}
	}
	s.say("Transactions %d to %d lie on a quorum each, %d of them on all three nodes, the same bytes wherever they are.",
		first, last, onAll)
	s.more("Hadoop's own edits viewer reads all %d acknowledged edits on at least two nodes.", found)
	middle := (first + last) / 2
	less := []oracle.Copy{copies[0].Without(middle), copies[1].Without(middle)}
	if _, seen := oracle.CheckQuorum(append(less, copies[2:]...), first, last); len(seen) != 1 {
		return fmt.Errorf("the check is worth nothing: without transaction %d on two nodes it says %q", middle, seen)
	}
	s.more("(Without transaction %d on two nodes the same check fails, as it should.)", middle)
	return nil
}

// copies reads the directories, without what a recovery left behind.
func (s *story) copies() ([]oracle.Copy, error) {
	var all []oracle.Copy
	for _, j := range s.Journals {
		c, err := oracle.ReadCopy(j.Name, j.Current(hadoop.JournalID))
		if err != nil {
			return nil, &lossError{[]string{j.Name + ": " + err.Error()}}
		}
		all = append(all, c)
	}
	all = oracle.Live(all)
	if len(all[0].Segments) == 0 {
		return nil, &lossError{[]string{all[0].Node + " has no segments"}}
	}
	return all, nil
}

// views lets Hadoop's viewer read every segment.
func (s *story) views(ctx context.Context, copies []oracle.Copy) (map[string][]oracle.Record, error) {
	var files, nodes []string
	for _, c := range copies {
		for _, segment := range c.Segments {
			if len(segment.Frames) > 0 {
				files, nodes = append(files, segment.Path), append(nodes, c.Node)
			}
		}
	}
	outputs, err := s.ViewEdits(ctx, files)
	if err != nil {
		return nil, err
	}
	views := make(map[string][]oracle.Record)
	for i, output := range outputs {
		text, err := os.ReadFile(output)
		if err != nil {
			return nil, err
		}
		records, err := oracle.ReadViewer(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		views[nodes[i]] = append(views[nodes[i]], records...)
	}
	return views, nil
}
