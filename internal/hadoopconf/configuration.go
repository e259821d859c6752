package hadoopconf

import (
	"slices"
	"strings"
)

// Property is one property of a Configuration as it was set.
type Property struct {
	Key   string
	Value string // before expansion; what Get returns is after it
	// Sources is where the value comes from: the resource last, before it what <source> elements claim. Hadoop's names:
	// core-default.xml, hdfs-site.xml, the path of a -conf file, "from command line".
	Sources []string
	Origin  string // file:line of the element, empty for defaults and -D
	Final   bool
}

// Source is the last of Sources: who set the value in the end.
func (p Property) Source() string {
	if len(p.Sources) == 0 {
		return ""
	}
	return p.Sources[len(p.Sources)-1]
}

// IsDefault tells whether the value is Hadoop's own, from core-default.xml or hdfs-default.xml, and not the user's.
func (p Property) IsDefault() bool {
	return p.Origin == "" && (p.Source() == string(CoreDefault) || p.Source() == string(HDFSDefault))
}

// where is Source with the line, for messages.
func (p Property) where() string {
	if p.Origin != "" {
		return p.Origin
	}
	return p.Source()
}

// Configuration is Hadoop's org.apache.hadoop.conf.Configuration after all resources are read: immutable, safe for
// concurrent use. Keys may be given by their deprecated names.
type Configuration struct {
	release  Release
	props    map[string]Property
	site     map[string]Property // before -conf and -D
	finals   map[string]bool     // keys that <final> closed, with a value or without
	warnings []Warning
	env      func(string) (string, bool)
	system   map[string]string
	options  Options // what it was loaded by, for Resource
}

// Release tells whose rules the configuration was read by; never ReleaseFromKey.
func (c *Configuration) Release() Release { return c.release }

// Warnings lists what was noticed while the resources were read. They may hold secrets, which ReadJournalNode takes out.
func (c *Configuration) Warnings() []Warning { return slices.Clone(c.warnings) }

// Property gives one property as it was set; ok is false if nobody set it.
func (c *Configuration) Property(key string) (p Property, ok bool) {
	p, ok = c.props[currentName(strings.TrimSpace(key))]
	p.Sources = slices.Clone(p.Sources)
	return p, ok
}

// Properties lists all properties, those of the embedded defaults included, sorted by key.
func (c *Configuration) Properties() []Property {
	list := make([]Property, 0, len(c.props))
	for _, p := range c.props {
		p.Sources = slices.Clone(p.Sources)
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Property) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// Get gives a value after expansion of ${var}, not trimmed (Configuration.get); ok is false if the key is not set. The
// error is a *KeyError: an expansion that does not come to an end.
func (c *Configuration) Get(key string) (value string, ok bool, err error) {
	return c.get(c.props, key)
}

func (c *Configuration) get(props map[string]Property, key string) (value string, ok bool, err error) {
	p, ok := props[currentName(strings.TrimSpace(key))]
	if !ok {
		return "", false, nil
	}
	value, err = c.substitute(p.Value)
	if err != nil {
		return "", true, &KeyError{Key: p.Key, Value: p.Value, Source: p.where(),
			Reason: err.Error(), Remedy: "remove the loop between these variables"}
	}
	return value, true, nil
}

// Trimmed is Get without surrounding blanks (Configuration.getTrimmed).
func (c *Configuration) Trimmed(key string) (value string, ok bool, err error) {
	value, ok, err = c.Get(key)
	return javaTrim(value), ok, err
}
