package hadoopconf

import (
	"fmt"
	"slices"
	"strings"
)

// genericOptions are the options of Hadoop's GenericOptionsParser; each takes one argument.
var genericOptions = []string{"fs", "jt", "conf", "D", "libjars", "files", "archives", "tokenCacheFile"}

// ParseGenericOptions takes Hadoop's generic options off the front of a command line and gives Options with Files and
// Defines filled, the arguments that are left, and what should be logged (GenericOptionsParser with commons-cli's
// GnuParser and stopAtNonOption).
//
// Parsing stops at the first argument that is not such an option; what follows, a -D too, is left over. -Dk=v, -conf=F and
// two hyphens are legal, options may repeat. If an option lacks its argument, all options are dropped and nothing is left
// over. A JournalNode ignores what is left over; saying so is the caller's business.
func ParseGenericOptions(args []string) (o Options, rest []string, warnings []Warning) {
	tokens := flatten(args)
	values := map[string][]string{}
	for len(tokens) > 0 {
		name, isOption := optionName(tokens[0])
		if !isOption {
			rest = leftOver(tokens)
			break
		}
		// A value that looks like an option is one: the option before it has no argument.
		if len(tokens) > 1 {
			if _, ok := optionName(tokens[1]); !ok {
				values[name] = append(values[name], unquote(tokens[1]))
				tokens = tokens[2:]
				continue
			}
		}
		return Options{}, nil, []Warning{{Text: fmt.Sprintf(
			"options parsing failed: Missing argument for option: %s; all options are ignored, as Hadoop does", name)}}
	}
	if fs := values["fs"]; len(fs) > 0 {
		o.Defines = append(o.Defines, KV{Key: "fs.defaultFS", Value: fs[0], Source: "programmatically"})
	}
	o.Files = values["conf"]
	for _, def := range values["D"] {
		key, value, ok := strings.Cut(def, "=")
		if !ok {
			warnings = append(warnings, Warning{Text: "-D " + def + ": no '=', ignored"})
			continue
		}
		o.Defines = append(o.Defines, KV{Key: key, Value: value})
	}
	for _, name := range []string{"jt", "libjars", "files", "archives", "tokenCacheFile"} {
		if _, ok := values[name]; ok {
			warnings = append(warnings, Warning{Text: "-" + name + " means nothing to a JournalNode, ignored"})
		}
	}
	return o, rest, warnings
}

// optionName tells whether a token is an option as it stands: one or two hyphens and a known name.
func optionName(token string) (string, bool) {
	if !strings.HasPrefix(token, "-") {
		return "", false
	}
	name := strings.TrimPrefix(strings.TrimPrefix(token, "-"), "-")
	return name, slices.Contains(genericOptions, name)
}

// flatten splits -Dk=v and -conf=FILE in two, up to the first token that begins with a hyphen and is no option
// (GnuParser.flatten). It does not stop at other words.
func flatten(args []string) []string {
	var tokens []string
	for i, arg := range args {
		if _, ok := optionName(arg); ok || arg == "-" || !strings.HasPrefix(arg, "-") {
			tokens = append(tokens, arg)
			continue
		}
		if arg == "--" {
			return append(tokens, args[i:]...)
		}
		before, after, hasValue := strings.Cut(arg, "=")
		if _, ok := optionName(before); ok && hasValue {
			tokens = append(tokens, before, after)
			continue
		}
		if rest, ok := strings.CutPrefix(arg, "-D"); ok {
			tokens = append(tokens, "-D", rest)
			continue
		}
		return append(tokens, args[i:]...)
	}
	return tokens
}

// leftOver is what the options end at and what follows, without the "--" that may separate them.
func leftOver(tokens []string) []string {
	rest := slices.DeleteFunc(slices.Clone(tokens), func(t string) bool { return t == "--" })
	if len(rest) > 0 && tokens[0] == "-" {
		rest = rest[1:]
	}
	return rest
}

// unquote removes one pair of quotes around a value, if it holds no others.
func unquote(s string) string {
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' && !strings.Contains(s[1:len(s)-1], `"`) {
		return s[1 : len(s)-1]
	}
	return s
}
