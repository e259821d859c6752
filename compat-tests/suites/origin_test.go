package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestCommand: the command that is kept is the one that makes the same again.
func TestCommand(t *testing.T) {
	for args, want := range map[string]string{
		"":                             "KEEP=1 make hadoop-suites RELEASE=2.7.7",
		"-classes Test(A|B)":           "KEEP=1 make hadoop-suites RELEASE=2.7.7 CLASSES='Test(A|B)'",
		"-core -release 2.7.7,3.4.2":   "KEEP=1 make hadoop-suites RELEASE=2.7.7 CORE=1",
		"-control -core -classes Test": "CONTROL=1 make hadoop-suites RELEASE=2.7.7 CLASSES='Test' CORE=1",
	} {
		o, err := parseOptions(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		s := ours
		if o.control {
			s = javaNode
		}
		if got := o.command(s, "2.7.7"); got != want {
			t.Errorf("%s: %s", args, got)
		}
	}
}

// TestOrigin: the commit and the digest are told, and a control of another digest, or of none, is.
func TestOrigin(t *testing.T) {
	commit, err := productCommit(t.Context())
	if err != nil || !regexp.MustCompile(`^([0-9a-f]{12}\+?|unknown)$`).MatchString(commit) {
		t.Errorf("the commit is %q, %v", commit, err)
	}
	digests := make(map[string]bool)
	for _, r := range releases {
		digest, err := shimDigest(r)
		if err != nil || len(digest) != 12 {
			t.Errorf("the digest is %q, %v", digest, err)
		}
		digests[digest] = true
		c := &campaign{install: &installation{release: r}, side: ours,
			classes: []class{{name: "org.TestNow"}, {name: "org.TestOld"}, {name: "org.TestNone"}, {name: "org.TestNever"}},
			control: kept{dates: map[string]string{"TestNow": "a", "TestOld": "b", "TestNone": "c"},
				made: map[string]origin{"TestNow": {shim: digest}, "TestOld": {shim: "0123456789ab"}}}}
		var told strings.Builder
		if err := c.tellStale(&told); err != nil || !strings.HasSuffix(told.String(), ": TestOld, TestNone\n") {
			t.Errorf("%q, %v", told.String(), err)
		}
		told.Reset()
		c.classes = c.classes[:1]
		if err := c.tellStale(&told); err != nil || told.Len() > 0 {
			t.Errorf("of today's: %q, %v", told.String(), err)
		}
	}
	if len(digests) != len(releases) {
		t.Errorf("releases with different Java have the same digest: %v", digests)
	}
}
