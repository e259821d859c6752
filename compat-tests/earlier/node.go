package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
)

// node is a running journalnode.
type node struct {
	cmd  *exec.Cmd
	rpc  string
	done chan struct{} // closed when its output has ended
	// calls are the calls that hang and the peers that it downloads from; kill waits for them.
	calls sync.WaitGroup
	peers []*http.Server
}

var upLine = regexp.MustCompile(`JournalNode is up.* rpc=(\S+)`)

// start runs command on free ports of the loopback with its journals below edits.
func start(command, edits string) (*node, error) {
	cmd := exec.Command(command, "-Ddfs.journalnode.rpc-address=127.0.0.1:0", "-Ddfs.journalnode.http-address=127.0.0.1:0",
		"-Ddfs.journalnode.edits.dir="+edits)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	n := &node{cmd: cmd, done: make(chan struct{})}
	lines := bufio.NewReader(stderr)
	said := ""
	for {
		line, err := lines.ReadString('\n')
		said += line
		if m := upLine.FindStringSubmatch(line); m != nil {
			n.rpc = m[1]
			break
		}
		if err != nil {
			close(n.done)
			return nil, errors.Join(fmt.Errorf("%s did not start: %w\n%s", command, err, said), n.kill())
		}
	}
	go func() {
		defer close(n.done)
		_, _ = io.Copy(io.Discard, lines) // it ends with the process
	}()
	return n, nil
}

// kill is kill -9. The node's end by that signal is no error.
func (n *node) kill() error {
	if err := n.cmd.Process.Kill(); err != nil {
		return errors.Join(err, n.cmd.Wait())
	}
	<-n.done
	for _, p := range n.peers {
		_ = p.Close() // nobody asks it any more
	}
	n.calls.Wait()
	var ended *exec.ExitError
	if err := n.cmd.Wait(); err != nil && !errors.As(err, &ended) {
		return err
	}
	return nil
}

// peer starts a JournalNode's HTTP server that answers every GET with head, and with the rest, too, if whole; if not,
// the download hangs.
func (n *node) peer(head, rest []byte, whole bool) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(rest)))
		if _, err := w.Write(head); err != nil {
			return // the node is gone, and the answer to the RPC says so
		}
		if whole {
			_, _ = w.Write(rest)
			return
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})}
	n.peers = append(n.peers, server)
	n.calls.Go(func() { _ = server.Serve(l) }) // until Close
	return "http://" + l.Addr().String() + "/getJournal", nil
}
