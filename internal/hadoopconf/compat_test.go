package hadoopconf_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gojn/internal/hadoopconf"
)

// bothWays runs a check of one row of CompatRows under each release, chosen by the key as an operator chooses it.
func bothWays[T any](t *testing.T, files map[string]string, kv []string, look func(*testing.T,
	*hadoopconf.Configuration) T, want27, want34 T) {
	t.Helper()
	for value, want := range map[string]T{"2.7": want27, "3.4": want34} {
		o := hadoopconf.Options{Defines: append(defines(kv...), defines("gojn.compat.release", value)...),
			Env: func(name string) (string, bool) { return "E", name == "X" }}
		if files != nil {
			o.ConfDir = confDir(t, files)
		}
		got := look(t, mustLoad(t, o))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("release %s: -want +got\n%s", value, diff)
		}
	}
}

// field looks at one field of the JournalNode.
func field[T any](f func(*hadoopconf.JournalNode) T) func(*testing.T, *hadoopconf.Configuration) T {
	return func(t *testing.T, c *hadoopconf.Configuration) T {
		t.Helper()
		j, _, err := hadoopconf.ReadJournalNode(c)
		if err != nil {
			t.Fatal(err)
		}
		return f(j)
	}
}

// value looks at the value of key k, "unset" if there is none.
func value(t *testing.T, c *hadoopconf.Configuration) string {
	t.Helper()
	v, ok, err := c.Get("k")
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "unset"
	}
	return v
}

func hdfsSite(body string) map[string]string {
	return map[string]string{"hdfs-site.xml": "<configuration>" + body + "</configuration>",
		"more.xml": "<configuration><property><name>k</name><value>included</value></property></configuration>"}
}

func TestCompat_TransferThrottle(t *testing.T) {
	bothWays(t, nil, nil, field(func(j *hadoopconf.JournalNode) int64 { return j.ImageTransferBandwidth }), 0, 52428800)
	bothWays(t, nil, []string{"dfs.image.transfer.bandwidthPerSec", "7"},
		field(func(j *hadoopconf.JournalNode) int64 { return j.ImageTransferBandwidth }), 7, 7)
}

func TestCompat_EditsDirPerm(t *testing.T) {
	look := field(func(j *hadoopconf.JournalNode) []any { return []any{j.EditsDirPermSet, uint32(j.EditsDirPerm)} })
	bothWays(t, nil, nil, look, []any{false, uint32(0)}, []any{true, uint32(0o700)})
	bothWays(t, nil, []string{"dfs.journalnode.edits.dir.perm", "750"}, look,
		[]any{true, uint32(0o750)}, []any{true, uint32(0o750)})
}

func TestCompat_EnableSync(t *testing.T) {
	look := field(func(j *hadoopconf.JournalNode) bool { return j.Sync.Enabled })
	bothWays(t, nil, nil, look, false, true)
	for value, want := range map[string]bool{"true": true, "false": false} {
		bothWays(t, nil, []string{"dfs.journalnode.enable.sync", value}, look, want, want)
	}
}

func TestCompat_ConfServlet(t *testing.T) {
	bothWays(t, nil, nil, field(func(j *hadoopconf.JournalNode) bool { return j.HTTP.ConfFormatFromAccept }), false, true)
}

func TestCompat_ShortForm(t *testing.T) {
	bothWays(t, hdfsSite(`<property name="k" value="v"/>`), nil, value, "unset", "v")
}

func TestCompat_EnvironmentVariables(t *testing.T) {
	bothWays(t, nil, []string{"k", "${env.X}/${env.Y-d}/${env.Y:-e}"}, value,
		"${env.X}/${env.Y-d}/${env.Y:-e}", "E/d/e")
}

func TestCompat_CDATA(t *testing.T) {
	bothWays(t, hdfsSite(`<property><name>k</name><value>a<![CDATA[b]]>c</value></property>`), nil, value, "a", "abc")
}

func TestCompat_UnexpectedElement(t *testing.T) {
	files := hdfsSite(`<propety><name>k</name><value>v</value></propety>`)
	bothWays(t, files, nil, value, "v", "unset")
	bothWays(t, files, nil, func(_ *testing.T, c *hadoopconf.Configuration) int { return len(c.Warnings()) }, 1, 0)
}

func TestCompat_PlainInclude(t *testing.T) {
	bothWays(t, hdfsSite(`<include href="more.xml"/>`), nil, value, "unset", "included")
}

func TestCompat_KeyInCoreSite(t *testing.T) {
	files := map[string]string{"core-site.xml": site("dfs.journalnode.edits.dir", "/core")}
	bothWays(t, files, nil, field(func(j *hadoopconf.JournalNode) string { return j.EditsDir }),
		"/core", "/tmp/hadoop/dfs/journalnode/")
	bothWays(t, files, nil, func(_ *testing.T, c *hadoopconf.Configuration) int {
		return len(warningsFor(c.Warnings(), "dfs.journalnode.edits.dir"))
	}, 0, 1)
}

func TestCompat_MaxDataLength(t *testing.T) {
	bothWays(t, nil, nil, field(func(j *hadoopconf.JournalNode) int { return j.RPC.MaxDataLength }), 134217728, 134217728)
}

func TestCompat_ListenQueue(t *testing.T) {
	bothWays(t, nil, nil, field(func(j *hadoopconf.JournalNode) int { return j.RPC.ListenQueue }), 256, 256)
}

func TestCompat_SelfReference(t *testing.T) {
	bothWays(t, nil, []string{"k", "a${k}"}, value, "a${k}", "a${k}")
}

func TestCompat_Lists(t *testing.T) {
	want := []string{"a", "b", "c"}
	bothWays(t, nil, []string{"dfs.nameservices", "a\n b , c"},
		field(func(j *hadoopconf.JournalNode) []string { return j.Nameservices }), want, want)
}

func TestCompat_BandwidthText(t *testing.T) {
	look := field(func(j *hadoopconf.JournalNode) int64 { return j.ImageTransferBandwidth })
	bothWays(t, nil, []string{"dfs.image.transfer.bandwidthPerSec", "1K"}, look, 1024, 1024)
	bothWays(t, nil, []string{"dfs.image.transfer.bandwidthPerSec", "0x10"}, look, 16, 16)
}

func TestCompat_TimeSuffix(t *testing.T) {
	look := func(t *testing.T, c *hadoopconf.Configuration) time.Duration {
		d, err := c.TimeDuration("k", 0, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	bothWays(t, nil, []string{"k", "2MS"}, look, 2*time.Millisecond, 2*time.Millisecond)
}

func TestCompat_LaterKeys(t *testing.T) {
	look := field(func(j *hadoopconf.JournalNode) []any {
		return []any{j.DirFor("ns1"), j.RPC.BindHost, j.HandlerCount}
	})
	kv := []string{"dfs.journalnode.edits.dir.ns1", "/ns1", "dfs.journalnode.rpc-bind-host", "::",
		"dfs.journalnode.handler.count", "9"}
	bothWays(t, nil, kv, look, []any{"/ns1", "::", 9}, []any{"/ns1", "::", 9})
}
