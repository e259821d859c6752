package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// floor is what the machine itself takes for the least that a call needs, in one or more rounds.
type floor struct {
	name   string
	bytes  int64 // per call; 0: none
	p50    []float64
	p99    []float64
	single bool // one call in a round: no percentiles
	round  func() ([]time.Duration, error)
}

// floors are the machine's limits: a write with fdatasync into a preallocated file in dir, as large as each batch; a
// message of a few bytes to another thread and back over loopback; a file sent over loopback by sendfile.
func floors(dir, file string) []*floor {
	list := []*floor{}
	for _, f := range []struct{ size, calls int }{{small, 400}, {1 << 10, 400}, {64 << 10, 200}, {512 << 10, 50}} {
		list = append(list, &floor{
			name: "write and fdatasync of " + bytesText(int64(f.size)), bytes: int64(f.size),
			round: func() ([]time.Duration, error) { return writeAndSync(filepath.Join(dir, "floor"), f.size, f.calls) },
		})
	}
	list = append(list, &floor{name: "loopback round trip", round: func() ([]time.Duration, error) { return roundTrips(1000) }})
	size := int64(0)
	if info, err := os.Stat(file); err == nil {
		size = info.Size()
	}
	return append(list, &floor{name: "sendfile over loopback of " + bytesText(size>>20<<20), bytes: size, single: true,
		round: func() ([]time.Duration, error) { return sendFile(file, size) }})
}

// measureFloors makes one round of each.
func measureFloors(list []*floor) error {
	for _, f := range list {
		calls, err := f.round()
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		t := timing{Calls: calls}.values(0)
		f.p50 = append(f.p50, t[p50])
		if tail, ok := t[p99]; ok {
			f.p99 = append(f.p99, tail)
		}
	}
	return nil
}

// writeAndSync writes into a file that is as long as it will be before the first measured write.
func writeAndSync(name string, size, calls int) (took []time.Duration, err error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(name)) }()
	if _, err := file.Write(make([]byte, size*calls)); err != nil {
		return nil, err
	}
	if err := file.Sync(); err != nil {
		return nil, err
	}
	batch := slices.Repeat([]byte{1}, size)
	for i := range calls {
		from := time.Now()
		if _, err := file.WriteAt(batch, int64(i*size)); err != nil {
			return nil, err
		}
		if err := unix.Fdatasync(int(file.Fd())); err != nil {
			return nil, err
		}
		took = append(took, time.Since(from))
	}
	return took, nil
}

// connected gives both ends of a loopback connection.
func connected() (here, there net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	here, err = net.Dial("tcp", l.Addr().String())
	if err == nil {
		there, err = l.Accept()
	}
	return here, there, errors.Join(err, l.Close())
}

func roundTrips(calls int) (took []time.Duration, err error) {
	here, there, err := connected()
	if err != nil {
		return nil, err
	}
	echoed := make(chan error, 1)
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{there}, struct{ io.Reader }{there}, make([]byte, 64))
		echoed <- errors.Join(err, there.Close())
	}()
	message := make([]byte, 64)
	for range calls {
		from := time.Now()
		if _, err = here.Write(message); err == nil {
			_, err = io.ReadFull(here, message)
		}
		if err != nil {
			break
		}
		took = append(took, time.Since(from))
	}
	return took, errors.Join(err, here.Close(), <-echoed)
}

// sendFile sends the file once; os.File to TCP is sendfile(2).
func sendFile(name string, size int64) (took []time.Duration, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	here, there, err := connected()
	if err != nil {
		return nil, err
	}
	sent := make(chan error, 1)
	from := time.Now()
	go func() {
		_, err := io.Copy(there, file)
		sent <- errors.Join(err, there.Close())
	}()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{here}, make([]byte, 1<<20))
	took = []time.Duration{time.Since(from)}
	if err == nil && n != size {
		err = fmt.Errorf("%d of %d bytes came", n, size)
	}
	return took, errors.Join(err, here.Close(), <-sent)
}
