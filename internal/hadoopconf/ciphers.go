package hadoopconf

import (
	"crypto/tls"
	"regexp"
	"slices"
	"strings"
)

// protocols reads hadoop.ssl.enabled.protocols. Its default, TLSv1.2 alone, means what Jetty means without it: 1.2 and 1.3
// (HttpServer2.setEnabledProtocols). The servers of 2.7 do not read the key: in that form nothing it says ends the start.
func (r *reader) protocols() (least, most uint16) {
	value := r.value(keyProtocols)
	if value == "TLSv1.2" {
		return tls.VersionTLS12, tls.VersionTLS13
	}
	var old []string
	for _, name := range strings.Split(value, ",") {
		version := uint16(0)
		switch name = javaTrim(name); name {
		case "TLSv1.2":
			version = tls.VersionTLS12
		case "TLSv1.3":
			version = tls.VersionTLS13
		case "TLSv1", "TLSv1.1", "SSLv3", "SSLv2", "SSLv2Hello":
			old = append(old, name)
			continue
		case "":
			continue
		default:
			return r.noProtocols(value, "Unsupported protocol: "+name)
		}
		if least == 0 || version < least {
			least = version
		}
		most = max(most, version)
	}
	switch {
	case least == 0:
		return r.noProtocols(value, "neither TLSv1.2 nor TLSv1.3: older ones are not served")
	case len(old) > 0:
		r.warnKey(keyProtocols, strings.Join(old, ", ")+" not served; JVMs have them off too, since 2021")
	}
	return least, most
}

func (r *reader) noProtocols(value, reason string) (least, most uint16) {
	if r.c.release == Release27 {
		r.warnKey(keyProtocols, reason+"; TLSv1.2 and TLSv1.3 are")
	} else {
		r.bad(keyProtocols, value, reason, "set TLSv1.2, TLSv1.3 or both", nil)
	}
	return tls.VersionTLS12, tls.VersionTLS13
}

// ciphers reads the two lists of cipher suites, whose entries are regular expressions (Jetty's SslContextFactory). A list
// that leaves a version of TLS without any takes it out of the range.
func (f *sslFile) ciphers(least, most *uint16) []uint16 {
	include, exclude := f.patterns(keyIncludeCiphers), f.patterns(keyExcludeCiphers)
	if len(include) == 0 && len(exclude) == 0 || len(f.errs) > 0 {
		return nil
	}
	var suites []uint16
	var left13, out13 []string
	f.unknownCiphers(include)
	for _, s := range tls.CipherSuites() {
		in := (len(include) == 0 || matchesAny(include, s.Name)) && !matchesAny(exclude, s.Name)
		switch {
		case slices.Contains(s.SupportedVersions, tls.VersionTLS13):
			if in {
				left13 = append(left13, s.Name)
			} else {
				out13 = append(out13, s.Name)
			}
		case in:
			suites = append(suites, s.ID)
		}
	}
	if len(left13) == 0 {
		*most = min(*most, tls.VersionTLS12)
	} else if len(out13) > 0 && *most >= tls.VersionTLS13 {
		key := keyExcludeCiphers
		if len(exclude) == 0 {
			key = keyIncludeCiphers
		}
		f.warnKey(key, "TLS 1.3 has its cipher suites together or not at all: served although not wanted: "+strings.Join(out13, ", "))
	}
	if len(suites) == 0 {
		*least = max(*least, tls.VersionTLS13)
		suites = nil
	}
	if *least > *most {
		key := keyIncludeCiphers
		if len(include) == 0 {
			key = keyExcludeCiphers
		}
		f.bad(key, f.text(key), "leaves no cipher suite that is served with "+keyProtocols,
			"leave in some of TLS_ECDHE_.*_GCM_.*, TLS_ECDHE_.*_CHACHA20_.*, TLS_AES_.*", nil)
	}
	return suites
}

// unknownCiphers warns about the entries of the list to include that no suite here answers to.
func (f *sslFile) unknownCiphers(include []*regexp.Regexp) {
	var unknown []string
	for _, p := range include {
		if !slices.ContainsFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool { return p.MatchString(s.Name) }) {
			name := strings.TrimSuffix(strings.TrimPrefix(p.String(), "^(?:"), ")$")
			if slices.ContainsFunc(tls.InsecureCipherSuites(), func(s *tls.CipherSuite) bool { return p.MatchString(s.Name) }) {
				name += " (insecure)"
			}
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		f.warnKey(keyIncludeCiphers, "not served here: "+strings.Join(unknown, ", "))
	}
}

func (f *sslFile) patterns(key string) []*regexp.Regexp {
	var list []*regexp.Regexp
	for _, entry := range f.list(key) {
		p, err := regexp.Compile("^(?:" + entry + ")$")
		if err != nil {
			f.bad(key, f.text(key), "'"+entry+"' is neither a name nor a pattern: "+err.Error(), "correct it", err)
			continue
		}
		list = append(list, p)
	}
	return list
}

func matchesAny(patterns []*regexp.Regexp, name string) bool {
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(name) })
}
