package keystore

import (
	"encoding/asn1"
	"fmt"
)

// maxIterations bounds how often a PKCS12 store may have its password hashed: a second or two. keytool takes 10,000, and the
// JVM refuses more than 5,000,000 too (sun.security.pkcs12.PKCS12KeyStore).
const maxIterations = 5_000_000

// maxDepth bounds how deep the walk goes; a PKCS12 store needs half of it.
const maxDepth = 32

// checkIterations refuses a store whose file asks for too many. What is encrypted is not looked at: only who knows the password
// can have written that.
func checkIterations(data []byte) error { return walkDER(data, maxDepth) }

// walkDER looks at what can be read of data. In all structures of PKCS12 an integer behind an octet string, the salt, is a count
// of iterations (MacData, PKCS12 PBE and PBKDF2 parameters), and nowhere else.
func walkDER(data []byte, depth int) error {
	salted := false
	for len(data) > 0 && depth > 0 {
		v, rest, ok := nextDER(data)
		if !ok {
			break
		}
		data = rest
		universal := v.Class == asn1.ClassUniversal
		if universal && v.Tag == asn1.TagInteger && salted {
			var count int64
			if _, err := asn1.Unmarshal(v.FullBytes, &count); err != nil || count > maxIterations {
				return fmt.Errorf("more than %d iterations to hash the password are not done", maxIterations)
			}
		}
		salted = universal && v.Tag == asn1.TagOctetString
		if v.IsCompound || salted {
			if err := walkDER(v.Bytes, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextDER takes the first value off data. What is none is for the decoder to tell, if it is not just an octet string's content.
func nextDER(data []byte) (v asn1.RawValue, rest []byte, ok bool) {
	rest, err := asn1.Unmarshal(data, &v)
	return v, rest, err == nil
}
