package hadooprpc

import (
	"net"
	"testing"
	"time"
	"unsafe"
)

// stepped is t as time.Now would give it after the wall clock alone was set forward: its monotonic reading stays.
func stepped(t *testing.T, now time.Time, by time.Duration) time.Time {
	t.Helper()
	out := now
	*(*uint64)(unsafe.Pointer(&out)) += uint64(by/time.Second) << 30 // Time.wall: 1 bit, 33 bits of seconds, 30 of nanoseconds
	if out.Sub(now) != 0 || out.Unix()-now.Unix() != int64(by/time.Second) {
		t.Skip("time.Time is not what this test takes it for")
	}
	return out
}

// TestClockStep: nobody stalls or idles because the wall clock was set.
func TestClockStep(t *testing.T) {
	s := &Server{}
	s.IdleThreshold = -1
	s.init()
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	c := newConn(s, server)
	c.phase, c.want, c.scratch = phaseBody, 10, &scratch{w: 1}
	if got := c.step(); got != stepRead || c.progress.Load() == 0 {
		t.Fatalf("the first byte of a frame: step %d, progress %d", got, c.progress.Load())
	}
	later := stepped(t, time.Now(), time.Hour)
	s.closeIdle(later, []*conn{c})
	c.inspect(later, [3]bool{})
	if closed, _ := c.isClosed(); closed {
		t.Errorf("closed because: %v", c.cause)
	}
	c.cut(errIdle)
	c.dropFrame()
	s.cancel()
}
