package keystore

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed is a certificate of name's key, by issuer.
func signed(t *testing.T, name string, key *ecdsa.PrivateKey, issuer string, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Unix(0, 0),
			NotAfter: time.Unix(4_000_000_000, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	}
	der, err := x509.CreateCertificate(rand.Reader, template(name), template(issuer), &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestPKCS12Iterations: a file that asks for more rounds than anybody would wait for is refused at once, wherever it asks.
func TestPKCS12Iterations(t *testing.T) {
	key := newKey(t)
	cert := signed(t, "jn", key, "jn", key)
	asks, asksMore := []byte{2, 3, 1, 0x11, 0x70}, []byte{2, 3, 0x7f, 0xff, 0xff} // 70,000 and 8,388,607
	for name, encoder := range map[string]*pkcs12.Encoder{"PBES2": pkcs12.Modern, "PKCS12 PBE": pkcs12.LegacyDES} {
		encoder = encoder.WithIterations(70_000)
		keys, err := encoder.Encode(key, cert, nil, "storepass")
		if err != nil {
			t.Fatal(err)
		}
		trust, err := encoder.EncodeTrustStore([]*x509.Certificate{cert}, "storepass")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKeys(keys, "storepass", ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := ReadTrusted(trust, "storepass"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		refused := func(store []byte, places int, read func([]byte) error) {
			t.Helper()
			found := 0
			for at := range store {
				if !bytes.HasPrefix(store[at:], asks) {
					continue
				}
				found++
				bad := slices.Clone(store)
				copy(bad[at:], asksMore)
				if err := read(bad); err == nil || !strings.Contains(err.Error(), "more than 5000000 iterations") {
					t.Errorf("%s, at %d: %v", name, at, err)
				}
			}
			if found != places {
				t.Errorf("%s: %d places, want %d", name, found, places)
			}
		}
		refused(keys, 3, func(b []byte) error { _, err := ReadKeys(b, "storepass", ""); return err })
		refused(trust, 2, func(b []byte) error { _, _, err := ReadTrusted(b, "storepass"); return err })
	}
}

// TestChainOf: the chain goes by names too: an authority's key may have certificates for several.
func TestChainOf(t *testing.T) {
	key, caKey := newKey(t), newKey(t)
	leaf := signed(t, "jn", key, "CA", caKey)
	other, ca := signed(t, "other CA", caKey, "other CA", caKey), signed(t, "CA", caKey, "CA", caKey)
	chain := chainOf(leaf, []*x509.Certificate{leaf, other, ca})
	if len(chain) != 2 || !chain[1].Equal(ca) {
		t.Errorf("%d certificates, the second of %s", len(chain), chain[min(1, len(chain)-1)].Subject)
	}
}

// TestPKCS12KeyAsTrust: of a key that has a chain, and no trusted certificate beside it, its own certificate is trusted, wherever
// it stands.
func TestPKCS12KeyAsTrust(t *testing.T) {
	key, caKey := newKey(t), newKey(t)
	leaf, ca := signed(t, "jn", key, "CA", caKey), signed(t, "CA", caKey, "CA", caKey)
	for name, order := range map[string][]*x509.Certificate{"first": {leaf, ca}, "last": {ca, leaf}, "alone": {leaf}, "missing": {ca}} {
		data, err := pkcs12.Modern.Encode(key, order[0], order[1:], "storepass")
		if err != nil {
			t.Fatal(err)
		}
		list, _, err := ReadTrusted(data, "storepass")
		if name == "missing" {
			if err == nil || !strings.Contains(err.Error(), "of another key") {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || len(list) != 1 || !list[0].Equal(leaf) {
			t.Errorf("%s: %d certificates, %v", name, len(list), err)
		}
	}
}
