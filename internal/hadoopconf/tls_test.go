package hadoopconf_test

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gojn/internal/hadoopconf"
)

// noStores is what is read where no file names a store.
func noStores(verifier string) hadoopconf.HTTPSClient {
	return hadoopconf.HTTPSClient{HostnameVerifier: verifier, MaxVersion: tls.VersionTLS13, TrustReloadInterval: 10 * time.Second,
		KeyReloadInterval: 10 * time.Second, TrustStore: hadoopconf.KeyStore{Key: "ssl.client.truststore.location"}}
}

var (
	serverStore = []string{"ssl.server.keystore.location", "/k.jks", "ssl.server.keystore.password", "secret"}
	clientStore = []string{"ssl.client.truststore.location", "/t.jks", "ssl.client.keystore.location", "/c.jks",
		"ssl.client.keystore.password", "secret"}
)

func sslFiles() map[string]string {
	return map[string]string{
		"ssl-server.xml": site(serverStore...), "ssl-client.xml": site(clientStore...),
		"other-server.xml": site("ssl.server.keystore.location", "/other.jks", "ssl.server.keystore.password", "secret"),
		"other-client.xml": site("ssl.client.truststore.location", "/other.jks"),
	}
}

func tryReadIn(t *testing.T, dir string, kv ...string) (*hadoopconf.JournalNode, []hadoopconf.Warning, error) {
	t.Helper()
	return hadoopconf.ReadJournalNode(mustLoad(t, hadoopconf.Options{ConfDir: dir, Defines: defines(kv...)}))
}

func readIn(t *testing.T, dir string, kv ...string) *hadoopconf.JournalNode {
	t.Helper()
	j, _, err := tryReadIn(t, dir, kv...)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// httpsOnly reads a node that serves HTTPS, with an ssl-server.xml of these keys beside the least that it needs.
func httpsOnly(t *testing.T, kv ...string) (*hadoopconf.JournalNode, []hadoopconf.Warning, error) {
	t.Helper()
	return tryReadIn(t, confDir(t, map[string]string{"ssl-server.xml": site(append(slices.Clone(serverStore), kv...)...)}),
		"dfs.http.policy", "HTTPS_ONLY")
}

// DFSUtil.getHttpPolicy, HttpConfig.Policy.fromString.
func TestKey_HTTPPolicy(t *testing.T) {
	const key = "dfs.http.policy"
	dir := confDir(t, sslFiles())
	for value, want := range map[string]hadoopconf.HTTPPolicy{"http_only": hadoopconf.HTTPOnly,
		"HTTPS_ONLY": hadoopconf.HTTPSOnly, "https_only": hadoopconf.HTTPSOnly, "HTTP_AND_HTTPS": hadoopconf.HTTPAndHTTPS} {
		if p := readIn(t, dir, key, value).HTTPPolicy; p != want || p.HTTP() != (want != hadoopconf.HTTPSOnly) ||
			p.HTTPS() != (want != hadoopconf.HTTPOnly) {
			t.Errorf("%s: %s", value, p)
		}
	}
	for _, value := range []string{"HTTP", "HTTP_ONLY ", ""} {
		_, _, err := tryRead(t, r34, key, value)
		wantKeyError(t, err, key, value, "Unrecognized value '"+value+"' for dfs.http.policy", false)
	}
}

// DFSUtil.loadSslConfiguration, DFSUtil.loadSslConfToHttpServerBuilder, JournalNodeHttpServer.start.
func TestKey_HTTPSServer(t *testing.T) {
	dir := confDir(t, map[string]string{"my-server.xml": site("ssl.server.keystore.location", " /k-${part} ", "part", "1",
		"ssl.server.keystore.password", "p w", "ssl.server.keystore.keypassword", "k", "ssl.server.keystore.type", "PKCS12",
		"ssl.server.truststore.location", "/t", "ssl.server.truststore.password", "tp",
		"ssl.server.stores.reload.interval", "500", "dfs.client.https.need-auth", "false")})
	j := readIn(t, dir, "dfs.http.policy", "HTTPS_ONLY", "dfs.https.server.keystore.resource", "my-server.xml",
		"dfs.client.https.need-auth", "true", "dfs.journalnode.https-address", "h:1", "dfs.journalnode.https-bind-host", "0.0.0.0",
		"ssl.server.keystore.location", "/not/here")
	want := hadoopconf.HTTPSServer{Address: addr("h", 1), BindHost: "0.0.0.0", NeedClientAuth: true,
		KeyStore: hadoopconf.KeyStore{Location: "/k-1", Type: "PKCS12", Password: "p w", KeyPassword: "k",
			Key: "ssl.server.keystore.location", Source: dir + "/my-server.xml:3"},
		TrustStore: hadoopconf.KeyStore{Location: "/t", Type: "jks", Password: "tp",
			Key: "ssl.server.truststore.location", Source: dir + "/my-server.xml:8"},
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13, ReloadInterval: 500 * time.Millisecond}
	if diff := cmp.Diff(want, j.HTTPS); diff != "" || j.HTTPS.Listen() != addr("0.0.0.0", 1) {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, c := range []struct {
		file, key, value, words string
		site                    []string
	}{
		{"", "dfs.https.server.keystore.resource", "ssl-server.xml", "no such file in the configuration directory", nil},
		{"ssl-server.xml", "ssl.server.keystore.location", "", "Property ssl.server.keystore.location not specified",
			[]string{"ssl.server.keystore.password", "x"}},
		{"ssl-server.xml", "ssl.server.keystore.password", "", "Property ssl.server.keystore.password not specified",
			[]string{"ssl.server.keystore.location", "/x"}},
		{"ssl-server.xml", "ssl.server.stores.reload.interval", "soon", "not a whole number",
			append([]string{"ssl.server.stores.reload.interval", "soon"}, serverStore...)},
	} {
		files := map[string]string{}
		if c.file != "" {
			files[c.file] = site(c.site...)
		}
		_, _, err := tryReadIn(t, confDir(t, files), "dfs.http.policy", "HTTPS_ONLY")
		wantKeyError(t, err, c.key, c.value, c.words, false)
		if c.file != "" && !strings.Contains(err.Error(), c.file) {
			t.Errorf("%v does not name %s", err, c.file)
		}
	}
	// Java's class path does not know a path from the root.
	_, _, err := tryReadIn(t, dir, "dfs.http.policy", "HTTPS_ONLY", "dfs.https.server.keystore.resource", dir+"/my-server.xml")
	wantKeyError(t, err, "dfs.https.server.keystore.resource", dir+"/my-server.xml", "no such file", false)
	// Nobody looks at what HTTP_ONLY does not need.
	if j := readIn(t, dir, "dfs.journalnode.https-bind-host", "a b"); j.HTTPS.BindHost != "" {
		t.Errorf("got %+v", j.HTTPS)
	}
	if err := j.HTTPS.KeyStore.Error(cmpError("broken")); !strings.Contains(err.Error(), "my-server.xml:3") ||
		!strings.Contains(err.Error(), "ssl.server.keystore.keypassword") || strings.Contains(err.Error(), "p w") {
		t.Errorf("%v", err)
	}
}

type cmpError string

func (e cmpError) Error() string { return string(e) }

// Configuration.getPassword.
func TestKey_CredentialProvider(t *testing.T) {
	const path, clear = "hadoop.security.credential.provider.path", "hadoop.security.credential.clear-text-fallback"
	_, _, err := httpsOnly(t, path, "jceks://file/x.jceks")
	wantKeyError(t, err, path, "jceks://file/x.jceks", "not supported yet", true)
	_, _, err = httpsOnly(t, clear, "false")
	wantKeyError(t, err, clear, "false", "not supported yet", true)
	if _, _, err := httpsOnly(t, clear, "true"); err != nil {
		t.Error(err)
	}
	// In the site files it is for others: Java reads ssl-server.xml by itself.
	readIn(t, confDir(t, sslFiles()), "dfs.http.policy", "HTTPS_ONLY", path, "jceks://file/x.jceks")
}

// SSLFactory, FileBasedKeyStoresFactory.
func TestKey_HTTPSClient(t *testing.T) {
	file := site("ssl.client.truststore.location", "/t", "ssl.client.truststore.password", "tp", "ssl.client.truststore.type", "pkcs12",
		"ssl.client.keystore.location", "/k", "ssl.client.keystore.password", "kp", "ssl.client.keystore.keypassword", "kk",
		"ssl.client.truststore.reload.interval", "0", "ssl.client.stores.reload.interval", "7")
	dir := confDir(t, map[string]string{"my-client.xml": file})
	trust := hadoopconf.KeyStore{Location: "/t", Type: "pkcs12", Password: "tp", Key: "ssl.client.truststore.location",
		Source: dir + "/my-client.xml:3"}
	want := hadoopconf.HTTPSClient{TrustStore: trust, HostnameVerifier: "STRICT", MaxVersion: tls.VersionTLS13,
		KeyReloadInterval: 7 * time.Millisecond}
	kv := []string{"hadoop.ssl.client.conf", "my-client.xml", "hadoop.ssl.hostname.verifier", " strict "}
	if diff := cmp.Diff(want, readIn(t, dir, kv...).HTTPSClient); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	want.KeyStore = hadoopconf.KeyStore{Location: "/k", Type: "jks", Password: "kp", KeyPassword: "kk",
		Key: "ssl.client.keystore.location", Source: dir + "/my-client.xml:6"}
	if diff := cmp.Diff(want, readIn(t, dir, append(kv, "hadoop.ssl.require.client.cert", "true")...).HTTPSClient); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	both := confDir(t, map[string]string{"ssl-client.xml": site("ssl.client.stores.reload.interval", "7")})
	if c := readIn(t, both).HTTPSClient; c.TrustReloadInterval != 7*time.Millisecond || c.KeyReloadInterval != 7*time.Millisecond {
		t.Errorf("got %+v", c)
	}
	// Without the file the site files count.
	if c := readIn(t, dir, "ssl.client.truststore.location", "/site").HTTPSClient; c.TrustStore.Location != "/site" {
		t.Errorf("got %+v", c)
	}
	// What is wrong ends the start only where HTTPS is served.
	files := sslFiles()
	files["ssl-client.xml"] = site("ssl.client.stores.reload.interval", "soon")
	broken := confDir(t, files)
	j, warnings, err := tryReadIn(t, broken)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Text, "soon") || !strings.Contains(j.HTTPSClient.Problem, "soon") {
		t.Errorf("HTTP_ONLY: %v, %v", warnings, err)
	}
	_, _, err = tryReadIn(t, broken, "dfs.http.policy", "HTTP_AND_HTTPS")
	wantKeyError(t, err, "ssl.client.stores.reload.interval", "soon", "ssl-client.xml", false)
	_, _, err = tryReadIn(t, dir, "hadoop.ssl.require.client.cert", "true", "dfs.http.policy", "HTTPS_ONLY")
	if err == nil || !strings.Contains(err.Error(), "Property ssl.client.keystore.location not specified") {
		t.Errorf("%v", err)
	}
	_, _, err = tryReadIn(t, confDir(t, sslFiles()), "hadoop.ssl.hostname.verifier", "NONE", "dfs.http.policy", "HTTPS_ONLY")
	wantKeyError(t, err, "hadoop.ssl.hostname.verifier", "NONE", "Invalid hostname verifier: NONE", false)
}

func TestCompat_DownloadTLS(t *testing.T) {
	most := field(func(j *hadoopconf.JournalNode) uint16 { return j.HTTPSClient.MaxVersion })
	bothWays(t, nil, nil, most, tls.VersionTLS12, tls.VersionTLS13)
}

func TestCompat_Protocols(t *testing.T) {
	for _, value := range []string{"TLSv1", "TLSv1.2,TLSv2"} {
		served := func(t *testing.T, c *hadoopconf.Configuration) string {
			t.Helper()
			j, warnings, err := hadoopconf.ReadJournalNode(c)
			if err != nil {
				wantKeyError(t, err, "hadoop.ssl.enabled.protocols", value, "", false)
				return "refused"
			}
			return fmt.Sprintf("%#x to %#x, warned %t", j.HTTPS.MinVersion, j.HTTPS.MaxVersion,
				strings.Contains(fmt.Sprint(warnings), "hadoop.ssl.enabled.protocols"))
		}
		bothWays(t, sslFiles(), []string{"dfs.http.policy", "HTTPS_ONLY", "hadoop.ssl.enabled.protocols", value}, served,
			"0x303 to 0x304, warned true", "refused")
	}
}

// HttpServer2.Builder.setEnabledProtocols.
func TestKey_Protocols(t *testing.T) {
	const key = "hadoop.ssl.enabled.protocols"
	dir := confDir(t, sslFiles())
	for value, want := range map[string]struct {
		least, most uint16
		warnings    int
	}{
		"TLSv1.2": {tls.VersionTLS12, tls.VersionTLS13, 0}, " TLSv1.2": {tls.VersionTLS12, tls.VersionTLS12, 0},
		"TLSv1.3": {tls.VersionTLS13, tls.VersionTLS13, 0}, "TLSv1.2,TLSv1.3": {tls.VersionTLS12, tls.VersionTLS13, 0},
		"TLSv1,SSLv2Hello,TLSv1.1, TLSv1.2": {tls.VersionTLS12, tls.VersionTLS12, 1},
	} {
		j, warnings, err := tryReadIn(t, dir, "dfs.http.policy", "HTTPS_ONLY", key, value)
		if err != nil || j.HTTPS.MinVersion != want.least || j.HTTPS.MaxVersion != want.most || len(warnings) != want.warnings {
			t.Errorf("%s: %+v, %v, %v", value, j, warnings, err)
		}
	}
	for value, words := range map[string]string{"TLSv1": "older ones are not served", "TLSv1.2,TLSv2": "Unsupported protocol: TLSv2"} {
		_, _, err := tryReadIn(t, dir, "dfs.http.policy", "HTTPS_ONLY", key, value)
		wantKeyError(t, err, key, value, words, false)
	}
}

// Jetty's SslContextFactory: names or patterns, what is excluded is not included.
func TestKey_Ciphers(t *testing.T) {
	const include, exclude = "ssl.server.include.cipher.list", "ssl.server.exclude.cipher.list"
	const gcm, chacha = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
	const all13 = "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256"
	for _, c := range []struct {
		kv          []string
		suites      []uint16
		least, most uint16
		warning     string
	}{
		{nil, nil, tls.VersionTLS12, tls.VersionTLS13, ""},
		{[]string{include, gcm + ",\n " + chacha}, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}, tls.VersionTLS12, tls.VersionTLS12, ""},
		{[]string{include, gcm + "," + chacha, exclude, ".*CHACHA.*"}, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
			tls.VersionTLS12, tls.VersionTLS12, ""},
		{[]string{include, all13}, nil, tls.VersionTLS13, tls.VersionTLS13, ""},
		{[]string{include, gcm + ",TLS_RSA_WITH_AES_128_CBC_SHA,TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
			[]uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, tls.VersionTLS12, tls.VersionTLS12,
			"TLS_RSA_WITH_AES_128_CBC_SHA (insecure), TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
		{[]string{exclude, "TLS_ECDHE_.*"}, nil, tls.VersionTLS13, tls.VersionTLS13, ""},
		{[]string{include, gcm + ",TLS_AES_128_GCM_SHA256"}, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
			tls.VersionTLS12, tls.VersionTLS13, "TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256"},
	} {
		j, warnings, err := httpsOnly(t, c.kv...)
		if err != nil {
			t.Errorf("%v: %v", c.kv, err)
			continue
		}
		slices.Sort(c.suites)
		got := slices.Sorted(slices.Values(j.HTTPS.CipherSuites))
		if diff := cmp.Diff(c.suites, got); diff != "" || j.HTTPS.MinVersion != c.least || j.HTTPS.MaxVersion != c.most {
			t.Errorf("%v: %+v\n%s", c.kv, j.HTTPS, diff)
		}
		if (c.warning == "") != (len(warnings) == 0) || c.warning != "" && !strings.Contains(warnings[0].Text, c.warning) {
			t.Errorf("%v: warnings %v", c.kv, warnings)
		}
	}
	// What Hadoop's own example of ssl-server.xml excludes is nothing that is served here.
	j, warnings, err := httpsOnly(t, exclude, "TLS_ECDHE_RSA_WITH_RC4_128_SHA,SSL_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA,\n"+
		"  SSL_RSA_WITH_DES_CBC_SHA,SSL_DHE_RSA_WITH_DES_CBC_SHA,\n  SSL_RSA_EXPORT_WITH_RC4_40_MD5,SSL_RSA_WITH_RC4_128_MD5")
	if err != nil || len(warnings) > 0 || len(j.HTTPS.CipherSuites) < 6 || j.HTTPS.MaxVersion != tls.VersionTLS13 {
		t.Errorf("the example: %v, %v", warnings, err)
	}
	for _, kv := range [][]string{{include, "TLS_RSA_.*"}, {exclude, ".*"}, {include, "TLS_["}} {
		_, _, err := httpsOnly(t, kv...)
		words := "leaves no cipher suite"
		if kv[1] == "TLS_[" {
			words = "neither a name nor a pattern"
		}
		wantKeyError(t, err, kv[0], kv[1], words, false)
	}
}
