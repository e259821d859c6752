package hadoopconf

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The parsers below are those of Hadoop's getters: what they accept, and nothing more.

// ParseInt reads an int as Configuration.getInt: decimal, or hexadecimal after 0x, with a sign, 32 bits.
func ParseInt(s string) (int, error) {
	n, err := parseJavaInteger(s, 32)
	return int(n), err
}

// ParseLong reads a long as Configuration.getLong: as ParseInt, 64 bits.
func ParseLong(s string) (int64, error) { return parseJavaInteger(s, 64) }

func parseJavaInteger(s string, bits int) (int64, error) {
	digits, base := javaTrim(s), 10
	rest, negative := strings.CutPrefix(digits, "-")
	if hex, ok := strings.CutPrefix(strings.Replace(rest, "0X", "0x", 1), "0x"); ok {
		digits, base = hex, 16
		if negative {
			digits = "-" + hex
		}
	}
	n, err := strconv.ParseInt(digits, base, bits)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("number out of range (%d bits)", bits)
	}
	if err != nil {
		return 0, errors.New("not a whole number")
	}
	return n, nil
}

// ParseLongBytes reads a size as Configuration.getLongBytes: decimal, with an optional k, m, g, t, p or e, which are
// powers of 1024.
func ParseLongBytes(s string) (int64, error) {
	s = javaTrim(s)
	if s == "" {
		return 0, errors.New("empty")
	}
	shift := 0
	if last := s[len(s)-1]; last < '0' || last > '9' {
		i := strings.IndexByte("kmgtpe", last|0x20)
		if i < 0 {
			return 0, fmt.Errorf("Invalid size prefix '%c' in '%s'. Allowed prefixes are k, m, g, t, p, e"+ //nolint:staticcheck // Hadoop's words
				"(case insensitive)", last, s)
		}
		shift, s = 10*(i+1), s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) || n > math.MaxInt64>>shift || n < math.MinInt64>>shift {
		return 0, fmt.Errorf("%s does not fit in a Long", s)
	}
	if err != nil {
		return 0, errors.New("not a whole number with at most one of k, m, g, t, p, e after it")
	}
	return n << shift, nil
}

var timeUnits = []struct {
	suffix string
	unit   time.Duration
}{ // the order in which Hadoop tries them
	{"ns", time.Nanosecond}, {"us", time.Microsecond}, {"ms", time.Millisecond},
	{"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour},
}

// ParseTimeDuration reads a time as Configuration.getTimeDuration: a whole number and ns, us, ms, s, m, h or d in any
// case; without one the number counts units of def. What does not fit in a time.Duration (292 years) becomes the longest.
func ParseTimeDuration(s string, def time.Duration) (time.Duration, error) {
	s = strings.ToLower(javaTrim(s))
	unit := def
	for _, u := range timeUnits {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, unit = rest, u.unit
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errors.New("not a time: a whole number and ns, us, ms, s, m, h or d")
	}
	return saturate(n, unit), nil
}

// saturate is n units, or the longest duration of that sign.
func saturate(n int64, unit time.Duration) time.Duration {
	switch d := time.Duration(n) * unit; {
	case n == 0 || d/unit == time.Duration(n):
		return d
	case n > 0:
		return math.MaxInt64
	default:
		return math.MinInt64
	}
}

// ParseBool reads true or false in any case; ok is false for every other word, for which Configuration.getBoolean takes
// the default.
func ParseBool(s string) (value, ok bool) {
	switch s = javaTrim(s); {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

var javaFloat = regexp.MustCompile(`^[+-]?(?:NaN|Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?)$`)

// ParseFloat reads a float as Java's Float.parseFloat does, 0.5f included; hexadecimal floats are not accepted.
func ParseFloat(s string) (float32, error) {
	s = javaTrim(s)
	if !javaFloat.MatchString(s) {
		return 0, errors.New("not a number")
	}
	if !strings.HasSuffix(s, "Infinity") {
		s = strings.TrimRight(s, "fFdD")
	}
	// A number too large for a float is infinite in Java, not an error.
	f, err := strconv.ParseFloat(s, 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("not a number")
	}
	return float32(f), nil
}

var listSeparator = regexp.MustCompile(`[ \t\n\v\f\r]*[,\n][ \t\n\v\f\r]*`)

// ParseStrings splits a list at commas and newlines and trims its items (Configuration.getTrimmedStrings). Empty items
// stay, but for those at the end, which Java's split drops.
func ParseStrings(s string) []string {
	s = javaTrim(s)
	if s == "" {
		return nil
	}
	items := listSeparator.Split(s, -1)
	for len(items) > 0 && items[len(items)-1] == "" {
		items = items[:len(items)-1]
	}
	return items
}

// ParseStringSet is ParseStrings without empty and repeated items (Configuration.getTrimmedStringCollection).
func ParseStringSet(s string) []string {
	var set []string
	seen := map[string]bool{"": true}
	for _, item := range ParseStrings(s) {
		if !seen[item] {
			seen[item] = true
			set = append(set, item)
		}
	}
	return set
}

// Int is the value of a key by ParseInt, or def if it is not set. Errors of this and the getters below are *KeyError.
func (c *Configuration) Int(key string, def int) (int, error) { return getter(c, key, def, ParseInt) }

// Long is the value of a key by ParseLong, or def.
func (c *Configuration) Long(key string, def int64) (int64, error) {
	return getter(c, key, def, ParseLong)
}

// LongBytes is the value of a key by ParseLongBytes, or def.
func (c *Configuration) LongBytes(key string, def int64) (int64, error) {
	return getter(c, key, def, ParseLongBytes)
}

// Float is the value of a key by ParseFloat, or def.
func (c *Configuration) Float(key string, def float32) (float32, error) {
	return getter(c, key, def, ParseFloat)
}

// TimeDuration is the value of a key by ParseTimeDuration, or def; a number without suffix counts units.
func (c *Configuration) TimeDuration(key string, def, unit time.Duration) (time.Duration, error) {
	return getter(c, key, def, func(s string) (time.Duration, error) { return ParseTimeDuration(s, unit) })
}

// Bool is the value of a key by ParseBool, or def if it is not set or says neither true nor false; recognised is false
// only then, and Hadoop logs a warning.
func (c *Configuration) Bool(key string, def bool) (value, recognised bool, err error) {
	s, ok, err := c.Trimmed(key)
	if err != nil || !ok || s == "" {
		return def, true, err
	}
	if value, recognised = ParseBool(s); !recognised {
		value = def
	}
	return value, recognised, nil
}

// Strings is the value of a key by ParseStrings, nil if it is not set.
func (c *Configuration) Strings(key string) ([]string, error) {
	s, _, err := c.Get(key)
	return ParseStrings(s), err
}

// StringSet is the value of a key by ParseStringSet, nil if it is not set.
func (c *Configuration) StringSet(key string) ([]string, error) {
	s, _, err := c.Get(key)
	return ParseStringSet(s), err
}

// SocketAddr is the value of a key by ParseSocketAddress; def is parsed if the key is not set.
func (c *Configuration) SocketAddr(key, def string, defaultPort int) (SocketAddress, error) {
	addr, err := ParseSocketAddress(def, defaultPort)
	if err != nil {
		addr = SocketAddress{}
	}
	return getter(c, key, addr, func(s string) (SocketAddress, error) { return ParseSocketAddress(s, defaultPort) })
}

// getter looks a key up and parses it; what does not parse becomes a *KeyError.
func getter[T any](c *Configuration, key string, def T, parse func(string) (T, error)) (T, error) {
	s, ok, err := c.Get(key)
	if err != nil || !ok {
		return def, err
	}
	v, err := parse(s)
	if err != nil {
		return def, &KeyError{Key: currentName(key), Value: s, Source: c.props[currentName(key)].where(),
			Reason: err.Error(), Remedy: remedyFor(key), Err: err}
	}
	return v, nil
}
