// Package javaerr holds the errors that cross the wire with the name of a Java class. Hadoop's clients never branch on the
// class, but logs, metrics and operators do (spec: org.apache.hadoop.ipc.RemoteException), so the names are kept exact and
// in one place. It is a leaf: every package may use it.
package javaerr

import (
	"errors"
	"fmt"
)

// Class is the binary name of a Java exception class, such as "java.io.IOException".
type Class string

// The classes that a Java JournalNode answers with.
const (
	IOException           Class = "java.io.IOException"
	FileNotFound          Class = "java.io.FileNotFoundException"
	MalformedURL          Class = "java.net.MalformedURLException"
	IllegalArgument       Class = "java.lang.IllegalArgumentException"
	IllegalState          Class = "java.lang.IllegalStateException"
	Assertion             Class = "java.lang.AssertionError"
	Runtime               Class = "java.lang.RuntimeException"
	UnsupportedOperation  Class = "java.lang.UnsupportedOperationException"
	InvalidProtocolBuffer Class = "org.apache.hadoop.thirdparty.protobuf.InvalidProtocolBufferException"
	InconsistentFSState   Class = "org.apache.hadoop.hdfs.server.common.InconsistentFSStateException"
	IncorrectVersion      Class = "org.apache.hadoop.hdfs.server.common.IncorrectVersionException"
	HTTPGetFailed         Class = "org.apache.hadoop.hdfs.server.common.HttpGetFailedException"
	JournalNotFormatted   Class = "org.apache.hadoop.hdfs.qjournal.protocol.JournalNotFormattedException"
	JournalOutOfSync      Class = "org.apache.hadoop.hdfs.qjournal.protocol.JournalOutOfSyncException"
	NewerTxnID            Class = "org.apache.hadoop.hdfs.qjournal.server.NewerTxnIdException"
	CacheMiss             Class = "org.apache.hadoop.hdfs.qjournal.server.JournaledEditsCache$CacheMissException"
	DiskError             Class = "org.apache.hadoop.util.DiskChecker$DiskErrorException"
)

// SameNode is gojn's own: a JournalNode has asked itself. No Java client gets to see it.
const SameNode Class = "gojn.SameNodeException"

// Error is an error with a Java class. Message is what the client sees; Cause, if any, is for errors.Is and errors.As and
// is not appended to the message.
type Error struct {
	Class   Class
	Message string
	Cause   error
}

// New makes an Error; %w in format sets the cause, as in fmt.Errorf.
func New(class Class, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Class: class, Message: err.Error(), Cause: errors.Unwrap(err)}
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Cause }

// JavaClass is the name that goes on the wire; hadooprpc looks for this method.
func (e *Error) JavaClass() string { return string(e.Class) }

// ClassOf tells the class of the first error in err's chain that has one; IOException if none has.
func ClassOf(err error) Class {
	var j interface {
		error
		JavaClass() string
	}
	if errors.As(err, &j) {
		return Class(j.JavaClass())
	}
	return IOException
}
