package jnserver

import "fmt"

// AuditRecord is one call that removes or replaces edits or a promise: format, discard, purge, rollback, accept.
type AuditRecord struct {
	Op        string
	User      string // as the client named itself; not verified without Kerberos
	Client    string // address and port
	JournalID string
	Detail    string // what was asked
	Before    string
	After     string
	Err       error // nil if it was done
}

// audit runs one such call and writes its line, whatever comes of it.
func (n *Node) audit(c Caller, op, detail string, j *Journal, call func() error) error {
	before := describeSnapshot(j.Snapshot())
	err := call()
	if n.cfg.Audit != nil {
		n.cfg.Audit(AuditRecord{
			Op: op, User: c.User, Client: c.Addr, JournalID: j.jid, Detail: detail,
			Before: before, After: describeSnapshot(j.Snapshot()), Err: err,
		})
	}
	return err
}

// Caller is who made a call.
type Caller struct {
	User string
	Addr string // address and port
	Host string // address alone
}

func describeSnapshot(s *Snapshot) string {
	if !s.Formatted() {
		return "not formatted"
	}
	segments := "no segments"
	if n := len(s.Segments); n > 0 {
		segments = fmt.Sprintf("%d segments %s..%s", n, s.Segments[0].Name, s.Segments[n-1].Name)
	}
	return fmt.Sprintf("%s, promised %d, writer %d, committed %d, highest %d, %s",
		s.Info, s.Promised, s.Writer, s.CommittedTxID(), s.Highest, segments)
}
