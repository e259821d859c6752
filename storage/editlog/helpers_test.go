package editlog_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gojn/storage/editlog"
)

// frame makes a good frame.
func frame(op byte, txid editlog.TxID, body []byte) []byte {
	b := []byte{op}
	b = binary.BigEndian.AppendUint32(b, uint32(8+len(body)+4))
	b = binary.BigEndian.AppendUint64(b, uint64(txid))
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// segment makes a file of the newest layout with the given parts behind its header.
func segment(parts ...[]byte) []byte {
	return append(editlog.AppendHeader(nil, -67), bytes.Join(parts, nil)...)
}

func padding(n int) []byte { return bytes.Repeat([]byte{0xFF}, n) }

// readSegment reads a fixture, unpacked if it is packed.
func readSegment(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func glob(t testing.TB, pattern string, want int) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) != want {
		t.Fatalf("%s: %d files, want %d (%v)", pattern, len(paths), want, err)
	}
	return paths
}

func scan(t testing.TB, b []byte) editlog.Scan {
	t.Helper()
	s, err := editlog.ScanSegment(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
