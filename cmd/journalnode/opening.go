package main

import (
	"log/slog"
	"sync"
)

// openAtOnce is how many journals are opened at a time at start: one disk that hangs must not keep the others.
const openAtOnce = 8

// openFound opens the journals that the start found on disk, and closes d.opened when it has tried each. Java opens a
// journal when it is first asked for; here /health and the service manager tell of a damaged one before a NameNode needs
// it. A journal that cannot be opened is tried again by each call, as ever, and keeps nobody from the others.
func (d *daemon) openFound(log *slog.Logger) {
	defer close(d.opened)
	ids := make(chan string)
	var all sync.WaitGroup
	for range min(openAtOnce, len(d.node.OnDisk())) {
		all.Go(func() {
			for jid := range ids {
				if _, err := d.node.Journal(jid, ""); err != nil && !d.stopping.Load() {
					log.Error("a journal on disk cannot be opened", "jid", jid, "error", err)
				}
			}
		})
	}
	for _, jid := range d.node.OnDisk() {
		ids <- jid
	}
	close(ids)
	all.Wait()
}
