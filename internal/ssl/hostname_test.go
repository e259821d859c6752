package ssl

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"testing"
)

// Java SSLHostnameVerifier, behind the check of sun.net.www.protocol.https.HttpsClient.
func TestVerifier(t *testing.T) {
	cert := func(dns []string, ips []string, cns ...string) *x509.Certificate {
		c := &x509.Certificate{DNSNames: dns}
		for _, ip := range ips {
			c.IPAddresses = append(c.IPAddresses, net.ParseIP(ip))
		}
		for _, cn := range cns { // the most specific last, as encoded
			c.Subject.Names = append(c.Subject.Names, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: cn})
		}
		return c
	}
	const d, l, s, i, a = VerifyDefault, VerifyLocalhost, VerifyStrict, VerifyStrictIE6, VerifyNothing
	for _, c := range []struct {
		name string
		cert *x509.Certificate
		host string
		good []Verifier
	}{
		{"its name", cert([]string{"jn1.foo.com"}, nil), "JN1.foo.com", []Verifier{"", d, l, s, i, a}},
		{"its common name", cert(nil, nil, "jn1.foo.com"), "jn1.foo.com", []Verifier{"", d, l, s, i, a}},
		{"its common name beside others", cert([]string{"x.foo.com"}, nil, "jn1.foo.com"), "jn1.foo.com", []Verifier{"", d, l, s, i, a}},
		{"its address", cert(nil, []string{"10.0.0.1"}, "x"), "10.0.0.1", []Verifier{"", d, l, s, i, a}},
		{"an address as common name", cert(nil, nil, "10.0.0.1"), "10.0.0.1", []Verifier{"", d, l, s, i, a}},
		{"a less specific common name", cert(nil, nil, "jn1.foo.com", "x.foo.com"), "jn1.foo.com", []Verifier{i, a}},
		{"another name", cert([]string{"jn2.foo.com"}, nil, "jn2.foo.com"), "jn1.foo.com", []Verifier{a}},
		{"no name at all", cert(nil, nil), "jn1.foo.com", []Verifier{a}},
		{"this machine", cert(nil, nil, "jn1.foo.com"), "localhost", []Verifier{l, a}},
		{"this machine's address", cert(nil, nil, "jn1.foo.com"), "127.0.0.1", []Verifier{l, a}},
		{"this machine's, IPv6", cert(nil, nil, "jn1.foo.com"), "::1", []Verifier{l, a}},
		{"a wildcard", cert(nil, nil, "*.foo.com"), "jn1.foo.com", []Verifier{"", d, l, s, i, a}},
		{"a wildcard over two labels", cert(nil, nil, "*.foo.com"), "a.jn1.foo.com", []Verifier{"", d, l, a}},
		{"a wildcard and its own domain", cert(nil, nil, "*.foo.com"), "foo.com", []Verifier{a}},
		{"half a country", cert(nil, nil, "*.co.uk"), "foo.co.uk", []Verifier{a}},
		{"a wildcard for addresses", cert(nil, nil, "*.0.0.1"), "10.0.0.1", []Verifier{a}},
	} {
		for _, v := range []Verifier{"", d, l, s, i, a} {
			want := false
			for _, g := range c.good {
				want = want || g == v
			}
			if err := v.Check(c.host, c.cert); (err == nil) != want {
				t.Errorf("%s, %q: %v", c.name, v, err)
			}
		}
	}
}
