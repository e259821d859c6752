// Command demo shows on one machine what the JournalNodes are for: a pair of NameNodes of Hadoop 3.4.2 over three of
// them, clients that write, a kill -9 of the active NameNode, and a proof that nothing acknowledged is lost. It ends
// with code 1 if something is, and takes everything away that it made but for Hadoop's jars, which it fetches once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"gojn/compat-tests/hadoop"
)

// limit ends a demo on a machine on which Hadoop does not come up.
const limit = 10 * time.Minute

// Exit codes.
const (
	exitFailed      = 1 // something was lost, or the demo could not go on
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Stdout, demonstrate))
}

// run runs the demo and says how it ended; it returns the exit code.
func run(ctx context.Context, out io.Writer, demo func(context.Context, *narrator) error) int {
	n := newNarrator(out)
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := demo(within, n)
	var lost *lossError
	switch {
	case ctx.Err() != nil:
		n.plain("\nInterrupted; every process has ended, and the directory is removed.")
		return exitInterrupted
	case errors.Is(err, hadoop.ErrNoRuntime):
		n.plain(fmt.Sprintf("\nThe demo runs real Hadoop and cannot do so here: %v.\n"+
			"It needs java and javac of a JDK 17 or later, and mvn (Maven) to fetch Hadoop's jars. On Debian:\n"+
			"  apt-get install openjdk-17-jdk-headless maven", err))
		return exitFailed
	case errors.As(err, &lost):
		n.plain("\n" + lost.Error())
		return exitFailed
	case err != nil:
		n.plain(fmt.Sprintf("\nThe demo could not go on: %v", err))
		return exitFailed
	}
	return 0
}

// demonstrate prepares a place, plays the story there and takes the place away, also if ctx ends in between.
func demonstrate(ctx context.Context, n *narrator) (err error) {
	release := hadoop.Hadoop342
	n.plain("Three gojn JournalNodes under two NameNodes and a DataNode of Hadoop " + release.Version + ", on this machine.\n")
	n.say("Hadoop's jars: from the cache, or from Maven Central, which takes a few minutes the first time.")
	install, err := hadoop.Provision(ctx, release)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gojn-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := os.Getenv("GOJN_JOURNALNODE")
	if binary == "" {
		binary = filepath.Join(dir, "journalnode")
		if err := hadoop.BuildJournalNode(ctx, binary); err != nil {
			return err
		}
	}
	site, err := hadoop.NewSite(dir, install)
	if err != nil {
		return err
	}
	// The end of ctx ends every process, so that whatever the story waits for fails.
	ended := make(chan struct{})
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		select {
		case <-ctx.Done():
		case <-ended:
		}
		site.Close()
	}()
	defer func() { close(ended); <-closed }()
	return play(ctx, n, site, binary)
}
