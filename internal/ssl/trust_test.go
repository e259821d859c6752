package ssl

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	jks "github.com/pavlo-v-chernykh/keystore-go/v4"
)

// TestTrust: what is in the trust store has no end, as in a JVM, as a peer's certificate and as an authority; all else has one.
func TestTrust(t *testing.T) {
	const year = 365 * 24 * time.Hour
	now := time.Unix(1_700_000_000, 0)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial := int64(0)
	// made is a certificate of name by issuer, nil: by itself, that ends in a year or ended a year ago.
	made := func(name string, issuer *x509.Certificate, expired bool, usage x509.ExtKeyUsage) *x509.Certificate {
		serial++
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-3 * year),
			NotAfter: now.Add(year), IsCA: usage == x509.ExtKeyUsageAny, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{usage}}
		if expired {
			template.NotAfter = now.Add(-year)
		}
		if issuer == nil {
			issuer = template
		}
		der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	const ca, server, client = x509.ExtKeyUsageAny, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	oldCA, otherCA := made("CA", nil, true, ca), made("other CA", nil, true, ca)
	leaf, oldLeaf := made("leaf", oldCA, false, server), made("leaf", oldCA, true, server)
	between, oldBetween := made("between", oldCA, false, ca), made("between", oldCA, true, ca)
	below := made("below", between, false, server)
	pinned, twin := made("pinned", nil, true, client), made("pinned", nil, true, client)
	for name, c := range map[string]struct {
		trusted, chain []*x509.Certificate
		want           string
	}{
		"an authority that has expired":              {[]*x509.Certificate{oldCA}, []*x509.Certificate{leaf}, ""},
		"shown by the peer too":                      {[]*x509.Certificate{oldCA}, []*x509.Certificate{leaf, oldCA}, ""},
		"a certificate that has expired":             {[]*x509.Certificate{oldCA}, []*x509.Certificate{oldLeaf}, "expired"},
		"one between":                                {[]*x509.Certificate{oldCA}, []*x509.Certificate{below, between}, ""},
		"one between that has expired":               {[]*x509.Certificate{oldCA}, []*x509.Certificate{below, oldBetween}, "expired"},
		"that is trusted itself":                     {[]*x509.Certificate{oldBetween}, []*x509.Certificate{below, oldBetween}, ""},
		"trusted itself":                             {[]*x509.Certificate{leaf, pinned}, []*x509.Certificate{pinned}, ""},
		"the same name and key, another one":         {[]*x509.Certificate{pinned}, []*x509.Certificate{twin}, "expired"},
		"another authority":                          {[]*x509.Certificate{otherCA}, []*x509.Certificate{leaf}, "unknown authority"},
		"for another use":                            {[]*x509.Certificate{oldCA}, []*x509.Certificate{made("l", oldCA, false, client)}, "usage"},
		"none":                                       {[]*x509.Certificate{oldCA}, nil, "none"},
		"one that is trusted behind one that is not": {[]*x509.Certificate{pinned}, []*x509.Certificate{leaf, pinned}, "unknown authority"},
	} {
		err := newTrust(c.trusted).verify(c.chain, server, now)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if now.Before(oldCA.NotAfter) || newTrust(nil).verify([]*x509.Certificate{pinned}, server, now) == nil ||
		(*trust)(nil).verify([]*x509.Certificate{leaf}, server, now) == nil {
		t.Error("the certificates are changed, or trusted without a reason")
	}
}

// TestServer_Trust: so it is for clients' certificates.
func TestServer_Trust(t *testing.T) {
	late := time.Date(3000, time.January, 1, 0, 0, 0, 0, time.UTC) // all of the test stores have expired
	for _, c := range []struct {
		client, trust string
		now           func() time.Time
		want          string
	}{
		{"chain.jks", "trust.jks", time.Now, ""},
		{"chain.jks", "trust.jks", func() time.Time { return late }, "has expired"},
		{"ec.jks", "ec.jks", func() time.Time { return late }, ""},
		{"ec.jks", "trust.jks", time.Now, "unknown authority"},
		{"", "trust.jks", time.Now, "didn't provide a certificate"},
	} {
		server, err := Server(ServerConfig{KeyStore: testStore("chain.jks"), TrustStore: testStore(c.trust), NeedClientAuth: true,
			MinVersion: tls.VersionTLS12, Surroundings: Surroundings{Now: c.now}})
		if err != nil {
			t.Fatal(err)
		}
		config := &tls.Config{InsecureSkipVerify: true}
		if c.client != "" {
			keys, err := testStore(c.client).keys()
			if err != nil {
				t.Fatal(err)
			}
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &keys[0], nil }
		}
		here, there := net.Pipe()
		if err := here.SetDeadline(time.Now().Add(30 * time.Second)); err != nil { // both wait for each other if a check is amiss
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			client := tls.Client(there, config)
			_ = client.HandshakeContext(t.Context())
			_, _ = client.Read(make([]byte, 1)) // what the server says of the certificate
			_ = there.Close()
		}()
		err = tls.Server(here, server).HandshakeContext(t.Context())
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, trusting %s: %v, want %q", c.client, c.trust, err, c.want)
		}
		_ = here.Close()
		<-done
	}
}

// TestUnreadIsTold: a certificate of a trust store that cannot be read is told with its alias.
func TestUnreadIsTold(t *testing.T) {
	keys, err := testStore("ec.jks").keys()
	if err != nil {
		t.Fatal(err)
	}
	store := jks.New()
	for alias, der := range map[string][]byte{"good": keys[0].Certificate[0], "brainpool": []byte("x")} {
		if err := store.SetTrustedCertificateEntry(alias, jks.TrustedCertificateEntry{
			Certificate: jks.Certificate{Type: "X509", Content: der}}); err != nil {
			t.Fatal(err)
		}
	}
	var data, log bytes.Buffer
	if err := store.Store(&data, []byte("storepass")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "trust.jks")
	if err := os.WriteFile(file, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = NewClient(ClientConfig{TrustStore: Store{Location: file, Type: "jks", Password: "storepass"},
		Surroundings: Surroundings{Logger: slog.New(slog.NewTextHandler(&log, nil))}})
	if text := log.String(); err != nil || strings.Count(text, "\n") != 1 || !strings.Contains(text, "file="+file) ||
		!strings.Contains(text, "the certificate 'brainpool'") {
		t.Errorf("%v, %q", err, text)
	}
}
