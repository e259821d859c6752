package hadoopconf

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
)

var (
	octalMode    = regexp.MustCompile(`^\s*([01]?)([0-7])([0-7])([0-7])\s*$`)
	symbolicMode = regexp.MustCompile(`^\s*([ugoa]*)([+=-]+)([rwxt]*)([,\s]*)\s*`)
)

// ParsePermission reads a mode as FsPermission(String) does: three octal digits with an optional 0 or 1 (sticky) before
// them, or symbolic clauses such as u=rwx,g=rx,o= applied to no permission at all.
func ParsePermission(s string) (fs.FileMode, error) {
	bad := errors.New("not a permission: octal like 700 or symbolic like u=rwx,g=rx,o=")
	if m := octalMode.FindStringSubmatch(s); m != nil {
		mode := fs.FileMode(m[2][0]-'0')<<6 | fs.FileMode(m[3][0]-'0')<<3 | fs.FileMode(m[4][0]-'0')
		if m[1] == "1" {
			mode |= fs.ModeSticky
		}
		return mode, nil
	}
	var mode fs.FileMode
	for rest, comma := s, true; rest != ""; {
		m := symbolicMode.FindStringSubmatch(rest)
		if m == nil || !comma {
			return 0, bad
		}
		mode = applyClause(mode, m[1], m[2][len(m[2])-1], m[3])
		rest, comma = rest[len(m[0]):], strings.Contains(m[4], ",")
	}
	if javaTrim(s) == "" {
		return 0, bad
	}
	return mode, nil
}

// applyClause sets what one clause says about the classes of users it names. In Java the last clause for a class counts
// alone, and '-' leaves nothing since there is nothing to take away.
func applyClause(mode fs.FileMode, who string, op byte, what string) fs.FileMode {
	if strings.Trim(who, "a") == "" {
		who = "ugo"
	}
	var bits fs.FileMode
	for _, c := range what {
		switch c {
		case 'r':
			bits |= 4
		case 'w':
			bits |= 2
		case 'x':
			bits |= 1
		}
	}
	if op == '-' {
		bits = 0
	}
	for class, shift := range map[rune]int{'u': 6, 'g': 3, 'o': 0} {
		if strings.ContainsRune(who, class) {
			mode = mode&^(7<<shift) | bits<<shift
		}
	}
	if strings.ContainsRune(who, 'o') {
		mode &^= fs.ModeSticky
		if op != '-' && strings.Contains(what, "t") {
			mode |= fs.ModeSticky
		}
	}
	return mode
}
