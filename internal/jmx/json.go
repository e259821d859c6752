package jmx

import (
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Options are the choices of the JSON text.
type Options struct {
	// FilterNaN prints 0.0 in place of NaN, as Hadoop does with hadoop.http.jmx.nan-filter.enabled. Without it NaN and the
	// infinities are printed bare, as Java does, which most JSON readers refuse.
	FilterNaN bool
}

// printer writes JSON as Jackson's DefaultPrettyPrinter does: " : " after a name, two blanks per level of object, arrays
// on one line with blanks inside the brackets.
type printer struct {
	buf  []byte
	deep int  // levels of objects around
	any  bool // the innermost object has a member already
	opts Options
}

func (p *printer) open() {
	p.buf = append(p.buf, '{')
	p.deep++
	p.any = false
}

// name starts a member of the innermost object.
func (p *printer) name(s string) {
	if p.any {
		p.buf = append(p.buf, ',')
	}
	p.newline()
	p.quote(s)
	p.buf = append(p.buf, " : "...)
	p.any = true
}

func (p *printer) close() {
	p.deep--
	if p.any {
		p.newline()
	} else {
		p.buf = append(p.buf, ' ')
	}
	p.buf = append(p.buf, '}')
	p.any = true
}

func (p *printer) newline() {
	p.buf = append(p.buf, '\n')
	for range p.deep {
		p.buf = append(p.buf, "  "...)
	}
}

func (p *printer) attrs(attrs []Attr) {
	p.open()
	for _, a := range attrs {
		p.name(a.Name)
		p.value(a.Value)
	}
	p.close()
}

// list prints n elements, each by a call of item.
func (p *printer) list(n int, item func(i int)) {
	p.buf = append(p.buf, "[ "...)
	for i := range n {
		if i > 0 {
			p.buf = append(p.buf, ", "...)
		}
		item(i)
	}
	if n > 0 {
		p.buf = append(p.buf, ' ')
	}
	p.buf = append(p.buf, ']')
}

func (p *printer) value(v any) {
	switch v := v.(type) {
	case nil:
		p.buf = append(p.buf, "null"...)
	case string:
		p.quote(v)
	case bool:
		p.buf = strconv.AppendBool(p.buf, v)
	case float64:
		p.float(v, 64)
	case float32:
		p.float(float64(v), 32)
	case Attrs:
		p.attrs(v)
	case []Attr:
		p.attrs(v)
	case fmt.Stringer:
		p.quote(v.String())
	default:
		p.reflected(reflect.ValueOf(v))
	}
}

func (p *printer) reflected(v reflect.Value) {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.buf = strconv.AppendInt(p.buf, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.buf = strconv.AppendUint(p.buf, v.Uint(), 10)
	case reflect.String:
		p.quote(v.String())
	case reflect.Slice, reflect.Array:
		p.list(v.Len(), func(i int) { p.value(v.Index(i).Interface()) })
	default:
		p.quote(fmt.Sprint(v.Interface()))
	}
}

func (p *printer) float(f float64, bits int) {
	if p.opts.FilterNaN && math.IsNaN(f) {
		f = 0
	}
	p.buf = append(p.buf, javaFloat(f, bits)...)
}

// javaFloat is Java's Double.toString (Float.toString for 32 bits): always a fraction, and an exponent below 1e-3 and
// from 1e7 on.
func javaFloat(f float64, bits int) string {
	switch a := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case a == 0 || a >= 1e-3 && a < 1e7:
		s := strconv.FormatFloat(f, 'f', -1, bits)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, bits), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, err := strconv.Atoi(exp)
	if err != nil { // not possible: FormatFloat wrote it
		return mantissa + "E" + exp
	}
	return mantissa + "E" + strconv.Itoa(n)
}

// quote prints a JSON string with Jackson's escapes: quotes, backslashes and control characters, nothing else. Bytes that
// are not UTF-8 become U+FFFD.
func (p *printer) quote(s string) {
	p.buf = append(p.buf, '"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			p.buf = append(p.buf, '\\', byte(r))
		case '\b':
			p.buf = append(p.buf, `\b`...)
		case '\t':
			p.buf = append(p.buf, `\t`...)
		case '\n':
			p.buf = append(p.buf, `\n`...)
		case '\f':
			p.buf = append(p.buf, `\f`...)
		case '\r':
			p.buf = append(p.buf, `\r`...)
		default:
			if r < 0x20 {
				p.buf = append(p.buf, `\u00`...)
				p.buf = append(p.buf, strings.ToUpper(hex.EncodeToString([]byte{byte(r)}))...)
			} else {
				p.buf = utf8.AppendRune(p.buf, r)
			}
		}
	}
	p.buf = append(p.buf, '"')
}
