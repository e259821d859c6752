package jnserver

import (
	"fmt"
	"os"
)

// LockOwner is what in_use.lock says, as Java writes it: <pid>@<host name>.
func LockOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("%d@%s", os.Getpid(), host)
}
