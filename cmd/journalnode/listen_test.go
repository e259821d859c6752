package main

import (
	"net"
	"net/url"
	"testing"

	"gojn/storage/vfs"
)

// TestWildcards: a node on 0.0.0.0 has no port on IPv6, as a Java node under java.net.preferIPv4Stack; one on [::] has on both.
func TestWildcards(t *testing.T) {
	needIPv6(t)
	for host, v6 := range map[string]bool{"0.0.0.0": false, "[::]": true} {
		t.Run(host, func(t *testing.T) {
			n := startHere(t, vfs.OS(), with(loopback(t.TempDir()), "dfs.journalnode.rpc-address", host+":0",
				"dfs.journalnode.http-address", "127.0.0.1:0", "dfs.journalnode.http-bind-host", host))
			web, err := url.Parse(n.webURL)
			must(t, err)
			for _, port := range []string{portOf(n.rpcAddr), web.Port()} {
				for loopback, want := range map[string]bool{"127.0.0.1": true, "::1": v6} {
					nc, err := net.Dial("tcp", net.JoinHostPort(loopback, port))
					if (err == nil) != want {
						t.Errorf("%s, port %s: %v", loopback, port, err)
					}
					if err == nil {
						_ = nc.Close()
					}
				}
			}
		})
	}
}
