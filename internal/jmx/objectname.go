package jmx

import (
	"errors"
	"fmt"
	"strings"
)

// ErrMalformedName is wrapped by the errors of ParseName (Java javax.management.MalformedObjectNameException).
var ErrMalformedName = errors.New("malformed object name")

// Name is a parsed ObjectName or ObjectName pattern (Java javax.management.ObjectName): a domain, properties, and
// wildcards. "*" stands for any text and "?" for any one character, in the domain and in values; ",*" after the
// properties (or "*" in their place) allows further ones.
type Name struct {
	domain string
	props  []property
	open   bool // the property list ended in "*": more properties may follow
}

type property struct {
	key, value string
	quoted     bool
}

// ParseName parses an ObjectName. The empty text is "*:*", as in Java.
func ParseName(s string) (Name, error) {
	if s == "" {
		s = "*:*"
	}
	domain, list, found := strings.Cut(s, ":")
	switch {
	case !found:
		return Name{}, malformed(s, "the domain part is missing")
	case strings.ContainsRune(domain, '\n'):
		return Name{}, malformed(s, "a newline in the domain")
	case list == "":
		return Name{}, malformed(s, "the key properties are missing")
	}
	n := Name{domain: domain}
	for rest, more := list, true; more; {
		if rest == "*" && !n.open {
			n.open = true
			return n, nil
		}
		if strings.HasPrefix(rest, "*,") && !n.open {
			n.open = true
			rest = rest[2:]
			continue
		}
		p, tail, hasTail, err := parseProperty(rest)
		if err != nil {
			return Name{}, malformed(s, err.Error())
		}
		if _, dup := n.value(p.key); dup {
			return Name{}, malformed(s, "the key "+p.key+" comes twice")
		}
		n.props = append(n.props, p)
		rest, more = tail, hasTail
	}
	return n, nil
}

// parseProperty takes "key=value" off the front of s; more tells whether a comma followed, and tail is what follows it.
func parseProperty(s string) (p property, tail string, more bool, err error) {
	eq := strings.IndexByte(s, '=')
	if eq <= 0 {
		return p, "", false, errors.New("a key property has no key or no value")
	}
	p.key = s[:eq]
	if strings.ContainsAny(p.key, ",:*?\n") {
		return p, "", false, fmt.Errorf("a character that a key may not hold in %q", p.key)
	}
	s = s[eq+1:]
	if strings.HasPrefix(s, `"`) {
		end := closingQuote(s)
		if end < 0 {
			return p, "", false, errors.New("a quoted value does not end")
		}
		p.value, p.quoted = s[:end+1], true
		s = s[end+1:]
		if s != "" && s[0] != ',' {
			return p, "", false, errors.New("text after a quoted value")
		}
		tail, more = strings.TrimPrefix(s, ","), s != ""
	} else {
		p.value, tail, more = strings.Cut(s, ",")
		if p.value == "" || strings.ContainsAny(p.value, "=:\"\n") {
			return p, "", false, fmt.Errorf("a character that a value may not hold in %q", p.value)
		}
	}
	return p, tail, more, nil
}

// closingQuote is the index of the quote that ends the quoted value at the start of s, -1 if none does. A backslash
// escapes the next character.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		case '\n':
			return -1
		}
	}
	return -1
}

func malformed(name, why string) error {
	return fmt.Errorf("%w %q: %s", ErrMalformedName, name, why)
}

// Pattern tells whether n has a wildcard and so may match several names.
func (n Name) Pattern() bool {
	if n.open || hasWildcard(n.domain, false) {
		return true
	}
	for _, p := range n.props {
		if hasWildcard(p.value, p.quoted) {
			return true
		}
	}
	return false
}

// Match tells whether the concrete name matches n, which may be a pattern. The order of properties does not count
// (Java ObjectName.apply).
func (n Name) Match(name Name) bool {
	if !wildmatch(n.domain, name.domain, false) {
		return false
	}
	if len(n.props) > len(name.props) || !n.open && len(n.props) != len(name.props) {
		return false
	}
	for _, p := range n.props {
		v, ok := name.value(p.key)
		if !ok || !wildmatch(p.value, v, p.quoted) {
			return false
		}
	}
	return true
}

func (n Name) value(key string) (string, bool) {
	for _, p := range n.props {
		if p.key == key {
			return p.value, true
		}
	}
	return "", false
}

func hasWildcard(s string, quoted bool) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if quoted {
				i++
			}
		case '*', '?':
			return true
		}
	}
	return false
}

// wildmatch matches text against pattern, with "*" and "?" as wildcards; in a quoted pattern a backslash takes the
// special meaning away. It looks back to the last "*" only, so its cost is at most len(pattern)*len(text).
func wildmatch(pattern, text string, quoted bool) bool {
	p, t := []rune(pattern), []rune(text)
	pi, ti := 0, 0
	star, mark := -1, 0
	for ti < len(t) {
		if pi < len(p) {
			switch c := p[pi]; {
			case c == '*':
				star, mark = pi, ti
				pi++
				continue
			case quoted && c == '\\' && pi+1 < len(p) && (p[pi+1] == '*' || p[pi+1] == '?'):
				// The concrete name holds the same escape.
				if ti+1 < len(t) && t[ti] == '\\' && t[ti+1] == p[pi+1] {
					pi, ti = pi+2, ti+2
					continue
				}
			case c == '?' || c == t[ti]:
				pi, ti = pi+1, ti+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		pi, ti = star+1, mark
	}
	for pi < len(p) && p[pi] == '*' {
		pi++
	}
	return pi == len(p)
}
