package storage

import (
	"maps"
	"strings"
	"testing"
	"time"

	"gojn/internal/javaerr"
	"gojn/storage/vfs"
)

// TestParseProperties has the rules of java.util.Properties.load.
func TestParseProperties(t *testing.T) {
	tests := []struct {
		name, in string
		want     map[string]string
	}{
		{"separators", "a=1\nb:2\nc 3\nd\t=\f4\ne  5 = 6", map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5 = 6"}},
		{"blanks around", "  a =  1  \n\t\fb=2", map[string]string{"a": "1  ", "b": "2"}},
		{"no value", "a\nb=\nc:\n=d", map[string]string{"a": "", "b": "", "c": "", "": "d"}},
		{"comments and blank lines", "#a=1\n  !b=2\n\n \t\nc=3#4", map[string]string{"c": "3#4"}},
		{"a comment does not continue", "#a\\\nb=2", map[string]string{"b": "2"}},
		{"line ends", "a=1\rb=2\r\nc=3\n\rd=4", map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}},
		{"continuation", "a=1\\\n   2\\\r\n\t3\nb=\\\\\nc=3", map[string]string{"a": "123", "b": `\`, "c": "3"}},
		{"continuation at the end", "a=1\\", map[string]string{"a": "1"}},
		{"nothing continued", "\\\n#a=1\n \\\n\n\\\r\nb=2", map[string]string{"b": "2"}},
		{"nothing continued at the end", "a=1\n\\\n", map[string]string{"a": "1"}}, // Java: and an empty key, sometimes
		{"continuation over a comment sign", "a=1\\\n#2", map[string]string{"a": "1#2"}},
		{"escapes", `a\ b\:\=c=\t\n\r\f\q\:\u0041\u00e9`, map[string]string{"a b:=c": "\t\n\r\fq:A\u00e9"}},
		{"surrogate pair", `a=\ud83d\ude00`, map[string]string{"a": "\U0001F600"}},
		{"Latin-1", "a=\xe9", map[string]string{"a": "\u00e9"}},
		{"last one wins", "a=1\na=2", map[string]string{"a": "2"}},
		{"nothing", "", map[string]string{}},
	}
	for _, tt := range tests {
		in := []byte(tt.in)
		got, err := parseProperties(in)
		if err != nil || !maps.Equal(got, tt.want) {
			t.Errorf("%s: %q %v, want %q", tt.name, got, err, tt.want)
		}
		if string(in) != tt.in {
			t.Errorf("%s: the input was changed", tt.name)
		}
	}
	for _, in := range []string{`a=\u12`, `a=\u12g4`, `\u=1`, `a=\u+123`} {
		if got, err := parseProperties([]byte(in)); err == nil {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// TestFormatVersion has the escapes of java.util.Properties.store.
func TestFormatVersion(t *testing.T) {
	tests := []struct{ id, want string }{
		{"CID-1", "CID-1"},
		{"a:b=c#d!e\\f", `a\:b\=c\#d\!e\\f`},
		{"  a b ", `\  a b `},
		{"\t\n\r\f\x00\x7f", `\t\n\r\f\u0000\u007F`},
		{"\u00e9\u20ac\U0001F600", `\u00E9\u20AC\uD83D\uDE00`},
		{"", ""},
	}
	zone := time.FixedZone("CEST", 2*3600)
	now := time.Date(2026, 2, 3, 4, 5, 6, 7, zone)
	for _, tt := range tests {
		got := string(formatVersion(StorageInfo{LayoutVersion: -67, NamespaceID: -5, ClusterID: tt.id, CTime: -1}, now))
		want := "#Tue Feb 03 04:05:06 CEST 2026\nnamespaceID=-5\nstorageType=JOURNAL_NODE\ncTime=-1\nclusterID=" +
			tt.want + "\nlayoutVersion=-67\n"
		if got != want {
			t.Errorf("%q:\n%s\nwant\n%s", tt.id, got, want)
		}
	}
}

func versionOn(data string) vfs.FS {
	mem := vfs.NewMem()
	_ = mem.MkdirAll("/r/current", 0o755)
	_ = writeFileSync(mem, "/r/current/VERSION", []byte(data))
	return mem
}

// TestReadVersionErrors has the checks of StorageInfo.setFieldsFromProperties in their order.
func TestReadVersionErrors(t *testing.T) {
	const good = "layoutVersion=-67\nnamespaceID=5\ncTime=0\nclusterID=c\nstorageType=JOURNAL_NODE\n"
	const root = "Directory /r is in an inconsistent state: "
	tests := []struct {
		name, from, to string
		class          javaerr.Class
		words          string
	}{
		{"no layoutVersion", "layoutVersion=-67\nnamespaceID=5", "", javaerr.InconsistentFSState,
			root + "file VERSION has layoutVersion missing."},
		{"no namespaceID", "namespaceID=5\ncTime=0", "", javaerr.InconsistentFSState, root + "file VERSION has namespaceID missing."},
		{"no cTime", "cTime=0\nclusterID=c", "", javaerr.InconsistentFSState, root + "file VERSION has cTime missing."},
		{"no clusterID", "clusterID=c\nstorageType=JOURNAL_NODE", "", javaerr.InconsistentFSState,
			root + "file VERSION has clusterID missing."},
		{"no storageType", "storageType=JOURNAL_NODE", "", javaerr.InconsistentFSState, root + "file VERSION has storageType missing."},
		{"layoutVersion a word", "-67", "x", numberFormat, `For input string: "x"`},
		{"layoutVersion too small", "-67", "-2147483649", numberFormat, `For input string: "-2147483649"`},
		{"namespaceID with a blank", "=5", "=5 ", numberFormat, `For input string: "5 "`},
		{"cTime empty", "cTime=0", "cTime=", numberFormat, `For input string: ""`},
		{"bad escape", "clusterID=c", `clusterID=\u00`, javaerr.IllegalArgument, `Malformed \uxxxx encoding.`},
	}
	for _, tt := range tests {
		_, err := readVersion(versionOn(strings.Replace(good, tt.from, tt.to, 1)), "/r", "/r/current")
		if err == nil || javaerr.ClassOf(err) != tt.class || !strings.HasPrefix(err.Error(), tt.words) {
			t.Errorf("%s: %s %v, want %s %s", tt.name, javaerr.ClassOf(err), err, tt.class, tt.words)
		}
	}
	if info, err := readVersion(versionOn(good), "/r", "/r/current"); err != nil || info.NamespaceID != 5 {
		t.Errorf("the good one: %v %v", info, err)
	}
	// A comment as long as Java takes it hides nothing, and of a file that is too long no part counts.
	for size, served := range map[int]bool{versionLimit - len(good) - 2: true, versionLimit - len(good) - 1: false} {
		long := "#" + strings.Repeat("x", size) + "\n" + good
		info, err := readVersion(versionOn(long), "/r", "/r/current")
		if served != (err == nil && info.ClusterID == "c") || !served && javaerr.ClassOf(err) != javaerr.IOException {
			t.Errorf("%d bytes: %v %v", len(long), info, err)
		}
	}
}

// FuzzVersion: what was read and written again reads the same.
func FuzzVersion(f *testing.F) {
	f.Add([]byte("#Sat Nov 21 22:30:51 UTC 2026\nnamespaceID=1073741825\nstorageType=JOURNAL_NODE\ncTime=1500000000000\n" +
		"clusterID=CID-11111111-2222-3333-4444-555555555555\nlayoutVersion=-67\n"))
	f.Add([]byte("layoutVersion: -63\nclusterID = CID\\-x\\:y \\u20ac\nnamespaceID 5\ncTime=\\\n 7\rstorageType=JOURNAL_NODE"))
	f.Add([]byte("layoutVersion=-1\nclusterID=\\ud83d x\\\\\\\n#y\nnamespaceID=5\ncTime=7\nstorageType=JOURNAL_NODE"))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := readVersion(versionOn(string(data)), "/r", "/r/current")
		if err != nil {
			return
		}
		again, err := readVersion(versionOn(string(formatVersion(info, time.Unix(0, 0)))), "/r", "/r/current")
		if err != nil || again != info {
			t.Fatalf("read %+v, wrote, read %+v %v", info, again, err)
		}
	})
}
