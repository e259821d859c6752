package storage

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage/vfs"
)

// TestParseLong has the rules of Java's Long.parseLong(BufferedReader.readLine()), but for numbers that no JournalNode writes.
func TestParseLong(t *testing.T) {
	good := map[string]int64{
		"1\n": 1, "0\n": 0, "7": 7, "+7\n": 7, "7\r\n8": 7, "7\r8": 7, "7\n\n": 7,
		"9223372036854775807": math.MaxInt64,
	}
	for in, want := range good {
		if got, err := parseLong([]byte(in)); err != nil || got != want {
			t.Errorf("%q: %d %v", in, got, err)
		}
	}
	bad := map[string]string{
		"":                        "Cannot parse null string",
		"\n7":                     `For input string: ""`,
		"007":                     `For input string: "007" is not as a JournalNode writes it: it was changed`,
		"-0\n":                    `For input string: "-0" is not as a JournalNode writes it: it was changed`,
		"-7\n":                    `For input string: "-7" is not as a JournalNode writes it: it was changed`,
		" 7":                      `For input string: " 7"`,
		"7 \n":                    `For input string: "7 "`,
		"0x7":                     `For input string: "0x7"`,
		"1_000":                   `For input string: "1_000"`,
		"9223372036854775808":     `For input string: "9223372036854775808"`,
		"\xff":                    "For input string: \"\uFFFD\"",
		strings.Repeat("a", 1000): `For input string: "` + strings.Repeat("a", 100) + `..."`,
	}
	for in, want := range bad {
		if got, err := parseLong([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%q: %d %v, want %s", in, got, err, want)
		}
	}
}

// FuzzLongFile: what was read and written again reads the same, and the first line alone decides.
func FuzzLongFile(f *testing.F) {
	for _, s := range []string{"1\n", "+7", "-12345\r\n8", "", "abc", "9223372036854775807"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := parseLong(data)
		if err != nil {
			return
		}
		if again, err := parseLong(formatLong(n)); err != nil || again != n {
			t.Fatalf("%d became %d %v", n, again, err)
		}
		if more, err := parseLong(append(data, "\nx"...)); err != nil || more != n {
			t.Fatalf("a second line changed %d to %d %v", n, more, err)
		}
	})
}

// FuzzPaxosRecord: no input does harm, and what was read and written again reads the same.
func FuzzPaxosRecord(f *testing.F) {
	real, err := os.ReadFile("testdata/hadoop-3.4.2/current/paxos/16")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(real, int64(16))
	f.Add([]byte{}, int64(1))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x0a}, int64(1))
	f.Fuzz(func(t *testing.T, data []byte, first int64) {
		r, err := parsePaxos(data, TxID(first))
		if err != nil {
			return
		}
		if r.Start != TxID(first) {
			t.Fatalf("record of %d taken for %d", r.Start, first)
		}
		b, err := appendPaxos(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parsePaxos(b, TxID(first)); err != nil || again != r {
			t.Fatalf("%+v became %+v %v", r, again, err)
		}
	})
}

// TestPaxosErrors has the classes of Journal.getPersistedPaxosData.
func TestPaxosErrors(t *testing.T) {
	good, err := appendPaxos(nil, PaxosRecord{Start: 16, End: 19, AcceptedIn: 2})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		data  string
		first TxID
		class javaerr.Class
		words string
	}{
		{"empty", "", 16, javaerr.IllegalState, "Bad persisted data for segment 16: null"},
		{"another segment", string(good), 17, javaerr.IllegalState,
			"Bad persisted data for segment 17: segmentState {\n  startTxId: 16\n  endTxId: 19\n  isInProgress: false\n}\n" +
				"acceptedInEpoch: 2\n"},
		{"cut off", string(good[:8]), 16, javaerr.InvalidProtocolBuffer, "While parsing a protocol message"},
		{"length without an end", strings.Repeat("\x80", 20), 16, javaerr.InvalidProtocolBuffer, "While parsing"},
		{"huge length", "\xff\xff\xff\xff\x07abc", 16, javaerr.InvalidProtocolBuffer, "While parsing"},
		{"required field missing", "\x02\x10\x02", 16, javaerr.InvalidProtocolBuffer, "recovery record of segment 16"},
		{"garbage", "\x03\xff\xff\xff", 16, javaerr.InvalidProtocolBuffer, "recovery record of segment 16"},
		{"no message at all", "\x00\n", 16, javaerr.InvalidProtocolBuffer, "recovery record of segment 16"},
	}
	for _, tt := range tests {
		_, err := parsePaxos([]byte(tt.data), tt.first)
		if err == nil || javaerr.ClassOf(err) != tt.class || !strings.HasPrefix(err.Error(), tt.words) {
			t.Errorf("%s: %s %v, want %s %s", tt.name, javaerr.ClassOf(err), err, tt.class, tt.words)
		}
	}
	if r, err := parsePaxos(append(good, "whatever"...), 16); err != nil || r.End != 19 {
		t.Errorf("what follows the message was looked at: %v %v", r, err)
	}
}

// traced is a Mem that records its operations but for reads.
func traced(t *testing.T) (fsys vfs.FS, trace func() string) {
	t.Helper()
	mem := vfs.NewMem()
	if err := mem.MkdirAll("/r", 0o755); err != nil {
		t.Fatal(err)
	}
	var ops []string
	fsys = vfs.Inject(mem, func(op vfs.Op) error {
		switch op.Kind {
		case "writeat", "sync", "syncdata", "rename", "syncdir", "truncate", "remove", "mkdir":
			ops = append(ops, op.Kind+" "+op.Path)
		}
		return nil
	})
	return fsys, func() string {
		all := strings.Join(ops, "; ")
		ops = nil
		return all
	}
}

// TestLongFileIsDurableWhenSetReturns: file before rename, directory after, and nothing at all for an equal value.
func TestLongFileIsDurableWhenSetReturns(t *testing.T) {
	fsys, trace := traced(t)
	f := longFile{fs: fsys, path: "/r/last-promised-epoch"}
	if n, err := f.get(); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if err := f.set(0); err != nil || trace() != "" {
		t.Errorf("an unchanged value was written: %v", err)
	}
	if err := f.set(3); err != nil {
		t.Fatal(err)
	}
	const tmp = "/r/last-promised-epoch.tmp"
	const want = "writeat " + tmp + "; sync " + tmp + "; rename " + tmp + "; syncdir /r"
	if got := trace(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err := f.set(3); err != nil || trace() != "" {
		t.Errorf("an unchanged value was written: %v", err)
	}
}

// TestHintFile has the rules of Java's BestEffortLongFile, but that reading creates nothing.
func TestHintFile(t *testing.T) {
	fsys, trace := traced(t)
	f := hintFile{fs: fsys, path: "/r/committed-txid"}
	defer func() { _ = f.close() }()
	if n, err := f.get(-12345); n != -12345 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := fsys.Stat(f.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading created the file: %v", err)
	}
	for _, n := range []int64{18, 18, 25, 3} {
		if err := f.set(n, -12345); err != nil {
			t.Fatal(err)
		}
	}
	w := "writeat /r/committed-txid"
	if got := trace(); got != w+"; "+w+"; "+w {
		t.Errorf("got %s", got)
	}
	data, err := readSmallFile(fsys, f.path)
	if err != nil || string(data) != "\x00\x00\x00\x00\x00\x00\x00\x03" {
		t.Errorf("%q %v", data, err)
	}
	if err := f.set(-12345, -12345); err != nil {
		t.Fatal(err)
	}
	if data, _ := readSmallFile(fsys, f.path); string(data) != "\xff\xff\xff\xff\xff\xff\xcf\xc7" {
		t.Errorf("%q", data)
	}
}

// TestHintFileAfterATornWrite: one to seven bytes would make every later call fail, in Java too.
func TestHintFileAfterATornWrite(t *testing.T) {
	for _, before := range []int64{-12345, 7} {
		mem := vfs.NewMem()
		armed := false
		fsys := vfs.Inject(mem, func(op vfs.Op) error {
			if armed && op.Kind == "writeat" {
				return &vfs.Torn{Bytes: 3, Err: errors.New("disk full")}
			}
			return nil
		})
		f := hintFile{fs: fsys, path: "/committed-txid"}
		if err := f.set(before, -12345); err != nil {
			t.Fatal(err)
		}
		armed = true
		if err := f.set(9, -12345); err == nil {
			t.Fatal("no error")
		}
		if n, err := f.get(-12345); err != nil || before == -12345 && n != before {
			t.Errorf("after a torn write over %d: %d %v", before, n, err)
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
	}
}
