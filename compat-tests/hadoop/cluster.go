package hadoop

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const (
	// NameService is the cluster's dfs.nameservices.
	NameService = "ns1"
	// JournalID is the journal's id on the JournalNodes.
	JournalID = "ns1"
	// ClusterID is what the NameNodes are formatted with.
	ClusterID = "CID-compat"
)

// GracefulFenceTimeout is the key of how long a failover waits, in milliseconds, for an active that is asked to step down.
const GracefulFenceTimeout = "ha.failover-controller.graceful-fence.rpc-timeout.ms"

// proxyProviderClass makes a client try one NameNode after the other.
const proxyProviderClass = "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"

// ClusterOptions is the shape of a cluster.
type ClusterOptions struct {
	Journals          []Kind     // the kind of each JournalNode, normally three
	Binary            string     // our journalnode, for the kind Ours
	AutomaticFailover bool       // with ZooKeeper and two failover controllers
	Observer          bool       // a third NameNode, nn3, which a test makes an observer (3.x)
	NameNodes         Properties // beside what HA itself wants
}

// Cluster is a NameNode pair over a quorum of JournalNodes, with one DataNode. Nothing is started by [Site.Cluster].
type Cluster struct {
	*Site
	Journals    []*JournalNode
	NameNodes   [2]*NameNode
	Observer    *NameNode // nil without the option
	DataNode    *Process
	ZooKeeper   *Process
	Controllers [2]*Process

	options     ClusterOptions
	clientConf  string
	dataConf    string
	zkAddress   string
	base        Properties // all that NameNodes and tools share, without HA
	highlyAvail Properties // what makes the pair highly available
}

// Cluster writes all configurations of a cluster.
func (s *Site) Cluster(options ClusterOptions) (*Cluster, error) {
	c := &Cluster{
		Site: s, options: options,
		clientConf: filepath.Join(s.Dir, "client-conf"), dataConf: filepath.Join(s.Dir, "dn", "conf"),
	}
	for i, kind := range options.Journals {
		j, err := s.JournalNode(fmt.Sprintf("jn%d", i+1), kind, options.Binary, nil)
		if err != nil {
			return nil, err
		}
		c.Journals = append(c.Journals, j)
	}
	address, err := s.addresses(10)
	if err != nil {
		return nil, err
	}
	c.zkAddress = address[6]
	c.base = Properties{
		"hadoop.tmp.dir":                                       filepath.Join(s.Dir, "tmp"),
		"dfs.replication":                                      "1",
		"dfs.namenode.safemode.extension":                      "0",
		"dfs.blocksize":                                        "1048576",
		"dfs.datanode.address":                                 address[7],
		"dfs.datanode.http.address":                            address[8],
		"dfs.datanode.ipc.address":                             address[9],
		"dfs.datanode.data.dir":                                filepath.Join(s.Dir, "dn", "data"),
		"dfs.heartbeat.interval":                               "1",
		"ipc.client.connect.max.retries":                       "1",
		"ipc.client.connect.retry.interval":                    "200",
		"hadoop.security.token.service.use_ip":                 "true",
		"dfs.namenode.datanode.registration.ip-hostname-check": "false",
	}
	for i := range c.NameNodes {
		c.NameNodes[i] = s.nameNode(fmt.Sprintf("nn%d", i+1), address[3*i:])
	}
	if options.Observer {
		if address, err = s.addresses(3); err != nil {
			return nil, err
		}
		c.Observer = s.nameNode("nn3", address)
	}
	c.highlyAvail = c.haProperties()
	return c, c.ConfigureHA()
}

// haProperties is what HA with a quorum journal asks of NameNodes and clients, and times fit for a test. The short
// dfs.ha.log-roll.period matters: a restarted standby stays in safe mode until it has read which blocks were deleted. An
// active that is asked to step down must have the time to finalize its segment: after the time-out it loses its epoch
// to the other one in the middle of that, and ends itself. A dead one refuses at once.
func (c *Cluster) haProperties() Properties {
	suffix := "." + NameService
	p := Properties{
		"fs.defaultFS":     "hdfs://" + NameService,
		"dfs.nameservices": NameService,
		"dfs.client.failover.proxy.provider" + suffix: proxyProviderClass,
		"dfs.namenode.shared.edits.dir":               quorumURI(c.Journals),
		"dfs.ha.fencing.methods":                      "shell(/bin/true)",
		"dfs.ha.tail-edits.period":                    "1",
		"dfs.ha.log-roll.period":                      "3",
		"dfs.ha.allow.stale.reads":                    "true",
		GracefulFenceTimeout:                          "20000",
	}
	var ids []string
	for _, n := range c.AllNameNodes() {
		ids = append(ids, n.ID)
		p["dfs.namenode.rpc-address"+suffix+"."+n.ID] = n.RPC
		p["dfs.namenode.http-address"+suffix+"."+n.ID] = n.HTTP
		p["dfs.namenode.name.dir"+suffix+"."+n.ID] = n.name
	}
	p["dfs.ha.namenodes"+suffix] = strings.Join(ids, ",")
	if c.Observer != nil {
		p["dfs.namenode.state.context.enabled"] = "true"
	}
	if c.options.AutomaticFailover {
		p["dfs.ha.automatic-failover.enabled"] = "true"
		p["ha.zookeeper.quorum"] = c.zkAddress
		// The longest that ZooKeeper grants for its tickTime: a controller that is only slow must not lose its lock. One whose
		// NameNode is dead gives it up by itself.
		p["ha.zookeeper.session-timeout.ms"] = "10000"
		p["ha.health-monitor.check-interval.ms"] = "500"
		p["ha.health-monitor.connect-retry-interval.ms"] = "500"
		for _, n := range c.NameNodes {
			p["dfs.ha.zkfc.port"+suffix+"."+n.ID] = portOf(n.zkfc)
		}
	}
	return p
}

// quorumURI is the value of dfs.namenode.shared.edits.dir.
func quorumURI(journals []*JournalNode) string {
	addresses := make([]string, len(journals))
	for i, j := range journals {
		addresses[i] = j.RPC
	}
	return "qjournal://" + strings.Join(addresses, ";") + "/" + JournalID
}

// ConfigureHA writes the configurations of the highly available pair; [Site.Cluster] has done so, and it is called
// again after [Cluster.ConfigureSingle].
func (c *Cluster) ConfigureHA() error {
	all := c.Properties()
	for _, n := range c.AllNameNodes() {
		if err := n.configure(all); err != nil {
			return err
		}
	}
	if err := all.write(c.clientConf); err != nil {
		return err
	}
	return all.write(c.dataConf)
}

// ConfigureSingle makes nn1 a NameNode without HA and without JournalNodes, that keeps its edits in its own
// directory, until [Cluster.ConfigureHA].
func (c *Cluster) ConfigureSingle() error {
	n := c.NameNodes[0]
	all := c.base.With(Properties{
		"fs.defaultFS":              "hdfs://" + n.RPC,
		"dfs.namenode.rpc-address":  n.RPC,
		"dfs.namenode.http-address": n.HTTP,
		"dfs.namenode.name.dir":     n.name,
	})
	for _, dir := range []string{n.conf, c.clientConf, c.dataConf} {
		if err := all.write(dir); err != nil {
			return err
		}
	}
	return nil
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address) // made by Site.address
	return port
}

// StartJournals starts all JournalNodes, at the same time.
func (c *Cluster) StartJournals(ctx context.Context) error {
	return together(len(c.Journals), func(i int) error { return c.Journals[i].Start(ctx) })
}

// StartZooKeeper starts ZooKeeper.
func (c *Cluster) StartZooKeeper(ctx context.Context) error {
	dir := filepath.Join(c.Dir, "zk")
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		return err
	}
	conf := filepath.Join(dir, "zoo.cfg")
	text := fmt.Sprintf("tickTime=500\ndataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\n"+
		"admin.enableServer=false\n", filepath.Join(dir, "data"), portOf(c.zkAddress))
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return err
	}
	var err error
	c.ZooKeeper, err = c.startJava("zookeeper", javaCommand{
		heap: "64m", class: "org.apache.zookeeper.server.quorum.QuorumPeerMain", args: []string{conf},
	})
	if err != nil {
		return err
	}
	return waitFor(ctx, "start ZooKeeper", startTimeout, func() error { return dial(c.zkAddress) }, c.ZooKeeper)
}

// StartDataNode starts the DataNode and returns when the given NameNodes know it.
func (c *Cluster) StartDataNode(ctx context.Context, nameNodes ...*NameNode) error {
	var err error
	c.DataNode, err = c.startJava("datanode", javaCommand{
		conf: c.dataConf, heap: "256m", class: "org.apache.hadoop.hdfs.server.datanode.DataNode",
	})
	if err != nil {
		return err
	}
	for _, n := range nameNodes {
		if err := n.WaitDataNodes(ctx, 1); err != nil {
			return fmt.Errorf("%w\n%s", err, c.DataNode.Tail(30))
		}
	}
	return nil
}

// StartController starts the failover controller of NameNode i (0 or 1).
func (c *Cluster) StartController(i int) error {
	n := c.NameNodes[i]
	var err error
	c.Controllers[i], err = c.startJava("zkfc-"+n.ID, javaCommand{
		conf: n.conf, heap: "64m", class: "org.apache.hadoop.hdfs.tools.DFSZKFailoverController",
	})
	return err
}

// FormatZK makes the controllers' node in ZooKeeper.
func (c *Cluster) FormatZK(ctx context.Context) error {
	_, err := c.run(ctx, "formatZK", javaCommand{
		conf: c.NameNodes[0].conf, heap: "64m", class: "org.apache.hadoop.hdfs.tools.DFSZKFailoverController",
		args: []string{"-formatZK", "-nonInteractive"},
	})
	return err
}

// HAAdmin runs "hdfs haadmin".
func (c *Cluster) HAAdmin(ctx context.Context, args ...string) (string, error) {
	return c.run(ctx, "haadmin"+args[0], javaCommand{
		conf: c.clientConf, heap: "128m", class: "org.apache.hadoop.hdfs.tools.DFSHAAdmin", args: args,
	})
}

// DFSAdmin runs "hdfs dfsadmin".
func (c *Cluster) DFSAdmin(ctx context.Context, args ...string) (string, error) {
	return c.run(ctx, "dfsadmin"+args[0], javaCommand{
		conf: c.clientConf, heap: "128m", class: "org.apache.hadoop.hdfs.tools.DFSAdmin", args: args,
	})
}

// Addresses returns the RPC addresses of the pair.
func (c *Cluster) Addresses() []string { return []string{c.NameNodes[0].RPC, c.NameNodes[1].RPC} }

// together runs n functions at the same time and returns the first error.
func together(n int, do func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
