package hadooprpc

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// A socket is at rest only with nothing unread and nothing unacknowledged.
func TestAtRest(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	becomes := func(want bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); atRest(ours) != want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("at rest: %t", !want)
			}
		}
	}
	becomes(true)
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	becomes(false)
	if _, err := ours.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	becomes(true)
	tooMuch := make([]byte, 64<<20) // the peer reads nothing
	for n := 0; n == 0; {           // a deadline that is over before the first byte lets none out
		if err := ours.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n, err = ours.Write(tooMuch); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%d bytes are written, %v", n, err)
		}
	}
	becomes(false)
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if atRest(one) {
		t.Error("a connection that cannot be asked is said to be at rest")
	}
}
