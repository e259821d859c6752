package hadoopconf

import (
	"fmt"
	"strconv"
	"strings"
)

// refusals are the keys that ask for protection which gojn does not give yet. Ignoring them would start an open node
// where the operator wrote a closed one.
func (r *reader) refusals() {
	r.authentication()
}

// authentication looks at the site files and at the final value: Hadoop's login reads the former only, its RPC server the
// latter, so either makes a Java node demand Kerberos.
func (r *reader) authentication() {
	seen := map[string]bool{}
	for _, layer := range []map[string]Property{r.c.site, r.c.props} {
		value, ok, err := r.c.get(layer, keyAuthentication)
		r.fail(err)
		if !ok || seen[value] || err != nil {
			continue
		}
		seen[value] = true
		source := layer[keyAuthentication].where()
		switch {
		case strings.EqualFold(value, "simple"):
		case strings.EqualFold(value, "kerberos"):
			r.refuse(keyAuthentication, value, source, "Kerberos is not supported yet",
				"set simple in this node's core-site.xml, or run the Java JournalNode in a Kerberos cluster")
		default:
			r.fail(&KeyError{Key: keyAuthentication, Value: value, Source: source,
				Reason: fmt.Sprintf("Invalid attribute value for %s of %s", keyAuthentication, value), Remedy: "set simple"})
		}
	}
}

func (r *reader) refuse(key, value, source, reason, remedy string) {
	r.fail(&KeyError{Key: key, Value: value, Source: source, Reason: reason, Remedy: remedy, Refused: true})
}

// ignored warns about each key that the user set to something that a Java JournalNode would obey and this one does not,
// and about keys of ours or of JournalNodes that nobody knows. One warning per row of the table.
func (r *reader) ignored(rpcPort int) {
	port := strconv.Itoa(rpcPort)
	covered := map[string]bool{}
	for _, k := range keyTable {
		if !k.IsPattern() {
			covered[k.Name] = true
		}
	}
	props := r.c.Properties()
	for _, k := range keyTable {
		if k.Status != Warned {
			continue
		}
		var hits []Property
		for _, p := range props {
			if k.IsPattern() {
				if covered[p.Key] || !k.Matches(p.Key, port) {
					continue
				}
			} else if k.Name != p.Key {
				continue
			}
			if !p.IsDefault() && r.differs(k, p) {
				hits = append(hits, p)
			}
		}
		if len(hits) > 0 {
			r.warnHits(k, hits)
		}
	}
	for _, p := range props {
		ours := strings.HasPrefix(p.Key, "gojn.") || strings.HasPrefix(p.Key, "dfs.journalnode.")
		if ours && !knownKey(p.Key, port) {
			r.warnKey(p.Key, "unknown key, ignored; is it misspelt?")
		}
	}
}

// differs tells whether a value asks for anything but what gojn does anyway.
func (r *reader) differs(k Key, p Property) bool {
	value, _, err := r.c.Trimmed(p.Key)
	if err != nil {
		r.fail(err)
		return false
	}
	acts := k.Default(r.c.release).Value
	if k.Acts != "" {
		acts = k.Acts
	}
	return value != "" && !strings.EqualFold(value, acts)
}

// warnHits is one warning for one row, whatever the number of keys that it covers.
func (r *reader) warnHits(k Key, hits []Property) {
	text := "ignored: " + k.About
	if len(hits) > 1 {
		names := make([]string, 0, len(hits)-1)
		for _, p := range hits[1:] {
			names = append(names, p.Key)
		}
		text += " (also " + strings.Join(names, ", ") + ")"
	}
	r.warnKey(hits[0].Key, text)
}

func knownKey(key, port string) bool {
	for _, k := range keyTable {
		if k.Matches(key, port) {
			return true
		}
	}
	return false
}
