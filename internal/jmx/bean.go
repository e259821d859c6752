// Package jmx shows this process's numbers as a Java process shows its management beans over HTTP: named beans with
// ordered attributes, ObjectName patterns to choose among them, and the JSON text of Hadoop's
// org.apache.hadoop.jmx.JMXJsonServlet. It is a leaf: it knows nothing of journals or of HTTP.
package jmx

// Bean is one management bean. It is a plain value; whoever makes a []Bean hands it over for good.
type Bean struct {
	// Name is a concrete ObjectName such as "Hadoop:service=JournalNode,name=JournalNodeInfo". It is printed as given; for
	// matching, the order of its properties does not count.
	Name string
	// ModelerType is the Java class, or for metrics the record's name ("Journal-ns1"). Never empty: monitoring agents
	// take a bean without it for broken.
	ModelerType string
	// Attrs are printed in this order.
	Attrs []Attr
}

// Attr is one attribute of a Bean. Value is nil (null), a string, a bool, any integer type, float32, float64, a slice of
// such values ([]any or typed), Attrs (an object, Java's CompositeData), or a fmt.Stringer; anything else is printed as a
// string by fmt.Sprint.
type Attr struct {
	Name  string
	Value any
}

// Attrs is a nested object with ordered keys.
type Attrs []Attr

// attr finds an attribute by name; a Java MXBean has each name once.
func (b *Bean) attr(name string) (any, bool) {
	for _, a := range b.Attrs {
		if a.Name == name {
			return a.Value, true
		}
	}
	return nil, false
}
