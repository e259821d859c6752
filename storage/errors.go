package storage

import (
	"fmt"

	"gojn/internal/javaerr"
)

// numberFormat is the class of what Java's parseInt and parseLong throw.
const numberFormat javaerr.Class = "java.lang.NumberFormatException"

// inconsistent is Java's InconsistentFSStateException(root, what).
func inconsistent(root, format string, args ...any) error {
	return javaerr.New(javaerr.InconsistentFSState, "Directory %s is in an inconsistent state: "+format,
		append([]any{root}, args...)...)
}

// illegalState is what Java's Preconditions.checkState throws.
func illegalState(format string, args ...any) error {
	return javaerr.New(javaerr.IllegalState, format, args...)
}

// invalidDir is the error of Java's FileUtil.listFiles.
func invalidDir(path string, cause error) error {
	return &javaerr.Error{
		Class:   javaerr.IOException,
		Message: "Invalid directory or I/O error occurred for dir: " + path,
		Cause:   cause,
	}
}

// checkLocked refuses a change of a directory that this Dir does not have locked: it may be another process's by now. What
// the change itself requires of the disk is looked at first where Java's refusal of an empty place must be kept.
func (d *Dir) checkLocked() error {
	switch {
	case d.lock != nil:
		return nil
	case d.problem != nil:
		return javaerr.New(javaerr.IOException, "Directory %s is not locked by this journal and not formatted: %w",
			d.o.Root, d.problem)
	}
	return javaerr.New(javaerr.IOException, "Directory %s is not locked by this journal and not formatted", d.o.Root)
}

// noSuchFile is the error of Java's FileInputStream and RandomAccessFile.
func noSuchFile(path string, cause error) error {
	return &javaerr.Error{
		Class:   javaerr.FileNotFound,
		Message: path + " (No such file or directory)",
		Cause:   cause,
	}
}

// JavaString is Java's FileJournalManager.EditLogFile.toString of the segment, as it appears in messages; currentDir is
// the directory that holds it.
func (s Segment) JavaString(currentDir string) string {
	return fmt.Sprintf("EditLogFile(file=%s/%s,first=%019d,last=%019d,inProgress=%t,hasCorruptHeader=false)",
		currentDir, s.Name, int64(s.First), int64(s.Last), s.InProgress)
}
