package hadoopconf_test

import (
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gojn/internal/hadoopconf"
)

const (
	r27 = hadoopconf.Release27
	r34 = hadoopconf.Release34
)

// defines turns k1, v1, k2, v2 ... into -D settings.
func defines(kv ...string) []hadoopconf.KV {
	var list []hadoopconf.KV
	for i := 0; i+1 < len(kv); i += 2 {
		list = append(list, hadoopconf.KV{Key: kv[i], Value: kv[i+1]})
	}
	return list
}

// site is the text of a configuration file that sets k1 to v1, k2 to v2 ...
func site(kv ...string) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<configuration>\n")
	for i := 0; i+1 < len(kv); i += 2 {
		b.WriteString("<property><name>" + kv[i] + "</name><value>")
		if err := xml.EscapeText(&b, []byte(kv[i+1])); err != nil {
			panic(err)
		}
		b.WriteString("</value></property>\n")
	}
	b.WriteString("</configuration>\n")
	return b.String()
}

// confDir writes files, name by content, into a new directory.
func confDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func mustLoad(t *testing.T, o hadoopconf.Options) *hadoopconf.Configuration {
	t.Helper()
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	c, err := hadoopconf.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tryRead reads a JournalNode from -D settings alone.
func tryRead(t *testing.T, r hadoopconf.Release, kv ...string) (*hadoopconf.JournalNode, []hadoopconf.Warning, error) {
	t.Helper()
	return hadoopconf.ReadJournalNode(mustLoad(t, hadoopconf.Options{Release: r, Defines: defines(kv...)}))
}

// read is tryRead for settings that must be accepted.
func read(t *testing.T, r hadoopconf.Release, kv ...string) *hadoopconf.JournalNode {
	t.Helper()
	j, _, err := tryRead(t, r, kv...)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// wantKeyError checks that an error is one line about a key and its value, with a remedy, and holds some words.
func wantKeyError(t *testing.T, err error, key, value, words string, refused bool) {
	t.Helper()
	var bad *hadoopconf.KeyError
	if !errors.As(err, &bad) {
		t.Fatalf("error is %v (%T), want a *KeyError about %s", err, err, key)
	}
	if bad.Key != key || bad.Value != value || bad.Remedy == "" || bad.Refused != refused {
		t.Errorf("got %+v, want key %s, value %q, a remedy, refused %t", bad, key, value, refused)
	}
	msg := bad.Error()
	for _, part := range []string{key, value, words, bad.Remedy} {
		if !strings.Contains(msg, part) {
			t.Errorf("message %q lacks %q", msg, part)
		}
	}
	if strings.Contains(msg, "\n") {
		t.Errorf("message %q has more than one line", msg)
	}
}

// warningsFor picks the warnings about a key.
func warningsFor(all []hadoopconf.Warning, key string) []hadoopconf.Warning {
	var list []hadoopconf.Warning
	for _, w := range all {
		if w.Key == key {
			list = append(list, w)
		}
	}
	return list
}
