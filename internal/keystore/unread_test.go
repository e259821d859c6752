package keystore

import (
	"bytes"
	"strings"
	"testing"

	jks "github.com/pavlo-v-chernykh/keystore-go/v4"
)

// TestUnreadCertificates: a certificate that Go cannot parse does not keep the others of a JKS store from being trusted, as long
// as there is one.
func TestUnreadCertificates(t *testing.T) {
	key := newKey(t)
	good := signed(t, "CA", key, "CA", key).Raw
	p256, other := []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 0x7f}
	bad := bytes.Replace(good, p256, other, 1)
	store := func(certs map[string][]byte) []byte {
		s := jks.New()
		for alias, der := range certs {
			if err := s.SetTrustedCertificateEntry(alias, jks.TrustedCertificateEntry{
				Certificate: jks.Certificate{Type: "X509", Content: der}}); err != nil {
				t.Fatal(err)
			}
		}
		var data bytes.Buffer
		if err := s.Store(&data, []byte("storepass")); err != nil {
			t.Fatal(err)
		}
		return data.Bytes()
	}
	list, unread, err := ReadTrusted(store(map[string][]byte{"ca": good, "brainpool": bad}), "storepass")
	if err != nil || len(list) != 1 || !bytes.Equal(list[0].Raw, good) || len(unread) != 1 ||
		!strings.Contains(unread[0].Error(), "the certificate 'brainpool': x509: unsupported elliptic curve") {
		t.Errorf("%d certificates, %v, %v", len(list), unread, err)
	}
	_, _, err = ReadTrusted(store(map[string][]byte{"brainpool": bad}), "storepass")
	if err == nil || !strings.Contains(err.Error(), "no trusted certificate") || !strings.Contains(err.Error(), "unsupported elliptic curve") {
		t.Errorf("%v", err)
	}
}
