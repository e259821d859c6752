package servlet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"gojn/storage/vfs"
)

// chunkSize is what goes out between two looks at the clock and the client. It is large enough for the kernel to send a
// segment without us, and the unit of progress.
const chunkSize = 1 << 20

// body sends exactly size bytes: those of a file up to visible, and 0xFF behind them and for what a truncation took away
// meanwhile, as only padding is ever cut off a segment. What the file has or gets beyond visible is not sent.
type body struct {
	h       *handler
	w       http.ResponseWriter
	ctx     context.Context
	file    vfs.File
	visible int64 // at most size
	size    int64

	copied []byte // not nil: through this buffer instead of sendfile

	pos int64 // bytes handed to the connection
	cut int64 // how many bytes below visible were not there any more
}

func (b *body) send() error {
	pace := newPacer(b.h.conf.Clock, b.h.conf.Bandwidth)
	for b.pos < b.visible {
		n := min(b.visible-b.pos, pace.chunk())
		sent, eof, err := b.sendChunk(n)
		b.pos += sent
		if eof {
			b.cut = b.visible - b.pos
			break
		}
		if err != nil {
			return err
		}
		if b.pos < b.size {
			if err := pace.wait(b.ctx, sent); err != nil {
				return err
			}
		}
	}
	if b.pos < b.size {
		return b.fill(pace)
	}
	return nil
}

// sendChunk sends up to n bytes from pos. eof tells that the file ended.
func (b *body) sendChunk(n int64) (sent int64, eof bool, err error) {
	if b.copied != nil {
		return b.copyChunk(n)
	}
	src, dst := b.source(n), onlyReaderFrom(b.w)
	for {
		b.h.progress(b.w)
		var m int64
		m, err = dst.ReadFrom(src)
		sent += m
		// A client that took something before the deadline gets another one. Not if the response's head did not get out
		// (net/http ends the context then), nor where the bytes in flight went through a buffer that is lost.
		if m == 0 || !errors.Is(err, os.ErrDeadlineExceeded) || b.ctx.Err() != nil || b.file.OS() == nil {
			break
		}
	}
	if err != nil {
		return sent, false, fmt.Errorf("sending at offset %d: %w", b.pos+sent, err)
	}
	return sent, sent < n, nil
}

// copySize is the buffer for a reader on this machine, and what such a reader must take within each StallTimeout.
const copySize = 256 << 10

// secureSize is the same for any reader over TLS, which sendfile cannot serve, and which has to end the connection when a
// write has not come to its end in time.
const secureSize = 64 << 10

// copyChunk sends up to n bytes from pos through a buffer. That is for a reader on this machine, which with sendfile would
// have to copy the pages itself out of memory that no cache holds: two processors that copy are faster than one that does
// it all. A reader elsewhere gets its pages from the network card, and sendfile then saves this machine the copying.
func (b *body) copyChunk(n int64) (sent int64, eof bool, err error) {
	for sent < n {
		want := b.copied[:min(int64(len(b.copied)), n-sent)]
		got, readErr := b.file.ReadAt(want, b.pos+sent)
		if got > 0 {
			b.h.progress(b.w)
			m, err := b.w.Write(want[:got])
			sent += int64(m)
			if err != nil {
				return sent, false, fmt.Errorf("sending at offset %d: %w", b.pos+sent, err)
			}
		}
		switch {
		case errors.Is(readErr, io.EOF) && got < len(want):
			return sent, true, nil
		case readErr != nil && !errors.Is(readErr, io.EOF):
			return sent, false, fmt.Errorf("reading at offset %d: %w", b.pos+sent, readErr)
		}
	}
	return sent, false, nil
}

// source reads the next n bytes of the file. Where there is a real file it is a bare *os.File inside an
// *io.LimitedReader, the one shape that net/http and net hand to sendfile(2); the descriptor is ours alone, so its own
// offset is pos.
func (b *body) source(n int64) io.Reader {
	if f := b.file.OS(); f != nil {
		return &io.LimitedReader{R: f, N: n}
	}
	return io.NewSectionReader(b.file, b.pos, n)
}

// onlyReaderFrom is w's ReadFrom, or a copy in its place.
func onlyReaderFrom(w http.ResponseWriter) io.ReaderFrom {
	if rf, ok := w.(io.ReaderFrom); ok {
		return rf
	}
	return copier{w}
}

type copier struct{ w io.Writer }

func (c copier) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.w, r) }

// fill sends 0xFF up to size.
func (b *body) fill(pace *pacer) error {
	block := make([]byte, min(b.size-b.pos, 64<<10))
	for i := range block {
		block[i] = 0xFF
	}
	for b.pos < b.size {
		n := min(b.size-b.pos, int64(len(block)), pace.chunk())
		b.h.progress(b.w)
		sent, err := b.w.Write(block[:n])
		b.pos += int64(sent)
		if err != nil {
			return fmt.Errorf("filling up at offset %d: %w", b.pos, err)
		}
		if b.pos < b.size {
			if err := pace.wait(b.ctx, int64(sent)); err != nil {
				return err
			}
		}
	}
	return nil
}

// pacer spreads a response over time (Java DataTransferThrottler, which counts per 500 ms; ours per chunk of 100 ms).
type pacer struct {
	clock     Clock
	bandwidth int64 // bytes per second; 0 or less: none
	due       time.Time
}

func newPacer(clock Clock, bandwidth int64) *pacer {
	return &pacer{clock: clock, bandwidth: bandwidth, due: clock.Now()}
}

// chunk is how much to send before the next wait.
func (p *pacer) chunk() int64 {
	if p.bandwidth <= 0 {
		return chunkSize
	}
	return min(max(p.bandwidth/10, 1), chunkSize)
}

// wait waits until n more bytes were due. Time that a slow client has cost is not made up for.
func (p *pacer) wait(ctx context.Context, n int64) error {
	if p.bandwidth <= 0 {
		return ctx.Err()
	}
	cost := time.Duration(float64(n) / float64(p.bandwidth) * float64(time.Second))
	p.due = p.due.Add(cost)
	now := p.clock.Now()
	if d := p.due.Sub(now); d > 0 {
		return p.clock.Sleep(ctx, d)
	}
	p.due = now
	return nil
}
