package docker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/compat-tests/workload"
)

const (
	// clients is the number of concurrent HDFS clients of every load; gentle their pause after each operation, so that
	// the namespace stays small enough to be read whole afterwards.
	clients = 4
	gentle  = 20 * time.Millisecond
	// journalID is the journal's name in docker/conf/hdfs-site.xml.
	journalID = "ns1"
)

// cluster is the compose project with the record of what its clients did.
type cluster struct {
	t       *testing.T
	ctx     context.Context
	site    *hadoop.Site          // for Hadoop's edits viewer
	service map[string]*container // by the name on the network
	http    http.Client

	ledger *oracle.Ledger
	roots  []string
	load   *workload.Load
}

// up provisions the release and brings the project up; everything is removed when the test ends.
func up(t *testing.T) *cluster {
	t.Helper()
	project, release := setting(t, "COMPOSE_PROJECT"), setting(t, "RELEASE")
	setting(t, "JOURNALNODE_IMAGE")
	setting(t, "JVM_IMAGE")
	ctx := deadline(t)
	c := &cluster{t: t, ctx: ctx, service: make(map[string]*container), ledger: new(oracle.Ledger)}
	c.http = http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	install, err := provision(ctx, release)
	if errors.Is(err, hadoop.ErrNoRuntime) && !hadoop.Required() {
		t.Skip(err)
	}
	check(t, err)
	c.site = must(hadoop.NewSite(t.TempDir(), install))(t)
	t.Cleanup(c.site.Close)

	root := must(hadoop.RepositoryRoot())(t)
	env := []string{"HADOOP_JARS=" + filepath.Dir(install.Dir())}
	t.Cleanup(func() {
		if t.Failed() {
			for _, s := range c.service {
				t.Log(s.logs(30))
			}
		}
		check(t, compose(context.WithoutCancel(ctx), root, project, release, env, "down", "-v", "-t", "2"))
	})
	check(t, compose(ctx, root, project, release, env, "up", "-d"))
	for _, name := range []string{"jn1", "jn2", "jn3", "nn1", "nn2", "zk", "zkfc1", "zkfc2", "dn"} {
		service := name
		if !strings.HasPrefix(name, "jn") { // the JournalNodes serve any release
			service += "-" + release
		}
		id := must(docker(ctx, "ps", "-aq", "--filter", "label=com.docker.compose.project="+project,
			"--filter", "label=com.docker.compose.service="+service))(t)
		c.service[name] = &container{t: t, ctx: ctx, name: name, id: id}
	}
	return c
}

func provision(ctx context.Context, version string) (*hadoop.Installation, error) {
	for _, release := range hadoop.Releases() {
		if release.Version == version {
			return hadoop.Provision(ctx, release)
		}
	}
	return nil, fmt.Errorf("RELEASE=%s: no such release", version)
}

// step runs one part of the scenario; after one that failed the rest would tell nothing.
func (c *cluster) step(name string, do func()) {
	c.t.Helper()
	began := time.Now()
	do()
	if c.t.Failed() {
		c.t.Fatalf("%s failed", name)
	}
	c.t.Logf("%s: %.1f s", name, time.Since(began).Seconds())
}

// bean reads one bean from a NameNode's /jmx.
func (c *cluster) bean(nameNode, name string, bean any) error {
	_, address, err := c.service[nameNode].network()
	if err != nil {
		return err
	}
	resp, err := c.http.Get("http://" + address + ":9870/jmx?qry=" + url.QueryEscape("Hadoop:service=NameNode,name="+name))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct{ Beans []json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("jmx %s: %s: %w", name, resp.Status, err)
	}
	if len(answer.Beans) != 1 {
		return fmt.Errorf("jmx %s: %d beans", name, len(answer.Beans))
	}
	return json.Unmarshal(answer.Beans[0], bean)
}

// state tells whether a NameNode is "active" or "standby"; one in safe mode is an error.
func (c *cluster) state(nameNode string) (string, error) {
	var status struct{ State string }
	var info struct{ Safemode string }
	if err := errors.Join(c.bean(nameNode, "NameNodeStatus", &status), c.bean(nameNode, "NameNodeInfo", &info)); err != nil {
		return "", err
	}
	if info.Safemode != "" {
		return "", errors.New(info.Safemode)
	}
	return status.State, nil
}

// waitState returns when the NameNode is in the state, out of safe mode, and knows the DataNode.
func (c *cluster) waitState(nameNode, want string) {
	c.t.Helper()
	eventually(c.t, c.ctx, nameNode+" becomes "+want, func() error {
		now, err := c.state(nameNode)
		if err != nil {
			return err
		}
		var bean struct{ NumLiveDataNodes int }
		if err := c.bean(nameNode, "FSNamesystemState", &bean); err != nil {
			return err
		}
		if now != want || bean.NumLiveDataNodes != 1 {
			return fmt.Errorf("is %s with %d DataNodes", now, bean.NumLiveDataNodes)
		}
		return nil
	})
}

// waitPair returns when one NameNode is active and the other its standby.
func (c *cluster) waitPair() (active, standby string) {
	c.t.Helper()
	eventually(c.t, c.ctx, "a NameNode becomes active", func() error {
		var all error
		for _, name := range []string{"nn1", "nn2"} {
			state, err := c.state(name)
			if state == "active" {
				active = name
				return nil
			}
			all = errors.Join(all, fmt.Errorf("%s is %q: %w", name, state, err))
		}
		return all
	})
	standby = other(active)
	c.waitState(active, "active")
	c.waitState(standby, "standby")
	return active, standby
}

func other(nameNode string) string { return map[string]string{"nn1": "nn2", "nn2": "nn1"}[nameNode] }

// lastTxID returns the last transaction that the NameNode has written or applied.
func (c *cluster) lastTxID(nameNode string) (int64, error) {
	var bean struct{ JournalTransactionInfo string }
	if err := c.bean(nameNode, "NameNodeInfo", &bean); err != nil {
		return 0, err
	}
	var info struct{ LastAppliedOrWrittenTxID string }
	if err := json.Unmarshal([]byte(bean.JournalTransactionInfo), &info); err != nil {
		return 0, fmt.Errorf("JournalTransactionInfo: %w", err)
	}
	return strconv.ParseInt(info.LastAppliedOrWrittenTxID, 10, 64)
}

// addresses are the RPC addresses of the NameNodes, as the host reaches them.
func (c *cluster) addresses() []string {
	c.t.Helper()
	var all []string
	for _, name := range []string{"nn1", "nn2"} {
		_, address, err := c.service[name].network()
		check(c.t, err)
		all = append(all, address+":8020")
	}
	return all
}

// startLoad starts clients below a new root.
func (c *cluster) startLoad() {
	c.t.Helper()
	root := fmt.Sprintf("/load%d", len(c.roots))
	c.roots = append(c.roots, root)
	load, err := workload.Start(c.ctx, c.ledger, workload.Options{
		Root: root, Clients: clients, Pause: gentle, Addresses: c.addresses(),
	})
	check(c.t, err)
	c.load = load
	c.t.Cleanup(func() { _ = load.Stop() }) // already judged by stopLoad, unless the test failed before
}

func (c *cluster) stopLoad() {
	c.t.Helper()
	check(c.t, c.load.Stop())
}

// moreDone waits until the running load has done n more operations.
func (c *cluster) moreDone(n int64) {
	c.t.Helper()
	target := c.load.Done() + n
	eventually(c.t, c.ctx, "the clients go on", func() error {
		if done := c.load.Done(); done < target {
			return fmt.Errorf("%d operations of %d", done, target)
		}
		return nil
	})
}

// edits reads a JournalNode's directory, running or not, in its volume on this machine: `docker cp` passes over a file that
// is renamed meanwhile without a word.
func (c *cluster) edits(node string) (oracle.Copy, error) {
	for _, m := range c.service[node].inspect().Mounts {
		if m.Destination == "/data" {
			return oracle.ReadCopy(node, filepath.Join(m.Source, journalID, "current"))
		}
	}
	return oracle.Copy{}, fmt.Errorf("%s has no volume", node)
}

// newest returns the first txid of the node's last segment and how many transactions lie in it.
func (c *cluster) newest(node string) (first int64, transactions int, err error) {
	// An error is mostly a segment that was finalized between listing and reading.
	found, err := c.edits(node)
	if err != nil {
		return 0, 0, err
	}
	if len(found.Segments) == 0 {
		return 0, 0, fmt.Errorf("%s has no segment", node)
	}
	last := found.Segments[len(found.Segments)-1]
	return last.First, len(last.Frames), nil
}

// waitSegment returns when the node has written into a segment that begins after txid.
func (c *cluster) waitSegment(node string, after int64) {
	c.t.Helper()
	eventually(c.t, c.ctx, fmt.Sprintf("%s takes part in a segment after %d", node, after), func() error {
		first, transactions, err := c.newest(node)
		if err == nil && (first <= after || transactions < 2) {
			err = fmt.Errorf("its last one begins at %d with %d transactions", first, transactions)
		}
		return err
	})
}
