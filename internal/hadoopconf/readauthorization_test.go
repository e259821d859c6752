package hadoopconf_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gojn/internal/hadoopconf"
)

const (
	keyAuthorization = "hadoop.security.authorization"
	keyQJournalACL   = "security.qjournal.service.protocol.acl"
)

func TestKey_Authorization(t *testing.T) {
	for _, value := range []string{"false", "yes", ""} { // Configuration.getBoolean: the default
		if a := read(t, r34, keyAuthorization, value, keyQJournalACL, "x").Authorization; !cmp.Equal(a, hadoopconf.Authorization{}) {
			t.Errorf("%q: %+v", value, a)
		}
	}
	for r, services := range map[hadoopconf.Release]int{r34: 2, r27: 1} {
		if a := read(t, r, keyAuthorization, " True ").Authorization; !a.Enabled || a.Release != r || len(a.Services) != services {
			t.Errorf("%v: %+v", r, a)
		}
	}
	const admin = "hadoop.security.instrumentation.requires.admin" // alone it closes nothing in Java either
	read(t, r34, admin, "true")
	_, _, err := tryRead(t, r34, keyAuthorization, "true", admin, "true")
	wantKeyError(t, err, admin, "true", "not supported yet", true)
	// 2.7 would compare users with the principal.
	const principal = "dfs.namenode.kerberos.principal"
	read(t, r34, keyAuthorization, "true", principal, "nn/_HOST@X")
	read(t, r27, principal, "nn/_HOST@X")
	_, _, err = tryRead(t, r27, keyAuthorization, "true", principal, "nn/_HOST@X")
	wantKeyError(t, err, principal, "nn/_HOST@X", "2.7 compares users with it", true)
}

// ServiceAuthorizationManager.refreshWithLoadedConfiguration: each list falls back on its own default.
func TestKey_ServiceLists(t *testing.T) {
	lists := func(keys ...string) [2][4]string {
		t.Helper()
		var got [2][4]string
		for i, s := range read(t, r34, append(keys, keyAuthorization, "true")...).Authorization.Services {
			got[i] = [4]string{s.ACL.Value, s.BlockedACL.Value, s.Hosts.Value, s.BlockedHosts.Value}
		}
		return got
	}
	const inter, q, def = "security.interqjournal.service.protocol.", "security.qjournal.service.protocol.",
		"security.service.authorization.default."
	for _, c := range []struct {
		keys []string
		want [2][4]string
	}{
		{nil, [2][4]string{{"*", "", "*", ""}, {"*", "", "*", ""}}},
		{[]string{def + "acl", " ", def + "acl.blocked", "b", def + "hosts", "h", def + "hosts.blocked", "x"},
			[2][4]string{{" ", "b", "h", "x"}, {" ", "b", "h", "x"}}},
		{[]string{def + "acl", "d", q + "acl", " u g", q + "hosts.blocked", "x"},
			[2][4]string{{"d", "", "*", ""}, {" u g", "", "*", "x"}}},
		{[]string{inter + "acl", "a", inter + "acl.blocked", "b", inter + "hosts", "c", inter + "hosts.blocked", "d"},
			[2][4]string{{"a", "b", "c", "d"}, {"*", "", "*", ""}}},
	} {
		if diff := cmp.Diff(c.want, lists(c.keys...)); diff != "" {
			t.Errorf("%q: -want +got\n%s", c.keys, diff)
		}
	}
}

// TestPolicyFile: it is read after the other files and before -D, by the name that the environment gives; without it a
// warning, as nothing else would say that everybody may connect.
func TestPolicyFile(t *testing.T) {
	dir := confDir(t, map[string]string{
		"core-site.xml": site(keyAuthorization, "true", keyQJournalACL, "core"),
		"hdfs-site.xml": site(keyQJournalACL, "hdfs"),
		"hadoop-policy.xml": site(keyQJournalACL, "policy", "hadoop.user.group.static.mapping.overrides", "ann=admins",
			"hadoop.security.group.mapping", "com.acme.Groups"), // the latter two are for nobody
		"other.xml":  site(keyQJournalACL, "other"),
		"broken.xml": "<configuration>",
	})
	for _, c := range []struct {
		name, file, set, want string
		warned                bool
	}{
		{name: "the usual one", want: "policy"},
		{name: "another one", file: "other.xml", want: "other"},
		{name: "-D", set: "line", want: "line"},
		{name: "none", file: "none.xml", want: "hdfs", warned: true},
		{name: "an absolute one", file: dir + "/other.xml", want: "hdfs", warned: true},
	} {
		o := hadoopconf.Options{ConfDir: dir, Env: func(name string) (string, bool) { return c.file, name == "HADOOP_POLICYFILE" }}
		if c.set != "" {
			o.Defines = defines(keyQJournalACL, c.set)
		}
		j, warnings, err := hadoopconf.ReadJournalNode(mustLoad(t, o))
		if err != nil {
			t.Fatal(err)
		}
		if got := j.Authorization.Services[1].ACL; got.Value != c.want || got.Source == "" {
			t.Errorf("%s: %+v", c.name, got)
		}
		if _, mapped := j.Authorization.Groups.Static["ann"]; mapped {
			t.Errorf("%s: the policy file decides on groups", c.name)
		}
		if got := len(warningsFor(warnings, keyAuthorization)); (got == 1) != c.warned || len(warnings) != got {
			t.Errorf("%s: %v", c.name, warnings)
		}
	}
	c := mustLoad(t, hadoopconf.Options{ConfDir: dir, System: map[string]string{"hadoop.policy.file": "broken.xml"}})
	if _, _, err := hadoopconf.ReadJournalNode(c); err == nil {
		t.Error("a policy that is not XML was read")
	}
}

func TestKey_GroupMapping(t *testing.T) {
	const key, java = "hadoop.security.group.mapping", "org.apache.hadoop.security."
	for _, class := range []string{"JniBasedUnixGroupsMappingWithFallback", "JniBasedUnixGroupsMapping", "ShellBasedUnixGroupsMapping"} {
		read(t, r34, keyAuthorization, "true", key, java+class)
	}
	for _, class := range []string{java + "LdapGroupsMapping", "com.acme.Groups", java + "CompositeGroupsMapping"} {
		read(t, r34, key, class) // nobody asks
		_, _, err := tryRead(t, r34, keyAuthorization, "true", key, class)
		wantKeyError(t, err, key, class, "not supported yet", true)
	}
}

func TestKey_GroupTimes(t *testing.T) {
	groups := func(keys ...string) hadoopconf.GroupMapping {
		t.Helper()
		return read(t, r34, append(keys, keyAuthorization, "true")...).Authorization.Groups
	}
	const cache, negative, timeout = "hadoop.security.groups.cache.secs", "hadoop.security.groups.negative-cache.secs",
		"hadoop.security.groups.shell.command.timeout"
	if g := groups(); g.CacheTime != 300*time.Second || g.NegativeCacheTime != 30*time.Second || g.Timeout != 30*time.Second {
		t.Errorf("the defaults are %+v", g)
	}
	if g := groups(cache, "7", negative, "-1", timeout, "2s"); g.CacheTime != 7*time.Second || g.NegativeCacheTime != 0 ||
		g.Timeout != 2*time.Second {
		t.Errorf("got %+v", g)
	}
	if g := groups(timeout, "1h"); g.Timeout != 30*time.Second {
		t.Errorf("an hour: %v", g.Timeout)
	}
	if g := groups(timeout, "500"); g.Timeout != 500*time.Millisecond {
		t.Errorf("500: %v", g.Timeout)
	}
	_, _, err := tryRead(t, r34, keyAuthorization, "true", cache, "0")
	wantKeyError(t, err, cache, "0", "must be at least 1", false)
	_, _, err = tryRead(t, r34, keyAuthorization, "true", timeout, "soon")
	wantKeyError(t, err, timeout, "soon", "not a time", false)
}

// Groups.parseStaticMapping: StringTokenizer, which drops empty parts and trims nothing.
func TestKey_StaticGroups(t *testing.T) {
	const key = "hadoop.user.group.static.mapping.overrides"
	for value, want := range map[string]map[string][]string{
		"dr.who=;":         {"dr.who": nil},
		"":                 {},
		"a=b,c;d=;e":       {"a": {"b", "c"}, "d": nil, "e": nil},
		";;a==b,,c;":       {"a": {"b", "c"}},
		" a= b":            {" a": {" b"}},
		"a=x;a=y":          {"a": {"y"}},
		"hdfs=supergroup;": {"hdfs": {"supergroup"}},
	} {
		got := read(t, r34, keyAuthorization, "true", key, value).Authorization.Groups.Static
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: -want +got\n%s", value, diff)
		}
	}
	for _, value := range []string{"a=b=c", "="} {
		_, _, err := tryRead(t, r34, keyAuthorization, "true", key, value)
		wantKeyError(t, err, key, value, "Configuration "+key+" is invalid", false)
	}
}
