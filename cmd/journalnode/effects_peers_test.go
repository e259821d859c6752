package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "gojn/qjournalpb"
	"gojn/storage/vfs"
)

// effectSharedEdits: a node without a record of its promises votes again once the others say that nothing was promised: it
// does if it knows who they are.
func effectSharedEdits(t *testing.T) {
	var others []string
	for range 2 {
		n, _ := on(t)
		must(t, dial(t, n.addr(), "j1").format())
		others = append(others, n.addr())
	}
	uri := func(own, jid string) string { return "qjournal://" + own + ";" + strings.Join(others, ";") + "/" + jid }
	const (
		key  = "dfs.namenode.shared.edits.dir"
		own  = "127.0.0.1:1" // nobody, and one of the three
		yes  = ""
		impl = "dfs.namenode.edits.qjournals.resolver.impl"
		many = "dfs.namenode.edits.qjournals.resolution-enabled"
	)
	j1 := uri(own, "j1")
	for _, c := range []struct {
		name string
		keys []string
		want string // part of the refusal
	}{
		{"nobody is named", nil, "no key names the nodes of the journal j1"},
		{"for all", []string{key, j1}, yes},
		{"for all, another journal", []string{key, uri(own, "j2")}, "names the nodes of journal j2"},
		{"of a nameservice", []string{key + ".ns1", j1, key + ".ns2", uri(own, "j2")}, yes},
		{"of the NameNodes", []string{key + ".ns1.nn1", j1, key + ".ns1.nn2", j1, "dfs.ha.namenodes.ns1", "nn1,nn2"}, yes},
		{"of NameNodes that nobody names", []string{key + ".ns1.nn1", j1}, "no key names"},
		{"a name of one node that does not resolve", []string{key, uri("gone.invalid", "j1")}, yes},
		{"a name of any number", []string{key, uri("gone.invalid", "j1"), many, "true"}, "it is not known how many JournalNodes there are"},
		{"any number", []string{key, j1, many, "true", impl, "org.apache.hadoop.net.DNSDomainNameResolver"},
			"of 4 JournalNodes at least 3 others"}, // who is not found behind the name, this node, is one more
		{"another resolver", []string{key, j1, many, "true", impl, "com.acme.Resolver"}, "com.acme.Resolver is not built"},
		{"a resolver that is not asked", []string{key, j1, impl, "com.acme.Resolver"}, yes},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			keys := with(loopback(t.TempDir()), c.keys...)
			current := filepath.Join(keys["dfs.journalnode.edits.dir"], "j1", "current")
			must(t, os.MkdirAll(current, 0o700))
			must(t, os.WriteFile(filepath.Join(current, "VERSION"), []byte("namespaceID=4711\nclusterID=CID-test\ncTime=0\n"+
				"storageType=JOURNAL_NODE\nlayoutVersion=-66\n"), 0o600))
			n := startHere(t, vfs.OS(), keys)
			name := dial(t, n.addr(), "j1")
			poll(t, "an answer that "+c.want, func() bool {
				err := name.call("newEpoch", &pb.NewEpochRequestProto{Jid: name.id(), NsInfo: namespace(), Epoch: proto.Uint64(1)},
					&pb.NewEpochResponseProto{})
				if c.want == yes {
					return err == nil
				}
				if err == nil {
					t.Fatal("it votes")
				}
				return strings.Contains(err.Error(), c.want)
			})
		})
	}
}
