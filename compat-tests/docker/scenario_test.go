package docker_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCluster lives through what happens to containers: the cluster formats itself, the active NameNode is killed, one
// JournalNode is stopped, one paused, one cut off the network, always under load; at the end nothing acknowledged is lost.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := up(t)
	c.step("format, bootstrapStandby, the controllers choose", func() { c.waitPair() })
	c.step("JournalNodes are confined", c.confined)
	c.step("files are written", func() {
		c.startLoad()
		c.moreDone(200)
		for _, node := range []string{"jn1", "jn2", "jn3"} {
			c.waitSegment(node, 0)
		}
		c.stopLoad()
	})
	c.step("the active is killed", c.killActive)
	c.step("jn1 is stopped", func() {
		c.absent("jn1", c.service["jn1"].stop, func() { c.service["jn1"].do("start") })
	})
	c.step("jn2 is paused", func() {
		c.absent("jn2", func() { c.service["jn2"].do("pause") }, func() { c.service["jn2"].do("unpause") })
	})
	c.step("jn3 is cut off", func() {
		network, _, err := c.service["jn3"].network()
		check(t, err)
		c.absent("jn3", func() { c.service["jn3"].do("network", "disconnect", network) }, func() {
			// The other nodes know it by the name that compose gave it.
			c.service["jn3"].do("network", "connect", "--alias", "jn3", network)
		})
	})
	c.step("judgement", c.judge)
}

// confined checks that the JournalNodes run as the compose file says, by what the kernel knows of their processes.
func (c *cluster) confined() {
	for _, name := range []string{"jn1", "jn2", "jn3"} {
		d := c.service[name].inspect()
		if h := d.HostConfig; !h.ReadonlyRootfs || !slices.Equal(h.CapDrop, []string{"ALL"}) || len(h.SecurityOpt) == 0 {
			c.t.Errorf("%s: %+v", name, h)
		}
		text := must(os.ReadFile(fmt.Sprintf("/proc/%d/status", d.State.Pid)))(c.t)
		for _, want := range []string{`Uid:\t8485\t8485\t8485\t8485`, `Gid:\t8485\t8485\t8485\t8485`, `CapPrm:\t0+`, `CapEff:\t0+`,
			`CapBnd:\t0+`, `NoNewPrivs:\t1`} {
			if !regexp.MustCompile(`(?m)^` + want + `$`).Match(text) {
				c.t.Errorf("%s: no %s in\n%s", name, want, text)
			}
		}
	}
}

// killActive kills the container of the active NameNode under load. The other takes over and the clients go on; the dead
// one comes back as the standby.
func (c *cluster) killActive() {
	active, standby := c.waitPair()
	c.startLoad()
	c.moreDone(50)
	c.service[active].do("kill")
	c.waitActive(standby)
	c.moreDone(100)
	c.stopLoad()
	c.service[active].do("start")
	controller := c.service["zkfc"+strings.TrimPrefix(active, "nn")]
	controller.do("restart", "-t", "1") // the network that it shared has gone with the NameNode
	c.waitState(active, "standby")
}

// waitActive returns when the NameNode is active; its DataNode is not asked for.
func (c *cluster) waitActive(nameNode string) {
	c.t.Helper()
	eventually(c.t, c.ctx, nameNode+" takes over", func() error {
		if state, err := c.state(nameNode); state != "active" {
			return fmt.Errorf("is %q: %w", state, err)
		}
		return nil
	})
}

// absent takes one JournalNode away under load and gives it back: the writers go on, over at least one roll, and the node
// is healthy and takes part again from the next roll on.
func (c *cluster) absent(node string, away, back func()) {
	c.t.Helper()
	witness := map[string]string{"jn1": "jn2", "jn2": "jn3", "jn3": "jn1"}[node]
	c.startLoad()
	c.moreDone(50)
	away()
	var seen int64 // the segment that the others have open
	eventually(c.t, c.ctx, "the edits of "+witness, func() (err error) {
		seen, _, err = c.newest(witness)
		return err
	})
	c.moreDone(100)
	c.waitSegment(witness, seen)
	eventually(c.t, c.ctx, node+" is behind", func() error {
		first, _, err := c.newest(node)
		if err == nil && first > seen {
			c.t.Fatalf("%s has a segment at %d: it was not away", node, first)
		}
		return err
	})
	var missed int64
	eventually(c.t, c.ctx, "the edits of "+witness, func() (err error) {
		missed, _, err = c.newest(witness)
		return err
	})
	back()
	c.service[node].waitHealth("healthy")
	c.waitSegment(node, missed)
	c.moreDone(50)
	c.stopLoad()
}
