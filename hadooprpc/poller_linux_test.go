package hadooprpc

import (
	"errors"
	"net"
	"sync"
	"testing"
)

// TestCutWhileParking: connections are cut just as their readers put themselves down, which they do at once, since nothing is
// sent. With -race it also sees who touches the reader's fields without the right to; either way no connection may stay
// behind in the poller.
func TestCutWhileParking(t *testing.T) {
	const clients, rounds = 8, 150
	s := &Server{}
	var gone sync.WaitGroup
	gone.Add(clients * rounds)
	s.Observer.ConnClosed = func(net.Addr, error) { gone.Done() }
	s.init()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()

	stop := make(chan struct{})
	var cutter, dialers sync.WaitGroup
	cutter.Go(func() {
		cause := errors.New("cut by the test")
		for {
			select {
			case <-stop:
				return
			default:
			}
			s.mu.Lock()
			open := s.openConns()
			s.mu.Unlock()
			for _, c := range open {
				c.mu.Lock()
				if c.waiting == waitReadable { // it is about to be armed, or has been
					c.cutLocked(cause)
				}
				c.mu.Unlock()
			}
		}
	})
	for range clients {
		dialers.Go(func() {
			for range rounds {
				nc, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Error(err)
					gone.Done()
					continue
				}
				_, _ = nc.Read(make([]byte, 1)) // until it is cut
				_ = nc.Close()
			}
		})
	}
	dialers.Wait()
	gone.Wait()
	close(stop)
	cutter.Wait()
	s.Close()
	if err := <-served; !errors.Is(err, ErrServerClosed) {
		t.Error(err)
	}
	if n := len(s.poller.conns); n > 0 {
		t.Errorf("%d connections are still in the poller", n)
	}
}
