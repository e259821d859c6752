// Package sdnotify tells a service manager how this process is doing, by systemd's protocol (sd_notify(3)): datagrams
// to the socket that NOTIFY_SOCKET names. It is its own and not go-systemd's daemon.SdNotify, because that one looks into
// the environment at each message, so that the variable could not be taken away from children, and waits for ever when
// the manager does not read.
package sdnotify

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// State is one line of a message.
type State string

// What a service tells. Stopping goes out at the start of a stop, not at its end.
const (
	Ready    State = "READY=1"
	Stopping State = "STOPPING=1"
	Alive    State = "WATCHDOG=1"
)

// maxStatus bounds a status in bytes: a message longer than the manager's buffer (4 KiB) is dropped whole.
const maxStatus = 1024

// Status is the line that `systemctl status` shows. A name chosen by a stranger may be in text: what could end the line,
// and begin another assignment, becomes a blank, and what is too long or no UTF-8 is cut or replaced.
func Status(text string) State {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxStatus {
		end := maxStatus - len("…")
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + "…"
	}
	return State("STATUS=" + text)
}

// sendTimeout is how long a message may wait for the manager to read. It counts into the time of a stop.
const sendTimeout = 200 * time.Millisecond

// Manager is the service manager that started this process. A nil Manager is nobody and takes every message. Its methods
// may be called from any goroutine.
type Manager struct {
	socket   net.UnixAddr
	watchdog time.Duration
}

// variables are the protocol's in the environment.
var variables = []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}

// FromEnvironment is the manager that the environment of this process names, nil if none. The variables are removed, so
// that no child takes itself for this service. The error tells what in them is of no use; there may be a manager all the
// same.
func FromEnvironment() (*Manager, error) {
	m, err := fromVariables(os.Getenv, os.Getpid())
	for _, name := range variables {
		err = errors.Join(err, os.Unsetenv(name))
	}
	return m, err
}

// fromVariables is FromEnvironment with its surroundings as parameters.
func fromVariables(getenv func(string) string, pid int) (*Manager, error) {
	socket := getenv("NOTIFY_SOCKET")
	switch {
	case socket == "":
		return nil, nil
	case socket[0] != '/' && socket[0] != '@': // '@' is Linux's abstract name space, also to package net
		return nil, fmt.Errorf("NOTIFY_SOCKET=%q: neither a path nor an abstract socket", socket)
	}
	m := &Manager{socket: net.UnixAddr{Net: "unixgram", Name: socket}}
	if watched := getenv("WATCHDOG_PID"); watched != "" && watched != strconv.Itoa(pid) {
		return m, nil // meant for another process
	}
	text := cmp.Or(getenv("WATCHDOG_USEC"), "0")
	usec, err := strconv.ParseInt(text, 10, 64)
	if err != nil || usec < 0 || usec > int64(time.Duration(1<<63-1)/time.Microsecond) {
		return m, fmt.Errorf("WATCHDOG_USEC=%q: not a number of microseconds", text)
	}
	m.watchdog = time.Duration(usec) * time.Microsecond
	return m, nil
}

// Watchdog is the time within which the manager wants Alive again and again after Ready; 0 if it does not.
func (m *Manager) Watchdog() time.Duration {
	if m == nil {
		return 0
	}
	return m.watchdog
}

// Send sends the states as one message. It waits for a manager that does not read for 200 ms at most.
func (m *Manager) Send(states ...State) error {
	if m == nil {
		return nil
	}
	lines := make([]string, len(states))
	for i, s := range states {
		lines[i] = string(s)
	}
	conn, err := net.DialUnix("unixgram", nil, &m.socket)
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	err = conn.SetWriteDeadline(time.Now().Add(sendTimeout))
	if err == nil {
		_, err = conn.Write([]byte(strings.Join(lines, "\n")))
	}
	if err = errors.Join(err, conn.Close()); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}
