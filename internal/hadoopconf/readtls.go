package hadoopconf

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	keyHTTPPolicy      = "dfs.http.policy"
	keyServerResource  = "dfs.https.server.keystore.resource"
	keyClientResource  = "hadoop.ssl.client.conf"
	keyNeedAuth        = "dfs.client.https.need-auth"
	keyRequireCert     = "hadoop.ssl.require.client.cert"
	keyVerifier        = "hadoop.ssl.hostname.verifier"
	keyProtocols       = "hadoop.ssl.enabled.protocols"
	keyProviderPath    = "hadoop.security.credential.provider.path"
	keyClearText       = "hadoop.security.credential.clear-text-fallback"
	keyIncludeCiphers  = "ssl.server.include.cipher.list"
	keyExcludeCiphers  = "ssl.server.exclude.cipher.list"
	defaultReload      = 10000 // FileBasedKeyStoresFactory.DEFAULT_SSL_STORES_RELOAD_INTERVAL, ms
	passwordsRemedy    = "put the passwords into this file and remove the key"
	defaultVerifier    = "DEFAULT"
	defaultStoreType   = "jks"
	serverStoresPrefix = "ssl.server."
	clientStoresPrefix = "ssl.client."
)

// policy is dfs.http.policy; Hadoop compares without regard to case and does not trim (HttpConfig.Policy.fromString).
func (r *reader) policy() HTTPPolicy {
	value := r.value(keyHTTPPolicy)
	for _, p := range []HTTPPolicy{HTTPOnly, HTTPSOnly, HTTPAndHTTPS} {
		if strings.EqualFold(value, string(p)) {
			return p
		}
	}
	r.bad(keyHTTPPolicy, value, fmt.Sprintf("Unrecognized value '%s' for %s", value, keyHTTPPolicy),
		"set HTTP_ONLY, HTTPS_ONLY or HTTP_AND_HTTPS", nil)
	return HTTPOnly
}

func (r *reader) httpsServer(policy HTTPPolicy) HTTPSServer {
	s := HTTPSServer{Address: r.address("dfs.journalnode.https-address", NoDefaultPort)}
	if !policy.HTTPS() {
		return s
	}
	s.BindHost = r.bindHost("dfs.journalnode.https-bind-host")
	s.NeedClientAuth = r.boolean(keyNeedAuth)
	f, found := r.sslFile(keyServerResource)
	if !found {
		return s
	}
	s.KeyStore = f.store(serverStoresPrefix + "keystore.")
	if s.KeyStore.Location == "" {
		f.missing(s.KeyStore.Key, "name the key store that holds this node's key")
	} else if s.KeyStore.Password == "" && !f.refused {
		f.missing(serverStoresPrefix+"keystore.password", "set the key store's password")
	}
	s.TrustStore = f.store(serverStoresPrefix + "truststore.")
	s.MinVersion, s.MaxVersion = r.protocols()
	s.CipherSuites = f.ciphers(&s.MinVersion, &s.MaxVersion)
	s.ReloadInterval = f.millis(serverStoresPrefix+"stores.reload.interval", defaultReload)
	r.errs, r.warnings = append(r.errs, f.errs...), append(r.warnings, f.warnings...)
	return s
}

// httpsClient reads ssl-client.xml. What is wrong in it ends the start only where HTTPS is wanted: with HTTP_ONLY a node
// may still have to fetch from another one that has changed already, but mostly nobody will ever look.
func (r *reader) httpsClient(policy HTTPPolicy) HTTPSClient {
	sub := &reader{c: r.c}
	c := sub.readClient()
	sub.hide()
	r.warnings = append(r.warnings, sub.warnings...)
	switch err := errors.Join(sub.errs...); {
	case err == nil:
	case policy.HTTPS():
		r.errs = append(r.errs, sub.errs...)
	default:
		c.Problem = oneLine(err.Error())
		r.warnings = append(r.warnings, Warning{Text: "segments cannot be fetched by HTTPS: " + c.Problem})
	}
	return c
}

func (r *reader) readClient() HTTPSClient {
	c := HTTPSClient{HostnameVerifier: strings.ToUpper(r.text(keyVerifier)), MaxVersion: tls.VersionTLS13}
	if r.c.release == Release27 {
		c.MaxVersion = tls.VersionTLS12
	}
	switch c.HostnameVerifier {
	case defaultVerifier, "DEFAULT_AND_LOCALHOST", "STRICT", "STRICT_IE6", "ALLOW_ALL":
	default:
		r.bad(keyVerifier, r.value(keyVerifier), "Invalid hostname verifier: "+c.HostnameVerifier,
			"set DEFAULT, DEFAULT_AND_LOCALHOST, STRICT, STRICT_IE6 or ALLOW_ALL", nil)
	}
	f, found := r.sslFile(keyClientResource)
	if !found {
		// SSLFactory.readSSLConfiguration: without the file the node's own configuration counts.
		f = &sslFile{reader: reader{c: r.c}, name: "the site files"}
	}
	c.TrustStore = f.store(clientStoresPrefix + "truststore.")
	if r.boolean(keyRequireCert) {
		c.KeyStore = f.store(clientStoresPrefix + "keystore.")
		if c.KeyStore.Location == "" {
			f.missing(c.KeyStore.Key, keyRequireCert+" needs it")
		} else if c.KeyStore.Password == "" && !f.refused {
			f.missing(clientStoresPrefix+"keystore.password", keyRequireCert+" needs it")
		}
	}
	stores := f.number(clientStoresPrefix+"stores.reload.interval", defaultReload)
	c.KeyReloadInterval = max(0, saturate(stores, time.Millisecond))
	c.TrustReloadInterval = f.millis(clientStoresPrefix+"truststore.reload.interval", stores)
	r.errs, r.warnings = append(r.errs, f.errs...), append(r.warnings, f.warnings...)
	return c
}

// sslFile is a file that is read by itself: what another one says of its keys does not count.
type sslFile struct {
	reader
	name    string
	refused bool // passwords are not to be had
}

// sslFile reads the file that a key names, from the configuration directory, which is what Hadoop's class path comes to.
// found is false if there is none, or it cannot be read; for the server's that is an error.
func (r *reader) sslFile(key string) (f *sslFile, found bool) {
	name := r.text(key)
	c, found, err := r.c.Resource(name)
	if err != nil {
		r.fail(err)
		return nil, false
	}
	if !found {
		if key == keyServerResource {
			where := "there is no such file in the configuration directory (" + r.c.options.ConfDir + ")"
			if r.c.options.ConfDir == "" {
				where = "there is no such file: no configuration directory is given"
			}
			r.bad(key, name, where, "put it into the configuration directory and name it without that", nil)
		}
		return nil, false
	}
	return &sslFile{reader: reader{c: c, warnings: c.Warnings()}, name: name}, true
}

func (f *sslFile) missing(key, remedy string) {
	f.fail(&KeyError{Key: key, Source: f.name, Reason: fmt.Sprintf("Property %s not specified", key), Remedy: remedy})
}

// store reads the keys of one store; prefix ends in a dot.
func (f *sslFile) store(prefix string) KeyStore {
	s := KeyStore{Key: prefix + "location", Location: f.text(prefix + "location"), Source: f.source(prefix + "location")}
	if s.Location == "" {
		return s
	}
	if s.Type = f.text(prefix + "type"); s.Type == "" {
		s.Type = defaultStoreType
	}
	s.Password = f.password(prefix + "password")
	if strings.HasSuffix(prefix, ".keystore.") {
		s.KeyPassword = f.password(prefix + "keypassword")
	}
	return s
}

// password is Configuration.getPassword, but for credential providers, which are not built: they go before what the file
// says, so what it says may be wrong.
func (f *sslFile) password(key string) string {
	if f.refused {
		return ""
	}
	if path := f.text(keyProviderPath); path != "" {
		f.refused = true
		f.refuse(keyProviderPath, path, f.source(keyProviderPath), "credential providers are not supported yet: "+key+
			" is not looked up", passwordsRemedy)
		return ""
	}
	if clear, recognised, err := f.c.Bool(keyClearText, true); err != nil {
		f.fail(err)
	} else if recognised && !clear {
		f.refused = true
		f.refuse(keyClearText, f.text(keyClearText), f.source(keyClearText),
			"credential providers are not supported yet, and "+key+" may not be read from here", passwordsRemedy)
		return ""
	}
	return f.value(key)
}

func (f *sslFile) number(key string, def int64) int64 {
	n, err := f.c.Long(key, def)
	f.fail(err)
	return n
}

func (f *sslFile) millis(key string, def int64) time.Duration {
	return max(0, saturate(f.number(key, def), time.Millisecond))
}

// list is the value of a key by Configuration.getTrimmedStrings.
func (f *sslFile) list(key string) []string {
	var list []string
	for _, s := range strings.FieldsFunc(f.value(key), func(r rune) bool { return r == ',' || r == '\n' }) {
		if s = javaTrim(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}
