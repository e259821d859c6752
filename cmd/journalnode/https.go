package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gojn/internal/hadoopconf"
	"gojn/internal/ssl"
	"gojn/servlet"
)

// serverTLS is the TLS of the HTTPS port, nil if the policy has none. What is wrong with a store is told with its key.
func serverTLS(s *hadoopconf.JournalNode, log *slog.Logger) (*tls.Config, error) {
	if !s.HTTPPolicy.HTTPS() {
		return nil, nil
	}
	h := s.HTTPS
	conf, err := ssl.Server(ssl.ServerConfig{
		KeyStore: storeOf(h.KeyStore), TrustStore: storeOf(h.TrustStore), NeedClientAuth: h.NeedClientAuth,
		MinVersion: h.MinVersion, MaxVersion: h.MaxVersion, CipherSuites: h.CipherSuites,
		ReloadInterval: h.ReloadInterval, Surroundings: ssl.Surroundings{Logger: log},
	})
	trust := h.TrustStore
	if trust.Location == "" { // the key store is both
		trust = h.KeyStore
	}
	return conf, storeError(err, h.KeyStore, trust)
}

func storeOf(k hadoopconf.KeyStore) ssl.Store {
	return ssl.Store{Location: k.Location, Type: k.Type, Password: k.Password, KeyPassword: k.KeyPassword}
}

func storeError(err error, keys, trust hadoopconf.KeyStore) error {
	var bad *ssl.StoreError
	switch {
	case !errors.As(err, &bad):
		return err
	case bad.Trust:
		return trust.Error(err)
	}
	return keys.Error(err)
}

// secureFetches is the TLS of fetches from other nodes. Its stores are read at the first fetch, and at each until that has
// worked: a node that serves no HTTPS itself may never need them.
type secureFetches struct {
	conf hadoopconf.HTTPSClient
	log  *slog.Logger
	only bool // this node serves HTTPS alone

	mu    sync.Mutex
	plain map[string]bool // hosts that were fetched from without TLS

	turn chan struct{} // of one: who reads the stores; a disk may hang, so that others wait with their contexts
	done atomic.Pointer[ssl.Client]
}

func newFetches(conf hadoopconf.HTTPSClient, log *slog.Logger) *secureFetches {
	return &secureFetches{conf: conf, log: log, turn: make(chan struct{}, 1), plain: make(map[string]bool)}
}

func (f *secureFetches) open(ctx context.Context) (*ssl.Client, error) {
	if client := f.done.Load(); client != nil {
		return client, nil
	}
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("the key stores are still being read: %w", ctx.Err())
	}
	if client := f.done.Load(); client != nil {
		return client, nil
	}
	if f.conf.Problem != "" {
		return nil, errors.New(f.conf.Problem)
	}
	client, err := ssl.NewClient(ssl.ClientConfig{
		TrustStore: storeOf(f.conf.TrustStore), KeyStore: storeOf(f.conf.KeyStore), Verifier: ssl.Verifier(f.conf.HostnameVerifier),
		TrustReloadInterval: f.conf.TrustReloadInterval, KeyReloadInterval: f.conf.KeyReloadInterval,
		MaxVersion: f.conf.MaxVersion, Surroundings: ssl.Surroundings{Logger: f.log},
	})
	if err != nil {
		return nil, storeError(err, f.conf.KeyStore, f.conf.TrustStore)
	}
	f.done.Store(client)
	return client, nil
}

// config is servlet.Fetcher's TLS.
func (f *secureFetches) config(ctx context.Context, host string) (*tls.Config, error) {
	client, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	return client.TLS(host), nil
}

// toldPlain bounds how many hosts are warned of.
const toldPlain = 100

// warnPlain tells once of a node that is fetched from without TLS although this one serves nothing else. As in Java it is
// fetched from all the same: nodes are changed to HTTPS one after the other.
func (f *secureFetches) warnPlain(host string) {
	if !f.only {
		return
	}
	f.mu.Lock()
	told := f.plain[host] || len(f.plain) >= toldPlain
	if !told {
		f.plain[host] = true
	}
	f.mu.Unlock()
	if !told {
		f.log.Warn("segments come over plain HTTP from a node, although dfs.http.policy is HTTPS_ONLY here", "host", host)
	}
}

// fetcher fetches segments; both its timeouts are the same.
func (f *secureFetches) fetcher(timeout time.Duration) *servlet.Fetcher {
	timeout = orForever(timeout)
	return &servlet.Fetcher{ConnectTimeout: timeout, ReadTimeout: timeout, TLS: f.config, Plain: f.warnPlain}
}

// newSecureFetches is what fetches from other nodes are made with. Where HTTPS is served its stores have to be in order,
// since all other nodes will have it too.
func newSecureFetches(s *hadoopconf.JournalNode, log *slog.Logger) (*secureFetches, error) {
	f := newFetches(s.HTTPSClient, log)
	f.only = !s.HTTPPolicy.HTTP()
	if !s.HTTPPolicy.HTTPS() {
		return f, nil
	}
	if s.HTTPSClient.TrustStore.Location == "" {
		log.Warn("ssl.client.truststore.location is not set: other nodes' certificates are checked against the system's authorities")
	}
	_, err := f.open(context.Background())
	return f, err
}
