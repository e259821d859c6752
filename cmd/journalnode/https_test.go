package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"gojn/internal/hadoopconf"
	"gojn/internal/keystore"
	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

// stores are the key stores that a JDK's keytool has made for package keystore. chain.jks and chain.p12 hold keys for
// localhost and 127.0.0.1 that the authority of trust.jks and trust.p12 has signed; all others are their own authority.
const stores = "../../internal/keystore/testdata/"

func storeData(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(stores + name)
	must(t, err)
	return data
}

func storePath(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(stores + name)
	must(t, err)
	return path
}

// serverKeys and clientKeys are the least that ssl-server.xml and ssl-client.xml need.
func serverKeys(t *testing.T, more ...string) map[string]string {
	return with(map[string]string{"ssl.server.keystore.location": storePath(t, "chain.jks"),
		"ssl.server.keystore.password": "storepass"}, more...)
}

func clientKeys(t *testing.T, more ...string) map[string]string {
	return with(map[string]string{"ssl.client.truststore.location": storePath(t, "trust.p12"),
		"ssl.client.truststore.password": "storepass"}, more...)
}

// secure are the keys of a node that serves HTTPS alone, over loopback.
func secure(t *testing.T, more ...string) map[string]string {
	return with(loopback(t.TempDir()), append([]string{"dfs.http.policy", "HTTPS_ONLY",
		"dfs.journalnode.https-address", "127.0.0.1:0"}, more...)...)
}

// sslDir is a configuration directory; a file without keys is not there.
func sslDir(t *testing.T, site, server, client map[string]string) string {
	t.Helper()
	dir := confDir(t, site)
	for name, keys := range map[string]map[string]string{"ssl-server.xml": server, "ssl-client.xml": client} {
		if keys != nil {
			writeFile(t, filepath.Join(dir, name), siteXML(keys))
		}
	}
	return dir
}

// startFrom starts a node by a configuration directory.
func startFrom(t *testing.T, dir string) (*node, error) {
	t.Helper()
	conf, err := hadoopconf.Load(hadoopconf.Options{ConfDir: dir, Env: func(string) (string, bool) { return "", false }})
	must(t, err)
	settings, _, err := hadoopconf.ReadJournalNode(conf)
	if err != nil {
		return nil, err
	}
	n := &node{log: newLineLog(), signals: make(chan os.Signal, 2)}
	if n.daemon, err = start(settings, conf, vfs.OS(), newLogger(n.log)); err != nil {
		return nil, err
	}
	t.Cleanup(n.end)
	return n, nil
}

func startSecure(t *testing.T, site, server, client map[string]string) *node {
	t.Helper()
	n, err := startFrom(t, sslDir(t, site, server, client))
	must(t, err)
	return n
}

// authority is what trust.jks holds.
func authority(t *testing.T) *x509.CertPool {
	t.Helper()
	list, _, err := keystore.ReadTrusted(storeData(t, "trust.jks"), "storepass")
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(list[0])
	return pool
}

// identity is the key of a store, for a client.
func identity(t *testing.T, name, keyPassword string) []tls.Certificate {
	t.Helper()
	keys, err := keystore.ReadKeys(storeData(t, name), "storepass", keyPassword)
	must(t, err)
	return keys
}

// tlsAnswer is what counts of an answer, its body apart.
type tlsAnswer struct {
	StatusCode, ProtoMajor int
	TLS                    *tls.ConnectionState
}

// askTLS gets a URL over a connection of its own.
func askTLS(url string, config *tls.Config) (tlsAnswer, string, error) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get(url)
	if err != nil {
		return tlsAnswer{}, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return tlsAnswer{resp.StatusCode, resp.ProtoMajor, resp.TLS}, string(body), errors.Join(err, resp.Body.Close())
}

func wantTLS(t *testing.T, url string, config *tls.Config) tlsAnswer {
	t.Helper()
	resp, body, err := askTLS(url, config)
	if err != nil || resp.StatusCode != 200 || body == "" {
		t.Fatalf("%s: %v, %v, %q", url, err, resp, body)
	}
	return resp
}

// TestHTTPS_Only: with HTTPS_ONLY there is one port, over TLS, and clients are told that.
func TestHTTPS_Only(t *testing.T) {
	n := startSecure(t, secure(t), serverKeys(t), clientKeys(t))
	c := dial(t, n.addr(), "j1")
	c.write(4, 10)
	must(t, c.finalize(1, 4))
	state, err := c.state()
	must(t, err)
	if !strings.HasPrefix(n.webURL, "https://127.0.0.1:") || state.GetFromURL() != n.webURL ||
		!strings.HasSuffix(n.webURL, fmt.Sprintf(":%d", state.GetHttpPort())) {
		t.Errorf("web %s, state %v", n.webURL, state)
	}
	var manifest pb.GetEditLogManifestResponseProto
	must(t, c.call("getEditLogManifest", &pb.GetEditLogManifestRequestProto{Jid: c.id(), SinceTxId: proto.Uint64(1)}, &manifest))
	if manifest.GetFromURL() != n.webURL || manifest.GetHttpPort() != state.GetHttpPort() {
		t.Errorf("manifest %v", &manifest)
	}
	config := &tls.Config{RootCAs: authority(t), NextProtos: []string{"h2", "http/1.1"}}
	resp := wantTLS(t, n.webURL+"/health", config)
	if resp.ProtoMajor != 1 || resp.TLS.Version != tls.VersionTLS13 || len(resp.TLS.PeerCertificates) != 2 {
		t.Errorf("HTTP %d, TLS %#x, %d certificates", resp.ProtoMajor, resp.TLS.Version, len(resp.TLS.PeerCertificates))
	}
	wantTLS(t, n.webURL+"/getJournal?jid=j1&segmentTxId=1&storageInfo="+
		url.QueryEscape(fmt.Sprintf("%d:4711:0:CID-test", layoutVersion)), config)
	if _, _, err := askTLS(n.webURL+"/health", &tls.Config{}); err == nil {
		t.Error("a client that does not know the authority is content")
	}
	if _, _, err := askTLS(n.webURL+"/health", &tls.Config{RootCAs: authority(t), MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is served")
	}
	resp, _, err = askTLS(strings.Replace(n.webURL, "https:", "http:", 1)+"/health", nil)
	if err != nil || resp.StatusCode != 400 {
		t.Errorf("plain HTTP to the port: %v, %v", resp, err)
	}
	if up := n.log.matching("JournalNode is up"); len(up) != 1 || strings.Contains(up[0], "http=") || !strings.Contains(up[0], "https=127.0.0.1:") {
		t.Errorf("%q", up)
	}
	if text := (&service{}).addresses(n.daemon); !strings.Contains(text, n.webURL) {
		t.Errorf("the service manager is told %q", text)
	}
}

// TestHTTPS_Both: two ports; clients are told the plain one (DFSUtil.getHttpClientScheme).
func TestHTTPS_Both(t *testing.T) {
	n := startSecure(t, secure(t, "dfs.http.policy", "HTTP_AND_HTTPS", "dfs.journalnode.https-address", "jn.invalid:0",
		"dfs.journalnode.https-bind-host", "127.0.0.1"), serverKeys(t), nil)
	state, err := dial(t, n.addr(), "j1").state()
	if err == nil || !strings.HasPrefix(n.webURL, "http://") { // not formatted: nothing else is asked here
		t.Errorf("%v, %v, %s", state, err, n.webURL)
	}
	up := n.log.matching("JournalNode is up", "http="+strings.TrimPrefix(n.webURL, "http://"), "https=127.0.0.1:")
	if len(up) != 1 {
		t.Fatalf("%s", n.log.text())
	}
	_, rest, _ := strings.Cut(up[0], "https=")
	port, _, _ := strings.Cut(rest, " ")
	if a, _ := get(t, n.webURL+"/livez"); a.StatusCode != 200 {
		t.Errorf("HTTP: %s", a.Status)
	}
	wantTLS(t, "https://"+port+"/livez", &tls.Config{RootCAs: authority(t)})
	if len(n.log.matching("ssl.client.truststore.location is not set")) != 1 {
		t.Error("no word about the authorities of the system")
	}
}

// TestHTTPS_NeedAuth: with dfs.client.https.need-auth a client needs a certificate that the trust store trusts.
func TestHTTPS_NeedAuth(t *testing.T) {
	for _, c := range []struct {
		name, trust string
		certificate []tls.Certificate
		good        bool
	}{
		{"none", "trust.jks", nil, false},
		{"of another authority", "trust.jks", identity(t, "rsa.jks", "keypass"), false},
		{"of the authority", "trust.jks", identity(t, "chain.p12", ""), true},
		{"PKCS12", "trust.p12", identity(t, "chain.p12", ""), true},
		{"no trust store, the server's own", "", identity(t, "chain.jks", ""), true},
		{"no trust store, another one", "", identity(t, "ec.jks", ""), false},
		{"trusted itself", "ec.p12", identity(t, "ec.p12", ""), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys := serverKeys(t)
			if c.trust != "" {
				keys = with(keys, "ssl.server.truststore.location", storePath(t, c.trust), "ssl.server.truststore.password", "storepass",
					"ssl.server.truststore.type", strings.Replace(filepath.Ext(c.trust)[1:], "p12", "pkcs12", 1))
			}
			n := startSecure(t, secure(t, "dfs.client.https.need-auth", "true"), keys, clientKeys(t))
			config := &tls.Config{RootCAs: authority(t), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(c.certificate) == 0 {
					return &tls.Certificate{}, nil
				}
				return &c.certificate[0], nil
			}}
			_, _, err := askTLS(n.webURL+"/livez", config)
			if (err == nil) != c.good || err != nil && !strings.Contains(err.Error(), "tls:") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestHTTPS_BadStores: the start ends with key, value, file and cause.
func TestHTTPS_BadStores(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.jks")
	writeFile(t, bad, "garbage")
	for name, c := range map[string]struct {
		server, client []string
		want           []string
	}{
		"no file":          {[]string{"ssl.server.keystore.location", "/not/there.jks"}, nil, []string{"ssl.server.keystore.location = '/not/there.jks'", "no such file"}},
		"no key store":     {[]string{"ssl.server.keystore.location", bad}, nil, []string{bad, "neither a JKS nor a PKCS12"}},
		"a directory":      {[]string{"ssl.server.keystore.location", filepath.Dir(bad)}, nil, []string{"cannot be read"}},
		"wrong password":   {[]string{"ssl.server.keystore.password", "nonono"}, nil, []string{"wrong password", "ssl.server.keystore.password"}},
		"wrong keypass":    {[]string{"ssl.server.keystore.keypassword", "nonono"}, nil, []string{"the key 'jn' cannot be read", "ssl.server.keystore.keypassword"}},
		"no key in it":     {[]string{"ssl.server.keystore.location", storePath(t, "trust.jks")}, nil, []string{"no private key"}},
		"a type":           {[]string{"ssl.server.keystore.type", "bcfks"}, nil, []string{"type 'bcfks' are not read", "ssl.server.keystore.type"}},
		"trust store":      {[]string{"ssl.server.truststore.location", "/not/t.jks"}, nil, []string{"ssl.server.truststore.location = '/not/t.jks'", "no such file"}},
		"trust store type": {[]string{"ssl.server.truststore.location", bad, "ssl.server.truststore.type", "dks"}, nil, []string{"type 'dks' are not read"}},
		"the client's":     {nil, []string{"ssl.client.truststore.password", "nonono"}, []string{"ssl.client.truststore.location", "ssl-client.xml", "wrong password"}},
	} {
		_, err := startFrom(t, sslDir(t, secure(t), serverKeys(t, c.server...), clientKeys(t, c.client...)))
		file := "ssl-server.xml:"
		if c.client != nil {
			file = "ssl-client.xml:"
		}
		var key *hadoopconf.KeyError
		if !errors.As(err, &key) {
			t.Errorf("%s: %v (%T)", name, err, err)
			continue
		}
		for _, want := range append(c.want, file) {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "nonono") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
	p := launch(t, nil, "--config", sslDir(t, secure(t), serverKeys(t, "ssl.server.keystore.location", bad), nil))
	if code := p.exit(); code != exitStartFailed {
		t.Errorf("exit code %d", code)
	}
}

// TestHTTPS_PortInUse: neither port stays open when one cannot be had.
func TestHTTPS_PortInUse(t *testing.T) {
	taken, free := occupy(t), freePort(t)
	_, err := startFrom(t, sslDir(t, secure(t, "dfs.http.policy", "HTTP_AND_HTTPS", "dfs.journalnode.https-address",
		taken.Addr().String(), "dfs.journalnode.http-address", free), serverKeys(t), clientKeys(t)))
	if err == nil || !strings.Contains(err.Error(), "dfs.journalnode.https-address") || !strings.Contains(err.Error(), "Port in use") {
		t.Errorf("%v", err)
	}
	l, err := net.Listen("tcp", free)
	must(t, err)
	must(t, l.Close())
}

// TestHTTPS_Renewed: a store that changes on disk counts from the next handshake on; one that is broken does not.
func TestHTTPS_Renewed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node.jks")
	put := func(data []byte) {
		must(t, os.WriteFile(file+".new", data, 0o600))
		must(t, os.Rename(file+".new", file))
	}
	put(storeData(t, "chain.jks"))
	n := startSecure(t, secure(t), serverKeys(t, "ssl.server.keystore.location", file, "ssl.server.stores.reload.interval", "1"),
		clientKeys(t))
	algorithm := func() x509.PublicKeyAlgorithm {
		return wantTLS(t, n.webURL+"/livez", &tls.Config{InsecureSkipVerify: true}).TLS.PeerCertificates[0].PublicKeyAlgorithm
	}
	if a := algorithm(); a != x509.RSA {
		t.Fatalf("a key for %v", a)
	}
	put([]byte("broken"))
	poll(t, "the broken store is told", func() bool {
		return algorithm() == x509.RSA && len(n.log.matching("what it held before stays in use", file)) > 0
	})
	put(storeData(t, "ec.jks"))
	poll(t, "the new key is used", func() bool { return algorithm() == x509.ECDSA })
	if told := n.log.matching("what it held before"); len(told) != 1 {
		t.Errorf("told %d times", len(told))
	}
}

// TestHTTPS_Fetch: segments come from a node that serves HTTPS, in a recovery and to fill a gap, to one that serves it and
// to one that does not, if its certificate is trusted and for its name.
func TestHTTPS_Fetch(t *testing.T) {
	fullSite := secure(t)
	full := startSecure(t, fullSite, serverKeys(t), clientKeys(t))
	from := segmentURL(t, full)
	for name, c := range map[string]struct {
		site, client map[string]string
		from, want   string
	}{
		"HTTPS_ONLY":            {secure(t), clientKeys(t), from, ""},
		"HTTP_ONLY":             {loopback(t.TempDir()), clientKeys(t), from, ""},
		"by the site files":     {with(loopback(t.TempDir()), pairs(clientKeys(t))...), nil, from, ""},
		"by another name":       {loopback(t.TempDir()), clientKeys(t), strings.Replace(from, "127.0.0.1", "localhost", 1), ""},
		"another authority":     {loopback(t.TempDir()), clientKeys(t, "ssl.client.truststore.location", storePath(t, "ec.p12")), from, "is not trusted"},
		"the system's":          {loopback(t.TempDir()), nil, from, "is not trusted"},
		"a trust store missing": {loopback(t.TempDir()), clientKeys(t, "ssl.client.truststore.location", "/not/there"), from, "ssl.client.truststore.location = '/not/there'"},
		"keys that are none":    {loopback(t.TempDir()), clientKeys(t, "ssl.client.stores.reload.interval", "soon"), from, "not a whole number"},
		"plain HTTP there":      {loopback(t.TempDir()), clientKeys(t), strings.Replace(from, "https:", "http:", 1), "status code 400"},
	} {
		n := startSecure(t, c.site, serverKeys(t), c.client)
		err := acceptFrom(t, n, c.from)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		n.end()
	}
	// The syncer goes by what the other node says of itself.
	site := secure(t, "dfs.namenode.shared.edits.dir", "qjournal://127.0.0.1:1;"+full.addr()+"/j1",
		"dfs.journalnode.sync.interval", "50")
	fallBehind(t, startSecure(t, site, serverKeys(t), clientKeys(t)))
	dir := filepath.Join(site["dfs.journalnode.edits.dir"], "j1", "current")
	poll(t, "the segment is fetched", there(filepath.Join(dir, firstSegment)))
	want, err := os.ReadFile(filepath.Join(fullSite["dfs.journalnode.edits.dir"], "j1", "current", firstSegment))
	must(t, err)
	if got, err := os.ReadFile(filepath.Join(dir, firstSegment)); err != nil || !bytes.Equal(want, got) {
		t.Errorf("other bytes, %v", err)
	}
}

// TestHTTPS_PlainPeer: while the nodes are changed to HTTPS one after the other, one that serves HTTPS alone fetches from one that
// does not yet, as Java's does, and tells of it once.
func TestHTTPS_PlainPeer(t *testing.T) {
	from := segmentURL(t, startSecure(t, loopback(t.TempDir()), nil, nil))
	const words = "segments come over plain HTTP from a node"
	for policy, lines := range map[string]int{"HTTPS_ONLY": 1, "HTTP_AND_HTTPS": 0} {
		n := startSecure(t, secure(t, "dfs.http.policy", policy), serverKeys(t), clientKeys(t))
		for range 2 {
			must(t, acceptFrom(t, n, from))
		}
		if told := n.log.matching(words, "WARN", "host=127.0.0.1"); len(told) != lines {
			t.Errorf("%s: %q", policy, told)
		}
	}
}

// TestHTTPS_StoresReadByAnother: who waits for the key stores, on a disk that hangs, gives up with his context.
func TestHTTPS_StoresReadByAnother(t *testing.T) {
	f := newFetches(hadoopconf.HTTPSClient{}, newLogger(io.Discard))
	f.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.config(ctx, "jn1"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	<-f.turn
	if _, err := f.config(t.Context(), "jn1"); err != nil {
		t.Error(err)
	}
}

// segmentURL writes transactions 1 to 4 to a node and says where to get them.
func segmentURL(t *testing.T, n *node) string {
	t.Helper()
	c := dial(t, n.addr(), "j1")
	c.write(4, 10)
	must(t, c.finalize(1, 4))
	return n.webURL + "/getJournal?jid=j1&segmentTxId=1&storageInfo=" + url.QueryEscape(fmt.Sprintf("%d:4711:0:CID-test", layoutVersion))
}

// acceptFrom is a recovery that makes a node fetch transactions 1 to 4.
func acceptFrom(t *testing.T, n *node, from string) error {
	t.Helper()
	c := dial(t, n.addr(), "j1")
	must(t, c.formatAnew())
	c.newEpoch()
	return c.call("acceptRecovery", &pb.AcceptRecoveryRequestProto{ReqInfo: c.info(), StateToAccept: segmentState(1, 4, false),
		FromURL: &from}, &pb.AcceptRecoveryResponseProto{})
}

// TestHTTPS_Keys: what of the two files' names, the protocols, the ciphers, the verifier and the client's certificate is
// seen from outside.
func TestHTTPS_Keys(t *testing.T) {
	// Named otherwise.
	dir := sslDir(t, secure(t, "dfs.https.server.keystore.resource", "s.xml", "hadoop.ssl.client.conf", "c.xml"), nil, nil)
	writeFile(t, filepath.Join(dir, "s.xml"), siteXML(serverKeys(t)))
	writeFile(t, filepath.Join(dir, "c.xml"), siteXML(clientKeys(t)))
	full, err := startFrom(t, dir)
	must(t, err)
	wantTLS(t, full.webURL+"/livez", &tls.Config{RootCAs: authority(t)})
	dir = sslDir(t, secure(t, "hadoop.ssl.client.conf", "c.xml"), serverKeys(t), nil)
	writeFile(t, filepath.Join(dir, "c.xml"), siteXML(clientKeys(t)))
	empty, err := startFrom(t, dir)
	must(t, err)
	must(t, acceptFrom(t, empty, segmentURL(t, full)))

	// Versions and cipher suites.
	n := startSecure(t, secure(t, "hadoop.ssl.enabled.protocols", "TLSv1.3"), serverKeys(t), clientKeys(t))
	wantTLS(t, n.webURL+"/livez", &tls.Config{RootCAs: authority(t)})
	if _, _, err := askTLS(n.webURL+"/livez", &tls.Config{RootCAs: authority(t), MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 is served")
	}
	const suite = tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
	n = startSecure(t, secure(t), serverKeys(t, "ssl.server.include.cipher.list", tls.CipherSuiteName(suite)), clientKeys(t))
	if s := wantTLS(t, n.webURL+"/livez", &tls.Config{RootCAs: authority(t)}).TLS; s.CipherSuite != suite || s.Version != tls.VersionTLS12 {
		t.Errorf("suite %s, version %#x", tls.CipherSuiteName(s.CipherSuite), s.Version)
	}

	// The name in the certificate: the authority's own, which is for no host.
	from := segmentURL(t, startSecure(t, secure(t), serverKeys(t, "ssl.server.keystore.location", storePath(t, "ca.jks")), clientKeys(t)))
	for verifier, good := range map[string]bool{"DEFAULT": false, "STRICT": false, "DEFAULT_AND_LOCALHOST": true, "ALLOW_ALL": true} {
		n := startSecure(t, with(loopback(t.TempDir()), "hadoop.ssl.hostname.verifier", verifier), nil, clientKeys(t))
		err := acceptFrom(t, n, from)
		if (err == nil) != good || err != nil && !strings.Contains(err.Error(), "hostname in certificate didn't match: <127.0.0.1> != <Test CA>") {
			t.Errorf("%s: %v", verifier, err)
		}
	}

	// A node that wants a certificate.
	from = segmentURL(t, startSecure(t, secure(t, "dfs.client.https.need-auth", "true"),
		serverKeys(t, "ssl.server.truststore.location", storePath(t, "trust.jks")), clientKeys(t)))
	for value, good := range map[string]bool{"true": true, "false": false} {
		n := startSecure(t, with(loopback(t.TempDir()), "hadoop.ssl.require.client.cert", value), nil, clientKeys(t,
			"ssl.client.keystore.location", storePath(t, "chain.p12"), "ssl.client.keystore.password", "storepass"))
		if err := acceptFrom(t, n, from); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("hadoop.ssl.require.client.cert %s: %v", value, err)
		}
	}
}

// pairs are keys as name, value, name, value.
func pairs(keys map[string]string) []string {
	var list []string
	for k, v := range keys {
		list = append(list, k, v)
	}
	return list
}

// TestHTTPS_Health: the health command finds a node that serves HTTPS alone.
func TestHTTPS_Health(t *testing.T) {
	for _, need := range []string{"false", "true"} {
		address := freePort(t)
		site := secure(t, "dfs.journalnode.https-address", address, "dfs.client.https.need-auth", need)
		trust := []string{"ssl.server.truststore.location", storePath(t, "trust.jks")}
		conf := sslDir(t, site, serverKeys(t, trust...), clientKeys(t))
		p := launch(t, nil, "--config", conf).up()
		if p.web != "https://"+address {
			t.Errorf("it serves %s", p.web)
		}
		if code, line := healthOf(t, nil, "--config", conf); code != 0 || line != "healthy: 0 journals in order" {
			t.Errorf("need-auth %s: code %d, %q", need, code, line)
		}
		code, line := healthOf(t, nil, "--config", conf, "--url", p.web)
		if good := code == 0; good != (need == "false") {
			t.Errorf("need-auth %s, by its URL: code %d, %q", need, code, line)
		}
		if code, line := healthOf(t, nil, "--url", p.web); code != 1 || !strings.Contains(line, "is not trusted") {
			t.Errorf("without a trust store: code %d, %q", code, line)
		}
	}
}
