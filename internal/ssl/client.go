package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// ClientConfig is what a client's TLS is made of; the zero value trusts the system's authorities.
type ClientConfig struct {
	// TrustStore has what servers' certificates are checked against; without a location the system's authorities are.
	TrustStore Store
	// KeyStore has the key for servers that ask for one; without a location there is none.
	KeyStore       Store
	Verifier       Verifier
	MaxVersion     uint16        // of TLS; 0: the latest
	ReloadInterval time.Duration // 0: the stores are read once
	Surroundings
}

// Client gives a configuration for each connection. It may be used by many goroutines.
type Client struct {
	verifier Verifier
	most     uint16
	now      func() time.Time
	stores   *reloading[clientStores]
}

type clientStores struct {
	roots *x509.CertPool // nil: the system's
	keys  []tls.Certificate
}

// NewClient reads the stores. The error is a *StoreError.
func NewClient(conf ClientConfig) (*Client, error) {
	stores, err := newReloading(conf.Surroundings, conf.ReloadInterval, []Store{conf.TrustStore, conf.KeyStore},
		func() (s clientStores, err error) {
			if conf.TrustStore.Location != "" {
				if s.roots, err = conf.TrustStore.trusted(); err != nil {
					return s, err
				}
			}
			if conf.KeyStore.Location != "" {
				s.keys, err = conf.KeyStore.keys()
			}
			return s, err
		},
		func(s clientStores) []tls.Certificate { return s.keys })
	if err != nil {
		return nil, err
	}
	return &Client{verifier: conf.Verifier, most: conf.MaxVersion, now: stores.Now, stores: stores}, nil
}

// TLS is the configuration of a connection to host, a name or an address without port.
func (c *Client) TLS(host string) *tls.Config {
	s := c.stores.get()
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		MaxVersion:   c.most,
		ServerName:   host,
		Certificates: s.keys,
		// Hadoop's names in certificates are not Go's: both are checked below, as is the chain.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			return c.verify(host, s.roots, state.PeerCertificates)
		},
	}
}

func (c *Client) verify(host string, roots *x509.CertPool, certs []*x509.Certificate) error {
	if len(certs) == 0 {
		return errors.New("the server has no certificate")
	}
	between := x509.NewCertPool()
	for _, cert := range certs[1:] {
		between.AddCert(cert)
	}
	if _, err := certs[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: c.now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
		return fmt.Errorf("the certificate of %s is not trusted: %w", host, err)
	}
	return c.verifier.Check(host, certs[0])
}
