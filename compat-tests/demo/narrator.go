package main

import (
	"fmt"
	"io"
	"time"
)

// narrator prints the story, each step with the seconds since the start.
type narrator struct {
	out   io.Writer
	began time.Time
}

func newNarrator(out io.Writer) *narrator { return &narrator{out: out, began: time.Now()} }

// say prints a step.
func (n *narrator) say(format string, args ...any) {
	n.plain(fmt.Sprintf("[%5.1f s] ", time.Since(n.began).Seconds()) + fmt.Sprintf(format, args...))
}

// more prints a line that belongs to the step before.
func (n *narrator) more(format string, args ...any) {
	n.plain("          " + fmt.Sprintf(format, args...))
}

// plain prints a line as it is. A terminal that is gone is no reason to leave processes behind.
func (n *narrator) plain(line string) { _, _ = fmt.Fprintln(n.out, line) }
