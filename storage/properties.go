package storage

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
)

// This file reads and writes the text of java.util.Properties (Properties.load and store over streams): ISO-8859-1 lines
// of key and value, with escapes, comments and continuation lines.

// parseProperties is Properties.load. It fails only on a malformed \u escape. Of a repeated key the last value counts.
func parseProperties(data []byte) (map[string]string, error) {
	props := make(map[string]string)
	for len(data) > 0 {
		var line []byte
		line, data = logicalLine(data)
		if line == nil {
			continue
		}
		rawKey, rawValue := splitProperty(line)
		key, err := unescape(rawKey)
		if err != nil {
			return nil, err
		}
		value, err := unescape(rawValue)
		if err != nil {
			return nil, err
		}
		props[key] = value
	}
	return props, nil
}

// logicalLine takes one property off data: a line without its leading blanks, joined with the lines that it continues on.
// It is nil for a comment and for a blank line.
func logicalLine(data []byte) (line, rest []byte) {
	line, rest = cutLine(data)
	line = trimBlanks(line)
	if len(line) == 0 || line[0] == '#' || line[0] == '!' {
		return nil, rest
	}
	for continues(line) {
		line = line[: len(line)-1 : len(line)-1] // the next append must not write into data
		if len(line) == 0 {
			return nil, rest // there is nothing to continue: what follows begins a line of its own
		}
		if len(rest) == 0 {
			break
		}
		var next []byte
		next, rest = cutLine(rest)
		line = append(line, trimBlanks(next)...)
	}
	return line, rest
}

// cutLine splits behind the first \n, \r or \r\n.
func cutLine(data []byte) (line, rest []byte) {
	for i, c := range data {
		switch {
		case c == '\r' && i+1 < len(data) && data[i+1] == '\n':
			return data[:i], data[i+2:]
		case c == '\r' || c == '\n':
			return data[:i], data[i+1:]
		}
	}
	return data, nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\f' }

func trimBlanks(line []byte) []byte {
	for len(line) > 0 && isBlank(line[0]) {
		line = line[1:]
	}
	return line
}

// continues tells whether line ends in a backslash that is not itself escaped.
func continues(line []byte) bool {
	n := 0
	for n < len(line) && line[len(line)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// splitProperty ends the key at the first unescaped '=', ':' or blank; blanks around one '=' or ':' belong to neither side.
func splitProperty(line []byte) (key, value []byte) {
	end := 0
	for end < len(line) && line[end] != '=' && line[end] != ':' && !isBlank(line[end]) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	key, value = line[:end], trimBlanks(line[end:])
	if len(value) > 0 && (value[0] == '=' || value[0] == ':') {
		value = trimBlanks(value[1:])
	}
	return key, value
}

// unescape resolves backslashes; bytes are ISO-8859-1 characters and \u escapes UTF-16 units.
func unescape(raw []byte) (string, error) {
	units := make([]uint16, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' || i+1 == len(raw) {
			if c != '\\' { // Java drops a backslash that nothing follows
				units = append(units, uint16(c))
			}
			continue
		}
		i++
		switch c = raw[i]; c {
		case 'u':
			if len(raw)-i <= 4 {
				return "", errMalformedEscape
			}
			unit, err := strconv.ParseUint(string(raw[i+1:i+5]), 16, 16)
			if err != nil {
				return "", errMalformedEscape
			}
			units = append(units, uint16(unit))
			i += 4
		case 't':
			units = append(units, '\t')
		case 'r':
			units = append(units, '\r')
		case 'n':
			units = append(units, '\n')
		case 'f':
			units = append(units, '\f')
		default:
			units = append(units, uint16(c))
		}
	}
	return string(utf16.Decode(units)), nil
}

var errMalformedEscape = errors.New("Malformed \\uxxxx encoding.") //nolint:staticcheck,revive // Java's words

// appendProperty appends "key=value\n" as Properties.store writes it, for a key that needs no escapes.
func appendProperty(b []byte, key, value string) []byte {
	b = append(append(b, key...), '=')
	for i, unit := range utf16.Encode([]rune(value)) {
		switch {
		case unit == ' ' && i == 0:
			b = append(b, '\\', ' ')
		case unit == '\t':
			b = append(b, '\\', 't')
		case unit == '\n':
			b = append(b, '\\', 'n')
		case unit == '\r':
			b = append(b, '\\', 'r')
		case unit == '\f':
			b = append(b, '\\', 'f')
		case unit < 0x20 || unit > 0x7e:
			hex := strings.ToUpper(strconv.FormatUint(0x10000|uint64(unit), 16))
			b = append(append(b, '\\', 'u'), hex[1:]...)
		case strings.ContainsRune(`\=:#!`, rune(unit)):
			b = append(b, '\\', byte(unit))
		default:
			b = append(b, byte(unit))
		}
	}
	return append(b, '\n')
}
