package vfs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"gojn/storage/vfs"
	"gojn/storage/vfs/vfstest"
)

const (
	pageSize = 4096
	markLen  = 32
)

// mark begins a page; no other bytes of a device look like it.
func mark(generation string, page int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", generation, page))
	return append(append([]byte{}, anyMark...), sum[:markLen-len(anyMark)]...)
}

var anyMark = []byte("\xf1gojn\x9d\xe3\x07")

// pages are size bytes, each page with its mark, which a compression leaves as it is, and nothing worth storing behind it.
func pages(generation string, size int) []byte {
	data := make([]byte, size)
	for i := 0; i < size; i += pageSize {
		binary.BigEndian.PutUint64(data[i:], 1)
		copy(data[i:], mark(generation, i/pageSize))
	}
	return data
}

// marked counts the pages that begin with a generation's mark.
func marked(generation string, data []byte) (n int) {
	for i := 0; i+markLen <= len(data); i += pageSize {
		if bytes.Equal(data[i:i+markLen], mark(generation, i/pageSize)) {
			n++
		}
	}
	return n
}

// changeMedium gives all pages of a generation another mark on the device, where they are found.
func changeMedium(t *testing.T, d *vfstest.Disk, from, to string, size int) {
	t.Helper()
	image := d.Image()
	all := (size + pageSize - 1) / pageSize
	pageOf := make(map[string]int, all)
	for page := range all {
		pageOf[string(mark(from, page))] = page
	}
	found := make(map[int]bool)
	for at := 0; ; at += markLen {
		i := bytes.Index(image[at:], anyMark)
		if i < 0 || at+i+markLen > len(image) {
			break
		}
		at += i
		page, ok := pageOf[string(image[at:at+markLen])]
		if !ok {
			continue
		}
		if _, err := d.Backing.WriteAt(mark(to, page), int64(at)); err != nil {
			t.Fatal(err)
		}
		found[page] = true
	}
	if len(found) < all {
		t.Fatalf("%d of %d pages were found on the device", len(found), all)
	}
}

// told is what OpenMedium and a read of everything say, in a word or two.
func told(name string) string {
	m, err := vfs.OS().OpenMedium(name)
	if err != nil {
		return toldError(err)
	}
	data, err := io.ReadAll(io.NewSectionReader(m, 0, 1<<40))
	if err := errors.Join(err, m.Close()); err != nil {
		return toldError(err)
	}
	all := (int(m.Size()) + pageSize - 1) / pageSize
	switch {
	case marked("new "+filepath.Base(name), data) == all && int64(len(data)) == m.Size():
		return toldMedium
	case marked("old "+filepath.Base(name), data) > 0:
		return fmt.Sprintf("%d of %d pages of the cache", marked("old "+filepath.Base(name), data), all)
	}
	return fmt.Sprintf("%d bytes of %d", len(data), m.Size())
}

const (
	toldMedium = "the medium"
	toldNone   = "ErrNoMedium"
	toldEIO    = "EIO" // right where the file system has checksums of its own, which the change of the medium does not fit
)

func toldError(err error) string {
	switch {
	case errors.Is(err, vfs.ErrNoMedium):
		return toldNone
	case errors.Is(err, unix.EIO):
		return toldEIO
	}
	return err.Error()
}

// On each kind of file system that this kernel has: where medium and page cache differ OpenMedium tells the medium, or that it
// cannot; also while somebody has the file mapped, and so in the cache.
func TestMediumOnFileSystems(t *testing.T) {
	for _, kind := range vfstest.FileSystems() {
		t.Run(kind.Name, func(t *testing.T) {
			d := vfstest.NewDisk(t, kind)
			sizes := []int{5000, 3<<20 + 700} // less may lie within btrfs's metadata, which are read once, when it is mounted
			for _, use := range []string{"free", "mapped"} {
				for i, size := range sizes {
					writeSynced(t, filepath.Join(d.Dir, fmt.Sprint(use, i)), pages("old "+fmt.Sprint(use, i), size))
				}
			}
			d.Remount() // so that all is where it stays, in no journal
			for _, use := range []string{"free", "mapped"} {
				for i, size := range sizes {
					checkMedium(t, d, kind, fmt.Sprint(use, i), size, use == "mapped")
				}
			}
		})
	}
}

func checkMedium(t *testing.T, d *vfstest.Disk, kind vfstest.FileSystem, file string, size int, mapped bool) {
	t.Helper()
	name := filepath.Join(d.Dir, file)
	cached, err := os.ReadFile(name) // into the cache
	if err != nil {
		t.Fatal(err)
	}
	if mapped {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		mapping, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := unix.Munmap(mapping); err != nil {
				t.Error(err)
			}
		}()
	}
	changeMedium(t, d, "old "+file, "new "+file, size)
	if again, err := os.ReadFile(name); err != nil || !bytes.Equal(again, cached) {
		t.Skipf("the page cache of this machine was dropped meanwhile: %v", err)
	}
	says := told(name)
	t.Logf("%s, %d bytes, mapped %t: %s", kind.Name, size, mapped, says)
	checksums := kind.Kind == "btrfs" && kind.Options != "nodatacow"
	switch says {
	case toldMedium:
	case toldEIO:
		if !checksums {
			t.Errorf("%s: %s", file, says)
		}
	case toldNone:
		if !mapped {
			t.Errorf("%s: %s though nobody uses it", file, says)
		}
	default:
		t.Errorf("%s: OpenMedium gave %s", file, says)
	}
}

// A device that takes no writes any more: what it refused is read of no file system, whichever way that gives up.
func TestMediumOfAFailedDevice(t *testing.T) {
	for _, kind := range vfstest.FileSystems() {
		t.Run(kind.Name, func(t *testing.T) {
			d := vfstest.NewSealableDisk(t, kind)
			const size = 1 << 20
			name := filepath.Join(d.Dir, "f")
			writeSynced(t, name, pages("new f", size)) // which is what the device has, and told calls it so
			f, err := vfs.OS().OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			d.Seal()
			if _, err := f.WriteAt(pages("old f", size), 0); err != nil {
				t.Fatal(err)
			}
			if f.SyncData() == nil {
				t.Fatal("a sync that the device refused succeeded")
			}
			if cached, err := os.ReadFile(name); err != nil || marked("old f", cached) == 0 {
				t.Fatalf("the cache does not show what was refused: %v", err)
			}
			for range 2 { // the second time the file system may have given up, and read nothing at all
				says := told(name)
				t.Logf("%s: %s", kind.Name, says)
				switch {
				case says == toldMedium, says == toldEIO:
				case says == toldNone && kind.Options == "data=journal": // what it holds dirty stays in the cache
				default:
					t.Errorf("OpenMedium gave %s", says)
				}
				if again, err := os.Open(name); err == nil { // as another process does
					_, _ = again.Sync(), again.Close()
				}
			}
		})
	}
}
