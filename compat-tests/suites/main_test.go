package main

import (
	"errors"
	"strings"
	"testing"
)

// TestOptions: what is asked for and what is refused.
func TestOptions(t *testing.T) {
	o, err := parseOptions(strings.Fields("-release 3.4.2,2.7.7 -core -negative too -negative-release 3.4.2 -classes Test(A|B)"))
	if err != nil {
		t.Fatal(err)
	}
	if len(o.releases) != 2 || o.releases[0].Version != "3.4.2" || o.releases[1].Version != "2.7.7" || len(o.faultsOn) != 1 ||
		!o.core || o.negative != "too" {
		t.Errorf("%+v", o)
	}
	for class, want := range map[string]bool{"TestA": true, "TestB": true, "TestAB": false, "MyTestA": false} {
		if o.only.MatchString(class) != want {
			t.Errorf("%s is chosen: %v", class, !want)
		}
	}
	if o, err := parseOptions(nil); err != nil || len(o.releases) != len(releases) || !o.only.MatchString("TestAny") {
		t.Errorf("without arguments: %+v, %v", o, err)
	}
	for _, args := range []string{"-release 3.4.1", "-release ,", "-classes (", "-negative maybe", "-control -keep",
		"-control -negative too", "-side-by-side 0", "-D a", "-D =b", "-D a=b -keep", "-control -D a=b", "TestA", "-negative-release 2.6"} {
		if o, err := parseOptions(strings.Fields(args)); err == nil {
			t.Errorf("%s is taken: %+v", args, o)
		}
	}
}

// TestNothingChosen: classes that no release has are a mistake, not a run without problems.
func TestNothingChosen(t *testing.T) {
	for args, want := range map[string]bool{
		"": true, "-classes TestQuorumJournalManager": true, "-classes TestQuorumJournalManger": false,
		"-core -classes TestObserverNode": false, "-release 2.7.7 -classes TestObserverNode": false,
		"-release 2.7.7,3.4.2 -classes TestObserverNode": true,
	} {
		o, err := parseOptions(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.campaigns(); (err == nil) != want {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestUnable: a machine that cannot run the suites is a reason to skip them, but not where their results were to be kept.
func TestUnable(t *testing.T) {
	for args, skips := range map[string]bool{"": true, "-core": true, "-keep": false, "-control": false} {
		o, err := parseOptions(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		lacks := errors.New("no JDK")
		if err := o.unable(lacks); !errors.Is(err, lacks) || errors.Is(err, errCannotRun) != skips {
			t.Errorf("%q: %v", args, err)
		}
	}
}
