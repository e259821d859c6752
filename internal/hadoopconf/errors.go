package hadoopconf

import (
	"fmt"
	"strings"
)

// LoadError is a configuration file that cannot be read or is not XML. It ends the start, as in Java.
type LoadError struct {
	File string // as opened
	Line int    // 1-based; 0 when the file could not be read at all
	Err  error
}

// Error is one line: file, line, reason, remedy.
func (e *LoadError) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s, line %d", e.File, e.Line)
	}
	return oneLine(fmt.Sprintf("configuration file %s: %v; correct the file or remove it", where, e.Err))
}

// Unwrap gives the cause.
func (e *LoadError) Unwrap() error { return e.Err }

// KeyError is a property that keeps the JournalNode from starting (exit code 255): a value that Hadoop would not accept
// either, or, when Refused is set, one that asks for something that gojn does not have and must not ignore.
type KeyError struct {
	Key     string
	Value   string // after expansion
	Source  string // where it was set, empty if unknown
	Reason  string
	Remedy  string
	Refused bool
	Err     error // the cause, may be nil
}

// Error is one line: key, value, where from, reason, remedy.
func (e *KeyError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s = '%s'", e.Key, e.Value)
	if e.Source != "" {
		fmt.Fprintf(&b, " (%s)", e.Source)
	}
	b.WriteString(": " + e.Reason)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return oneLine(b.String())
}

// Unwrap gives the cause.
func (e *KeyError) Unwrap() error { return e.Err }

// Warning is something that an operator should know about the configuration and that does not stop the start.
type Warning struct {
	Key    string // may be empty when the warning is about a file or the command line
	Value  string
	Source string
	Text   string
}

// String is one line: key, value, where from, what is ignored or assumed.
func (w Warning) String() string {
	if w.Key == "" {
		return oneLine(w.Text)
	}
	s := fmt.Sprintf("%s = '%s'", w.Key, w.Value)
	if w.Source != "" {
		s += " (" + w.Source + ")"
	}
	return oneLine(s + ": " + w.Text)
}

// oneLine keeps a message on one line whatever a value in it contains.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
