package ssl

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// trust is what a trust store says, as a JVM takes it (JDK sun.security.validator.PKIXValidator): a peer's certificate that is in
// it is trusted as it is, and those that others have signed may be as old as they are. nil: the system's authorities.
type trust struct {
	peers       []*x509.Certificate
	authorities *x509.CertPool // the same, without an end
}

func newTrust(list []*x509.Certificate) *trust {
	t := &trust{peers: list, authorities: x509.NewCertPool()}
	for _, c := range list {
		endless := *c
		endless.NotBefore, endless.NotAfter = time.Time{}, time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
		t.authorities.AddCert(&endless)
	}
	return t
}

// verify checks a peer's certificate, the first of chain. It and all between it and an authority must be valid now.
func (t *trust) verify(chain []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) error {
	if len(chain) == 0 {
		return errors.New("there is none")
	}
	options := x509.VerifyOptions{Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}}
	if t != nil {
		if slices.ContainsFunc(t.peers, chain[0].Equal) {
			return nil
		}
		options.Roots = t.authorities
	}
	for _, cert := range chain[1:] {
		options.Intermediates.AddCert(cert)
	}
	_, err := chain[0].Verify(options)
	return err
}
