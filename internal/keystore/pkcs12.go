package keystore

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"software.sslmate.com/src/go-pkcs12"
)

// readPKCS12Keys reads the one key of a PKCS12 store. keytool gives it the store's password.
func readPKCS12Keys(data []byte, password, keyPassword string) ([]tls.Certificate, error) {
	if keyPassword != password {
		return nil, errors.New("a PKCS12 store whose key has a password of its own is not supported; give both the same")
	}
	if err := checkIterations(data); err != nil {
		return nil, err
	}
	key, leaf, others, err := pkcs12.DecodeChain(data, password)
	if err != nil {
		return nil, pkcs12Error(err)
	}
	if leaf == nil {
		return nil, errors.New("there is no certificate in it")
	}
	all := slices.Concat([]*x509.Certificate{leaf}, others)
	own, err := ownCertificate(key, all)
	if err != nil {
		return nil, err
	}
	joined, err := certificate(key, chainOf(own, all))
	return []tls.Certificate{joined}, err
}

// ownCertificate is the key's among all certificates of a store: which it is, and which are only trusted, the library does not
// tell.
func ownCertificate(key crypto.PrivateKey, all []*x509.Certificate) (*x509.Certificate, error) {
	for _, c := range all {
		if _, err := certificate(key, []*x509.Certificate{c}); err == nil {
			return c, nil
		}
	}
	_, err := certificate(key, all[:1])
	return nil, err
}

func readPKCS12Trusted(data []byte, password string) ([]*x509.Certificate, error) {
	if err := checkIterations(data); err != nil {
		return nil, err
	}
	list, err := pkcs12.DecodeTrustStore(data, password)
	if err == nil || errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return list, pkcs12Error(err)
	}
	key, leaf, others, keyErr := pkcs12.DecodeChain(data, password)
	if keyErr != nil || leaf == nil {
		return nil, pkcs12Error(err)
	}
	// ToPEM fails at Java's mark of a trusted certificate, which the rest of the library does not show where there is a key.
	if len(others) > 0 {
		if _, err := pkcs12.ToPEM(data, password); err != nil { //nolint:staticcheck // deprecated for what it gives, which is not used
			return nil, errors.New("a PKCS12 store with a key and with trusted certificates is not supported as a trust store; " +
				"put the certificates into a store of their own")
		}
	}
	own, err := ownCertificate(key, slices.Concat([]*x509.Certificate{leaf}, others))
	if err != nil {
		return nil, err
	}
	return []*x509.Certificate{own}, nil
}

func pkcs12Error(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return fmt.Errorf("%w, or the store is damaged", ErrPassword)
	}
	return fmt.Errorf("a PKCS12 store that cannot be read: %w", err)
}
