package servlet

import (
	"net"
	"testing"
	"time"
)

// deadlineConn counts the reads and writes that had a deadline set just before.
type deadlineConn struct {
	net.Conn
	read, write             bool
	freshReads, freshWrites int
}

func (c *deadlineConn) SetReadDeadline(t time.Time) error {
	c.read = time.Until(t) > 0
	return nil
}

func (c *deadlineConn) SetWriteDeadline(t time.Time) error {
	c.write = time.Until(t) > 0
	return nil
}

func (c *deadlineConn) Read(p []byte) (int, error) {
	if c.read {
		c.freshReads++
	}
	c.read = false
	return len(p), nil
}

func (c *deadlineConn) Write(p []byte) (int, error) {
	if c.write {
		c.freshWrites++
	}
	c.write = false
	return len(p), nil
}

// TestTimeoutPerRead: each read and each write has the whole timeout for itself, so a slow peer that moves is not cut.
func TestTimeoutPerRead(t *testing.T) {
	inner := &deadlineConn{}
	c := &progressConn{Conn: inner, timeout: time.Hour}
	for range 3 {
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if inner.freshReads != 3 || inner.freshWrites != 3 {
		t.Errorf("%d reads and %d writes of 3 had a new deadline", inner.freshReads, inner.freshWrites)
	}
}
