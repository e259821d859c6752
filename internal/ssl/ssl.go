// Package ssl makes the TLS side of a JournalNode from Java key stores: of the server (Java's DFSUtil.loadSslConfToHttpServerBuilder,
// HttpServer2.Builder.createHttpsChannelConnector) and of the client that fetches segments (SSLFactory,
// SSLHostnameVerifier). A store whose file changes is read again by a later handshake; there is no goroutine for it.
//
// It knows neither HTTP nor the names of keys.
package ssl

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"gojn/internal/keystore"
)

// Store is a Java key store's file and what opens it.
type Store struct {
	Location string // "": there is none
	Type     string // jks or pkcs12
	Password string
	// KeyPassword is for the keys; "": as Password.
	KeyPassword string
}

// StoreError is what is wrong with a store.
type StoreError struct {
	Trust    bool // it is the trust store
	Location string
	Err      error
}

func (e *StoreError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *StoreError) Unwrap() error { return e.Err }

// Surroundings are the time and where to tell of stores that were read again. The zero value is the system's clock and
// nobody.
type Surroundings struct {
	Now    func() time.Time
	Logger *slog.Logger
}

func (s Surroundings) withDefaults() Surroundings {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	return s
}

func (s Store) read() ([]byte, error) {
	if err := keystore.CheckType(s.Type); err != nil {
		return nil, err
	}
	f, err := os.Open(s.Location)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err // whoever names the store names its path
		}
		return nil, fmt.Errorf("the file cannot be opened: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, keystore.MaxSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	return data, nil
}

func (s Store) keys() ([]tls.Certificate, error) {
	data, err := s.read()
	if err != nil {
		return nil, &StoreError{Location: s.Location, Err: err}
	}
	keys, err := keystore.ReadKeys(data, s.Password, s.KeyPassword)
	if err != nil {
		return nil, &StoreError{Location: s.Location, Err: err}
	}
	return keys, nil
}

func (s Store) trusted(log *slog.Logger) (*trust, error) {
	data, err := s.read()
	if err != nil {
		return nil, &StoreError{Trust: true, Location: s.Location, Err: err}
	}
	list, unread, err := keystore.ReadTrusted(data, s.Password)
	if err != nil {
		return nil, &StoreError{Trust: true, Location: s.Location, Err: err}
	}
	for _, err := range unread {
		log.Warn("a certificate of a trust store cannot be read: it is not trusted", "file", s.Location, "error", err)
	}
	return newTrust(list), nil
}
