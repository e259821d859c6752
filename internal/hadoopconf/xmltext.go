package hadoopconf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var encodingDecl = regexp.MustCompile(`^<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']`)

// toUTF8 gives a document as UTF-8 without byte order mark, from what its mark or its XML declaration says:
// UTF-8, UTF-16, US-ASCII or ISO-8859-1.
func toUTF8(raw []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return utf16ToUTF8(raw[2:], binary.BigEndian)
	case bytes.HasPrefix(raw, []byte("\xff\xfe")):
		return utf16ToUTF8(raw[2:], binary.LittleEndian)
	case bytes.HasPrefix(raw, []byte("\x00<\x00?")):
		return utf16ToUTF8(raw, binary.BigEndian)
	case bytes.HasPrefix(raw, []byte("<\x00?\x00")):
		return utf16ToUTF8(raw, binary.LittleEndian)
	}
	name := "UTF-8"
	if m := encodingDecl.FindSubmatch(raw); m != nil {
		name = string(m[1])
	}
	switch strings.ToUpper(name) {
	case "UTF-8", "UTF8":
		if !utf8.Valid(raw) {
			return nil, errors.New("not valid UTF-8 (an XML declaration may name another encoding)")
		}
		return raw, nil
	case "US-ASCII", "ASCII":
		for _, c := range raw {
			if c >= 0x80 {
				return nil, fmt.Errorf("byte 0x%02x in a file that declares encoding %s", c, name)
			}
		}
		return raw, nil
	case "ISO-8859-1", "LATIN1":
		out := make([]byte, 0, len(raw)+len(raw)/8)
		for _, c := range raw {
			out = utf8.AppendRune(out, rune(c))
		}
		return out, nil
	}
	return nil, fmt.Errorf("unsupported encoding %s: save the file as UTF-8", name)
}

func utf16ToUTF8(raw []byte, order binary.ByteOrder) ([]byte, error) {
	if len(raw)%2 != 0 {
		return nil, errors.New("UTF-16 file of odd length")
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = order.Uint16(raw[2*i:])
	}
	return []byte(string(utf16.Decode(units))), nil
}

var (
	entityDecl = regexp.MustCompile(`<!ENTITY\s+([A-Za-z_:][\w:.-]*)\s+(?:"([^"]*)"|'([^']*)')\s*>`)
	entityRef  = regexp.MustCompile(`&([A-Za-z_:][\w:.-]*);`)
)

// maxEntityText bounds what the entities of a document may expand to, all together.
const maxEntityText = 64 << 10

// internalEntities reads the entities that a DOCTYPE declares with their text in it. Those kept in other files are not
// read; a reference to one is an error where it stands, since it is unknown there. Declarations without an internal
// subset mean nothing to us: no configuration is validated.
func internalEntities(directive string) (map[string]string, error) {
	if !strings.HasPrefix(directive, "DOCTYPE") {
		return nil, fmt.Errorf("unexpected <!%.20s", directive)
	}
	entities := map[string]string{}
	total := 0
	for _, m := range entityDecl.FindAllStringSubmatch(directive, -1) {
		name, text := m[1], m[2]+m[3]
		if _, ok := entities[name]; ok {
			continue // XML 1.0, 4.2: the first declaration counts
		}
		text = entityRef.ReplaceAllStringFunc(text, func(ref string) string {
			known, ok := entities[ref[1:len(ref)-1]]
			if !ok || total > maxEntityText {
				return ref
			}
			total += len(known)
			return known
		})
		if total += len(text); total > maxEntityText {
			return nil, errors.New("entities expand to too much text")
		}
		if strings.ContainsAny(text, "<&") {
			return nil, fmt.Errorf("entity %s contains markup or an unknown entity, which is not supported", name)
		}
		entities[name] = text
	}
	return entities, nil
}
