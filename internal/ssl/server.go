package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"
)

// ServerConfig is what a server's TLS is made of. KeyStore and the versions are required.
type ServerConfig struct {
	KeyStore Store
	// TrustStore has what clients' certificates are checked against; without a location that is the key store, as in Jetty.
	// It must be readable even if no client needs a certificate.
	TrustStore Store
	// NeedClientAuth: a handshake without a trusted certificate of the client fails.
	NeedClientAuth         bool
	MinVersion, MaxVersion uint16
	CipherSuites           []uint16      // of TLS 1.2; nil: Go's choice
	ReloadInterval         time.Duration // 0: the stores are read once
	Surroundings
}

// Server reads the stores and makes the configuration of a server, HTTP/1.1 only since it offers no other protocol. It may
// be used by several listeners. The error is a *StoreError.
func Server(conf ServerConfig) (*tls.Config, error) {
	conf.Surroundings = conf.withDefaults()
	stores, err := newReloading(conf.Surroundings, conf.ReloadInterval, []Store{conf.KeyStore, conf.TrustStore},
		func() (*tls.Config, error) { return conf.load() },
		func(c *tls.Config) []tls.Certificate { return c.Certificates })
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: conf.MinVersion,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return *stores.get(), nil
		},
	}, nil
}

func (conf ServerConfig) load() (*tls.Config, error) {
	keys, err := conf.KeyStore.keys()
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: keys, MinVersion: conf.MinVersion, MaxVersion: conf.MaxVersion, CipherSuites: conf.CipherSuites,
		Time: conf.Now}
	store := conf.TrustStore
	if store.Location == "" && conf.NeedClientAuth {
		store = conf.KeyStore
	}
	if store.Location == "" {
		return c, nil
	}
	trusted, err := store.trusted(conf.Logger)
	if err != nil {
		return nil, err
	}
	if conf.NeedClientAuth {
		// ClientCAs only tells clients whose certificates to show: each is checked below.
		c.ClientAuth, c.ClientCAs = tls.RequireAnyClientCert, trusted.authorities
		c.VerifyConnection = func(state tls.ConnectionState) error {
			if err := trusted.verify(state.PeerCertificates, x509.ExtKeyUsageClientAuth, conf.Now()); err != nil {
				return fmt.Errorf("the client's certificate is not trusted: %w", err)
			}
			return nil
		}
		c.SessionTicketsDisabled = true // each connection is checked by the stores as they are now
	}
	return c, nil
}
