// Package ports chooses loopback ports for the servers of tests that must know them before they listen.
package ports

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// Ports hands out loopback ports that no other test uses, in this process or another one. The range lies below Linux's range
// for outgoing connections and for listeners on port 0, so neither can take a port between its choice and its use.
type Ports struct {
	next int
	held []net.Listener
}

const (
	firstPort = 20000
	lastPort  = 32000
)

// New returns an allocator. Close gives its ports back.
func New() *Ports { return &Ports{next: firstPort + os.Getpid()*101%(lastPort-firstPort)} }

// Next returns a port that nothing listens on. A socket in Linux's abstract name space marks it as taken for as
// long as the allocator lives, and vanishes with the process.
func (p *Ports) Next() (int, error) {
	for range lastPort - firstPort {
		port := p.next
		p.next++
		if p.next >= lastPort {
			p.next = firstPort
		}
		mark, err := net.Listen("unix", fmt.Sprintf("@gojn-port-%d", port))
		if err != nil {
			continue
		}
		probe, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			p.release(mark)
			continue
		}
		p.release(probe)
		p.held = append(p.held, mark)
		return port, nil
	}
	return 0, errors.New("no free loopback port")
}

// Close gives the ports back.
func (p *Ports) Close() {
	for _, mark := range p.held {
		p.release(mark)
	}
	p.held = nil
}

// release closes a listener that never accepted anything.
func (p *Ports) release(l net.Listener) { _ = l.Close() }
