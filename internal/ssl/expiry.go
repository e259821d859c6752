package ssl

import (
	"crypto/x509"
	"time"
)

const (
	// expiresSoon is how long before its end a certificate draws a warning.
	expiresSoon = 30 * 24 * time.Hour
	// warnEvery is when a process that runs on looks at its certificates' ends again.
	warnEvery = 24 * time.Hour
)

// warnOfExpiry tells of a certificate, of the key store file, that others will not accept, or soon not any more; a JVM leaves
// that to its clients.
func (s Surroundings) warnOfExpiry(file string, leaf *x509.Certificate, now time.Time) {
	what := ""
	switch {
	case now.Before(leaf.NotBefore):
		what = "this node's certificate is not valid yet"
	case now.After(leaf.NotAfter):
		what = "this node's certificate has expired"
	case leaf.NotAfter.Sub(now) < expiresSoon:
		what = "this node's certificate expires soon"
	default:
		return
	}
	s.Logger.Warn(what, "file", file, "subject", leaf.Subject, "not_before", leaf.NotBefore, "not_after", leaf.NotAfter)
}
