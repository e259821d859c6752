// Package redact knows which configuration keys hide their value, in /conf as in messages (Java
// org.apache.hadoop.conf.ConfigRedactor).
package redact

import (
	"regexp"
	"strings"
)

const (
	// PatternsKey is the key that names more patterns.
	PatternsKey = "hadoop.security.sensitive-config-keys"
	// Text stands for a value that is hidden.
	Text = "<redacted>"
)

// builtIn are the patterns of 3.5's core-default.xml, and two more of its code
// (CommonConfigurationKeysPublic.HADOOP_SECURITY_SENSITIVE_CONFIG_KEYS_DEFAULT). They always count; configured ones add.
var builtIn = []string{
	`secret$`, `password$`, `username$`, `ssl.keystore.pass$`,
	`fs.s3.*[Ss]ecret.?[Kk]ey`, `fs.s3a.server-side-encryption.key`, `fs.s3a.*.server-side-encryption.key`,
	`fs.s3a.encryption.algorithm`, `fs.s3a.encryption.key`, `fs.s3a.encryption.context`,
	`fs.s3a.secret.key`, `fs.s3a.*.secret.key`, `fs.s3a.session.key`, `fs.s3a.*.session.key`, `fs.s3a.session.token`,
	`fs.s3a.*.session.token`,
	`fs.azure.account.key.*`, `fs.azure.oauth2.*`, `fs.adl.oauth2.*`, `fs.gs.encryption.*`, `fs.gs.proxy.*`,
	`fs.gs.auth.*`, `credential$`, `oauth.*secret`, `oauth.*password`, `oauth.*token`,
	`hadoop.security.sensitive-config-keys`,
}

// Redactor tells keys that hide their value from others. It may be used by many goroutines.
type Redactor struct {
	patterns []*regexp.Regexp
	all      bool // a configured pattern cannot be understood: nothing is shown rather than too much
}

// New adds configured, the value of PatternsKey, to the patterns that always count: several ones are parted by commas or lines.
func New(configured string) *Redactor {
	patterns := append(builtIn[:len(builtIn):len(builtIn)],
		strings.FieldsFunc(configured, func(r rune) bool { return r == ',' || r == '\n' })...)
	var r Redactor
	for _, text := range patterns {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		re, err := regexp.Compile(text)
		if err != nil {
			r.all = true
			continue
		}
		r.patterns = append(r.patterns, re)
	}
	return &r
}

// Sensitive tells whether a key hides its value.
func (r *Redactor) Sensitive(key string) bool {
	for _, re := range r.patterns {
		if re.MatchString(key) {
			return true
		}
	}
	return r.all
}
