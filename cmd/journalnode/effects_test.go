package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gojn/internal/hadoopconf"
	"gojn/storage/vfs"
)

// effects has, for each key that hadoopconf's table calls obeyed, a test that sees a running node behave by it. What the
// values of a key mean is tested in hadoopconf, what the servers make of them in their packages.
var effects = map[string]func(t *testing.T){
	"gojn.compat.release":                         effectCompatRelease,
	"dfs.journalnode.edits.dir":                   effectEditsDir,
	"dfs.journalnode.edits.dir.<nameservice>":     effectNameservices,
	"dfs.journalnode.edits.dir.perm":              effectPerm,
	"dfs.nameservices":                            effectNameservices,
	"dfs.internal.nameservices":                   effectNameservices,
	"dfs.journalnode.rpc-address":                 TestPortsThatWereGiven,
	"dfs.journalnode.rpc-bind-host":               TestPortsThatWereGiven,
	"dfs.journalnode.http-address":                TestPortsThatWereGiven,
	"dfs.journalnode.http-bind-host":              TestPortsThatWereGiven,
	"dfs.journalnode.https-address":               TestHTTPS_Both,
	"dfs.journalnode.https-bind-host":             TestHTTPS_Both,
	"dfs.http.policy":                             TestHTTPS_Only,
	"dfs.client.https.need-auth":                  TestHTTPS_NeedAuth,
	"dfs.https.server.keystore.resource":          TestHTTPS_Keys,
	"hadoop.ssl.client.conf":                      TestHTTPS_Keys,
	"hadoop.ssl.enabled.protocols":                TestHTTPS_Keys,
	"hadoop.ssl.hostname.verifier":                TestHTTPS_Keys,
	"hadoop.ssl.require.client.cert":              TestHTTPS_Keys,
	"dfs.journalnode.handler.count":               effectHandlerCount,
	"dfs.image.transfer.bandwidthPerSec":          effectBandwidth,
	"dfs.image.transfer.timeout":                  effectTransferTimeout,
	"dfs.namenode.edits.noeditlogchannelflush":    effectChannelFlush,
	"hadoop.http.idle_timeout.ms":                 effectHTTPIdle,
	"hadoop.http.max.request.header.size":         effectHeaderSize,
	"hadoop.http.socket.backlog.size":             effectListenQueues,
	"hadoop.http.header.<name>":                   effectHTTPHeaders,
	"hadoop.http.jmx.nan-filter.enabled":          effectNaNFilter,
	"dfs.xframe.enabled":                          effectXFrame,
	"dfs.xframe.value":                            effectXFrame,
	"ipc.maximum.data.length":                     effectDataLength,
	"ipc.server.max.response.size":                effectResponseSize,
	"ipc.server.listen.queue.size":                effectListenQueues,
	"ipc.server.max.connections":                  effectMaxConnections,
	"ipc.client.idlethreshold":                    effectIdle,
	"ipc.client.kill.max":                         effectIdle,
	"ipc.client.connection.maxidletime":           effectIdle,
	"ipc.client.connection.idle-scan-interval.ms": effectIdle,
	"ipc.server.purge.interval":                   effectPurgeInterval,
	"ipc.server.log.slow.rpc":                     effectSlowRPC,
	"ipc.server.log.slow.rpc.threshold.ms":        effectSlowRPC,
	"hadoop.tmp.dir":                              effectTmpDir,

	"dfs.namenode.shared.edits.dir":                          effectSharedEdits,
	"dfs.namenode.shared.edits.dir.<nameservice>":            effectSharedEdits,
	"dfs.namenode.shared.edits.dir.<nameservice>.<namenode>": effectSharedEdits,
	"dfs.ha.namenodes.<nameservice>":                         effectSharedEdits,
	"dfs.namenode.edits.qjournals.resolution-enabled":        effectSharedEdits,
	"dfs.namenode.edits.qjournals.resolver.impl":             effectSharedEdits,

	"dfs.ha.tail-edits.in-progress":            effectTailEdits,
	"dfs.journalnode.edit-cache-size.bytes":    effectEditCacheBytes,
	"dfs.journalnode.edit-cache-size.fraction": effectEditCacheFraction,

	"dfs.journalnode.enable.sync":           TestKey_EnableSync,
	"dfs.journalnode.enable.sync.format":    TestKey_EnableSyncFormat,
	"dfs.journalnode.sync.interval":         TestKey_SyncInterval,
	"dfs.edit.log.transfer.timeout":         TestKey_EditLogTransferTimeout,
	"dfs.edit.log.transfer.bandwidthPerSec": TestKey_EditLogTransferBandwidth,

	"hadoop.security.authorization":                         TestAuthorization,
	"security.service.authorization.default.acl":            TestAuthorizationLists,
	"security.service.authorization.default.acl.blocked":    TestAuthorizationLists,
	"security.service.authorization.default.hosts":          TestAuthorizationLists,
	"security.service.authorization.default.hosts.blocked":  TestAuthorizationLists,
	"security.qjournal.service.protocol.acl":                TestAuthorizationLists,
	"security.qjournal.service.protocol.acl.blocked":        TestAuthorizationLists,
	"security.qjournal.service.protocol.hosts":              TestAuthorizationLists,
	"security.qjournal.service.protocol.hosts.blocked":      TestAuthorizationLists,
	"security.interqjournal.service.protocol.acl":           TestAuthorizationLists,
	"security.interqjournal.service.protocol.acl.blocked":   TestAuthorizationLists,
	"security.interqjournal.service.protocol.hosts":         TestAuthorizationLists,
	"security.interqjournal.service.protocol.hosts.blocked": TestAuthorizationLists,
	"hadoop.security.groups.cache.secs":                     TestAuthorizationGroups,
	"hadoop.security.groups.negative-cache.secs":            TestAuthorizationGroups,
	"hadoop.security.groups.shell.command.timeout":          TestAuthorizationGroups,
	"hadoop.user.group.static.mapping.overrides":            TestAuthorizationGroups,
}

// ownTests are prefixes of the keys whose effects are tests of their own.
var ownTests = []string{"dfs.journalnode.enable.sync", "dfs.journalnode.sync.", "dfs.edit.log.transfer.",
	"dfs.http.policy", "dfs.https.", "dfs.client.https.", "hadoop.ssl.", "hadoop.security.", "security.", "hadoop.user.group."}

// TestObeyedKeys runs the effects, each once, and fails for a key that claims to be obeyed and has none.
func TestObeyedKeys(t *testing.T) {
	for _, k := range hadoopconf.Keys() {
		if _, there := effects[k.Name]; (k.Status == hadoopconf.Obeyed) != there {
			t.Errorf("%s is %s in the table and has an effect here: %t", k.Name, k.Status, there)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(effects)) {
		if strings.Contains(key, "nameservice") && key != "dfs.nameservices" ||
			slices.ContainsFunc(ownTests, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) ||
			strings.Contains(key, "address") || strings.Contains(key, "bind-host") ||
			slices.Contains([]string{"ipc.server.listen.queue.size", "ipc.client.kill.max", "ipc.client.connection.maxidletime",
				"ipc.client.connection.idle-scan-interval.ms", "ipc.server.log.slow.rpc.threshold.ms", "dfs.xframe.value",
				"dfs.namenode.edits.qjournals.resolution-enabled", "dfs.namenode.edits.qjournals.resolver.impl"}, key) {
			continue // seen by a test of its own, or by another key's
		}
		t.Run(key, effects[key])
	}
}

// on starts a node with keys over loopback and gives its edits directory.
func on(t *testing.T, keys ...string) (*node, string) {
	t.Helper()
	all := with(loopback(t.TempDir()), keys...)
	return startHere(t, vfs.OS(), all), all["dfs.journalnode.edits.dir"]
}

func effectEditsDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a/b")
	n, _ := on(t, "dfs.journalnode.edits.dir", " "+dir+"\n")
	must(t, dial(t, n.addr(), "j1").format())
	wantDir(t, dir+"/j1/current", true)
}

func effectTmpDir(t *testing.T) {
	tmp := t.TempDir()
	on(t, "hadoop.tmp.dir", tmp, "dfs.journalnode.edits.dir", "${hadoop.tmp.dir}/jn")
	wantDir(t, tmp+"/jn", true)
}

func effectNameservices(t *testing.T) {
	tmp := t.TempDir()
	common, one, two := tmp+"/common", tmp+"/one", tmp+"/two"
	dirs := []string{"dfs.journalnode.edits.dir", common, "dfs.journalnode.edits.dir.ns1", one, "dfs.journalnode.edits.dir.ns2", two}

	on(t, append(dirs, "dfs.nameservices", "ns1")...)
	wantDir(t, one, true)
	wantDir(t, common, false)

	on(t, append(dirs, "dfs.nameservices", "ns1", "dfs.internal.nameservices", "ns2")...)
	wantDir(t, two, true)
	wantDir(t, common, false)

	n, _ := on(t, append(dirs, "dfs.nameservices", "ns1,ns3")...)
	wantDir(t, common, false) // with two nothing is looked at before the first call
	must(t, dial(t, n.addr(), "j1").formatFor("ns1"))
	must(t, dial(t, n.addr(), "j3").formatFor("ns3"))
	wantDir(t, one+"/j1/current", true)
	wantDir(t, common+"/j3/current", true)
}

func effectPerm(t *testing.T) {
	byUmask := 0o777 &^ umask(t)
	for _, c := range []struct {
		keys []string
		want int
	}{
		{nil, 0o700},
		{[]string{"dfs.journalnode.edits.dir.perm", "750"}, 0o750},
		{[]string{"gojn.compat.release", "2.7"}, byUmask},
		{[]string{"gojn.compat.release", "2.7", "dfs.journalnode.edits.dir.perm", "u=rwx,g=rx,o=x"}, 0o751},
	} {
		n, dir := on(t, c.keys...)
		must(t, dial(t, n.addr(), "j1").format())
		if got := permOf(t, dir+"/j1/current"); got != c.want {
			t.Errorf("%q: current has mode %o, want %o", c.keys, got, c.want)
		}
	}
}

func effectChannelFlush(t *testing.T) {
	for value, mode := range map[string]string{"false": "sync=fdatasync", "true": "sync=O_DSYNC"} {
		n, dir := on(t, "dfs.namenode.edits.noeditlogchannelflush", value)
		dial(t, n.addr(), "j1").write(1, 10)
		if got := opensDSync(t, dir+"/j1/current/edits_inprogress_0000000000000000001"); got != (value == "true") {
			t.Errorf("%s: the segment is open with O_DSYNC: %t", value, got)
		}
		if len(n.log.matching("JournalNode is up", mode)) != 1 {
			t.Errorf("no %s in:\n%s", mode, n.log.text())
		}
	}
}

func effectCompatRelease(t *testing.T) {
	key := "dfs.image.transfer.timeout"
	n34, _ := on(t)
	_, xml := get(t, n34.webURL+"/conf?name="+key)
	_, json := get(t, n34.webURL+"/conf", "Accept", "application/json")
	if strings.Count(xml, "<property>") != 1 || !strings.HasPrefix(json, `{"properties":[`) {
		t.Errorf("3.4: %.100s and %.100s", xml, json)
	}
	n27, _ := on(t, "gojn.compat.release", "2.7")
	_, xml = get(t, n27.webURL+"/conf?name="+key, "Accept", "application/json")
	_, json = get(t, n27.webURL+"/conf?format=json")
	bad, _ := get(t, n27.webURL+"/conf?format=yaml")
	if strings.Count(xml, "<property>") < 2 || !strings.HasPrefix(json, `{"properties":[`) || bad.StatusCode != 400 {
		t.Errorf("2.7: %.100s, %.100s and %s", xml, json, bad.Status)
	}
}
