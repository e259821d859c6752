package hadoopconf

import (
	"regexp"
	"slices"
	"strings"
)

// DefaultFile is the resource that holds a key's default in Hadoop; the order in which the two are read matters.
type DefaultFile string

// Where defaults live. CodeOnly means that no default file mentions the key.
const (
	CoreDefault DefaultFile = "core-default.xml"
	HDFSDefault DefaultFile = "hdfs-default.xml"
	CodeOnly    DefaultFile = ""
)

// Default is a key's default in one release.
type Default struct {
	Value  string
	Known  bool // whether that release reads the key at all
	InFile bool // whether the DefaultFile states it; otherwise Hadoop's code does, or nobody (Value is empty)
}

func file(v string) Default { return Default{Value: v, Known: true, InFile: true} }
func code(v string) Default { return Default{Value: v, Known: true} }

var (
	none    = Default{Known: true} // known, without a default
	unknown = Default{}
)

// String is the default as the documentation shows it.
func (d Default) String() string {
	switch {
	case !d.Known:
		return "–"
	case d.Value == "":
		return "none"
	}
	return d.Value
}

// Status says what gojn does with a key.
type Status string

// What gojn does with a key.
const (
	Obeyed  Status = "obeyed"  // it has the effect that it has in Java
	Refused Status = "refused" // a value that asks for more than gojn has ends the start
	Warned  Status = "warned"  // a value that asks for more than gojn has is ignored, with one warning
	Unused  Status = "unused"  // no effect in what gojn serves; nothing is said
)

// Key is one row of the table of keys that a Java JournalNode reads.
type Key struct {
	// Name may hold <word> for a part that varies and end in * for any rest; such a row stands for many keys.
	Name      string
	File      DefaultFile
	Default27 Default // of Hadoop 2.7.7
	Default34 Default // of Hadoop 3.4.2
	// ByRelease: gojn.compat.release chooses between the defaults. Otherwise 3.4's holds for both.
	ByRelease bool
	Type      string // int, long, bytes, ms, boolean, path, address, host, word, list ...
	Status    Status
	// Acts is, for a warned key, the value that gojn acts as, when that is not the default: it draws no warning.
	Acts  string
	About string // for warned keys: what is ignored, as the warning words it
	Test  string // the test that sees behaviour change with the key; "DIR TestName" for one of another package
}

// Keys is a copy of the table, in the order in which it is documented.
func Keys() []Key { return slices.Clone(keyTable) }

var keyTable = slices.Concat(daemonKeys, httpKeys, httpsKeys, rpcKeys, securityKeys, authorizationKeys, otherKeys)

// Default is the default that holds under a release.
func (k Key) Default(r Release) Default {
	if k.ByRelease && r == Release27 {
		return k.Default27
	}
	return k.Default34
}

// fileDefault is what the key's default file states under a release; ok is false when it does not mention it. Whether it
// does is always 2.7's answer under 2.7, since that decides if a value in core-site.xml counts.
func (k Key) fileDefault(r Release) (value string, ok bool) {
	d := k.Default(r)
	if r == Release27 && !k.Default27.InFile {
		return "", false
	}
	return d.Value, d.InFile
}

// IsPattern tells whether the row stands for many keys.
func (k Key) IsPattern() bool { return strings.ContainsAny(k.Name, "<*") }

// Matches tells whether a pattern row covers a key; port fills <rpc-port>.
func (k Key) Matches(key, port string) bool {
	if !k.IsPattern() {
		return k.Name == key
	}
	if fixed := k.Name[:strings.IndexAny(k.Name, "<*")]; !strings.HasPrefix(key, fixed) {
		return false
	}
	expr := regexp.QuoteMeta(strings.ReplaceAll(k.Name, "<rpc-port>", port))
	expr = regexp.MustCompile(`<[a-z-]+>`).ReplaceAllString(expr, `.+`)
	expr = strings.ReplaceAll(expr, `\*`, `.*`)
	return regexp.MustCompile("^" + expr + "$").MatchString(key)
}

// findKey gives the row of an exact name.
func findKey(name string) (Key, bool) {
	i := slices.IndexFunc(keyTable, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return keyTable[i], true
}

// remedyFor says what a value of a key has to look like.
func remedyFor(name string) string {
	k, _ := findKey(currentName(name))
	switch k.Type {
	case "int", "long", "ms", "minutes":
		return "set a whole number (" + k.Type + ")"
	case "bytes":
		return "set a number of bytes, if need be with k, m, g, t, p or e"
	case "time":
		return "set a whole number and ns, us, ms, s, m, h or d"
	case "address":
		return "set host:port, [v6]:port or a scheme://host:port URL"
	case "host":
		return "set a host name or an address without port"
	case "permission":
		return "set octal digits like 700 or clauses like u=rwx,g=rx,o="
	}
	return "correct the value"
}
