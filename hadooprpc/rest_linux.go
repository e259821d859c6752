package hadooprpc

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// atRest tells whether the peer's kernel has acknowledged all that was written to it and nothing of the peer's waits to be read:
// closing takes nothing from either side then.
func atRest(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	rest := false
	err = raw.Control(func(fd uintptr) {
		unread, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		if err != nil || unread != 0 {
			return
		}
		unsent, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) // SIOCOUTQ: the unacknowledged count too
		rest = err == nil && unsent == 0
	})
	return err == nil && rest
}
