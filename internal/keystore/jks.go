package keystore

import (
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	jks "github.com/pavlo-v-chernykh/keystore-go/v4"
)

// whitener stands between password and content under a JKS store's digest (JDK sun.security.provider.JavaKeyStore).
const whitener = "Mighty Aphrodite"

// loadJKS opens a store. Without a password its digest is not checked.
func loadJKS(data []byte, password string) (*jks.KeyStore, error) {
	if err := checkJKS(data); err != nil {
		return nil, err
	}
	secret, err := latin1(password)
	if err != nil {
		return nil, err
	}
	body := data[:len(data)-sha1.Size]
	digest := sha1.New()
	for _, b := range secret {
		digest.Write([]byte{0, b})
	}
	digest.Write([]byte(whitener))
	digest.Write(body)
	unsigned := sha1.Sum(append([]byte(whitener), body...))
	if password != "" && !bytes.Equal(digest.Sum(nil), data[len(body):]) {
		return nil, fmt.Errorf("%w, or the store is damaged", ErrPassword)
	}
	store := jks.New(jks.WithCaseExactAliases(), jks.WithOrderedAliases())
	// The library wants a digest, and takes that of no password.
	if err := store.Load(bytes.NewReader(append(bytes.Clone(body), unsigned[:]...)), nil); err != nil {
		return nil, err
	}
	return &store, nil
}

// latin1 is a password as the library takes it: it makes Java's two bytes of each.
func latin1(password string) ([]byte, error) {
	var secret []byte
	for _, r := range password {
		if r > 0xFF {
			return nil, errors.New("a password with characters beyond ISO 8859-1, which is not supported for a JKS store")
		}
		secret = append(secret, byte(r))
	}
	return secret, nil
}

func readJKSKeys(data []byte, password, keyPassword string) ([]tls.Certificate, error) {
	store, err := loadJKS(data, password)
	if err != nil {
		return nil, err
	}
	secret, err := latin1(keyPassword)
	if err != nil {
		return nil, err
	}
	var keys []tls.Certificate
	var bad []error
	for _, alias := range store.Aliases() {
		if !store.IsPrivateKeyEntry(alias) {
			continue
		}
		entry, err := store.GetPrivateKeyEntry(alias, secret)
		if err != nil {
			return nil, fmt.Errorf("the key '%s' cannot be read: %w of the key, or the store is damaged", alias, ErrPassword)
		}
		key, err := jksKey(entry)
		if err != nil {
			bad = append(bad, fmt.Errorf("the key '%s' cannot be used: %w", alias, err))
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.Join(bad...)
	}
	return keys, nil // a JVM passes over what TLS cannot use, too
}

func jksKey(entry jks.PrivateKeyEntry) (tls.Certificate, error) {
	key, err := x509.ParsePKCS8PrivateKey(entry.PrivateKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	var chain []*x509.Certificate
	for _, c := range entry.CertificateChain {
		cert, err := x509.ParseCertificate(c.Content)
		if err != nil {
			return tls.Certificate{}, err
		}
		chain = append(chain, cert)
	}
	return certificate(key, chain)
}

func readJKSTrusted(data []byte, password string) (list []*x509.Certificate, unread []error, err error) {
	store, err := loadJKS(data, password)
	if err != nil {
		return nil, nil, err
	}
	for _, alias := range store.Aliases() {
		var der []byte
		if entry, err := store.GetTrustedCertificateEntry(alias); err == nil {
			der = entry.Certificate.Content
		} else if chain, err := store.GetPrivateKeyEntryCertificateChain(alias); err == nil && len(chain) > 0 {
			der = chain[0].Content
		} else {
			continue
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			unread = append(unread, fmt.Errorf("the certificate '%s': %w", alias, err))
			continue
		}
		list = append(list, cert)
	}
	return list, unread, nil
}
