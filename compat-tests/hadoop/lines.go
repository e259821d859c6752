package hadoop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine is the longest answer of a driver.
const maxLine = 4 << 20

// lineReader reads lines in its own goroutine, which ends with the stream.
type lineReader struct {
	lines chan string
	err   error // valid once lines is closed
}

func newLineReader(r io.Reader) *lineReader {
	l := &lineReader{lines: make(chan string, 64)}
	go func() {
		defer close(l.lines)
		scanner := bufio.NewScanner(r)
		scanner.Buffer(nil, maxLine)
		for scanner.Scan() {
			l.lines <- scanner.Text()
		}
		l.err = scanner.Err()
	}()
	return l
}

// Do sends one command and returns its answer, without the leading "ok". An answer that starts otherwise is an error.
func (i *Interactive) Do(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	if _, err := io.WriteString(i.in, command+"\n"); err != nil {
		return "", fmt.Errorf("%s: %s: %w\n%s", i.Name, command, err, i.Tail(30))
	}
	select {
	case line, open := <-i.out.lines:
		if !open {
			return "", fmt.Errorf("%s: %s: %w\n%s", i.Name, command, errors.Join(errEnded, i.out.err), i.Tail(30))
		}
		if answer, ok := strings.CutPrefix(line, "ok"); ok {
			return strings.TrimSpace(answer), nil
		}
		return "", fmt.Errorf("%s: %s: %s", i.Name, command, line)
	case <-ctx.Done():
		return "", fmt.Errorf("%s: %s: %w\n%s", i.Name, command, ctx.Err(), i.Tail(30))
	}
}

// End closes its input, which ends the driver, and waits.
func (i *Interactive) End() error {
	if err := i.in.Close(); err != nil {
		return err
	}
	return i.Stop()
}
