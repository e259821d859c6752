package workload

import (
	"os"
	"path"
	"strings"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"gojn/compat-tests/oracle"
)

const (
	// clientLife is how long a client is used for reading. The library renews leases once a second even without any,
	// and drops a NameNode that answers this with a StandbyException.
	clientLife = 500 * time.Millisecond
	// readAttempts is how often a question is asked before its failure counts.
	readAttempts = 4
)

// NameNode is one NameNode's view of the clients' directories, also a standby's that allows stale reads. It implements
// [oracle.Namespace] and must be closed.
type NameNode struct {
	address string
	roots   []string
	client  *hdfs.Client
	since   time.Time
}

var _ oracle.Namespace = (*NameNode)(nil)

// View returns the view of the NameNode at the address of what lies below the roots of loads.
func View(address string, roots []string) *NameNode { return &NameNode{address: address, roots: roots} }

// Close closes its connection.
func (n *NameNode) Close() {
	if n.client != nil {
		_ = n.client.Close() // a read-only connection: nothing can be lost
		n.client = nil
	}
}

// ask asks a question, again on a new connection when it fails.
func (n *NameNode) ask(question func(*hdfs.Client) error) (err error) {
	for range readAttempts {
		if n.client == nil || time.Since(n.since) > clientLife {
			n.Close()
			if n.client, err = Connect(n.address); err != nil {
				return err
			}
			n.since = time.Now()
		}
		if err = question(n.client); err == nil {
			return nil
		}
		n.Close()
	}
	return err
}

// List returns everything that clients made: what lies three levels below a root.
func (n *NameNode) List() (map[string]oracle.Node, error) {
	all := make(map[string]oracle.Node)
	for _, root := range n.roots {
		if err := n.list(root, strings.Count(root, "/")+2, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// list adds what lies below dir, from the given depth on.
func (n *NameNode) list(dir string, depth int, all map[string]oracle.Node) error {
	var infos []os.FileInfo
	err := n.ask(func(client *hdfs.Client) (err error) {
		infos, err = client.ReadDir(dir)
		return err
	})
	if err != nil {
		return err
	}
	for _, info := range infos {
		child := path.Join(dir, info.Name())
		if strings.Count(dir, "/") >= depth {
			all[child] = oracle.Node{Dir: info.IsDir(), Mode: info.Mode().Perm(), Size: info.Size()}
		}
		if info.IsDir() {
			if err := n.list(child, depth, all); err != nil {
				return err
			}
		}
	}
	return nil
}

// Read returns a file's bytes.
func (n *NameNode) Read(name string) (content []byte, err error) {
	err = n.ask(func(client *hdfs.Client) (err error) {
		content, err = readFile(client, name)
		return err
	})
	return content, err
}
