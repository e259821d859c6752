package hadoopconf

import "slices"

// httpsKeys are the keys of HTTPS that stand in the site files.
var httpsKeys = []Key{
	{"dfs.journalnode.https-address", HDFSDefault, file("0.0.0.0:8481"), file("0.0.0.0:8481"), false, "address", Obeyed, "",
		"HTTPS address; must parse, port included, even if HTTPS is off", "TestKey_Addresses"},
	{"dfs.journalnode.https-bind-host", HDFSDefault, unknown, none, false, "host", Obeyed, "",
		"host to bind HTTPS to instead", "TestKey_HTTPSServer"},
	{keyHTTPPolicy, HDFSDefault, file("HTTP_ONLY"), file("HTTP_ONLY"), false, "word", Obeyed, "",
		"HTTP_ONLY, HTTPS_ONLY or HTTP_AND_HTTPS; with HTTPS_ONLY clients are told the HTTPS port, else the HTTP port",
		"TestKey_HTTPPolicy"},
	{keyServerResource, HDFSDefault, file("ssl-server.xml"), file("ssl-server.xml"), false, "file", Obeyed, "",
		"file of the configuration directory with the keys ssl.server.*", "TestKey_HTTPSServer"},
	{keyNeedAuth, HDFSDefault, file("false"), file("false"), false, "boolean", Obeyed, "",
		"true: HTTPS clients need a certificate that the trust store trusts", "TestKey_HTTPSServer"},
	{keyProtocols, CoreDefault, file("TLSv1"), file("TLSv1.2"), false, "list", Obeyed, "",
		"versions of TLS that are served; TLSv1.2 alone, the default, means TLSv1.2 and TLSv1.3, as in Jetty. Older ones are " +
			"not served, with a warning; in the 2.7 form that is all, even if no other is left: its servers do not read the key",
		"TestKey_Protocols"},
	{keyClientResource, CoreDefault, file("ssl-client.xml"), file("ssl-client.xml"), false, "file", Obeyed, "",
		"file of the configuration directory with the keys ssl.client.*; without it they are looked for in the site files",
		"TestKey_HTTPSClient"},
	{keyRequireCert, CoreDefault, file("false"), file("false"), false, "boolean", Obeyed, "",
		"true: this node has a certificate, of the client's key store, for nodes that ask for one", "TestKey_HTTPSClient"},
	{keyVerifier, CoreDefault, file("DEFAULT"), file("DEFAULT"), false, "word", Obeyed, "",
		"how the name in another node's certificate is compared: DEFAULT, DEFAULT_AND_LOCALHOST, STRICT, STRICT_IE6, ALLOW_ALL",
		"TestKey_HTTPSClient"},
	{"hadoop.ssl.keystores.factory.class", CoreDefault, file(fileStores), file(fileStores), false, "class", Warned, "",
		"key stores are read from files", warnedTest},
	{"hadoop.http.sni.host.check.enabled", CoreDefault, unknown, file("false"), false, "boolean", Warned, "",
		"the Host header is not compared with the certificate", warnedTest},
	{"hadoop.ssl.server.conf", CoreDefault, file("ssl-server.xml"), file("ssl-server.xml"), false, "file", Unused, "",
		"a JournalNode goes by " + keyServerResource, ""},
	{"hadoop.ssl.enabled", CoreDefault, file("false"), unknown, false, "boolean", Unused, "",
		"only where dfs.http.policy has no default", ""},
}

const fileStores = "org.apache.hadoop.security.ssl.FileBasedKeyStoresFactory"

// SSLKeys are the keys of the two files that dfs.https.server.keystore.resource and hadoop.ssl.client.conf name, in the
// order in which they are documented.
func SSLKeys() []Key { return slices.Clone(sslKeyTable) }

var sslKeyTable = []Key{
	sslKey("ssl.server.keystore.location", none, "file", "the key store with this node's key; required", "TestKey_HTTPSServer"),
	sslKey("ssl.server.keystore.password", none, "text", "its password; required", "TestKey_HTTPSServer"),
	sslKey("ssl.server.keystore.keypassword", none, "text", "the key's password, if it has another one", "TestKey_HTTPSServer"),
	sslKey("ssl.server.keystore.type", code("jks"), "word", "jks or pkcs12; the file tells which it is, as in a JVM",
		"cmd/journalnode TestHTTPS_BadStores"),
	sslKey("ssl.server.truststore.location", none, "file",
		"the store with what clients' certificates are checked against; none: the key store is", "cmd/journalnode TestHTTPS_NeedAuth"),
	sslKey("ssl.server.truststore.password", none, "text", "its password; may be missing for jks", "TestKey_HTTPSServer"),
	sslKey("ssl.server.truststore.type", code("jks"), "word", "jks or pkcs12", "cmd/journalnode TestHTTPS_BadStores"),
	sslKey(keyIncludeCiphers, none, "list", "the only cipher suites to serve: names or patterns; those that Go does not have, or "+
		"calls insecure, draw a warning", "TestKey_Ciphers"),
	sslKey(keyExcludeCiphers, none, "list", "cipher suites not to serve", "TestKey_Ciphers"),
	sslKey("ssl.server.stores.reload.interval", code("10000"), "ms",
		"how often a handshake looks whether the stores' files have changed; 0 or less: never", "TestKey_HTTPSServer"),
	sslKey("ssl.client.truststore.location", none, "file",
		"the store with what other nodes' certificates are checked against; none: the system's authorities",
		"cmd/journalnode TestHTTPS_Fetch"),
	sslKey("ssl.client.truststore.password", none, "text", "its password; may be missing for jks", "TestKey_HTTPSClient"),
	sslKey("ssl.client.truststore.type", code("jks"), "word", "jks or pkcs12", "TestKey_HTTPSClient"),
	sslKey("ssl.client.keystore.location", none, "file", "the key store for servers that ask for a certificate; only looked at, with "+
		"its password, keypassword and type, if hadoop.ssl.require.client.cert is true", "TestKey_HTTPSClient"),
	sslKey("ssl.client.stores.reload.interval", code("10000"), "ms",
		"as of the server; for the trust store ssl.client.truststore.reload.interval goes before it", "TestKey_HTTPSClient"),
	{keyProviderPath, CodeOnly, none, none, false, "list", Refused, "",
		"a password would be looked for there first, which is not built: in either file", "TestKey_CredentialProvider"},
	{keyClearText, CodeOnly, code("true"), code("true"), false, "boolean", Refused, "",
		"false: passwords may only come from credential providers", "TestKey_CredentialProvider"},
}

func sslKey(name string, d Default, kind, about, test string) Key {
	return Key{Name: name, Default27: d, Default34: d, Type: kind, Status: Obeyed, About: about, Test: test}
}
