package ssl

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"
)

func testStore(name string) Store {
	return Store{Location: "../keystore/testdata/" + name, Type: "jks", Password: "storepass"}
}

// TestClient_Trust: a server's certificate must be in the trust store, or of an authority of it and valid now; one that an authority
// has signed with SHA-1 counts for nothing, whereas JVMs still take it from authorities of one's own.
func TestClient_Trust(t *testing.T) {
	for _, c := range []struct {
		server, trust string
		now           time.Time // zero: now
		want          string
	}{
		{server: "chain.jks", trust: "trust.jks"},
		{server: "ec.jks", trust: "ec.jks"},
		{server: "ec.jks", trust: "ec.jks", now: time.Unix(1<<35, 0)}, // long after its end
		{server: "chain.jks", trust: "trust.jks", now: time.Unix(1<<35, 0), want: "has expired"},
		{server: "chain.jks", trust: "ec.jks", want: "unknown authority"},
		{server: "sha1.jks", trust: "trust.jks", want: "SHA1"},
		{server: "chain.jks", trust: "trust.jks", now: time.Unix(0, 0), want: "not yet valid"},
	} {
		server, err := Server(ServerConfig{KeyStore: testStore(c.server), MinVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		around := Surroundings{}
		if !c.now.IsZero() {
			around.Now = func() time.Time { return c.now }
		}
		client, err := NewClient(ClientConfig{TrustStore: testStore(c.trust), Surroundings: around})
		if err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		if err := here.SetDeadline(time.Now().Add(30 * time.Second)); err != nil { // both wait for each other if a check is amiss
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = tls.Server(here, server).HandshakeContext(t.Context()) // fails where the client says no
			_ = here.Close()
		}()
		err = tls.Client(there, client.TLS("127.0.0.1")).HandshakeContext(t.Context())
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, trusting %s: %v, want %q", c.server, c.trust, err, c.want)
		}
		_ = there.Close()
		<-served
	}
}
