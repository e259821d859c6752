package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"gojn/internal/hadoopconf"
	"gojn/storage/vfs"
)

// TestStartFailures: each ends with exit code 255 (terminate(-1), spec rpc.md 5.4) and one line besides the log that has
// key, value, Hadoop's words where it has some, and what to do. Nothing is created.
func TestStartFailures(t *testing.T) {
	file := func(t *testing.T) string {
		name := filepath.Join(t.TempDir(), "file")
		writeFile(t, name, "")
		return name
	}
	for _, c := range []struct {
		name string
		keys func(t *testing.T) []string // over loopback
		args func(t *testing.T) []string // before them
		want func(keys map[string]string) []string
	}{
		{name: "relative directory",
			keys: func(*testing.T) []string { return []string{"dfs.journalnode.edits.dir", "some/dir"} },
			want: words("dfs.journalnode.edits.dir", "'some/dir' should be an absolute path", "set an absolute path")},
		{name: "relative directory of the only nameservice",
			keys: func(*testing.T) []string {
				return []string{"dfs.nameservices", "ns1", "dfs.journalnode.edits.dir.ns1", "some/dir"}
			},
			want: words("dfs.journalnode.edits.dir.ns1", "'some/dir' should be an absolute path", "set an absolute path")},
		{name: "a file in place of the directory",
			keys: func(t *testing.T) []string { return []string{"dfs.journalnode.edits.dir", file(t)} },
			want: valueOf("dfs.journalnode.edits.dir", "Not a directory", "name a directory")},
		{name: "a file in place of the only nameservice's directory",
			keys: func(t *testing.T) []string {
				return []string{"dfs.nameservices", "ns1", "dfs.journalnode.edits.dir.ns1", file(t)}
			},
			want: valueOf("dfs.journalnode.edits.dir.ns1", "Not a directory", "name a directory")},
		{name: "a directory that cannot be created",
			keys: func(t *testing.T) []string { return []string{"dfs.journalnode.edits.dir", file(t) + "/a/b"} },
			want: valueOf("dfs.journalnode.edits.dir", "Cannot create directory", "not a directory", "name a directory")},
		{name: "RPC port in use",
			keys: func(t *testing.T) []string {
				return []string{"dfs.journalnode.rpc-address", occupy(t).Addr().String()}
			},
			want: func(keys map[string]string) []string {
				addr := keys["dfs.journalnode.rpc-address"]
				return []string{": java.net.BindException: Problem binding to [" + addr + "] java.net.BindException: Address already in use " +
					"(dfs.journalnode.rpc-address)", "bind: address already in use", "set another port"}
			}},
		{name: "HTTP port in use",
			keys: func(t *testing.T) []string {
				return []string{"dfs.journalnode.http-address", occupy(t).Addr().String()}
			},
			want: func(keys map[string]string) []string {
				addr := keys["dfs.journalnode.http-address"]
				return []string{": java.net.BindException: Port in use: " + addr + " (dfs.journalnode.http-address)",
					"bind: address already in use", "set another port"}
			}},
		{name: "bind host of another machine",
			keys: func(*testing.T) []string { return []string{"dfs.journalnode.rpc-bind-host", "192.0.2.1"} },
			want: words("dfs.journalnode.rpc-address with dfs.journalnode.rpc-bind-host",
				"java.net.BindException: Problem binding to [192.0.2.1:0] java.net.BindException: Cannot assign requested address",
				"set an address of this machine")},
		{name: "bind host with a port",
			keys: func(*testing.T) []string { return []string{"dfs.journalnode.http-bind-host", "127.0.0.1:1"} },
			want: words("dfs.journalnode.http-bind-host = '127.0.0.1:1'", "set a host name or an address without port")},
		{name: "no address",
			keys: func(*testing.T) []string { return []string{"dfs.journalnode.rpc-address", "here:there"} },
			want: words("dfs.journalnode.rpc-address", "Does not contain a valid host:port authority: here:there", "set host:port")},
		{name: "no address of a server that is off",
			keys: func(*testing.T) []string { return []string{"dfs.journalnode.https-address", "here"} },
			want: words("dfs.journalnode.https-address", "Does not contain a valid host:port authority: here", "set host:port")},
		{name: "kerberos",
			keys: func(*testing.T) []string { return []string{"hadoop.security.authentication", "kerberos"} },
			want: words("hadoop.security.authentication = 'kerberos'", "not supported yet", "set simple")},
		{name: "authentication of an unknown kind",
			keys: func(*testing.T) []string { return []string{"hadoop.security.authentication", "basic"} },
			want: words("Invalid attribute value for hadoop.security.authentication of basic", "set simple")},
		{name: "a list of hosts that is none",
			keys: func(*testing.T) []string {
				return []string{"hadoop.security.authorization", "true", "security.qjournal.service.protocol.hosts", "10.0.0.0/99"}
			},
			want: words("security.qjournal.service.protocol.hosts = '10.0.0.0/99'", "Could not parse [10.0.0.0/99]", "set addresses")},
		{name: "groups of a directory",
			keys: func(*testing.T) []string {
				return []string{"hadoop.security.authorization", "true",
					"hadoop.security.group.mapping", "org.apache.hadoop.security.LdapGroupsMapping"}
			},
			want: words("hadoop.security.group.mapping = 'org.apache.hadoop.security.LdapGroupsMapping'", "not supported yet", "name users")},
		{name: "HTTPS without ssl-server.xml",
			keys: func(*testing.T) []string { return []string{"dfs.http.policy", "HTTPS_ONLY"} },
			want: words("dfs.https.server.keystore.resource = 'ssl-server.xml'", "no such file: no configuration directory is given")},
		{name: "a policy that is none",
			keys: func(*testing.T) []string { return []string{"dfs.http.policy", "GARBAGE"} },
			want: words("Unrecognized value 'GARBAGE' for dfs.http.policy", "set HTTP_ONLY")},
		{name: "a header that Hadoop does not know",
			keys: func(*testing.T) []string { return []string{"dfs.xframe.value", "sameorigin"} },
			want: words("dfs.xframe.value = 'sameorigin'", "Unexpected value in xFrameOption.", "set DENY, SAMEORIGIN or ALLOW-FROM")},
		{name: "a number that is none",
			keys: func(*testing.T) []string { return []string{"ipc.maximum.data.length", "lots"} },
			want: words("ipc.maximum.data.length = 'lots'", "set a whole number")},
		{name: "a release that is none",
			keys: func(*testing.T) []string { return []string{"gojn.compat.release", "4.0"} },
			want: words("gojn.compat.release = '4.0'")},
		{name: "two errors are one line",
			keys: func(*testing.T) []string {
				return []string{"ipc.maximum.data.length", "lots", "hadoop.security.authentication", "kerberos"}
			},
			want: words("ipc.maximum.data.length = 'lots'", "hadoop.security.authentication = 'kerberos'")},
		{name: "a site file that is not XML",
			args: func(t *testing.T) []string {
				dir := t.TempDir()
				writeFile(t, filepath.Join(dir, "hdfs-site.xml"), "<configuration>\n<property>\n</configuration>\n")
				return []string{"--config", dir}
			},
			want: words("hdfs-site.xml, line 3", "correct the file")},
		{name: "a -conf file that is not XML",
			args: func(t *testing.T) []string {
				name := filepath.Join(t.TempDir(), "more.xml")
				writeFile(t, name, "dfs.x=1\n")
				return []string{"-conf", name}
			},
			want: words("more.xml, line 1", "correct the file")},
		{name: "--config that is not there",
			args: func(*testing.T) []string { return []string{"--config", "/not/there"} },
			want: words("--config /not/there", "no such file or directory", "name the directory")},
		{name: "--config of a file",
			args: func(t *testing.T) []string { return []string{"--config=" + file(t)} },
			want: words("--config", "Not a directory", "name the directory")},
		{name: "--config of nothing",
			args: func(*testing.T) []string { return []string{"--config="} },
			want: words("--config needs a directory")},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			keys := loopback(home)
			var more, args []string
			if c.keys != nil {
				more = c.keys(t)
			}
			if c.args != nil {
				args = c.args(t)
			}
			keys = with(keys, more...)
			p := launch(t, nil, append(args, defines(keys)...)...)
			if code := p.exit(); code != 255 {
				t.Errorf("exit code %d, want 255", code)
			}
			said := p.plain()
			if len(said) != 1 || !strings.HasPrefix(said[0], "journalnode: Failed to start journalnode: ") {
				t.Fatalf("want one line and nothing else but log lines, got:\n%s", p.log.text())
			}
			for _, part := range c.want(keys) {
				if !strings.Contains(said[0], part) {
					t.Errorf("no %q in %q", part, said[0])
				}
			}
			if len(p.log.matching("JournalNode is up")) > 0 || len(p.stdout.all()) > 0 {
				t.Errorf("it came up, or spoke on stdout: %s", p.stdout.text())
			}
			mayCreate := strings.Contains(c.name, "port in use") || strings.Contains(c.name, "another machine")
			if left := filesIn(t, home); len(left) > 0 && (!mayCreate || !slices.Equal(left, []string{"edits"})) {
				t.Errorf("it created %q", left) // Java looks at the directory before the ports, too
			}
			if left := filesIn(t, p.cmd.Dir); len(left) > 0 {
				t.Errorf("it created %q where it ran", left)
			}
		})
	}
}

func words(parts ...string) func(map[string]string) []string {
	return func(map[string]string) []string { return parts }
}

// valueOf wants the key, its value and parts.
func valueOf(key string, parts ...string) func(map[string]string) []string {
	return func(keys map[string]string) []string { return append([]string{key, keys[key]}, parts...) }
}

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestFailedStartLeavesNothing: what a start had opened is closed when a later step fails.
func TestFailedStartLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	taken, free := occupy(t), freePort(t)
	settings, conf := configure(t, with(loopback(t.TempDir()),
		"dfs.journalnode.rpc-address", taken.Addr().String(), "dfs.journalnode.http-address", free))
	log := newLineLog()
	before := openFiles(t)
	d, err := start(settings, conf, vfs.OS(), newLogger(log))
	if d != nil || !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("%v, %v", d, err)
	}
	if after := openFiles(t); !slices.Equal(before, after) {
		t.Errorf("open before: %q\nafter: %q", before, after)
	}
	l, err := net.Listen("tcp", free)
	if err != nil {
		t.Fatalf("the HTTP port is still taken: %v", err)
	}
	must(t, l.Close())
}

// openFiles are the sockets and files that this process has open, sorted.
func openFiles(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	var open []string
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(target, "/proc/") {
			open = append(open, target)
		}
	}
	slices.Sort(open)
	return open
}

// TestUnreadableOtherNameservice: only the directory of the start ends a start; another nameservice's is the business of
// its calls, as in Java (JournalNode.getLogDir).
func TestUnreadableOtherNameservice(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	writeFile(t, name, "")
	n := startHere(t, vfs.OS(), with(loopback(t.TempDir()), "dfs.nameservices", "ns1,ns2", "dfs.journalnode.edits.dir.ns2", name))
	// The start waits for a directory only so long.
	if got := n.log.await(t, nil, 1, "level=WARN", "cannot list an edits directory", name); len(got) != 1 {
		t.Errorf("%q", got)
	}
	if ok, err := dial(t, n.addr(), "ns1").isFormatted(); ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
}

// TestStartNames: what an operator should know of the machine is a warning.
func TestStartNames(t *testing.T) {
	for _, kind := range []string{"tmpfs", "overlay", "nfs", "ext4", "xfs"} {
		mem := vfs.NewMem()
		mem.SetInfo(vfs.FSInfo{Kind: kind})
		n := startHere(t, mem, with(loopback("/"), "dfs.journalnode.edits.dir", "/edits"))
		unsafe := kind != "ext4" && kind != "xfs"
		if named := len(n.log.matching("level=WARN", "may lose acknowledged edits", "filesystem="+kind, "dir=/edits")) == 1; named != unsafe {
			t.Errorf("%s: named %t, want %t", kind, named, unsafe)
		}
	}
	mem := vfs.NewMem() // with several nameservices the directories that are there are named
	mem.SetInfo(vfs.FSInfo{Kind: "nfs"})
	must(t, mem.MkdirAll("/edits/two", 0o755))
	n := startHere(t, mem, with(loopback("/"), "dfs.nameservices", "ns1,ns2", "dfs.journalnode.edits.dir", "/edits",
		"dfs.journalnode.edits.dir.ns1", "/edits/one", "dfs.journalnode.edits.dir.ns2", "/edits/two"))
	if got := n.log.await(t, nil, 2, "filesystem=nfs"); len(got) != 2 || len(n.log.matching("dir=/edits/two filesystem=nfs")) != 1 {
		t.Errorf("two nameservices: %q", got)
	}
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	low := startHere(t, vfs.OS(), loopback(t.TempDir()))
	if named := len(low.log.matching("limit of open files is low")) == 1; named != (limit.Max < minDescriptors) {
		t.Errorf("descriptor limit %d: named %t", limit.Max, named)
	}
}

func configure(t *testing.T, keys map[string]string) (*hadoopconf.JournalNode, *hadoopconf.Configuration) {
	t.Helper()
	o := hadoopconf.Options{Env: func(string) (string, bool) { return "", false }}
	for k, v := range keys {
		o.Defines = append(o.Defines, hadoopconf.KV{Key: k, Value: v})
	}
	conf, err := hadoopconf.Load(o)
	must(t, err)
	settings, _, err := hadoopconf.ReadJournalNode(conf)
	must(t, err)
	return settings, conf
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
