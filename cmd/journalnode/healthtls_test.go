package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// issued are the stores of a key that an authority has signed for one usage only.
func issued(t *testing.T, usage x509.ExtKeyUsage) (keys, trust string) {
	t.Helper()
	sign := func(template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
		must(t, err)
		cert, err := x509.ParseCertificate(der)
		must(t, err)
		return cert
	}
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		return k
	}
	from, to := time.Now().Add(-time.Hour), time.Now().Add(10000*time.Hour)
	caKey, leafKey := key(), key()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "one usage CA"}, NotBefore: from,
		NotAfter: to, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca := sign(template, template, &caKey.PublicKey, caKey)
	leaf := sign(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "jn"}, NotBefore: from, NotAfter: to,
		ExtKeyUsage: []x509.ExtKeyUsage{usage}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, ca, &leafKey.PublicKey, caKey)
	dir := t.TempDir()
	keys, trust = filepath.Join(dir, "keys.p12"), filepath.Join(dir, "trust.p12")
	data, err := pkcs12.Modern.Encode(leafKey, leaf, []*x509.Certificate{ca}, "storepass")
	must(t, err)
	must(t, os.WriteFile(keys, data, 0o600))
	data, err = pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{ca}, "storepass")
	must(t, err)
	must(t, os.WriteFile(trust, data, 0o600))
	return keys, trust
}

// TestHTTPS_HealthCertificate: a node that wants a certificate, and whose own is for servers only, does not take that one; the health
// command then says which it has shown, and what to set. With a client's certificate all is well.
func TestHTTPS_HealthCertificate(t *testing.T) {
	serverStore, serverTrust := issued(t, x509.ExtKeyUsageServerAuth)
	clientStore, clientTrust := issued(t, x509.ExtKeyUsageClientAuth)
	for _, c := range []struct {
		name, require, trust string
		want                 []string // none: healthy
	}{
		{"the server's own", "false", serverTrust, []string{"remote error: tls:", "ssl.server.keystore.location = '" + serverStore + "'",
			"ssl.server.truststore.location must trust it", "hadoop.ssl.require.client.cert"}},
		{"a client's that is not trusted", "true", serverTrust, []string{"remote error: tls:",
			"ssl.client.keystore.location = '" + clientStore + "'"}},
		{"a client's", "true", clientTrust, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := freePort(t)
			conf := sslDir(t, secure(t, "dfs.journalnode.https-address", address, "dfs.client.https.need-auth", "true",
				"hadoop.ssl.require.client.cert", c.require),
				map[string]string{"ssl.server.keystore.location": serverStore, "ssl.server.keystore.password": "storepass",
					"ssl.server.truststore.location": c.trust, "ssl.server.truststore.password": "storepass"},
				map[string]string{"ssl.client.keystore.location": clientStore, "ssl.client.keystore.password": "storepass",
					"ssl.client.truststore.location": serverTrust, "ssl.client.truststore.password": "storepass"})
			_, err := startFrom(t, conf)
			must(t, err)
			code, line := healthOf(t, nil, "--config", conf)
			if (code == 0) != (c.want == nil) {
				t.Errorf("code %d, %q", code, line)
			}
			for _, words := range c.want {
				if !strings.Contains(line, words) {
					t.Errorf("%q, want %q", line, words)
				}
			}
		})
	}
}
