package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"
)

// ClientConfig is what a client's TLS is made of; the zero value trusts the system's authorities.
type ClientConfig struct {
	// TrustStore has what servers' certificates are checked against; without a location the system's authorities are.
	TrustStore Store
	// KeyStore has the key for servers that ask for one; without a location there is none.
	KeyStore                               Store
	Verifier                               Verifier
	MaxVersion                             uint16        // of TLS; 0: the latest
	TrustReloadInterval, KeyReloadInterval time.Duration // 0: the store is read once
	Surroundings
}

// Client gives a configuration for each connection. It may be used by many goroutines.
type Client struct {
	verifier Verifier
	most     uint16
	now      func() time.Time
	trust    *reloading[*trust]
	keys     *reloading[[]tls.Certificate]
}

// NewClient reads the stores. The error is a *StoreError.
func NewClient(conf ClientConfig) (*Client, error) {
	conf.Surroundings = conf.withDefaults()
	trusted, err := newReloading(conf.Surroundings, conf.TrustReloadInterval, []Store{conf.TrustStore},
		func() (*trust, error) {
			if conf.TrustStore.Location == "" {
				return nil, nil
			}
			return conf.TrustStore.trusted(conf.Logger)
		}, nil)
	if err != nil {
		return nil, err
	}
	keys, err := newReloading(conf.Surroundings, conf.KeyReloadInterval, []Store{conf.KeyStore},
		func() ([]tls.Certificate, error) {
			if conf.KeyStore.Location == "" {
				return nil, nil
			}
			return conf.KeyStore.keys()
		},
		func(keys []tls.Certificate) []tls.Certificate { return keys })
	if err != nil {
		return nil, err
	}
	return &Client{verifier: conf.Verifier, most: conf.MaxVersion, now: conf.Now, trust: trusted, keys: keys}, nil
}

// TLS is the configuration of a connection to host, a name or an address without port.
func (c *Client) TLS(host string) *tls.Config {
	trusted := *c.trust.get()
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		MaxVersion:   c.most,
		ServerName:   host,
		Certificates: *c.keys.get(),
		// Hadoop's names in certificates are not Go's: both are checked below, as is the chain.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			return c.verify(host, trusted, state.PeerCertificates)
		},
	}
}

func (c *Client) verify(host string, trusted *trust, chain []*x509.Certificate) error {
	if err := trusted.verify(chain, x509.ExtKeyUsageServerAuth, c.now()); err != nil {
		return fmt.Errorf("the certificate of %s is not trusted: %w", host, err)
	}
	return c.verifier.Check(host, chain[0])
}
