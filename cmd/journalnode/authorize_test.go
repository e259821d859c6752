package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"gojn/hadooprpc"
	"gojn/jnserver"
	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

const (
	qjournalACL = "security.qjournal.service.protocol.acl"
	interACL    = "security.interqjournal.service.protocol.acl"
)

// guarded starts a node with service authorization.
func guarded(t *testing.T, keys ...string) *node {
	t.Helper()
	n, _ := on(t, append([]string{"hadoop.security.authorization", "true"}, keys...)...)
	return n
}

// opens tells whether a user may open a connection for a protocol; a refusal has the class, the code and the end of the
// connection that Java's has.
func opens(t *testing.T, n *node, user, protocol string) (text string, allowed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := hadooprpc.Dial(ctx, n.addr(), hadooprpc.ClientConfig{Protocol: protocol, User: user})
	must(t, err)
	defer func() { _ = c.Close() }()
	jid := "j1"
	err = c.Call(ctx, "getJournalCTime", &pb.GetJournalCTimeRequestProto{Jid: &pb.JournalIdProto{Identifier: &jid}},
		&pb.GetJournalCTimeResponseProto{})
	var remote *hadooprpc.RemoteError
	if !errors.As(err, &remote) {
		t.Fatalf("%s: %v", user, err) // no journal has been formatted
	}
	if remote.Class != hadooprpc.ClassAuthorization {
		return "", true
	}
	if !remote.Fatal || remote.Code != hadooprpc.CodeFatalUnauthorized {
		t.Errorf("%s: fatal %t, code %d", user, remote.Fatal, remote.Code)
	}
	return remote.Message, false
}

// wantUsers checks who of some users may open a connection for QJournalProtocol.
func wantUsers(t *testing.T, n *node, allowed, refused []string) {
	t.Helper()
	for want, users := range map[bool][]string{true: allowed, false: refused} {
		for _, user := range users {
			if text, got := opens(t, n, user, jnserver.QJournalProtocol); got != want {
				t.Errorf("%s may: %t, %s", user, got, text)
			}
		}
	}
}

// TestAuthorization: who is in the list of users may, who is not is told so, counted, and named in the log, once.
func TestAuthorization(t *testing.T) {
	n := guarded(t, qjournalACL, "hdfs,nn")
	wantUsers(t, n, []string{"hdfs", "nn", "nn/host@REALM"}, []string{"guest", "HDFS"})
	text, _ := opens(t, n, "guest", jnserver.QJournalProtocol)
	if want := "User guest (auth:SIMPLE) is not authorized for protocol interface " + jnserver.QJournalProtocol +
		": denied by configured ACL"; text != want {
		t.Errorf("got %q, want %q", text, want)
	}
	activity, _ := rpcBeansOf(t, n)
	counts(t, activity, map[string]float64{"RpcAuthorizationSuccesses": 3, "RpcAuthorizationFailures": 3})
	n.end()
	if got := n.log.matching("level=WARN", "Authorization failed for guest (auth:SIMPLE) for protocol=interface "+
		jnserver.QJournalProtocol+": denied by configured ACL", "remote=127.0.0.1"); len(got) != 1 {
		t.Errorf("failures: %q", got)
	}
	if got := n.log.matching("level=INFO", "Authorization successful for hdfs (auth:SIMPLE)"); len(got) != 1 {
		t.Errorf("successes: %q", got)
	}
	old := guarded(t, qjournalACL, "hdfs", "gojn.compat.release", "2.7")
	if text, _ := opens(t, old, "guest", jnserver.QJournalProtocol); !strings.HasSuffix(text,
		", expected client Kerberos principal is null") {
		t.Errorf("2.7: %s", text)
	}
	for _, name := range []string{jnserver.InterQJournalProtocol, "com.acme.Other"} {
		if text, may := opens(t, old, "hdfs", name); may || text != "Unknown protocol: "+name {
			t.Errorf("%s of 2.7: %t, %q", name, may, text)
		}
	}
}

// TestAuthorizationLists: each list decides, the default where a protocol has none, blocked ones last.
func TestAuthorizationLists(t *testing.T) {
	const def = "security.service.authorization.default."
	for _, c := range []struct {
		keys             []string
		allowed, refused []string
	}{
		{nil, []string{"hdfs", "guest"}, nil},
		{[]string{def + "acl", "hdfs"}, []string{"hdfs"}, []string{"guest"}},
		{[]string{def + "acl", "hdfs", qjournalACL, "*"}, []string{"hdfs", "guest"}, nil},
		{[]string{def + "acl.blocked", "guest"}, []string{"hdfs"}, []string{"guest"}},
		{[]string{qjournalACL + ".blocked", "guest"}, []string{"hdfs"}, []string{"guest"}},
		{[]string{qjournalACL, " "}, nil, []string{"hdfs", "guest"}},
		{[]string{def + "hosts", "127.0.0.0/8"}, []string{"hdfs"}, nil},
		{[]string{def + "hosts", "192.0.2.1"}, nil, []string{"hdfs"}},
		{[]string{def + "hosts.blocked", "127.0.0.1"}, nil, []string{"hdfs"}},
		{[]string{"security.qjournal.service.protocol.hosts", "192.0.2.0/24"}, nil, []string{"hdfs"}},
		{[]string{"security.qjournal.service.protocol.hosts.blocked", "127.0.0.0/8"}, nil, []string{"hdfs"}},
	} {
		t.Run(strings.Join(c.keys, " "), func(t *testing.T) { wantUsers(t, guarded(t, c.keys...), c.allowed, c.refused) })
	}
	n := guarded(t, qjournalACL, "hdfs", interACL+".blocked", "hdfs", "security.interqjournal.service.protocol.hosts", "*",
		"security.interqjournal.service.protocol.hosts.blocked", "192.0.2.0/24", interACL, "jn,hdfs")
	for user, want := range map[string]bool{"hdfs": false, "jn": true, "guest": false} {
		if text, may := opens(t, n, user, jnserver.InterQJournalProtocol); may != want {
			t.Errorf("%s for InterQJournalProtocol: %t, %s", user, may, text)
		}
	}
	host := guarded(t, "security.service.authorization.default.hosts", "192.0.2.1,no-such-host.invalid")
	want := "Host 127.0.0.1 is not authorized for protocol interface " + jnserver.QJournalProtocol
	if text, _ := opens(t, host, "hdfs", jnserver.QJournalProtocol); text != want {
		t.Errorf("a host: %q", text)
	}
	got := host.log.matching("level=WARN", "host=no-such-host.invalid", "key=security.service.authorization.default.hosts")
	if len(got) != 2 {
		t.Errorf("an unknown host, in the lists of two protocols: %q", got)
	}
}

// TestAuthorizationGroups: groups are those of this machine, or those that the configuration fixes.
func TestAuthorizationGroups(t *testing.T) {
	n := guarded(t, qjournalACL, "hdfs admins", "hadoop.user.group.static.mapping.overrides", "ann=staff,admins;bob=staff",
		"hadoop.security.groups.cache.secs", "60", "hadoop.security.groups.negative-cache.secs", "60",
		"hadoop.security.groups.shell.command.timeout", "20s")
	wantUsers(t, n, []string{"hdfs", "ann"}, []string{"bob", "no-such-user"})
	me, err := user.Current()
	must(t, err)
	if _, err := exec.LookPath("id"); err != nil {
		t.Skip("there is no command id")
	}
	out, err := exec.Command("id", "-gn", me.Username).Output()
	must(t, err)
	group := strings.TrimSpace(string(out))
	wantUsers(t, guarded(t, qjournalACL, " "+group), []string{me.Username}, []string{"no-such-user"})
	wantUsers(t, guarded(t, qjournalACL+".blocked", " "+group), []string{"no-such-user"}, []string{me.Username})
}

// TestAuthorizationLog: names of any length, and a directory that is down, do not fill the log.
func TestAuthorizationLog(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "id"), []byte("#!/bin/sh\nexit 2\n"), 0o700))
	t.Setenv("PATH", dir)
	n := guarded(t, qjournalACL, " admins")
	long := strings.Repeat("x", 1000) // nearly as long as a name may be
	wantUsers(t, n, nil, []string{"ann", "bob", "cat", long + "1", long + "2", "a\x00b"})
	if _, may := opens(t, n, "hdfs", long); may {
		t.Error("a made-up protocol may be used")
	}
	n.end()
	for _, line := range n.log.all() {
		if len(line) > 2<<10 {
			t.Errorf("a line of %d bytes: %.300s", len(line), line)
		}
	}
	if got := n.log.matching("the groups of a user could not be had", "exit status 2"); len(got) != 1 {
		t.Errorf("failed look-ups: %q", got)
	}
	if got := n.log.matching("level=WARN", "Authorization failed for xxx"); len(got) != 1 {
		t.Errorf("of users whose names begin alike: %q", got)
	}
}

// TestAuthorizationConfines: a connection for one protocol is none for another, and nobody acts for others; the node itself
// sees that it is alive.
func TestAuthorizationConfines(t *testing.T) {
	n := guarded(t, qjournalACL, "hdfs", "hadoop.proxyuser.hdfs.hosts", "*", "hadoop.proxyuser.hdfs.users", "*")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, hadooprpc.Alive(ctx, n.addr()))
	if got := n.log.matching("connection closed with an error"); len(got) > 0 {
		t.Errorf("the proof of life is refused: %q", got)
	}
	c, err := hadooprpc.Dial(ctx, n.addr(),
		hadooprpc.ClientConfig{Protocol: jnserver.QJournalProtocol, User: "ann", RealUser: "hdfs"})
	must(t, err)
	defer func() { _ = c.Close() }()
	jid := "j1"
	err = c.Call(ctx, "getJournalCTime", &pb.GetJournalCTimeRequestProto{Jid: &pb.JournalIdProto{Identifier: &jid}},
		&pb.GetJournalCTimeResponseProto{})
	var remote *hadooprpc.RemoteError
	if !errors.As(err, &remote) || remote.Message != "User: hdfs is not allowed to impersonate ann" {
		t.Errorf("for another: %v", err)
	}
	if n.rpc.Confine != true {
		t.Error("connections are not confined")
	}
	open, _ := on(t)
	if open.rpc.Confine || open.rpc.Authorize != nil {
		t.Error("without authorization something is asked")
	}
}

// TestAuthorizationFile: the lists come from hadoop-policy.xml beside the site files.
func TestAuthorizationFile(t *testing.T) {
	dir := confDir(t, with(loopback(t.TempDir()), "hadoop.security.authorization", "true"))
	writeFile(t, filepath.Join(dir, "hadoop-policy.xml"), siteXML(map[string]string{qjournalACL: "hdfs"}))
	n, err := startFrom(t, dir)
	must(t, err)
	wantUsers(t, n, []string{"hdfs"}, []string{"guest"})
}

// TestAuthorizedCluster: nodes with lists still ask one another, as the user that they run as.
func TestAuthorizedCluster(t *testing.T) {
	me, err := user.Current()
	must(t, err)
	t.Setenv("HADOOP_USER_NAME", me.Username)
	n := startHere(t, vfs.OS(), with(loopback(t.TempDir()), "hadoop.security.authorization", "true", qjournalACL, "hdfs",
		interACL, me.Username))
	if text, may := opens(t, n, me.Username, jnserver.InterQJournalProtocol); !may {
		t.Error(text)
	}
	if _, may := opens(t, n, me.Username, jnserver.QJournalProtocol); may {
		t.Error("a JournalNode's user is taken for a NameNode's")
	}
}
