package compat_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/oracle"
	"gojn/internal/keystore"
)

// TestHTTPS_Quorum is a quorum of two of our nodes and one of Java's that serve HTTPS alone (dfs.http.policy HTTPS_ONLY) and
// want a certificate of every client. The release's QuorumJournalManager recovers with downloads from Java's node to ours
// and from ours to Java's, our node fills a gap, and the segments are read from ours.
func TestHTTPS_Quorum(t *testing.T) { onReleases(t, quorumOverTLS, releases(t)...) }

func quorumOverTLS(t *testing.T, ctx context.Context, site *hadoop.Site) {
	stores := filepath.Join(must(hadoop.RepositoryRoot())(t), "internal", "keystore", "testdata")
	data := must(os.ReadFile(filepath.Join(stores, "chain.jks")))(t)
	keys := must(keystore.ReadKeys(data, "storepass", ""))(t)
	site.UseTLS(&tls.Config{InsecureSkipVerify: true, Certificates: keys, MaxVersion: tls.VersionTLS12})
	release := "3.4"
	if site.Install.Release.Version == hadoop.Hadoop277.Version {
		release = "2.7"
	}

	s := &stream{t: t, ctx: ctx, site: site}
	for i, kind := range []hadoop.Kind{hadoop.Ours, hadoop.Java, hadoop.Ours} {
		node := must(site.JournalNode(fmt.Sprintf("jn%d", i+1), kind, journalnode(t), nil))(t)
		address := node.HTTP
		node.HTTP = "https://" + address
		s.nodes = append(s.nodes, node)
		check(t, node.Configure(hadoop.Properties{
			"dfs.http.policy": "HTTPS_ONLY", "dfs.journalnode.https-address": address, "dfs.journalnode.http-address": "127.0.0.1:0",
			"dfs.client.https.need-auth": "true", "hadoop.ssl.require.client.cert": "true",
			"dfs.journalnode.sync.interval": "500", "dfs.namenode.shared.edits.dir": sharedEdits(s.nodes),
			"dfs.journalnode.enable.sync": fmt.Sprint(kind == hadoop.Ours), "gojn.compat.release": release,
		}))
		for name, text := range sslFiles(stores) {
			check(t, os.WriteFile(filepath.Join(node.ConfDir(), name), []byte(text), 0o644))
		}
		check(t, node.Start(ctx))
	}
	ours, java, third := s.nodes[0], s.nodes[1], s.nodes[2]
	files := sslFiles(stores)
	files["hdfs-site.xml"] = siteText("hadoop.ssl.require.client.cert", "true", "ipc.client.connect.max.retries", "1",
		"ipc.client.connect.retry.interval", "100", "hadoop.tmp.dir", filepath.Join(site.Dir, "tmp"))
	files["core-site.xml"] = files["hdfs-site.xml"] // SSLFactory's Configuration knows no other
	s.writer = must(site.JournalWriter(ctx, "writer", s.nodes, files))(t)
	s.do("format", "open")
	s.segment()

	for _, c := range []struct{ behind, source *hadoop.JournalNode }{{ours, java}, {java, ours}} {
		t.Logf("--- %s fetches from %s", c.behind.Name, c.source.Name)
		first := s.last + 1
		s.do("start")
		s.write(5)
		s.reached(s.last, true, s.nodes...)
		c.behind.Kill()
		s.write(20)
		s.reached(s.last, true, c.source, third)
		s.do("abandon")
		third.Kill() // nothing can be recovered without the one that is behind
		check(t, c.behind.Start(ctx))
		s.do("open")
		s.reached(s.last, false, c.source, c.behind)
		r := &recovery{stream: s, first: first}
		if _, problems := oracle.CheckSame(r.finalized(c.source), r.finalized(c.behind)); len(problems) > 0 {
			t.Errorf("the recovered segment: %q", problems)
		}
		check(t, third.Start(ctx))
		s.segment()
	}

	t.Log("--- a gap is filled")
	gone := filepath.Join(third.Current(hadoop.JournalID), fmt.Sprintf("edits_%019d-%019d", 1, 10))
	want := must(os.ReadFile(gone))(t)
	third.Kill()
	check(t, os.Remove(gone))
	check(t, third.Start(ctx))
	s.do("start") // the writer's connection to it is broken, so that it takes part in the next segment only
	s.write(10)
	s.do("finalize")
	s.segment()
	s.until("the segment is back", func() error {
		got, err := os.ReadFile(gone)
		if err == nil && string(got) != string(want) {
			t.Fatal("the segment has other bytes")
		}
		return err
	})

	t.Log("--- all is read from our nodes")
	java.Kill()
	if last := must(s.writer.Do(ctx, "read 1"))(t); last != fmt.Sprint(s.last) {
		t.Errorf("read up to txid %s, want %d", last, s.last)
	}
	for _, node := range []*hadoop.JournalNode{ours, third} {
		if log := node.FullLog(); strings.Contains(log, " http=") || !strings.Contains(log, " https=") {
			t.Errorf("%s serves HTTP too", node.Name)
		}
	}
	check(t, java.Start(ctx))
	s.finish()
}

// sharedEdits is the URI of nodes; those that are configured first know fewer.
func sharedEdits(nodes []*hadoop.JournalNode) string {
	var addresses []string
	for _, node := range nodes {
		addresses = append(addresses, node.RPC)
	}
	return "qjournal://" + strings.Join(addresses, ";") + "/" + hadoop.JournalID
}

// sslFiles are ssl-server.xml and ssl-client.xml, by name. The server's stores are JKS, the client's PKCS12.
func sslFiles(stores string) map[string]string {
	texts := make(map[string]string)
	for side, kind := range map[string][2]string{"server": {"jks", "jks"}, "client": {"p12", "pkcs12"}} {
		var kv []string
		for store, file := range map[string]string{"keystore": "chain.", "truststore": "trust."} {
			prefix := "ssl." + side + "." + store + "."
			kv = append(kv, prefix+"location", filepath.Join(stores, file+kind[0]), prefix+"password", "storepass", prefix+"type", kind[1])
		}
		kv = append(kv, "ssl."+side+".keystore.keypassword", "storepass")
		texts["ssl-"+side+".xml"] = siteText(kv...)
	}
	return texts
}

// siteText is a configuration file of name, value, name, value.
func siteText(kv ...string) string {
	var b strings.Builder
	b.WriteString("<configuration>\n")
	for i := 0; i+1 < len(kv); i += 2 {
		fmt.Fprintf(&b, "<property><name>%s</name><value>%s</value></property>\n", kv[i], kv[i+1])
	}
	b.WriteString("</configuration>\n")
	return b.String()
}
