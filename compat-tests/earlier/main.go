// Command earlier lets a journalnode, of whatever commit, write a directory with everything that a JournalNode leaves
// on disk, kills it with SIGKILL and packs the directory together with what the node had acknowledged by then:
//
//	earlier <journalnode> <commit> <out.tar.gz>
//
// scripts/earlier-directory.sh builds a commit and calls it; TestEarlierDirectories reads the archives.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: earlier <journalnode> <commit> <out.tar.gz>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "earlier:", err)
		os.Exit(1)
	}
}

func run(command, commit, out string) (err error) {
	top, err := os.MkdirTemp("", "earlier-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(top)) }()
	edits := filepath.Join(top, "edits")
	journals, err := write(context.Background(), command, edits)
	if err != nil {
		return err
	}
	if err := halfway(edits); err != nil {
		return err
	}
	return pack(edits, archive{Commit: commit, Journals: journals}, out)
}

// write runs a node, lets each script drive a journal of its own, and kills the node.
func write(ctx context.Context, command, edits string) (_ map[string]*journal, err error) {
	n, err := start(command, edits)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.kill()) }()
	journals := make(map[string]*journal)
	for _, s := range scripts {
		j, err := dial(ctx, n, s.jid, filepath.Join(edits, s.jid))
		if err != nil {
			return nil, err
		}
		j.Left = s.left
		s.run(j)
		if err := errors.Join(j.err, j.check()); err != nil {
			return nil, fmt.Errorf("%s: %w", s.jid, err)
		}
		journals[s.jid] = j
	}
	return journals, nil
}
