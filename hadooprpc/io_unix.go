//go:build unix

package hadooprpc

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
)

// scratch is what a connection needs while it is being read: a buffer, and a reader for its descriptor that does not wait.
type scratch struct {
	b    [4 << 10]byte
	r, w int // what has been read and not used is b[r:w]

	try   func(fd uintptr) bool
	p     []byte
	wait  bool
	n     int
	err   error
	again bool
}

var scratchPool = sync.Pool{New: func() any {
	s := new(scratch)
	s.try = s.tryRead
	return s
}}

// read reads what is there into p; again reports that nothing was. With wait it waits for something, with the goroutine.
func (s *scratch) read(raw syscall.RawConn, p []byte, wait bool) (n int, again bool, err error) {
	s.p, s.wait, s.again = p, wait, false
	err = raw.Read(s.try)
	s.p = nil
	if err != nil { // closed, or the deadline has passed
		return 0, false, err
	}
	return s.n, s.again, s.err
}

func (s *scratch) tryRead(fd uintptr) bool {
	for {
		s.n, s.err = syscall.Read(int(fd), s.p)
		if !errors.Is(s.err, syscall.EINTR) {
			break
		}
	}
	s.again = errors.Is(s.err, syscall.EAGAIN)
	switch {
	case s.again:
		s.n, s.err = 0, nil
	case s.err != nil:
		s.n, s.err = 0, os.NewSyscallError("read", s.err)
	case s.n == 0:
		s.err = io.EOF
	}
	return !s.again || !s.wait
}
