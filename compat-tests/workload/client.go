// Package workload drives a cluster with concurrent HDFS clients and records what was acknowledged.
package workload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"sync"
	"time"

	"github.com/colinmarc/hdfs/v2"
)

// callTimeout bounds one exchange with a NameNode or DataNode. It is longer than a NameNode waits for its quorum.
const callTimeout = 40 * time.Second

// replicatingPause is the time between two attempts to close a file whose block the NameNode does not know yet, and
// replicatingPatience how long that goes on. A failover can leave a block that is never reported; Hadoop's client gives up
// after about as long (dfs.client.block.write.locateFollowingBlock.retries), and so the file's fate is unknown.
const (
	replicatingPause    = 5 * time.Millisecond
	replicatingPatience = 20 * time.Second
)

// deadlineConn gives up on a peer that does not answer.
type deadlineConn struct{ net.Conn }

func (c deadlineConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(callTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return deadlineConn{conn}, nil
}

// Connect returns a client of the NameNodes at the addresses, as the user that HADOOP_USER_NAME names (Hadoop's own
// variable), else as the one who runs the test: one of them must be who runs the NameNodes.
func Connect(addresses ...string) (*hdfs.Client, error) {
	name := os.Getenv("HADOOP_USER_NAME")
	if name == "" {
		me, err := user.Current()
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		name = me.Username
	}
	return hdfs.NewClient(hdfs.ClientOptions{
		Addresses: addresses, User: name, NamenodeDialFunc: dial, DatanodeDialFunc: dial,
	})
}

var errStopped = errors.New("the load is stopped")

// session is a connection that is made anew after every failure: the library goes on using a connection whose answer
// it has missed.
type session struct {
	addresses []string
	home      string // an existing directory of this client
	client    *hdfs.Client
	closing   sync.WaitGroup
}

// get returns a client that talks to the active NameNode, waiting for there being one. The chmod makes the library
// look for it: questions would also be answered, with old news, by a standby that allows stale reads.
func (s *session) get(ctx context.Context, stop <-chan struct{}) (*hdfs.Client, error) {
	for s.client == nil {
		client, err := Connect(s.addresses...)
		if err == nil {
			s.client = client
			if err = client.Chmod(s.home, 0o755); err == nil {
				break
			}
			s.reset()
		}
		select {
		case <-stop:
			return nil, errStopped
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return s.client, nil
}

// reset drops the connection. Closing may wait for a lease renewal, so it is done aside.
func (s *session) reset() {
	if client := s.client; client != nil {
		s.client = nil
		s.closing.Go(func() { _ = client.Close() }) // it was given up, mostly because it failed
	}
}

func (s *session) close() {
	s.reset()
	s.closing.Wait()
}

// createFile writes a whole file. It is acknowledged when Close returns nil.
func createFile(client *hdfs.Client, path string, content []byte, mode os.FileMode) error {
	w, err := client.CreateFile(path, 1, 1<<20, mode)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	closed := w.Close()
	// While the DataNode's report is under way:
	for end := time.Now().Add(replicatingPatience); hdfs.IsErrReplicating(closed) && time.Now().Before(end); {
		time.Sleep(replicatingPause)
		closed = w.Close()
	}
	return errors.Join(err, closed)
}

// readFile reads a whole file.
func readFile(client *hdfs.Client, path string) ([]byte, error) {
	r, err := client.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}
