package hadoopconf_test

import (
	"errors"
	"strings"
	"testing"

	"gojn/internal/hadoopconf"
)

// SecurityUtil.getAuthenticationMethod: any case, not trimmed.
func TestKey_Authentication(t *testing.T) {
	const key = "hadoop.security.authentication"
	for _, value := range []string{"simple", "SIMPLE"} {
		read(t, r34, key, value)
	}
	for _, value := range []string{"kerberos", "KERBEROS", "Kerberos"} {
		_, _, err := tryRead(t, r34, key, value)
		wantKeyError(t, err, key, value, "Kerberos is not supported yet", true)
	}
	for _, value := range []string{"token", " simple", ""} {
		_, _, err := tryRead(t, r34, key, value)
		wantKeyError(t, err, key, value, "Invalid attribute value for hadoop.security.authentication of "+value, false)
	}
	// UserGroupInformation reads the site files only, so -D must not open a closed node.
	dir := confDir(t, map[string]string{"core-site.xml": site(key, "kerberos")})
	c := mustLoad(t, hadoopconf.Options{ConfDir: dir, Defines: defines(key, "simple")})
	_, _, err := hadoopconf.ReadJournalNode(c)
	wantKeyError(t, err, key, "kerberos", "core-site.xml:3", true)
}

// TestAllErrorsAtOnce: an operator with three mistakes sees three lines.
func TestAllErrorsAtOnce(t *testing.T) {
	_, _, err := tryRead(t, r34, "dfs.http.policy", "HTTPS", "dfs.journalnode.edits.dir", "x",
		"ipc.maximum.data.length", "many")
	if n := len(strings.Split(err.Error(), "\n")); n != 3 {
		t.Errorf("%d lines: %v", n, err)
	}
	var bad *hadoopconf.KeyError
	if !errors.As(err, &bad) {
		t.Errorf("no *KeyError in %v", err)
	}
}

// TestKey_Warned sets every warned key of one name to something else than its default: one warning each, naming the key
// and what is ignored, and none for the value that gojn acts as, in a file or not.
func TestKey_Warned(t *testing.T) {
	n := 0
	for _, k := range hadoopconf.Keys() {
		if k.Status != hadoopconf.Warned || k.IsPattern() {
			continue
		}
		n++
		acts := k.Default34.Value
		if k.Acts != "" {
			acts = k.Acts
		}
		other := "gojn-other"
		if acts == "true" || acts == "false" || k.Type == "boolean" {
			other = map[string]string{"true": "false"}[acts]
			if other == "" {
				other = "true"
			}
		}
		_, warnings, err := tryRead(t, r34, k.Name, other)
		if err != nil || len(warnings) != 1 || warnings[0].Key != k.Name || !strings.Contains(warnings[0].String(), k.About) ||
			!strings.Contains(warnings[0].String(), "'"+other+"'") {
			t.Errorf("%s = %s: warnings %v, error %v", k.Name, other, warnings, err)
		}
		for _, quiet := range []string{acts, ""} {
			if _, warnings, err := tryRead(t, r34, k.Name, quiet); err != nil || len(warnings) != 0 {
				t.Errorf("%s = %q: warnings %v, error %v", k.Name, quiet, warnings, err)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d warned keys", n)
	}
}

// TestUnusedKeysAreQuiet: what has no effect draws no warning, patterns included.
func TestUnusedKeysAreQuiet(t *testing.T) {
	for _, k := range hadoopconf.Keys() {
		if k.Status != hadoopconf.Unused {
			continue
		}
		name := strings.NewReplacer("<protocol>", "client", "*", "x").Replace(k.Name)
		if _, warnings, err := tryRead(t, r34, name, "v"); err != nil || len(warnings) != 0 {
			t.Errorf("%s: warnings %v, error %v", name, warnings, err)
		}
	}
}

// The call queue of another port is a NameNode's, on the same host or in a shared core-site.xml.
func TestKey_PortCallQueue(t *testing.T) {
	_, warnings, err := tryRead(t, r34, "ipc.8020.callqueue.impl", "x", "dfs.journalnode.rpc-address", "h:9999")
	if err != nil || len(warnings) != 0 {
		t.Errorf("another port: %v, %v", warnings, err)
	}
	_, warnings, err = tryRead(t, r34, "ipc.9999.callqueue.impl", "x", "ipc.9999.backoff.enable", "true",
		"dfs.journalnode.rpc-address", "h:9999")
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].String(), "also ipc.9999.callqueue.impl") {
		t.Errorf("this port: %v, %v", warnings, err)
	}
}

func TestKey_ProxyUser(t *testing.T) {
	_, warnings, err := tryRead(t, r34, "hadoop.proxyuser.hive.hosts", "*", "hadoop.proxyuser.hive.groups", "*")
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].String(), "hadoop.proxyuser.hive.hosts") {
		t.Errorf("%v, %v", warnings, err)
	}
}

func TestMisspeltKey(t *testing.T) {
	_, warnings, err := tryRead(t, r34, "dfs.journalnode.edit.dir", "/x", "gojn.compat.releas", "2.7", "dfs.other", "x")
	if err != nil || len(warnings) != 2 || !strings.Contains(warnings[0].String(), "unknown key") {
		t.Errorf("%v, %v", warnings, err)
	}
}
