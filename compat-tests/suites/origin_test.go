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

// TestOrigin: the digests are told, and a control of another digest, or of none, is.
func TestOrigin(t *testing.T) {
	if product, err := productDigest(t.Context()); err != nil || !regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(product) {
		t.Errorf("the product's digest is %q, %v", product, err)
	}
	digests := make(map[string]bool)
	for _, r := range releases {
		digest, err := shimDigest(r, "TestNow")
		if err != nil || len(digest) != 12 {
			t.Errorf("the digest is %q, %v", digest, err)
		}
		digests[digest] = true
		if own, err := shimDigest(r, simpleName(ownTests)); err != nil || own == digest {
			t.Errorf("our own tests' Java is not in their digest: %v", err)
		}
		c := &campaign{install: &installation{release: r}, side: ours,
			classes: []class{{name: "org.TestNow"}, {name: "org.TestOld"}, {name: "org.TestNone"}, {name: "org.TestNever"}},
			control: kept{dates: map[string]string{"TestNow": "a", "TestOld": "b", "TestNone": "c"},
				made: map[string]origin{"TestNow": {shim: digest}, "TestOld": {shim: "0123456789ab"}}}}
		stale, err := c.stale()
		if err != nil || len(stale) != 2 || classOf(stale[0]) != "TestOld" || classOf(stale[1]) != "TestNone" {
			t.Errorf("%q, %v", stale, err)
		}
		c.classes = c.classes[:1]
		if stale, err = c.stale(); err != nil || stale != nil {
			t.Errorf("of today's: %q, %v", stale, err)
		}
	}
	if len(digests) != len(releases) {
		t.Errorf("releases with different Java have the same digest: %v", digests)
	}
}

// TestJudgeFresh: a control of another shim is a problem where results are kept, else a note.
func TestJudgeFresh(t *testing.T) {
	x := []result{r("TestA#x", pass)}
	c := &campaign{install: &installation{release: releases[0]}, side: ours, classes: []class{{name: "org.TestA"}},
		results: x, control: kept{results: x, dates: map[string]string{"TestA": "a"}}}
	for _, keep := range []bool{false, true} {
		wrong, notes, err := options{keep: keep}.judge(c)
		if err != nil || len(wrong)+len(notes) != 1 || (len(wrong) == 1) != keep {
			t.Errorf("kept %t: wrong %q, notes %q, %v", keep, wrong, notes, err)
		}
	}
}
