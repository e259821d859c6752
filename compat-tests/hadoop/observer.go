package hadoop

import (
	"context"
	"fmt"
	"os"
)

// AllNameNodes is the pair and, if there is one, the observer.
func (c *Cluster) AllNameNodes() []*NameNode {
	all := c.NameNodes[:]
	if c.Observer != nil {
		all = append(all[:2:2], c.Observer)
	}
	return all
}

// Reconfigure adds keys to the NameNodes' configurations, for their next start.
func (c *Cluster) Reconfigure(more Properties) error {
	c.options.NameNodes = c.options.NameNodes.With(more)
	return c.ConfigureHA()
}

// BecomeObserver makes the started nn3, a standby, an observer.
func (c *Cluster) BecomeObserver(ctx context.Context) error {
	if _, err := c.HAAdmin(ctx, "-transitionToObserver", c.Observer.ID); err != nil {
		return fmt.Errorf("make %s an observer: %w", c.Observer.ID, err)
	}
	return c.Observer.WaitState(ctx, "observer")
}

// StartNameNodes starts all NameNodes at the same time, each with what nn1, which was formatted and never started,
// has in its directory.
func (c *Cluster) StartNameNodes(ctx context.Context) error {
	all := c.AllNameNodes()
	for _, n := range all[1:] {
		if err := os.CopyFS(n.name, os.DirFS(all[0].name)); err != nil {
			return fmt.Errorf("copy the directory of %s: %w", all[0].ID, err)
		}
	}
	return together(len(all), func(i int) error { return all[i].Start(ctx) })
}

// LogSince returns what the process has printed behind the first from bytes of its log.
func (p *Process) LogSince(from int) string {
	all := p.FullLog()
	return all[min(from, len(all)):]
}
