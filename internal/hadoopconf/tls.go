package hadoopconf

import (
	"strings"
	"time"
)

// HTTPPolicy says which of HTTP and HTTPS a node serves (dfs.http.policy).
type HTTPPolicy string

// The policies.
const (
	HTTPOnly     HTTPPolicy = "HTTP_ONLY"
	HTTPSOnly    HTTPPolicy = "HTTPS_ONLY"
	HTTPAndHTTPS HTTPPolicy = "HTTP_AND_HTTPS"
)

// HTTP tells whether plain HTTP is served.
func (p HTTPPolicy) HTTP() bool { return p != HTTPSOnly }

// HTTPS tells whether HTTPS is served.
func (p HTTPPolicy) HTTPS() bool { return p != HTTPOnly }

// HTTPSServer is how the HTTPS port listens and who it is (DFSUtil.loadSslConfiguration, HttpServer2.Builder). All but
// Address is only read if the policy has HTTPS.
type HTTPSServer struct {
	// Address is dfs.journalnode.https-address, BindHost replaces its host for listening.
	Address  SocketAddress
	BindHost string
	// KeyStore holds the node's key. TrustStore says whose certificates clients may have; without a location the key store
	// does.
	KeyStore, TrustStore KeyStore
	// NeedClientAuth: a client must have a certificate.
	NeedClientAuth bool
	// MinVersion and MaxVersion are TLS versions as crypto/tls has them.
	MinVersion, MaxVersion uint16
	// CipherSuites are those of TLS 1.2, nil for Go's own choice.
	CipherSuites []uint16
	// ReloadInterval is how long the stores' files are believed unchanged; 0: for ever.
	ReloadInterval time.Duration
}

// Listen is where to listen: Address with BindHost.
func (s HTTPSServer) Listen() SocketAddress { return bound(s.Address, s.BindHost) }

// HTTPSClient is how segments are fetched from nodes that serve HTTPS (SSLFactory, URLConnectionFactory).
type HTTPSClient struct {
	// TrustStore holds the certificates that are trusted; without a location those of the system are.
	TrustStore KeyStore
	// KeyStore holds this node's key for servers that ask for one; without a location it has none.
	KeyStore KeyStore
	// HostnameVerifier is DEFAULT, DEFAULT_AND_LOCALHOST, STRICT, STRICT_IE6 or ALLOW_ALL.
	HostnameVerifier string
	// MaxVersion is a TLS version as crypto/tls has it: by 2.7's rules 1.2. Its Jetty breaks a connection of TLS 1.3 off,
	// which later updates of its Java offer in its name, but not to its own clients.
	MaxVersion uint16
	// TrustReloadInterval and KeyReloadInterval are as ReloadInterval in HTTPSServer, of the one store and the other.
	TrustReloadInterval, KeyReloadInterval time.Duration
	// Problem is why nothing can be fetched by HTTPS; it is empty, or else the policy is HTTPOnly and a warning has said it.
	Problem string
}

// KeyStore names a Java key store and has what opens it.
type KeyStore struct {
	Location    string // "": there is none
	Type        string // jks unless something else is set; not checked
	Password    string
	KeyPassword string // "" for as Password, and for trust stores
	Key         string // the key that gives Location
	Source      string // where that is set
}

// Error is what is wrong with a store, as a *KeyError that names key, value and file.
func (s KeyStore) Error(err error) error {
	prefix := strings.TrimSuffix(s.Key, "location")
	keys := prefix + "password and " + prefix + "type"
	if strings.Contains(prefix, "keystore") {
		keys = prefix + "password, " + prefix + "keypassword and " + prefix + "type"
	}
	return &KeyError{Key: s.Key, Value: s.Location, Source: s.Source, Reason: err.Error(),
		Remedy: "see to the file and to " + keys, Err: err}
}
