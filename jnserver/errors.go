package jnserver

import (
	"errors"

	"gojn/internal/javaerr"
)

// refusal is an error of the Journal class in Java 3.x, which ends its messages with the journal's id. Rules are functions
// on values and do not know the id; Journal.named adds it in one place.
type refusal struct{ err *javaerr.Error }

func (r *refusal) Error() string     { return r.err.Message }
func (r *refusal) Unwrap() error     { return r.err.Cause }
func (r *refusal) JavaClass() string { return string(r.err.Class) }

func refuse(class javaerr.Class, format string, args ...any) error {
	return &refusal{javaerr.New(class, format, args...)}
}

// named gives a refusal Java's suffix " ; journal id: <jid>". Other errors, such as those of storage, pass unchanged.
func named(jid string, err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	return &javaerr.Error{Class: r.err.Class, Message: r.err.Message + " ; journal id: " + jid, Cause: r.err.Cause}
}
