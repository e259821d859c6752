package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"gojn/internal/javaerr"
	"gojn/storage/vfs"
)

// longFile is a number that must survive a power cut: decimal text in a file that is replaced as a whole (Java
// hdfs.util.PersistentLongFile). A missing file means 0. Good values are kept in memory; a bad file is read again, and is
// an error, each time. It belongs to one goroutine at a time.
type longFile struct {
	fs    vfs.FS
	path  string
	value int64
	known bool // value is that of the file, and durable
	// unsure: the sync behind a rename failed, so that the file has a value that may not last.
	unsure bool
}

// get tells the value. If it may not last, it is written once more before it is believed.
func (f *longFile) get() (int64, error) {
	if f.known {
		return f.value, nil
	}
	value, _, err := readLongFile(f.fs, f.path)
	if err != nil {
		return 0, err
	}
	if f.unsure {
		return value, f.write(value)
	}
	f.value, f.known = value, true
	return value, nil
}

// set makes the value durable before it returns. A known and equal value costs no I/O. A file that cannot be read is not
// overwritten, as in Java: its value might be the greater one.
func (f *longFile) set(value int64) error {
	if f.unsure {
		if _, _, err := readLongFile(f.fs, f.path); err != nil {
			return err
		}
		return f.write(value)
	}
	old, err := f.get()
	if err != nil || old == value {
		return err
	}
	return f.write(value)
}

func (f *longFile) write(value int64) error {
	f.known = false
	renamed, err := writeFileAtomic(f.fs, f.path, formatLong(value))
	if renamed {
		f.unsure = err != nil
	}
	if err != nil {
		return err
	}
	f.value, f.known = value, true
	return nil
}

// forget makes the next get read the file.
func (f *longFile) forget() { f.known, f.unsure = false, false }

func formatLong(value int64) []byte { return append(strconv.AppendInt(nil, value, 10), '\n') }

// readLongFile reads the file's number; found is false and the value 0 if there is no file.
func readLongFile(fsys vfs.FS, name string) (value int64, found bool, err error) {
	data, err := readSmallFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	value, err = parseLong(data)
	if err != nil {
		return 0, false, javaerr.New(javaerr.IOException, "%s: %w in %s", numberFormat, err, name)
	}
	return value, true, nil
}

// parseLong is Java's Long.parseLong(BufferedReader.readLine()): the first line, which ends at \n, \r or the end of the
// file, must be a number and nothing else; but not a negative one, or one with zeros in front, which nobody writes: as a promise
// it would promise nothing, or less. The errors of what Java refuses are its words.
func parseLong(data []byte) (int64, error) {
	if len(data) == 0 {
		return 0, errors.New("Cannot parse null string") //nolint:staticcheck // Java's words
	}
	line := string(data)
	if end := strings.IndexAny(line, "\r\n"); end >= 0 {
		line = line[:end]
	}
	value, err := strconv.ParseInt(line, 10, 64)
	switch {
	case err != nil:
		return 0, badNumber(line)
	case strconv.FormatInt(value, 10) != strings.TrimPrefix(line, "+") || value < 0:
		return 0, fmt.Errorf("%w is not as a JournalNode writes it: it was changed", badNumber(line))
	}
	return value, nil
}

// badNumber has the words of Java's NumberFormatException.forInputString, and not much of a long input.
func badNumber(s string) error {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return fmt.Errorf("For input string: \"%s\"", strings.ToValidUTF8(s, "\uFFFD")) //nolint:staticcheck // Java's words
}
