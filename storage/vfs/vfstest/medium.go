package vfstest

import (
	"bytes"
	"io"
	"io/fs"
	"os"

	"gojn/storage/vfs"
)

// medium: what was synced can be read from the medium, whole and in parts.
func (s *suite) medium() {
	want := bytes.Repeat([]byte("0123456789"), 1000)
	f := s.openFile("a", os.O_RDWR|os.O_CREATE)
	_, err := f.WriteAt(want, 0)
	s.ok(err)
	s.ok(f.SyncData())
	s.hasMedium("a", want)
	_, err = f.WriteAt([]byte("x"), 9000)
	s.ok(err)
	s.ok(f.Truncate(9500))
	s.ok(f.Sync())
	want[9000] = 'x'
	s.hasMedium("a", want[:9500])
	s.hasMedium("a", want[:9500])
	s.write("empty", "")
	s.hasMedium("empty", nil)
	_, err = s.fs.OpenMedium(s.path("none"))
	s.is(err, fs.ErrNotExist)
}

func (s *suite) hasMedium(name string, want []byte) {
	s.Helper()
	m, err := s.fs.OpenMedium(s.path(name))
	s.ok(err)
	got, err := io.ReadAll(io.NewSectionReader(m, 0, 1<<40))
	if err != nil || !bytes.Equal(got, want) || m.Size() != int64(len(want)) {
		s.Errorf("the medium of %s holds %d bytes of %d, %v; want %d", name, len(got), m.Size(), err, len(want))
	}
	if len(want) > 0 {
		s.mediumPart(m, want)
	}
	s.ok(m.Close())
}

func (s *suite) mediumPart(m vfs.Medium, want []byte) {
	s.Helper()
	b := make([]byte, 3000)
	at := len(want) - 2000
	n, err := m.ReadAt(b, int64(at))
	if n != 2000 || err != io.EOF || !bytes.Equal(b[:n], want[at:]) { //nolint:errorlint // io.ReaderAt
		s.Errorf("%d bytes read at %d of %d: %v", n, at, len(want), err)
	}
}
