// Package keystore reads Java key stores: JKS, and the PKCS12 that keytool has made since Java 9.
//
// A key store holds keys with their certificate chains, certificates that are trusted, or both. As in a JVM
// (keystore.type.compat) the format is told by the file, whichever of the two its type names. Nothing here reads a file or
// keeps a password.
package keystore

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxSize is how many bytes a store may have; the JVM's own with all public authorities has a hundredth of it.
const MaxSize = 16 << 20

// ErrPassword is in the chain of an error that a wrong password may have caused.
var ErrPassword = errors.New("wrong password")

// magics of the formats.
const (
	jksMagic   = 0xFEEDFEED
	jceksMagic = 0xCECECECE
)

// CheckType refuses a key store's type that is not read here: it may be jks or pkcs12, in any case.
func CheckType(kind string) error {
	if strings.EqualFold(kind, "jks") || strings.EqualFold(kind, "pkcs12") {
		return nil
	}
	return fmt.Errorf("key stores of type '%s' are not read, jks and pkcs12 are", kind)
}

// ReadKeys gives the keys of a store that TLS can use, with their chains, sorted by alias. keyPassword protects the keys;
// empty: as password. It is an error if there is none.
func ReadKeys(data []byte, password, keyPassword string) ([]tls.Certificate, error) {
	if keyPassword == "" {
		keyPassword = password
	}
	read := readPKCS12Keys
	isJKS, err := sniff(data)
	if err != nil {
		return nil, err
	} else if isJKS {
		read = readJKSKeys
	}
	keys, err := guarded(func() ([]tls.Certificate, error) { return read(data, password, keyPassword) })
	if err == nil && len(keys) == 0 {
		err = errors.New("there is no private key in it")
	}
	return keys, err
}

// ReadTrusted gives the certificates that a store says to trust: its trusted entries, and the certificate, without its
// chain, of each key (JDK sun.security.validator.TrustStoreUtil). An empty password leaves a JKS store unchecked, as in
// Java. It is an error if there is none. A certificate of a JKS store that cannot be parsed, as one of a curve that Go does not
// have, is passed over: unread says which and why.
func ReadTrusted(data []byte, password string) (list []*x509.Certificate, unread []error, err error) {
	isJKS, err := sniff(data)
	if err != nil {
		return nil, nil, err
	}
	list, err = guarded(func() (list []*x509.Certificate, err error) {
		if isJKS {
			list, unread, err = readJKSTrusted(data, password)
		} else {
			list, err = readPKCS12Trusted(data, password)
		}
		return list, err
	})
	if err == nil && len(list) == 0 {
		if err = errors.New("there is no trusted certificate in it"); len(unread) > 0 {
			err = fmt.Errorf("%w that can be read: %w", err, errors.Join(unread...))
		}
	}
	return list, unread, err
}

func sniff(data []byte) (isJKS bool, err error) {
	switch {
	case len(data) > MaxSize:
		return false, fmt.Errorf("larger than %d bytes", MaxSize)
	case len(data) < 4:
		return false, errors.New("not a key store: too short")
	}
	switch magic := binary.BigEndian.Uint32(data); {
	case magic == jksMagic:
		return true, nil
	case magic == jceksMagic:
		return false, errors.New("key stores of type 'jceks' are not read, jks and pkcs12 are")
	case data[0] == 0x30: // an ASN.1 sequence
		return false, nil
	}
	return false, errors.New("neither a JKS nor a PKCS12 key store")
}

// guarded turns a panic of a decoder over a damaged file into an error.
func guarded[T any](read func() ([]T, error)) (list []T, err error) {
	defer func() {
		if p := recover(); p != nil {
			list, err = nil, fmt.Errorf("damaged key store: %v", p)
		}
	}()
	return read()
}

// certificate joins a key and its chain; the key must be the first certificate's.
func certificate(key crypto.PrivateKey, chain []*x509.Certificate) (tls.Certificate, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return tls.Certificate{}, fmt.Errorf("a key of type %T, which TLS does not use", key)
	}
	if len(chain) == 0 {
		return tls.Certificate{}, errors.New("a key without a certificate")
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(chain[0].PublicKey) {
		return tls.Certificate{}, errors.New("a certificate of another key")
	}
	c := tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, cert := range chain {
		c.Certificate = append(c.Certificate, cert.Raw)
	}
	return c, nil
}

// chainOf is leaf and those of others that signed it, one after the other.
func chainOf(leaf *x509.Certificate, others []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for range others {
		last := chain[len(chain)-1]
		i := slices.IndexFunc(others, func(c *x509.Certificate) bool {
			return !slices.ContainsFunc(chain, c.Equal) && bytes.Equal(last.RawIssuer, c.RawSubject) &&
				last.CheckSignatureFrom(c) == nil
		})
		if i < 0 {
			break
		}
		chain = append(chain, others[i])
	}
	return chain
}
