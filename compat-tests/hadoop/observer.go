package hadoop

import (
	"context"
	"fmt"
)

// AllNameNodes is the pair and, if there is one, the observer.
func (c *Cluster) AllNameNodes() []*NameNode {
	all := c.NameNodes[:]
	if c.Observer != nil {
		all = append(all[:2:2], c.Observer)
	}
	return all
}

// StartObserver bootstraps nn3 from the active NameNode, starts it as a standby and makes it an observer.
func (c *Cluster) StartObserver(ctx context.Context) error {
	if _, err := c.Observer.Run(ctx, "-bootstrapStandby", "-nonInteractive"); err != nil {
		return err
	}
	if err := c.Observer.Start(ctx); err != nil {
		return err
	}
	if _, err := c.HAAdmin(ctx, "-transitionToObserver", c.Observer.ID); err != nil {
		return fmt.Errorf("make %s an observer: %w", c.Observer.ID, err)
	}
	return c.Observer.WaitState(ctx, "observer")
}

// LogSince returns what the process has printed behind the first from bytes of its log.
func (p *Process) LogSince(from int) string {
	all := p.FullLog()
	return all[min(from, len(all)):]
}
