package hadoopconf

import (
	"strconv"
	"strings"
	"time"
)

// reader collects the values of a JournalNode and everything that is wrong with them.
type reader struct {
	c        *Configuration
	warnings []Warning
	errs     []error
}

func (r *reader) fail(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

func (r *reader) bad(key, value, reason, remedy string, cause error) {
	r.fail(&KeyError{Key: key, Value: value, Source: r.source(key), Reason: reason, Remedy: remedy, Err: cause})
}

func (r *reader) source(key string) string {
	return r.c.props[key].where()
}

func (r *reader) warnKey(key, text string) {
	value, _, _ := r.c.Get(key)
	r.warnings = append(r.warnings, Warning{Key: key, Value: value, Source: r.source(key), Text: text})
}

// value is the key's value after expansion, or the default that its row gives to Hadoop's code.
func (r *reader) value(key string) string {
	value, ok, err := r.c.Get(key)
	if ok || err != nil {
		r.fail(err)
		return value
	}
	k, _ := findKey(key)
	return k.Default(r.c.release).Value
}

func (r *reader) text(key string) string { return javaTrim(r.value(key)) }

// parsed is the key's value in its type, the zero value with an error noted if it cannot be read.
func parsed[T any](r *reader, key string, parse func(string) (T, error)) T {
	s := r.value(key)
	v, err := parse(s)
	if err != nil {
		var zero T
		r.bad(key, s, err.Error(), remedyFor(key), err)
		return zero
	}
	return v
}

func (r *reader) integer(key string) int { return parsed(r, key, ParseInt) }

func (r *reader) positive(key string) int {
	before := len(r.errs)
	n := r.integer(key)
	if n <= 0 && len(r.errs) == before {
		r.bad(key, r.value(key), "must be at least 1", remedyFor(key), nil)
	}
	return n
}

// millis is a number of milliseconds as a duration, 0 if it is negative.
func (r *reader) millis(key string) time.Duration {
	return max(0, saturate(parsed(r, key, ParseLong), time.Millisecond))
}

// boolean is true or false; another word gives the default with a warning, an empty value the default.
func (r *reader) boolean(key string) bool {
	k, _ := findKey(key)
	def, _ := ParseBool(k.Default(r.c.release).Value)
	v, recognised, err := r.c.Bool(key, def)
	r.fail(err)
	if !recognised {
		r.warnKey(key, "Invalid value for boolean, choose default value: "+strconv.FormatBool(def))
	}
	return v
}

func (r *reader) address(key string, defaultPort int) SocketAddress {
	return parsed(r, key, func(s string) (SocketAddress, error) {
		addr, err := ParseSocketAddress(s, defaultPort)
		if err != nil && strings.HasPrefix(err.Error(), "Does not contain") {
			err = &reworded{text: err.Error() + " (configuration property '" + key + "')", cause: err}
		}
		return addr, err
	})
}

// reworded is an error with more words.
type reworded struct {
	text  string
	cause error
}

func (e *reworded) Error() string { return e.text }
func (e *reworded) Unwrap() error { return e.cause }

func (r *reader) bindHost(key string) string {
	if r.text(key) == "" {
		return ""
	}
	return parsed(r, key, ParseBindHost)
}
