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
	n     int
	err   error
	again bool
}

var scratchPool = sync.Pool{New: func() any {
	s := new(scratch)
	s.try = s.tryRead
	return s
}}

// read reads what is there into p; again reports that nothing was.
func (s *scratch) read(raw syscall.RawConn, p []byte) (n int, again bool, err error) {
	s.p = p
	err = raw.Read(s.try)
	s.p = nil
	if err == nil {
		err = s.err
	}
	return s.n, s.again, err
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
	return true
}
