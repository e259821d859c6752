package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// classFile is what discovery wants of a compiled Java class (JVM specification, chapter 4).
type classFile struct {
	name  string // with slashes and, for nested classes, $
	super string
	// words are all strings of the constant pool: names of classes, descriptors, strings.
	words map[string]bool
	// calls are the methods that it names, as class.method.
	calls map[string]bool
}

var errClassFile = errors.New("not a class file")

// sizes of the constant pool's entries behind their tag, but for Utf8 (1).
var constantSizes = map[byte]int{
	3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2,
}

// parseClass reads a class file as far as the name of its superclass.
func parseClass(text []byte) (*classFile, error) {
	if len(text) < 10 || binary.BigEndian.Uint32(text) != 0xCAFEBABE {
		return nil, errClassFile
	}
	count := int(binary.BigEndian.Uint16(text[8:]))
	rest := text[10:]
	words := make([]string, count)
	entries := make([][]byte, count) // with the tag; nil for Utf8
	for i := 1; i < count; i++ {
		if len(rest) < 3 {
			return nil, errClassFile
		}
		tag := rest[0]
		if tag == 1 {
			end := 3 + int(binary.BigEndian.Uint16(rest[1:]))
			if len(rest) < end {
				return nil, errClassFile
			}
			words[i] = string(rest[3:end])
			rest = rest[end:]
			continue
		}
		size, ok := constantSizes[tag]
		if !ok {
			return nil, fmt.Errorf("%w: constant with tag %d", errClassFile, tag)
		}
		if len(rest) < 1+size {
			return nil, errClassFile
		}
		entries[i] = rest[:1+size]
		rest = rest[1+size:]
		if tag == 5 || tag == 6 { // long and double take two places
			i++
		}
	}
	if len(rest) < 6 {
		return nil, errClassFile
	}
	// entry returns the two bytes at offset of constant i, if that is an entry with one of the tags.
	entry := func(i, offset int, tags string) int {
		if i <= 0 || i >= count || entries[i] == nil || !strings.ContainsRune(tags, rune(entries[i][0])) {
			return 0
		}
		return int(binary.BigEndian.Uint16(entries[i][offset:]))
	}
	word := func(i int) string {
		if i <= 0 || i >= count {
			return ""
		}
		return words[i]
	}
	class := func(i int) string { return word(entry(i, 1, "\x07")) }
	c := &classFile{
		name:  class(int(binary.BigEndian.Uint16(rest[2:]))),
		super: class(int(binary.BigEndian.Uint16(rest[4:]))),
		words: make(map[string]bool), calls: make(map[string]bool),
	}
	if c.name == "" {
		return nil, fmt.Errorf("%w: it has no name", errClassFile)
	}
	for i := range words {
		if words[i] != "" {
			c.words[words[i]] = true
		}
		if owner := class(entry(i, 1, "\x0a\x0b")); owner != "" {
			c.calls[owner+"."+word(entry(entry(i, 3, "\x0a\x0b"), 1, "\x0c"))] = true
		}
	}
	return c, nil
}

// names tells whether it refers to the class or to one nested in it, by a call, a field, a type or a literal.
func (c *classFile) names(class string) bool {
	for word := range c.words {
		for rest := word; ; {
			i := strings.Index(rest, class)
			if i < 0 {
				break
			}
			rest = rest[i+len(class):]
			if rest == "" || rest[0] == ';' || rest[0] == '$' {
				return true
			}
		}
	}
	return false
}
