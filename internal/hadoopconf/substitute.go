package hadoopconf

import (
	"fmt"
	"strings"
)

// maxSubstitutions is Configuration.MAX_SUBST: a value that still holds a variable after as many replacements is an error.
const maxSubstitutions = 20

// maxExpandedValue bounds what twenty replacements can blow a value up to.
const maxExpandedValue = 1 << 20

// substitute replaces ${var} by a system property, an environment variable (${env.X}, 3.x) or another key's value, one
// after the other from the left, until none is left. An unbound variable stays as text and ends the expansion; so does a
// variable whose value contains it, which gives the expression as written (Configuration.substituteVars).
func (c *Configuration) substitute(expr string) (string, error) {
	eval := expr
	for range maxSubstitutions {
		start, end := findVariable(eval)
		if start < 0 {
			return eval, nil
		}
		val, ok := c.variable(eval[start:end])
		if !ok {
			return eval, nil
		}
		ref := eval[start-len("${") : end+len("}")]
		if strings.Contains(val, ref) {
			return expr, nil
		}
		eval = eval[:start-len("${")] + val + eval[end+len("}"):]
		if len(eval) > maxExpandedValue {
			return "", fmt.Errorf("expands to more than %d bytes", maxExpandedValue)
		}
	}
	return "", fmt.Errorf("Variable substitution depth too large: %d %s", maxSubstitutions, expr) //nolint:staticcheck // Hadoop's words
}

func (c *Configuration) variable(name string) (string, bool) {
	if rest, ok := strings.CutPrefix(name, "env."); ok && rest != "" && c.release != Release27 {
		if val, ok := c.environment(rest); ok {
			return val, true
		}
	} else if val, ok := c.system[name]; ok {
		return val, true
	}
	p, ok := c.props[currentName(name)]
	return p.Value, ok
}

// environment evaluates X, X-default (when unset) and X:-default (when unset or empty).
func (c *Configuration) environment(expr string) (string, bool) {
	for i := range len(expr) {
		switch {
		case strings.HasPrefix(expr[i:], ":-"):
			if val, ok := c.env(expr[:i]); ok && val != "" {
				return val, true
			}
			return expr[i+2:], true
		case expr[i] == '-':
			if val, ok := c.env(expr[:i]); ok {
				return val, true
			}
			return expr[i+1:], true
		}
	}
	return c.env(expr)
}

// findVariable gives the bounds of the first name within ${ and }, or -1. A name is not empty and holds neither '$' nor a
// blank (Configuration.findSubVariable).
func findVariable(s string) (start, end int) {
	from := 0
next:
	for {
		i := strings.Index(s[from:], "${")
		if i < 0 {
			return -1, -1
		}
		start = from + i + len("${")
		for j := start; j < len(s); j++ {
			switch s[j] {
			case '}':
				if j > start {
					return start, j
				}
				from = j + 1
				continue next
			case ' ', '$':
				// The '$' may itself begin a variable.
				from = j
				continue next
			}
		}
		return -1, -1
	}
}
