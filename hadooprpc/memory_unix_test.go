//go:build unix

package hadooprpc_test

import (
	"syscall"
	"testing"
)

// openFiles raises the limit of open files as far as may be and returns it.
func openFiles(t testing.TB) int {
	t.Helper()
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	r.Cur = r.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	return int(min(r.Max, 1<<30))
}
