package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// pauseInKernel sleeps in a system call. A signal ends it early, which does no harm.
func pauseInKernel(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil)
}
