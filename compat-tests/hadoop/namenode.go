package hadoop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"gojn/compat-tests/wire"
)

const nameNodeClass = "org.apache.hadoop.hdfs.server.namenode.NameNode"

// NameNode is one of the pair.
type NameNode struct {
	ID   string // dfs.ha.namenode.id
	RPC  string
	HTTP string

	*Process // nil before the first Start

	site *Site
	conf string
	name string // dfs.namenode.name.dir
	zkfc string
}

// nameNode makes a NameNode of which nothing is started or written, with three addresses.
func (s *Site) nameNode(id string, address []string) *NameNode {
	return &NameNode{
		ID: id, RPC: address[0], HTTP: address[1], zkfc: address[2],
		site: s, conf: filepath.Join(s.Dir, id, "conf"), name: filepath.Join(s.Dir, id, "name"),
	}
}

// Start starts the NameNode, with arguments for example to -upgrade, and returns when its web server and its RPC port
// answer, whatever its state.
func (n *NameNode) Start(ctx context.Context, args ...string) error {
	var err error
	n.Process, err = n.site.startJava(n.ID, javaCommand{conf: n.conf, heap: "320m", class: nameNodeClass, args: args})
	if err != nil {
		return err
	}
	return waitFor(ctx, "start "+n.ID, startTimeout, func() error {
		if err := dial(n.RPC); err != nil {
			return err
		}
		if _, err := n.State(); err != nil {
			return err
		}
		return n.answersCalls(ctx)
	}, n.Process)
}

// answersCalls tells whether the NameNode does not refuse every call because it has not started, which haadmin does not
// try again. Its port and its beans are there before (NameNodeRpcServer.checkNNStartup).
func (n *NameNode) answersCalls(ctx context.Context) error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	conn, err := wire.Dial(ctx, n.RPC, "org.apache.hadoop.ha.HAServiceProtocol", me.Username)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Call("getServiceStatus", nil)
	var refused *wire.RemoteError
	if errors.As(err, &refused) && refused.Class != "org.apache.hadoop.ipc.RetriableException" {
		return nil // an answer too, for example of one without HA
	}
	return err
}

// Run runs the NameNode class with arguments, for example -format, and waits for its end.
func (n *NameNode) Run(ctx context.Context, args ...string) (string, error) {
	return n.site.run(ctx, n.ID+args[0], javaCommand{conf: n.conf, heap: "320m", class: nameNodeClass, args: args})
}

// State returns "active", "standby" or what else its JMX says.
func (n *NameNode) State() (string, error) {
	var bean struct{ State string }
	err := n.site.jmx(n.HTTP, "Hadoop:service=NameNode,name=NameNodeStatus", &bean)
	return bean.State, err
}

// WaitState returns when the NameNode is in the state and out of safe mode: a standby in safe mode refuses to become
// active.
func (n *NameNode) WaitState(ctx context.Context, state string) error {
	return waitFor(ctx, n.ID+" becomes "+state, startTimeout, func() error {
		now, err := n.State()
		if err != nil {
			return err
		}
		if now != state {
			return fmt.Errorf("is %s", now)
		}
		var bean struct{ Safemode string }
		if err := n.site.jmx(n.HTTP, "Hadoop:service=NameNode,name=NameNodeInfo", &bean); err != nil {
			return err
		}
		if bean.Safemode != "" {
			return errors.New(bean.Safemode)
		}
		return nil
	}, n.Process)
}

// LastTxID returns the last transaction that the active NameNode has written, or that a standby has applied
// (LastAppliedOrWrittenTxId of NameNodeInfo).
func (n *NameNode) LastTxID() (int64, error) {
	var bean struct{ JournalTransactionInfo string }
	if err := n.site.jmx(n.HTTP, "Hadoop:service=NameNode,name=NameNodeInfo", &bean); err != nil {
		return 0, err
	}
	var info struct{ LastAppliedOrWrittenTxID string }
	if err := json.Unmarshal([]byte(bean.JournalTransactionInfo), &info); err != nil {
		return 0, fmt.Errorf("JournalTransactionInfo: %w", err)
	}
	return strconv.ParseInt(info.LastAppliedOrWrittenTxID, 10, 64)
}

// WaitTxID returns when the NameNode has applied the transaction.
func (n *NameNode) WaitTxID(ctx context.Context, txid int64, timeout time.Duration) error {
	return waitFor(ctx, fmt.Sprintf("%s reaches txid %d", n.ID, txid), timeout, func() error {
		last, err := n.LastTxID()
		if err != nil {
			return err
		}
		if last < txid {
			return fmt.Errorf("is at %d", last)
		}
		return nil
	}, n.Process)
}

// WaitDataNodes returns when n DataNodes have registered and reported.
func (n *NameNode) WaitDataNodes(ctx context.Context, live int) error {
	return waitFor(ctx, n.ID+" sees the DataNode", startTimeout, func() error {
		var bean struct{ NumLiveDataNodes int }
		if err := n.site.jmx(n.HTTP, "Hadoop:service=NameNode,name=FSNamesystemState", &bean); err != nil {
			return err
		}
		if bean.NumLiveDataNodes < live {
			return fmt.Errorf("%d live", bean.NumLiveDataNodes)
		}
		return nil
	}, n.Process)
}

// configure writes the configuration for the next Start.
func (n *NameNode) configure(properties Properties) error {
	return properties.With(Properties{"dfs.ha.namenode.id": n.ID}).write(n.conf)
}
