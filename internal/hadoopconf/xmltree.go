package hadoopconf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits on what an XML resource may ask for; Hadoop's parsers have similar ones. No real configuration comes near.
const (
	maxResourceSize  = 16 << 20
	maxElementDepth  = 500
	maxIncludeDepth  = 32
	maxIncludedFiles = 1000
)

// element is one XML element. Comments and processing instructions are dropped and the text around them is joined.
type element struct {
	name     string // without prefix
	space    string
	file     string
	line     int
	attrs    []xml.Attr
	children []node
}

// node is a child: an element, or a piece of text. Text and a CDATA section beside it stay two nodes, since 2.7 tells
// them apart.
type node struct {
	elem  *element
	text  string
	cdata bool
}

// attr gives the attribute of that local name, whatever its prefix.
func (e *element) attr(name string) (string, bool) {
	for _, a := range e.attrs {
		if a.Name.Local == name && a.Name.Space != "xmlns" {
			return a.Value, true
		}
	}
	return "", false
}

// treeBuilder turns tokens into elements and enforces what encoding/xml leaves out but both of Hadoop's parsers demand:
// one root, nothing around it, bound prefixes, no attribute twice, an XML declaration only at the start.
type treeBuilder struct {
	file    string
	data    []byte
	dec     *xml.Decoder
	root    *element
	open    []*element
	spaces  map[string]bool // every namespace URI that was declared anywhere
	hadRoot bool
}

// parseXML reads one document; file is its name in errors, which are *LoadError.
func parseXML(file string, raw []byte) (*element, error) {
	data, err := toUTF8(raw)
	if err != nil {
		return nil, &LoadError{File: file, Line: 1, Err: err}
	}
	b := &treeBuilder{file: file, data: data, spaces: map[string]bool{"xml": true, "http://www.w3.org/XML/1998/namespace": true}}
	b.dec = xml.NewDecoder(bytes.NewReader(data))
	// The bytes are UTF-8 by now, whatever the declaration says.
	b.dec.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	for {
		start := b.dec.InputOffset()
		line, _ := b.dec.InputPos() // where the token begins, since text between tags is a token too
		tok, err := b.dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = b.add(tok, start, line)
		}
		if err != nil {
			return nil, xmlError(file, err, line)
		}
	}
	if b.root == nil {
		line, _ := b.dec.InputPos()
		return nil, xmlError(file, errors.New("no root element"), line)
	}
	return b.root, nil
}

func xmlError(file string, err error, line int) *LoadError {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return &LoadError{File: file, Line: syntax.Line, Err: fmt.Errorf("not well-formed XML: %s", syntax.Msg)}
	}
	return &LoadError{File: file, Line: line, Err: fmt.Errorf("not well-formed XML: %w", err)}
}

func (b *treeBuilder) add(tok xml.Token, start int64, line int) error {
	switch t := tok.(type) {
	case xml.StartElement:
		return b.startElement(t, line)
	case xml.EndElement:
		b.open = b.open[:len(b.open)-1]
	case xml.CharData:
		return b.text(string(t), bytes.HasPrefix(b.data[start:], []byte("<![CDATA[")))
	case xml.ProcInst:
		if t.Target == "xml" && start != 0 {
			return errors.New("an XML declaration that is not at the start of the file")
		}
	case xml.Directive:
		if b.hadRoot {
			return errors.New("a DOCTYPE after the root element began")
		}
		entities, err := internalEntities(string(t))
		if err != nil {
			return err
		}
		b.dec.Entity = entities
	}
	return nil
}

func (b *treeBuilder) startElement(t xml.StartElement, line int) error {
	if len(b.open) == 0 && b.hadRoot {
		return fmt.Errorf("a second root element <%s>", t.Name.Local)
	}
	if len(b.open) >= maxElementDepth {
		return fmt.Errorf("elements nested more than %d deep", maxElementDepth)
	}
	seen := make(map[xml.Name]bool, len(t.Attr))
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || (a.Name.Space == "" && a.Name.Local == "xmlns") {
			b.spaces[a.Value] = true
		}
		if seen[a.Name] {
			return fmt.Errorf("attribute %s twice in <%s>", a.Name.Local, t.Name.Local)
		}
		seen[a.Name] = true
	}
	// For a prefix that is bound to nothing encoding/xml leaves the prefix itself as the name space.
	if t.Name.Space != "" && !b.spaces[t.Name.Space] {
		return fmt.Errorf("undeclared name space prefix %s in <%s:%s>", t.Name.Space, t.Name.Space, t.Name.Local)
	}
	e := &element{name: t.Name.Local, space: t.Name.Space, file: b.file, line: line}
	for _, a := range t.Attr {
		if a.Name.Space != "" && a.Name.Space != "xmlns" && !b.spaces[a.Name.Space] {
			return fmt.Errorf("undeclared name space prefix %s at attribute %s", a.Name.Space, a.Name.Local)
		}
		a.Value = strings.NewReplacer("\n", " ", "\t", " ").Replace(a.Value) // XML 1.0, 3.3.3
		e.attrs = append(e.attrs, a)
	}
	if len(b.open) == 0 {
		b.root, b.hadRoot = e, true
	} else {
		parent := b.open[len(b.open)-1]
		parent.children = append(parent.children, node{elem: e})
	}
	b.open = append(b.open, e)
	return nil
}

func (b *treeBuilder) text(s string, cdata bool) error {
	if len(b.open) == 0 {
		if strings.Trim(s, " \t\r\n") != "" || cdata {
			return errors.New("text outside the root element")
		}
		return nil
	}
	e := b.open[len(b.open)-1]
	if n := len(e.children); n > 0 && !cdata && e.children[n-1].elem == nil && !e.children[n-1].cdata {
		e.children[n-1].text += s
		return nil
	}
	e.children = append(e.children, node{text: s, cdata: cdata})
	return nil
}
