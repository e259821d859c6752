package ssl

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Verifier is how a host's name is compared with its certificate (Java SSLHostnameVerifier).
type Verifier string

// The verifiers. The zero value is VerifyDefault.
const (
	VerifyDefault   Verifier = "DEFAULT"               // *.foo.com is a.b.foo.com too
	VerifyLocalhost Verifier = "DEFAULT_AND_LOCALHOST" // this machine may have any name
	VerifyStrict    Verifier = "STRICT"                // *.foo.com is not a.b.foo.com
	VerifyStrictIE6 Verifier = "STRICT_IE6"            // and each common name counts
	VerifyNothing   Verifier = "ALLOW_ALL"
)

// Check compares host, a name or an address, with a certificate. As in HttpsURLConnection a match by RFC 2818 is enough,
// and the verifier is asked about the rest.
func (v Verifier) Check(host string, cert *x509.Certificate) error {
	host = strings.ToLower(strings.TrimSpace(host))
	switch {
	case v == VerifyNothing, cert.VerifyHostname(host) == nil, v == VerifyLocalhost && isLocalhost(host):
		return nil
	}
	names := commonNames(cert, v == VerifyStrictIE6)
	names = append(names, cert.DNSNames...)
	if len(names) == 0 {
		return fmt.Errorf("the certificate for %s does not contain CN or DNS subjectAlt", host)
	}
	strict := v == VerifyStrict || v == VerifyStrictIE6
	if slices.ContainsFunc(names, func(name string) bool { return matches(strings.ToLower(name), host, strict) }) {
		return nil
	}
	return fmt.Errorf("hostname in certificate didn't match: <%s> != <%s>", host, strings.Join(names, "> OR <"))
}

func isLocalhost(host string) bool {
	host, _, _ = strings.Cut(host, "%")
	return slices.Contains([]string{"::1", "127.0.0.1", "localhost", "localhost.localdomain"}, host)
}

var commonNameOID = asn1.ObjectIdentifier{2, 5, 4, 3}

// commonNames are the CNs of the subject, the most specific first, or that one alone.
func commonNames(cert *x509.Certificate, all bool) []string {
	var names []string
	for _, n := range slices.Backward(cert.Subject.Names) {
		if text, ok := n.Value.(string); ok && n.Type.Equal(commonNameOID) {
			names = append(names, text)
			if !all {
				break
			}
		}
	}
	return names
}

// matches compares a certificate's name with a host, both in lower case (SSLHostnameVerifier.AbstractVerifier.check).
func matches(name, host string, strict bool) bool {
	if !strings.HasPrefix(name, "*.") || endsInDigit(name) || isCountry(name) {
		return name == host
	}
	if _, err := netip.ParseAddr(host); err == nil || net.ParseIP(host) != nil {
		return false // a wildcard is for names
	}
	return strings.HasSuffix(host, name[1:]) && (!strict || strings.Count(host, ".") == strings.Count(name, "."))
}

// endsInDigit tells a name whose last label begins with a digit: an address.
func endsInDigit(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return last != "" && last[0] >= '0' && last[0] <= '9'
}

// isCountry tells a wildcard for half a country, such as *.co.uk.
func isCountry(name string) bool {
	if len(name) < 7 || len(name) > 9 || name[len(name)-3] != '.' {
		return false
	}
	return slices.Contains([]string{"ac", "co", "com", "ed", "edu", "go", "gouv", "gov", "info", "lg", "ne", "net", "or", "org"},
		name[2:len(name)-3])
}
