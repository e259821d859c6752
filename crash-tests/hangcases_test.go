package crashtests

// hangCase is a call for ns1 during which its disk begins to hang.
type hangCase struct {
	name    string
	prepare []func(c *nameNode) error
	call    func(n *wiredNode, c *nameNode) error
	closed  bool // ns1 is not open when the call comes: nothing is known of it
	reads   bool // the call changes nothing
}

func hangCases() []hangCase {
	rpc := func(f func(c *nameNode) error) func(*wiredNode, *nameNode) error {
		return func(_ *wiredNode, c *nameNode) error { return f(c) }
	}
	prepare := func(steps ...func(c *nameNode) error) []func(c *nameNode) error { return steps }
	lag := func(c *nameNode) error { return c.write(c.told(10), 4, 9, 10, 4) }
	epoch := func(c *nameNode) error { return c.newEpoch(2) }
	recovery := func(c *nameNode) error { return c.prepare(4) }
	return []hangCase{
		{name: "format", call: rpc((*nameNode).format)},
		{name: "newEpoch", prepare: prepare(lag), call: rpc(epoch)},
		{name: "heartbeat", call: rpc(func(c *nameNode) error { return c.commit(8) })},
		{name: "journal", call: rpc(func(c *nameNode) error { return c.write(c.info(), 4, 9, 10, 4) })},
		{name: "journal, large", call: rpc(func(c *nameNode) error { return c.write(c.told(8), 4, 9, 9, 1_200_000) })},
		{name: "journal, lagging", call: rpc(lag)},
		{name: "startLogSegment", prepare: prepare(lag), call: rpc(func(c *nameNode) error { return c.start(11) })},
		{name: "finalizeLogSegment", prepare: prepare(lag), call: rpc(func(c *nameNode) error { return c.finalize(4, 10) })},
		{name: "prepareRecovery", prepare: prepare(lag, epoch), call: rpc(recovery)},
		{name: "acceptRecovery", prepare: prepare(epoch, recovery),
			call: rpc(func(c *nameNode) error { return c.accept(4, 10) })},
		{name: "acceptRecovery, nothing to copy", prepare: prepare(epoch, recovery),
			call: rpc(func(c *nameNode) error { return c.accept(4, 8) })},
		{name: "purgeLogs", call: rpc(func(c *nameNode) error { return c.purge(4) })},
		{name: "discardSegments", call: rpc(func(c *nameNode) error { return c.discard(4) })},
		{name: "doPreUpgrade", prepare: prepare(lag), call: rpc((*nameNode).preUpgrade)},
		{name: "doUpgrade", prepare: prepare((*nameNode).preUpgrade), call: rpc((*nameNode).upgrade)},
		{name: "doFinalize", prepare: prepare((*nameNode).preUpgrade, (*nameNode).upgrade),
			call: rpc((*nameNode).finalizeUpgrade)},
		{name: "doRollback", prepare: prepare((*nameNode).preUpgrade, (*nameNode).upgrade),
			call: rpc((*nameNode).rollback)},
		{name: "getJournalCTime", reads: true, call: rpc((*nameNode).cTime)},
		{name: "canRollBack", reads: true, call: rpc((*nameNode).canRollBack)},
		{name: "getJournal", reads: true, call: func(n *wiredNode, _ *nameNode) error { return n.getSegment("ns1", 1) }},
		{name: "the first call", closed: true, call: rpc(func(c *nameNode) error { _, err := c.state(); return err })},
	}
}
