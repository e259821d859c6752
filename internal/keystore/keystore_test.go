package keystore

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func file(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestKeysOfKeytool reads what a JDK's keytool has made (testdata/make.sh).
func TestKeysOfKeytool(t *testing.T) {
	for _, c := range []struct {
		name, keyPassword, kind string
		names                   []string // of the chain
		keys                    int
	}{
		{"rsa.jks", "keypass", "rsa", []string{"jn1.example.org"}, 1},
		{"ec.jks", "", "ec", []string{"jn1.example.org"}, 1},
		{"rsa.p12", "", "rsa", []string{"jn1.example.org"}, 1},
		{"ec.p12", "storepass", "ec", []string{"jn1.example.org"}, 1},
		{"chain.jks", "", "rsa", []string{"jn1.example.org", "Test CA"}, 1},
		{"chain.p12", "", "rsa", []string{"jn1.example.org", "Test CA"}, 1},
		{"trusting.p12", "", "rsa", []string{"jn1.example.org", "Test CA"}, 1},
		{"two.jks", "", "rsa", []string{"jn1.example.org"}, 2},
	} {
		keys, err := ReadKeys(file(t, c.name), "storepass", c.keyPassword)
		if err != nil || len(keys) != c.keys {
			t.Errorf("%s: %d keys, want %d, error %v", c.name, len(keys), c.keys, err)
			continue
		}
		kind := ""
		switch keys[0].PrivateKey.(type) {
		case *rsa.PrivateKey:
			kind = "rsa"
		case *ecdsa.PrivateKey:
			kind = "ec"
		}
		if kind != c.kind || keys[0].Leaf.Subject.CommonName != c.names[0] || len(keys[0].Certificate) != len(c.names) {
			t.Errorf("%s: a key of kind %q for %s, %d certificates", c.name, kind, keys[0].Leaf.Subject, len(keys[0].Certificate))
		}
	}
}

func TestKeysRefused(t *testing.T) {
	damaged := file(t, "rsa.jks")
	damaged[len(damaged)/2] ^= 1
	for name, c := range map[string]struct {
		data                  []byte
		password, keyPassword string
		want                  string
		wrong                 bool // a password may be to blame
	}{
		"JKS, store password":   {file(t, "rsa.jks"), "keypass", "keypass", "wrong password", true},
		"JKS, key password":     {file(t, "rsa.jks"), "storepass", "", "the key 'jn' cannot be read: wrong password", true},
		"JKS, odd password":     {file(t, "rsa.jks"), "pass€", "", "beyond ISO 8859-1", false},
		"JKS, a bit":            {damaged, "storepass", "keypass", "damaged", true},
		"JKS, half":             {file(t, "rsa.jks")[:1000], "storepass", "keypass", "lengths do not add up", false},
		"PKCS12, password":      {file(t, "rsa.p12"), "no", "", "wrong password", true},
		"PKCS12, key password":  {file(t, "rsa.p12"), "storepass", "keypass", "give both the same", false},
		"PKCS12, two keys":      {file(t, "two.p12"), "storepass", "", "expected exactly one key bag", false},
		"PKCS12, half":          {file(t, "rsa.p12")[:1000], "storepass", "", "cannot be read", false},
		"JKS without a key":     {file(t, "trust.jks"), "storepass", "", "no private key", false},
		"PKCS12 without a key":  {file(t, "trust.p12"), "storepass", "", "private key missing", false},
		"a DSA key":             {file(t, "dsa.jks"), "storepass", "", "the key 'jn' cannot be used", false},
		"JCEKS":                 {file(t, "secret.jceks"), "storepass", "", "'jceks' are not read", false},
		"PEM":                   {[]byte("-----BEGIN CERTIFICATE-----"), "storepass", "", "neither a JKS nor a PKCS12", false},
		"an empty file":         {nil, "storepass", "", "too short", false},
		"a later JKS":           {append([]byte{0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 3}, make([]byte, 40)...), "x", "", "version 3", false},
		"an entry of no kind":   {append([]byte{0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2, 0, 0, 0, 1, 9, 9, 9, 9}, make([]byte, 40)...), "x", "", "kind", false},
		"a certificate of 4 GB": {append(append([]byte{0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2}, make([]byte, 10)...), bytes.Repeat([]byte{0xFF}, 30)...), "", "", "add up", false},
		"a file without an end": {make([]byte, MaxSize+1), "x", "", "larger", false},
	} {
		keys, err := ReadKeys(c.data, c.password, c.keyPassword)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrPassword) != c.wrong || len(keys) > 0 {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestTrusted(t *testing.T) {
	for _, c := range []struct {
		name, password string
		names          []string
		want           string
	}{
		{"trust.jks", "storepass", []string{"Test CA"}, ""},
		{"trust.jks", "", []string{"Test CA"}, ""},
		{"trust.jks", "no", nil, "wrong password"},
		{"trust.p12", "storepass", []string{"Test CA"}, ""},
		{"trust.p12", "no", nil, "wrong password"},
		{"chain.jks", "storepass", []string{"Test CA", "jn1.example.org"}, ""},
		{"rsa.p12", "storepass", []string{"jn1.example.org"}, ""},
		{"chain.p12", "storepass", nil, "store of their own"},
		{"trusting.p12", "storepass", nil, "store of their own"},
		{"secret.jceks", "storepass", nil, "jceks"},
	} {
		list, _, err := ReadTrusted(file(t, c.name), c.password)
		var names []string
		for _, cert := range list {
			names = append(names, cert.Subject.CommonName)
		}
		if strings.Join(names, ";") != strings.Join(c.names, ";") || (err == nil) != (c.want == "") ||
			err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with '%s': %v, %v", c.name, c.password, names, err)
		}
	}
}

func TestCheckType(t *testing.T) {
	for kind, good := range map[string]bool{"jks": true, "JKS": true, "PKCS12": true, "jceks": false, "bcfks": false, "": false} {
		if err := CheckType(kind); (err == nil) != good {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

// FuzzRead: a damaged store is an error, whatever the damage.
func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = ReadKeys(data, "storepass", "")
		_, _, _ = ReadTrusted(data, "")
	})
}
