package hadoopconf_test

import (
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gojn/internal/hadoopconf"
)

// lenient27 are texts that gojn reads under both releases as 3.4 does, and 2.7 did not.
var lenient27 = map[string]bool{"time\t5MS": true, "strings\ta\\nb": true, "set\ta\\nb": true}

// stricter are texts that Java reads and gojn refuses, or the other way round, each for a reason.
var stricter = map[string]string{
	"int\t٣": "digits other than 0-9 are a slip, not a number",
}

// TestGettersJava compares the parsers with what the real getters answered (testdata/getters/README.md).
func TestGettersJava(t *testing.T) {
	for version, lenient := range map[string]map[string]bool{"2.7.7": lenient27, "3.4.2": nil} {
		lines := strings.Split(strings.TrimSuffix(readAll(t, "testdata/getters/"+version+".txt"), "\n"), "\n")
		if len(lines) < 200 {
			t.Fatalf("%s: only %d lines", version, len(lines))
		}
		for _, line := range lines {
			f := strings.SplitN(line, "\t", 3)
			name := f[0] + "\t" + f[1]
			got := get(t, f[0], strings.ReplaceAll(f[1], `\n`, "\n"))
			got = strings.ReplaceAll(got, "\n", `\n`)
			f[2] = shortIPv6(f[2])
			if same := got == f[2]; same == (lenient[name] || stricter[name] != "") {
				t.Errorf("%s %q: gojn %q, Java %q", version, name, got, f[2])
			}
		}
	}
}

// shortIPv6 gives the short form of the IPv6 address that Java prints with all its zeros.
func shortIPv6(s string) string {
	host, port, ok := strings.Cut(s, " ")
	if a, err := netip.ParseAddr(host); ok && err == nil {
		return a.String() + " " + port
	}
	return s
}

// get prints what one getter makes of a text, as GetterDump.java does.
func get(t *testing.T, getter, text string) string {
	t.Helper()
	c := mustLoad(t, hadoopconf.Options{Defines: defines("k", text)})
	var v any
	var err error
	switch getter {
	case "int":
		v, err = c.Int("k", -7)
	case "long":
		v, err = c.Long("k", -7)
	case "bytes":
		v, err = c.LongBytes("k", -7)
	case "time":
		var d time.Duration
		d, err = c.TimeDuration("k", -7, time.Millisecond)
		v = d.Milliseconds()
		if d == math.MaxInt64 { // gojn's durations end at 292 years; Java's text is the number of milliseconds
			v = strings.TrimSpace(text)
		}
	case "bool":
		yes, _, err1 := c.Bool("k", true)
		no, _, err2 := c.Bool("k", false)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		v = fmt.Sprintf("%t/%t", yes, no)
	case "float":
		var f float32
		f, err = c.Float("k", -7)
		v = int32(math.Float32bits(f))
	case "strings":
		var list []string
		list, err = c.Strings("k")
		v = "[" + strings.Join(list, ", ") + "]"
	case "set":
		var list []string
		list, err = c.StringSet("k")
		v = "[" + strings.Join(list, ", ") + "]"
	case "address", "addressNoPort":
		port := map[string]int{"address": 99, "addressNoPort": hadoopconf.NoDefaultPort}[getter]
		var a hadoopconf.SocketAddress
		a, err = c.SocketAddr("k", "", port)
		v = fmt.Sprintf("%s %d", a.Host, a.Port)
	case "perm":
		var m fs.FileMode
		m, err = hadoopconf.ParsePermission(text)
		bits := m.Perm()
		if m&fs.ModeSticky != 0 {
			bits |= 0o1000
		}
		v = fmt.Sprintf("%o", bits)
	default:
		t.Fatalf("unknown getter %s", getter)
	}
	if err != nil {
		return "ERROR"
	}
	return fmt.Sprint(v)
}

func TestGettersDefaults(t *testing.T) {
	c := mustLoad(t, hadoopconf.Options{})
	if n, err := c.Int("k", 7); n != 7 || err != nil {
		t.Error(n, err)
	}
	if d, err := c.TimeDuration("k", time.Hour, time.Second); d != time.Hour || err != nil {
		t.Error(d, err)
	}
	if v, recognised, err := c.Bool("k", true); !v || !recognised || err != nil {
		t.Error(v, recognised, err)
	}
	if a, err := c.SocketAddr("k", "h:1", 0); a != addr("h", 1) || err != nil {
		t.Error(a, err)
	}
	if s := addr("::1", 5).String(); s != "[::1]:5" {
		t.Error(s)
	}
}
