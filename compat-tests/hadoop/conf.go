package hadoop

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Properties is one Hadoop configuration, key to value.
type Properties map[string]string

// With returns a copy with the others' keys added; later ones win.
func (p Properties) With(others ...Properties) Properties {
	all := maps.Clone(p)
	if all == nil {
		all = Properties{}
	}
	for _, other := range others {
		maps.Copy(all, other)
	}
	return all
}

type property struct {
	Name  string `xml:"name"`
	Value string `xml:"value"`
}

// write makes dir a configuration directory: everything in hdfs-site.xml, and the same in core-site.xml, because
// Hadoop's tools read one or the other.
func (p Properties) write(dir string) error {
	var file struct {
		XMLName    xml.Name   `xml:"configuration"`
		Properties []property `xml:"property"`
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		file.Properties = append(file.Properties, property{name, p[name]})
	}
	text, err := xml.MarshalIndent(file, "", "  ")
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	text = bytes.Join([][]byte{[]byte(xml.Header), text, []byte("\n")}, nil)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	for _, name := range []string{"core-site.xml", "hdfs-site.xml"} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
	}
	return nil
}
