package oracle_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gojn/compat-tests/oracle"
)

// TestReadTree: what a run decides is left out, everything else is there.
func TestReadTree(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	header := "\xff\xff\xff\xbd\x00\x00\x00\x00"
	padding := strings.Repeat("\xff", 100)
	write("in_use.lock", "12@host")
	write("current/VERSION", "#Sun Nov 22 03:31:08 UTC 2026\ncTime=0\n")
	write("current/committed-txid", "\x00\x00\x00\x00\x00\x00\x01\x02")
	write("current/last-promised-epoch", "3\n")
	write("current/edits_inprogress_0000000000000000009", header+padding)
	write("current/edits_inprogress_0000000000000000004.empty", "abc")
	write("current/paxos/9", "record")
	write("previous/committed-txid", "")
	tree, err := oracle.ReadTree(root)
	if err != nil {
		t.Fatal(err)
	}
	want := oracle.Tree{
		"in_use.lock": "", "current/": "-rwxr-xr-x", "current/VERSION": "cTime=0\n", "current/committed-txid": "258",
		"current/last-promised-epoch": "3\n", "current/edits_inprogress_0000000000000000009": "header ffffffbd00000000",
		"current/edits_inprogress_0000000000000000004.empty": "3 bytes", "current/paxos/": "-rwxr-xr-x",
		"current/paxos/9": "record", "previous/": "-rwxr-xr-x",
	}
	if !maps.Equal(tree, want) {
		t.Errorf("%q\nnot\n%q", tree, want)
	}
}

// TestCompareTrees: only the deliberate differences pass, and a kept promise is told.
func TestCompareTrees(t *testing.T) {
	const segment = "current/edits_inprogress_0000000000000000009"
	model := oracle.Tree{
		"current/": "-rwx------", "current/VERSION": "cTime=0\n", "current/committed-txid": "8",
		"current/last-promised-epoch": "3\n", "current/last-writer-epoch": "3\n", segment: "header 9:aa",
		"current/edits_0000000000000000006-0000000000000000008": "header 6:bb 7:cc 8:dd",
		"current/edits_0000000000000000001-0000000000000000005": "header 1:ee",
	}
	for _, tt := range []struct {
		name, file, content    string
		gone                   bool
		wantKept, wantProblems int
	}{
		{name: "nothing", file: "current/VERSION", content: "cTime=0\n"},
		{name: "a file is missing", file: "current/VERSION", gone: true, wantProblems: 1},
		{name: "a file too much", file: "previous.tmp/", wantProblems: 1},
		{name: "another content", file: "current/VERSION", content: "cTime=1\n", wantProblems: 1},
		{name: "another mode", file: "current/", content: "-rwxr-xr-x", wantProblems: 1},
		{name: "a lost transaction", file: segment, content: "header", wantProblems: 1},
		{name: "the promise of a format", file: "previous/last-promised-epoch", content: "0\n"},
		{name: "a promise too much", file: "previous/last-promised-epoch", content: "1\n", wantProblems: 1},
		{name: "a higher promise", file: "current/last-promised-epoch", content: "4\n", wantKept: 1},
		{name: "a lower promise", file: "current/last-promised-epoch", content: "2\n", wantProblems: 1},
		{name: "a higher writer", file: "current/last-writer-epoch", content: "4\n", wantKept: 1},
		{name: "no number", file: "current/last-promised-epoch", content: "x\n", wantProblems: 1},
		{name: "committed in the last segment", file: "current/committed-txid", content: "9"},
		{name: "committed in the one before", file: "current/committed-txid", content: "5"},
		{name: "committed below it", file: "current/committed-txid", content: "4", wantProblems: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			node := maps.Clone(model)
			node[tt.file] = tt.content
			if tt.gone {
				delete(node, tt.file)
			}
			kept, problems := oracle.CompareTrees(node, model)
			if len(kept) != tt.wantKept || len(problems) != tt.wantProblems {
				t.Errorf("kept %q, problems %q", kept, problems)
			}
		})
	}
}
