package servlet

import (
	"fmt"
	"net"
	"time"
)

// leastRate is how many bytes a second a source has to send. A recovery holds its journal's lock while it downloads, so one that
// trickles would keep the next writer's newEpoch for as long as it likes. 128 kbit/s is below any link over which a quorum
// could take a NameNode's edits, and above what only looks alive.
const leastRate = 16 << 10

// byteTime is how long a byte may take at leastRate.
const byteTime = time.Second / leastRate

// progressConn gives every read and write a deadline of its own, and lets the peer fall behind leastRate by as much in all: a
// pause is fine, and so is slow, but not silence, nor a trickle. Only the time within reads counts: where the bytes are written to
// may take its own. It sees what TLS reads, of which a record may come byte by byte.
type progressConn struct {
	net.Conn
	timeout time.Duration
	patient bool // see Fetcher
	// came and waited are since the peer last kept up. Reads come one at a time.
	came   int64
	waited time.Duration
}

func (c *progressConn) Read(p []byte) (int, error) {
	if !c.patient && c.behind() >= c.timeout { // only now: the bytes that made it late may have been the last ones
		return 0, &tooSlow{came: c.came, waited: c.waited}
	}
	began := time.Now()
	if err := c.SetReadDeadline(began.Add(c.timeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.came += int64(n)
	c.waited += time.Since(began)
	if c.behind() <= 0 {
		c.came, c.waited = 0, 0
	}
	return n, err
}

// behind is how much later the bytes came than at leastRate.
func (c *progressConn) behind() time.Duration { return c.waited - time.Duration(c.came)*byteTime }

func (c *progressConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// tooSlow is the net.Error of a peer that is too far behind.
type tooSlow struct {
	came   int64
	waited time.Duration
}

func (e *tooSlow) Error() string {
	return fmt.Sprintf("only %d bytes have come in the last %v of waiting for them, and a source has to send %d a second",
		e.came, e.waited.Round(time.Millisecond), leastRate)
}

func (e *tooSlow) Timeout() bool   { return true }
func (e *tooSlow) Temporary() bool { return false }
