package keystore

import (
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
)

// checkJKS walks over a JKS file, so that the library, which takes memory for any length that it reads, is only given
// lengths that the file has bytes for.
func checkJKS(data []byte) error {
	if len(data) < 12+sha1.Size {
		return errors.New("damaged key store: too short")
	}
	f := &frame{rest: data[4 : len(data)-sha1.Size]}
	version, entries := f.uint32(), f.uint32()
	if version != 1 && version != 2 {
		return fmt.Errorf("a JKS store of version %d, which is not known", version)
	}
	for ; entries > 0 && !f.short; entries-- {
		switch tag := f.uint32(); {
		case f.short:
		case tag == 1: // a key
			f.entryHead()
			f.skip(f.uint32())
			for n := f.uint32(); n > 0 && !f.short; n-- {
				f.certificate(version)
			}
		case tag == 2: // a trusted certificate
			f.entryHead()
			f.certificate(version)
		default:
			return fmt.Errorf("damaged key store: an entry of kind %d", tag)
		}
	}
	if f.short || len(f.rest) > 0 {
		return errors.New("damaged key store: its lengths do not add up")
	}
	return nil
}

// frame is what is left to walk over; short once something would lie beyond it.
type frame struct {
	rest  []byte
	short bool
}

func (f *frame) skip(n uint32) {
	if uint64(n) > uint64(len(f.rest)) {
		f.short, f.rest = true, nil
		return
	}
	f.rest = f.rest[n:]
}

func (f *frame) uint32() uint32 {
	before := f.rest
	if f.skip(4); f.short {
		return 0
	}
	return binary.BigEndian.Uint32(before)
}

func (f *frame) text() {
	before := f.rest
	if f.skip(2); !f.short {
		f.skip(uint32(binary.BigEndian.Uint16(before)))
	}
}

// entryHead is alias and time.
func (f *frame) entryHead() {
	f.text()
	f.skip(8)
}

func (f *frame) certificate(version uint32) {
	if version == 2 {
		f.text()
	}
	f.skip(f.uint32())
}
