package hadoopconf_test

import (
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gojn/internal/hadoopconf"
)

func TestJournalNodeDefaults(t *testing.T) {
	want := &hadoopconf.JournalNode{
		Release:  r34,
		EditsDir: "/tmp/hadoop/dfs/journalnode/", EditsDirByNameservice: map[string]string{},
		EditsDirPerm: 0o700, EditsDirPermSet: true,
		HandlerCount: 5, ImageTransferBandwidth: 52428800, ImageTransferTimeout: time.Minute,
		Sync: hadoopconf.Sync{Enabled: true, Interval: 2 * time.Minute, Timeout: 30 * time.Second},
		SharedEdits: hadoopconf.SharedEdits{BySuffix: map[string]string{}, NameNodes: map[string][]string{},
			Resolver: hadoopconf.DNSResolver},
		RPC: hadoopconf.RPCServer{Address: addr("0.0.0.0", 8485),
			MaxDataLength: 134217728, MaxResponseWarn: 1048576, ListenQueue: 256,
			IdleThreshold: 4000, IdleKillMax: 10, MaxIdleTime: 10 * time.Second, IdleScanInterval: 10 * time.Second,
			PurgeInterval: 15 * time.Minute},
		HTTPPolicy:  hadoopconf.HTTPOnly,
		HTTPS:       hadoopconf.HTTPSServer{Address: addr("0.0.0.0", 8481)},
		HTTPSClient: noStores("DEFAULT"),
		HTTP: hadoopconf.HTTPServer{Address: addr("0.0.0.0", 8480),
			IdleTimeout: time.Minute, MaxRequestHeaderSize: 65536, SocketBacklog: 500,
			FrameOptions: "SAMEORIGIN", ConfFormatFromAccept: true},
	}
	got, warnings, err := tryRead(t, hadoopconf.ReleaseFromKey)
	if err != nil || len(warnings) != 0 {
		t.Fatalf("warnings %v, error %v", warnings, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func addr(host string, port int) hadoopconf.SocketAddress {
	return hadoopconf.SocketAddress{Host: host, Port: port}
}

// samples is a value of each obeyed key that differs from its default in every release.
var samples = map[string]string{
	"gojn.compat.release":                         "2.7",
	"dfs.journalnode.edits.dir":                   "/j",
	"dfs.journalnode.edits.dir.<nameservice>":     "/ns1",
	"dfs.journalnode.edits.dir.perm":              "755",
	"dfs.nameservices":                            "ns1",
	"dfs.internal.nameservices":                   "ns1",
	"dfs.journalnode.rpc-address":                 "h:1",
	"dfs.journalnode.rpc-bind-host":               "b",
	"dfs.journalnode.http-address":                "h:1",
	"dfs.journalnode.http-bind-host":              "b",
	"dfs.journalnode.https-address":               "h:1",
	"dfs.journalnode.handler.count":               "7",
	"dfs.image.transfer.bandwidthPerSec":          "1m",
	"dfs.image.transfer.timeout":                  "1",
	"dfs.namenode.edits.noeditlogchannelflush":    "true",
	"hadoop.http.idle_timeout.ms":                 "1",
	"hadoop.http.max.request.header.size":         "1",
	"hadoop.http.socket.backlog.size":             "1",
	"hadoop.http.header.<name>":                   "x",
	"hadoop.http.jmx.nan-filter.enabled":          "true",
	"dfs.xframe.enabled":                          "false",
	"dfs.xframe.value":                            "DENY",
	"ipc.maximum.data.length":                     "1",
	"ipc.server.max.response.size":                "1",
	"ipc.server.listen.queue.size":                "1",
	"ipc.server.max.connections":                  "1",
	"ipc.client.idlethreshold":                    "1",
	"ipc.client.kill.max":                         "1",
	"ipc.client.connection.maxidletime":           "1",
	"ipc.client.connection.idle-scan-interval.ms": "1",
	"ipc.server.purge.interval":                   "1",
	"ipc.server.log.slow.rpc":                     "true",
	"ipc.server.log.slow.rpc.threshold.ms":        "1",
	"hadoop.tmp.dir":                              "/t",

	"dfs.namenode.shared.edits.dir":                          "qjournal://a;b;c/ns1",
	"dfs.namenode.shared.edits.dir.<nameservice>":            "qjournal://a;b;c/ns1",
	"dfs.namenode.shared.edits.dir.<nameservice>.<namenode>": "qjournal://a;b;c/ns1",
	"dfs.ha.namenodes.<nameservice>":                         "nn1,nn2",
	"dfs.namenode.edits.qjournals.resolution-enabled":        "true",
	"dfs.namenode.edits.qjournals.resolver.impl":             "com.acme.Resolver",

	"dfs.ha.tail-edits.in-progress":            "true",
	"dfs.journalnode.edit-cache-size.bytes":    "1000",
	"dfs.journalnode.edit-cache-size.fraction": "0.25",

	"dfs.http.policy":                    "HTTP_AND_HTTPS",
	"dfs.journalnode.https-bind-host":    "b",
	"dfs.https.server.keystore.resource": "other-server.xml",
	"dfs.client.https.need-auth":         "true",
	"hadoop.ssl.enabled.protocols":       "TLSv1.3",
	"hadoop.ssl.client.conf":             "other-client.xml",
	"hadoop.ssl.require.client.cert":     "true",
	"hadoop.ssl.hostname.verifier":       "ALLOW_ALL",

	"dfs.journalnode.enable.sync":           "false",
	"dfs.journalnode.enable.sync.format":    "true",
	"dfs.journalnode.sync.interval":         "1",
	"dfs.edit.log.transfer.timeout":         "1",
	"dfs.edit.log.transfer.bandwidthPerSec": "1m",

	"hadoop.security.authorization":                         "true",
	"security.service.authorization.default.acl":            "hdfs",
	"security.service.authorization.default.acl.blocked":    "guest",
	"security.service.authorization.default.hosts":          "10.0.0.0/8",
	"security.service.authorization.default.hosts.blocked":  "10.0.0.1",
	"security.qjournal.service.protocol.acl":                "hdfs",
	"security.qjournal.service.protocol.acl.blocked":        "guest",
	"security.qjournal.service.protocol.hosts":              "10.0.0.0/8",
	"security.qjournal.service.protocol.hosts.blocked":      "10.0.0.1",
	"security.interqjournal.service.protocol.acl":           "hdfs",
	"security.interqjournal.service.protocol.acl.blocked":   "guest",
	"security.interqjournal.service.protocol.hosts":         "10.0.0.0/8",
	"security.interqjournal.service.protocol.hosts.blocked": "10.0.0.1",
	"hadoop.security.groups.cache.secs":                     "1",
	"hadoop.security.groups.negative-cache.secs":            "0",
	"hadoop.security.groups.shell.command.timeout":          "5s",
	"hadoop.user.group.static.mapping.overrides":            "a=b",
}

// TestKey_AllObeyed: each obeyed key changes what is read, without a warning, from a file as from the command line.
func TestKey_AllObeyed(t *testing.T) {
	names := map[string]string{"dfs.journalnode.edits.dir.<nameservice>": "dfs.journalnode.edits.dir.ns1",
		"hadoop.http.header.<name>":                              "hadoop.http.header.X-A",
		"dfs.namenode.shared.edits.dir.<nameservice>":            "dfs.namenode.shared.edits.dir.ns1",
		"dfs.namenode.shared.edits.dir.<nameservice>.<namenode>": "dfs.namenode.shared.edits.dir.ns1.nn1",
		"dfs.ha.namenodes.<nameservice>":                         "dfs.ha.namenodes.ns1"}
	// Some are only looked at beside others.
	beside := map[string][]string{
		"hadoop.tmp.dir":                           {"dfs.journalnode.edits.dir", "${hadoop.tmp.dir}/j"},
		"dfs.journalnode.https-bind-host":          {"dfs.http.policy", "HTTPS_ONLY"},
		"dfs.https.server.keystore.resource":       {"dfs.http.policy", "HTTPS_ONLY"},
		"dfs.client.https.need-auth":               {"dfs.http.policy", "HTTPS_ONLY"},
		"hadoop.ssl.enabled.protocols":             {"dfs.http.policy", "HTTPS_ONLY"},
		"dfs.journalnode.edit-cache-size.bytes":    {"dfs.ha.tail-edits.in-progress", "true"},
		"dfs.journalnode.edit-cache-size.fraction": {"dfs.ha.tail-edits.in-progress", "true"},
	}
	for name := range samples {
		if strings.HasPrefix(name, "security.") || strings.Contains(name, ".group") {
			beside[name] = []string{"hadoop.security.authorization", "true"}
		}
	}
	files := sslFiles()
	files["hadoop-policy.xml"] = site()
	seen := map[string]bool{}
	for _, k := range hadoopconf.Keys() {
		if k.Status != hadoopconf.Obeyed {
			continue
		}
		seen[k.Name] = true
		name := k.Name
		if n, ok := names[name]; ok {
			name = n
		}
		base := beside[name]
		with := append(slices.Clone(base), name, samples[k.Name])
		ssl := confDir(t, files)
		before := readIn(t, ssl, base...)
		after, warnings, err := tryReadIn(t, ssl, with...)
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: warnings %v, error %v", name, warnings, err)
		}
		if cmp.Equal(before, after) {
			t.Errorf("%s = %s changes nothing", name, samples[k.Name])
		}
		if err := os.WriteFile(filepath.Join(ssl, "hdfs-site.xml"), []byte(site(with...)), 0o600); err != nil {
			t.Fatal(err)
		}
		fromFile, _, err := hadoopconf.ReadJournalNode(mustLoad(t, hadoopconf.Options{ConfDir: ssl}))
		if diff := cmp.Diff(after, fromFile, cmpopts.IgnoreFields(hadoopconf.Setting{}, "Source")); err != nil || diff != "" {
			t.Errorf("%s in hdfs-site.xml: %v\n%s", name, err, diff)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		if !seen[name] {
			t.Errorf("%s is not an obeyed key", name)
		}
	}
}

func TestKey_CompatRelease(t *testing.T) {
	if r := read(t, hadoopconf.ReleaseFromKey, "gojn.compat.release", " 2.7 ").Release; r != r27 {
		t.Errorf("release %v, want 2.7", r)
	}
	if r := read(t, hadoopconf.ReleaseFromKey, "gojn.compat.release", "3.5").Release; r != r34 {
		t.Errorf("3.5: got %v", r)
	}
	if r := read(t, hadoopconf.ReleaseFromKey, "gojn.compat.release", "3.4").Release; r != r34 {
		t.Errorf("release %v, want 3.4", r)
	}
	_, err := hadoopconf.Load(hadoopconf.Options{Defines: defines("gojn.compat.release", "3.3")})
	wantKeyError(t, err, "gojn.compat.release", "3.3", "unknown release", false)
}

// JournalNode.setConf, start and validateAndCreateJournalDir; journal.md 1.7.
func TestKey_EditsDir(t *testing.T) {
	j := read(t, r34, "dfs.journalnode.edits.dir", " /data/jn ")
	if dir, ok := j.StartDir(); j.EditsDir != "/data/jn" || dir != "/data/jn" || !ok || j.DirFor("ns1") != "/data/jn" {
		t.Errorf("got %q, start %q %t", j.EditsDir, dir, ok)
	}
	for _, bad := range []string{"data/jn", "", "file:///data/jn", "./x"} {
		_, _, err := tryRead(t, r34, "dfs.journalnode.edits.dir", bad)
		wantKeyError(t, err, "dfs.journalnode.edits.dir", bad, "Journal dir '"+bad+"' should be an absolute path", false)
	}
}

func TestKey_EditsDirByNameservice(t *testing.T) {
	kv := []string{"dfs.journalnode.edits.dir", "/plain", "dfs.journalnode.edits.dir.ns1", " /one ",
		"dfs.journalnode.edits.dir.perm", "700"}
	j := read(t, r34, kv...)
	if diff := cmp.Diff(map[string]string{"ns1": "/one"}, j.EditsDirByNameservice); diff != "" {
		t.Error(diff)
	}
	for ns, want := range map[string]string{"ns1": "/one", "ns2": "/plain", "": "/plain", "perm": "/plain"} {
		if got := j.DirFor(ns); got != want {
			t.Errorf("DirFor(%q) = %q, want %q", ns, got, want)
		}
	}
	if dir, ok := j.StartDir(); dir != "/plain" || !ok {
		t.Errorf("no nameservice: start %q %t", dir, ok)
	}
	if dir, ok := read(t, r34, append(kv, "dfs.nameservices", "ns1")...).StartDir(); dir != "/one" || !ok {
		t.Errorf("one nameservice: start %q %t", dir, ok)
	}
	_, _, err := tryRead(t, r34, "dfs.nameservices", "ns1", "dfs.journalnode.edits.dir.ns1", "rel")
	wantKeyError(t, err, "dfs.journalnode.edits.dir.ns1", "rel", "Journal dir 'rel' should be an absolute path", false)

	// A directory that is not looked at on start only draws a warning.
	for _, kv := range [][]string{
		{"dfs.nameservices", "ns1,ns2", "dfs.journalnode.edits.dir.ns1", "rel"},
		{"dfs.nameservices", "ns2", "dfs.journalnode.edits.dir.ns1", "rel"},
	} {
		_, warnings, err := tryRead(t, r34, kv...)
		if err != nil || len(warningsFor(warnings, "dfs.journalnode.edits.dir.ns1")) != 1 {
			t.Errorf("%v: warnings %v, error %v", kv, warnings, err)
		}
	}
	if err := hadoopconf.CheckJournalDir("rel"); err == nil ||
		err.Error() != "Journal dir 'rel' should be an absolute path" {
		t.Errorf("CheckJournalDir: %v", err)
	}
}

func TestKey_Nameservices(t *testing.T) {
	for _, c := range []struct {
		internal, all string
		want          []string
		start         string
		ok            bool
	}{
		{"", "", nil, "/plain", true},
		{"", "ns1", []string{"ns1"}, "/one", true},
		{"", "ns2", []string{"ns2"}, "/plain", true},
		{"", " ns1 ,, ns1 ,\n ns2 ", []string{"ns1", "ns2"}, "", false},
		{"ns2", "ns1,ns3", []string{"ns2"}, "/plain", true},
		{"ns1", "ns2", []string{"ns1"}, "/one", true},
		{" , ", "ns1", []string{"ns1"}, "/one", true},
	} {
		j := read(t, r34, "dfs.internal.nameservices", c.internal, "dfs.nameservices", c.all,
			"dfs.journalnode.edits.dir", "/plain", "dfs.journalnode.edits.dir.ns1", "/one")
		if diff := cmp.Diff(c.want, j.Nameservices); diff != "" {
			t.Errorf("%q, %q: %s", c.internal, c.all, diff)
		}
		if dir, ok := j.StartDir(); dir != c.start || ok != c.ok {
			t.Errorf("%q, %q: start %q %t", c.internal, c.all, dir, ok)
		}
	}
}

// JNStorage's constructor; FsPermission(String).
func TestKey_EditsDirPerm(t *testing.T) {
	for value, want := range map[string]fs.FileMode{"700": 0o700, " 0750 ": 0o750, "1777": 0o777 | fs.ModeSticky,
		"u=rwx,g=rx,o=": 0o750, "a=rx": 0o555} {
		j := read(t, r34, "dfs.journalnode.edits.dir.perm", value)
		if j.EditsDirPerm != want || !j.EditsDirPermSet {
			t.Errorf("%q: %o %t, want %o", value, j.EditsDirPerm, j.EditsDirPermSet, want)
		}
	}
	_, _, err := tryRead(t, r34, "dfs.journalnode.edits.dir.perm", "7777")
	wantKeyError(t, err, "dfs.journalnode.edits.dir.perm", "7777", "not a permission", false)
}

// JournalNodeRpcServer.getAddress, JournalNode.getHttpAddress, JournalNodeHttpServer.start.
func TestKey_Addresses(t *testing.T) {
	j := read(t, r34, "dfs.journalnode.rpc-address", " jn1 ", "dfs.journalnode.http-address", "[::1]",
		"dfs.journalnode.https-address", "https://jn1:99/x")
	if j.RPC.Address != addr("jn1", 0) || j.HTTP.Address != addr("::1", 8480) || j.HTTPS.Address != addr("jn1", 99) {
		t.Errorf("got %v %v %v", j.RPC.Address, j.HTTP.Address, j.HTTPS.Address)
	}
	for _, key := range []string{"dfs.journalnode.rpc-address", "dfs.journalnode.http-address",
		"dfs.journalnode.https-address"} {
		_, _, err := tryRead(t, r34, key, ":1")
		wantKeyError(t, err, key, ":1", "Does not contain a valid host:port authority: :1 (configuration property '"+key+"')",
			false)
	}
	_, _, err := tryRead(t, r34, "dfs.journalnode.https-address", "jn1")
	wantKeyError(t, err, "dfs.journalnode.https-address", "jn1", "Does not contain a valid host:port authority", false)
}

func TestKey_BindHosts(t *testing.T) {
	j := read(t, r34, "dfs.journalnode.rpc-address", "jn1:1", "dfs.journalnode.rpc-bind-host", " [::] ",
		"dfs.journalnode.http-address", "jn1:2", "dfs.journalnode.http-bind-host", "::1")
	if j.RPC.Address != addr("jn1", 1) || j.RPC.Listen() != addr("::", 1) || j.HTTP.Listen() != addr("::1", 2) ||
		j.HTTP.Address != addr("jn1", 2) {
		t.Errorf("got %+v %+v", j.RPC, j.HTTP)
	}
	j = read(t, r34, "dfs.journalnode.rpc-address", "jn1:1", "dfs.journalnode.rpc-bind-host", " ")
	if j.RPC.Listen() != addr("jn1", 1) {
		t.Errorf("blank bind host: %v", j.RPC.Listen())
	}
	for _, key := range []string{"dfs.journalnode.rpc-bind-host", "dfs.journalnode.http-bind-host"} {
		_, _, err := tryRead(t, r34, key, "jn1:8485")
		wantKeyError(t, err, key, "jn1:8485", "not a host name or address", false)
	}
}

// JournalNodeRpcServer's constructor.
func TestKey_HandlerCount(t *testing.T) {
	if n := read(t, r34, "dfs.journalnode.handler.count", "0x10").HandlerCount; n != 16 {
		t.Errorf("got %d", n)
	}
	for _, value := range []string{"0", "-3"} {
		j, warnings, err := tryRead(t, r34, "dfs.journalnode.handler.count", value)
		if err != nil || j.HandlerCount != 5 || len(warnings) != 1 {
			t.Errorf("%s: %v, %v, %v", value, j, warnings, err)
		}
	}
	_, _, err := tryRead(t, r34, "dfs.journalnode.handler.count", "5k")
	wantKeyError(t, err, "dfs.journalnode.handler.count", "5k", "not a whole number", false)
}

func TestKey_TransferBandwidth(t *testing.T) {
	for value, want := range map[string]int64{"1m": 1 << 20, "0x100": 256, "0": 0, "-1": 0, "7": 7} {
		if n := read(t, r34, "dfs.image.transfer.bandwidthPerSec", value).ImageTransferBandwidth; n != want {
			t.Errorf("%s: %d, want %d", value, n, want)
		}
	}
	_, _, err := tryRead(t, r34, "dfs.image.transfer.bandwidthPerSec", "50mb")
	wantKeyError(t, err, "dfs.image.transfer.bandwidthPerSec", "50mb", "Invalid size prefix 'b'", false)
}

func TestKey_TransferTimeout(t *testing.T) {
	for value, want := range map[string]time.Duration{"1500": 1500 * time.Millisecond, "0": 0, "-5": 0} {
		if d := read(t, r34, "dfs.image.transfer.timeout", value).ImageTransferTimeout; d != want {
			t.Errorf("%s: %v", value, d)
		}
	}
	_, _, err := tryRead(t, r34, "dfs.image.transfer.timeout", "60s")
	wantKeyError(t, err, "dfs.image.transfer.timeout", "60s", "not a whole number", false)
}

func TestKey_NoEditLogChannelFlush(t *testing.T) {
	if !read(t, r34, "dfs.namenode.edits.noeditlogchannelflush", " TRUE ").NoEditLogChannelFlush {
		t.Error("not set")
	}
	j, warnings, err := tryRead(t, r34, "dfs.namenode.edits.noeditlogchannelflush", "yes")
	if err != nil || j.NoEditLogChannelFlush || len(warnings) != 1 {
		t.Errorf("yes: %v, warnings %v, error %v", j, warnings, err)
	}
}

func TestKey_RPCLimits(t *testing.T) {
	rpc := read(t, r34, "ipc.maximum.data.length", "10", "ipc.server.max.response.size", "11",
		"ipc.server.listen.queue.size", "12", "ipc.server.max.connections", "13").RPC
	if rpc.MaxDataLength != 10 || rpc.MaxResponseWarn != 11 || rpc.ListenQueue != 12 || rpc.MaxConnections != 13 {
		t.Errorf("got %+v", rpc)
	}
	if n := read(t, r34, "ipc.server.max.connections", "-1").RPC.MaxConnections; n != 0 {
		t.Errorf("max.connections -1: %d", n)
	}
	for _, value := range []string{"0", "-1"} {
		_, _, err := tryRead(t, r34, "ipc.maximum.data.length", value)
		wantKeyError(t, err, "ipc.maximum.data.length", value, "must be at least 1", false)
	}
	_, _, err := tryRead(t, r34, "ipc.maximum.data.length", "2147483648")
	wantKeyError(t, err, "ipc.maximum.data.length", "2147483648", "out of range", false)
}

func TestKey_IdleConnections(t *testing.T) {
	rpc := read(t, r34, "ipc.client.idlethreshold", "1", "ipc.client.kill.max", "2",
		"ipc.client.connection.maxidletime", "3", "ipc.client.connection.idle-scan-interval.ms", "4").RPC
	if rpc.IdleThreshold != 1 || rpc.IdleKillMax != 2 || rpc.MaxIdleTime != 3*time.Millisecond ||
		rpc.IdleScanInterval != 4*time.Millisecond {
		t.Errorf("got %+v", rpc)
	}
	for _, none := range []string{"0", "-1"} { // Hadoop's own tests set 0, and Java's node starts with it
		rpc := read(t, r34, "ipc.client.connection.maxidletime", none).RPC
		if rpc.MaxIdleTime <= 0 || rpc.MaxIdleTime >= time.Millisecond {
			t.Errorf("maxidletime %s gives %v, which is not the least silence", none, rpc.MaxIdleTime)
		}
	}
	_, _, err := tryRead(t, r34, "ipc.client.connection.idle-scan-interval.ms", "0")
	wantKeyError(t, err, "ipc.client.connection.idle-scan-interval.ms", "0", "must be at least 1", false)
}

// 2.7 has a constant of 15 minutes (Server.PURGE_INTERVAL).
func TestKey_PurgeInterval(t *testing.T) {
	for _, release := range []hadoopconf.Release{r34, r27} {
		if d := read(t, release).RPC.PurgeInterval; d != 15*time.Minute {
			t.Errorf("%v: default %v", release, d)
		}
	}
	for value, want := range map[string]time.Duration{"1": time.Minute, "2147483647": math.MaxInt64,
		"0": 15 * time.Minute, "-1": 15 * time.Minute} { // Server.setPurgeIntervalNanos
		if d := read(t, r34, "ipc.server.purge.interval", value).RPC.PurgeInterval; d != want {
			t.Errorf("%s: %v", value, d)
		}
	}
}

func TestKey_SlowRPC(t *testing.T) {
	rpc := read(t, r34, "ipc.server.log.slow.rpc", "true", "ipc.server.log.slow.rpc.threshold.ms", "20").RPC
	if !rpc.LogSlow || rpc.LogSlowThreshold != 20*time.Millisecond {
		t.Errorf("got %+v", rpc)
	}
}

func TestKey_HTTPLimits(t *testing.T) {
	http := read(t, r34, "hadoop.http.idle_timeout.ms", "5", "hadoop.http.max.request.header.size", "6",
		"hadoop.http.socket.backlog.size", "7").HTTP
	if http.IdleTimeout != 5*time.Millisecond || http.MaxRequestHeaderSize != 6 || http.SocketBacklog != 7 {
		t.Errorf("got %+v", http)
	}
	if d := read(t, r34, "hadoop.http.idle_timeout.ms", "-1").HTTP.IdleTimeout; d != 0 {
		t.Errorf("idle -1: %v", d)
	}
	_, _, err := tryRead(t, r34, "hadoop.http.max.request.header.size", "0")
	wantKeyError(t, err, "hadoop.http.max.request.header.size", "0", "must be at least 1", false)
}

// HttpServer2.setHeaders.
func TestKey_HTTPHeaders(t *testing.T) {
	j, warnings, err := tryRead(t, r34, "hadoop.http.header.X-B", "2", "hadoop.http.header.A_a", "${hadoop.tmp.dir}",
		"hadoop.tmp.dir", "/t", "hadoop.http.header.bad name", "x")
	if err != nil || len(warnings) != 1 || warnings[0].Key != "hadoop.http.header.bad name" {
		t.Fatalf("warnings %v, error %v", warnings, err)
	}
	want := []hadoopconf.Header{{Name: "A_a", Value: "/t"}, {Name: "X-B", Value: "2"}}
	if diff := cmp.Diff(want, j.HTTP.Headers); diff != "" {
		t.Error(diff)
	}
	_, _, err = tryRead(t, r34, "hadoop.http.header.X", "a\r\nSet-Cookie: b")
	if err == nil {
		t.Error("a header with a line break is accepted")
	}
}

// HttpServer2.XFrameOption.getEnum, which knows no other case and no address behind ALLOW-FROM.
func TestKey_XFrame(t *testing.T) {
	for _, release := range []hadoopconf.Release{r27, r34} {
		if got := read(t, release).HTTP.FrameOptions; got != "SAMEORIGIN" {
			t.Errorf("by default: %q", got)
		}
	}
	for _, value := range []string{"DENY", "SAMEORIGIN", "ALLOW-FROM"} {
		if got := read(t, r34, "dfs.xframe.value", " "+value+"\n").HTTP.FrameOptions; got != value {
			t.Errorf("%s: %q", value, got)
		}
		if got := read(t, r34, "dfs.xframe.value", value, "dfs.xframe.enabled", "false").HTTP.FrameOptions; got != "" {
			t.Errorf("%s, switched off: %q", value, got)
		}
	}
	for _, value := range []string{"", "deny", "ALLOWFROM", "ALLOW-FROM http://a", "x"} {
		for _, enabled := range []string{"true", "false"} { // Java looks at the value first
			_, _, err := tryRead(t, r34, "dfs.xframe.value", value, "dfs.xframe.enabled", enabled)
			wantKeyError(t, err, "dfs.xframe.value", value, "Unexpected value in xFrameOption.", false)
		}
	}
}

func TestCompat_XFrame(t *testing.T) {
	sent := func(t *testing.T, c *hadoopconf.Configuration) string {
		t.Helper()
		j, warnings, err := hadoopconf.ReadJournalNode(c)
		if err != nil {
			wantKeyError(t, err, "dfs.xframe.value", "x", "Unexpected value in xFrameOption.", false)
			return "refused"
		}
		return fmt.Sprintf("%q, warned %t", j.HTTP.FrameOptions, strings.Contains(fmt.Sprint(warnings), "dfs.xframe.value"))
	}
	bothWays(t, nil, []string{"dfs.xframe.value", "x"}, sent, `"", warned true`, "refused")
}

// JMXJsonServlet.init.
func TestKey_JMXNaNFilter(t *testing.T) {
	for value, want := range map[string]bool{"true": true, " TRUE ": true, "false": false} {
		if got := read(t, r34, "hadoop.http.jmx.nan-filter.enabled", value).HTTP.JMXNaNFilter; got != want {
			t.Errorf("%q: %t", value, got)
		}
	}
}

func TestKey_TmpDir(t *testing.T) {
	c := mustLoad(t, hadoopconf.Options{System: map[string]string{"user.name": "hdfs"},
		Defines: defines("dfs.journalnode.edits.dir", "${hadoop.tmp.dir}/j")})
	j, _, err := hadoopconf.ReadJournalNode(c)
	if err != nil || j.EditsDir != "/tmp/hadoop-hdfs/j" {
		t.Errorf("%v, %v", j, err)
	}
	if dir := read(t, r34, "dfs.journalnode.edits.dir", "${hadoop.tmp.dir}/j", "hadoop.tmp.dir", "/t").EditsDir; dir != "/t/j" {
		t.Errorf("got %q", dir)
	}
}
