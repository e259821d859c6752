package main

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAsTyped starts the command in each way that people and scripts start it (spec rpc.md 5.4) and asks the running node
// what it understood.
func TestAsTyped(t *testing.T) {
	conf := func(t *testing.T, more ...string) string { return confDir(t, with(loopback(t.TempDir()), more...)) }
	file := func(t *testing.T, more ...string) string {
		name := filepath.Join(t.TempDir(), "more.xml")
		writeFile(t, name, siteXML(with(nil, more...)))
		return name
	}
	for _, c := range []struct {
		name  string
		args  func(t *testing.T) (env, args []string)
		want  map[string]string // as /conf shows it
		warns []string          // parts of the warnings about arguments and configuration, in order; no others
	}{
		{"no sub-command", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t, "a.key", "1")}
		}, map[string]string{"a.key": "1"}, nil},
		{"run", func(t *testing.T) ([]string, []string) {
			return nil, []string{"run", "--config", conf(t, "a.key", "2")}
		}, map[string]string{"a.key": "2"}, nil},
		{"--config=DIR", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config=" + conf(t, "a.key", "3")}
		}, map[string]string{"a.key": "3"}, nil},
		{"HADOOP_CONF_DIR", func(t *testing.T) ([]string, []string) {
			return []string{"HADOOP_CONF_DIR=" + conf(t, "a.key", "4")}, nil
		}, map[string]string{"a.key": "4"}, nil},
		{"--config goes before HADOOP_CONF_DIR", func(t *testing.T) ([]string, []string) {
			return []string{"HADOOP_CONF_DIR=" + conf(t, "a.key", "4")}, []string{"--config", conf(t, "a.key", "5")}
		}, map[string]string{"a.key": "5"}, nil},
		{"HADOOP_CONF_DIR that is not there", func(t *testing.T) ([]string, []string) {
			return []string{"HADOOP_CONF_DIR=/not/there"}, defines(loopback(t.TempDir()))
		}, nil, []string{"/not/there does not exist"}},
		{"-D and -D of one word", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t, "b.key", "old"), "-D", "a.key=x=y", "-Db.key=new", "-Dc.key="}
		}, map[string]string{"a.key": "x=y", "b.key": "new", "c.key": ""}, nil},
		{"-D with commas, blanks and the last one wins", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t), "-D", "a.key=1,2,,3", "-Db.key=p q", "-Db.key=r, s"}
		}, map[string]string{"a.key": "1,2,,3", "b.key": "r, s"}, nil},
		{"-D before --config", func(t *testing.T) ([]string, []string) {
			return nil, []string{"-D", "a.key=1", "--config", conf(t, "a.key", "2")}
		}, map[string]string{"a.key": "1"}, nil},
		{"-D wins over final", func(t *testing.T) ([]string, []string) {
			dir := t.TempDir()
			text := strings.Replace(siteXML(with(loopback(t.TempDir()), "a.key", "1")),
				"<value>1</value>", "<value>1</value><final>true</final>", 1)
			writeFile(t, filepath.Join(dir, "hdfs-site.xml"), text)
			return nil, []string{"--config", dir, "-Da.key=2"}
		}, map[string]string{"a.key": "2"}, nil},
		{"-conf after the site files, each in turn", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t, "a.key", "1", "b.key", "1", "c.key", "1"),
				"-conf", file(t, "a.key", "2", "b.key", "2"), "-conf=" + file(t, "b.key", "3"), "-Dd.key=4"}
		}, map[string]string{"a.key": "2", "b.key": "3", "c.key": "1", "d.key": "4"}, nil},
		{"-conf that is not there", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t, "a.key", "1"), "-conf", "/not/there.xml"}
		}, map[string]string{"a.key": "1"}, []string{"/not/there.xml: no such file, ignored"}},
		{"-help is no option of Java's either", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t), "-help"}
		}, nil, []string{`\"-help\" ignored`}},
		{"words that name a library's commands", func(t *testing.T) ([]string, []string) {
			return nil, []string{"run", "help", "--config", conf(t), "h", "version", "--version", "--help", "-format"}
		}, nil, []string{`\"help\" ignored`, `\"h\" ignored`, `\"version\" ignored`, `\"--version\" ignored`,
			`\"--help\" ignored`, `\"-format\" ignored`}},
		{"a word that is no command", func(t *testing.T) ([]string, []string) {
			return nil, []string{"h", "--config", conf(t)}
		}, nil, []string{`\"h\" ignored`}},
		{"parsing stops at the first other argument", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t, "a.key", "1"), "-Db.key=1", "stop", "-D", "a.key=2", "-Da.key=3"}
		}, map[string]string{"a.key": "1", "b.key": "1"},
			[]string{`\"stop\" ignored`, `\"-D\" ignored`, `\"a.key=2\" ignored`, `\"-D\" ignored`, `\"a.key=3\" ignored`}},
		{"an option without its argument drops them all", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t, "a.key", "1"), "-D", "a.key=2", "-conf"}
		}, map[string]string{"a.key": "1"}, []string{"options parsing failed: Missing argument for option: conf"}},
		{"-D without =", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t, "a.key", "1"), "-D", "a.key"}
		}, map[string]string{"a.key": "1"}, []string{"-D a.key: no '=', ignored"}},
		{"-fs and what means nothing here", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t), "-fs", "hdfs://x", "-jt", "y:1", "-Da.key=1"}
		}, map[string]string{"fs.defaultFS": "hdfs://x", "a.key": "1"}, []string{"-jt means nothing"}},
		{"a warning of the files comes once", func(t *testing.T) ([]string, []string) {
			return nil, []string{"--config", conf(t, "hadoop.prometheus.endpoint.enabled", "true", "dfs.journalnode.no.such.key", "1")}
		}, nil, []string{"hadoop.prometheus.endpoint.enabled = 'true'", "dfs.journalnode.no.such.key = '1'"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, args := c.args(t)
			p := launch(t, env, args...).up()
			got := effective(t, p.web)
			for key, want := range c.want {
				if value, there := got[key]; value != want || !there {
					t.Errorf("%s = %q (set: %t), want %q", key, value, there, want)
				}
			}
			lines := slices.DeleteFunc(p.log.matching("level=WARN"), aboutThisMachine)
			if len(lines) != len(c.warns) {
				t.Errorf("%d warnings, want %d:\n%s", len(lines), len(c.warns), strings.Join(lines, "\n"))
				return
			}
			for i, part := range c.warns {
				if !strings.Contains(lines[i], part) {
					t.Errorf("warning %q, want one with %q", lines[i], part)
				}
			}
		})
	}
}

// aboutThisMachine tells a warning that depends on where the test runs.
func aboutThisMachine(line string) bool {
	return strings.Contains(line, "limit of open files") || strings.Contains(line, "is on a file system")
}

// effective is the configuration of a running node, from /conf.
func effective(t *testing.T, web string) map[string]string {
	t.Helper()
	_, body := get(t, web+"/conf", "Accept", "application/json")
	var answer struct{ Properties []struct{ Key, Value string } }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	m := map[string]string{}
	for _, p := range answer.Properties {
		m[p.Key] = p.Value
	}
	return m
}

// TestHelpAndVersion: they print to stdout and start nothing.
func TestHelpAndVersion(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--help"}, []string{"USAGE:", "--config DIR", "version"}},
		{[]string{"-h"}, []string{"USAGE:", "--config DIR", "version"}},
		{[]string{"help"}, []string{"USAGE:", "--config DIR", "version"}},
		{[]string{"help", "run"}, []string{"HADOOP_CONF_DIR", "-D key=value"}},
		{[]string{"run", "--help"}, []string{"HADOOP_CONF_DIR", "-D key=value", "--print-client-config"}},
		{[]string{"version"}, []string{"gojn journalnode under-test, revision ", "go1."}},
		{[]string{"--version"}, []string{"gojn journalnode under-test, revision ", "go1."}},
		{[]string{"version", "-x"}, []string{"gojn journalnode under-test, revision ", "go1."}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			p := launch(t, nil, c.args...)
			if code := p.exit(); code != 0 || len(p.log.all()) != 0 {
				t.Errorf("code %d, stderr:\n%s", code, p.log.text())
			}
			for _, part := range c.want {
				if !strings.Contains(p.stdout.text(), part) {
					t.Errorf("no %q in:\n%s", part, p.stdout.text())
				}
			}
		})
	}
}

// TestPrintClientConfig: the lines name the port that the node got.
func TestPrintClientConfig(t *testing.T) {
	p := launch(t, nil, append([]string{"--print-client-config"}, defines(loopback(t.TempDir()))...)...).up()
	p.stdout.await(t, p.done, 1, "Look at it")
	for _, part := range []string{"<name>dfs.namenode.shared.edits.dir</name>", "<value>qjournal://" + p.rpc + "/mycluster</value>",
		p.web + "/health"} {
		if !strings.Contains(p.stdout.text(), part) {
			t.Errorf("no %q in:\n%s", part, p.stdout.text())
		}
	}
}

// TestPortsThatWereGiven: everything that tells the node's addresses tells the ports that it got.
func TestPortsThatWereGiven(t *testing.T) {
	for _, c := range []struct {
		name string
		more []string
		host string // that clients are told
	}{
		{"IPv4", nil, "127.0.0.1"},
		{"IPv6", []string{"dfs.journalnode.rpc-address", "[::1]:0", "dfs.journalnode.http-address", "[::1]:0"}, "::1"},
		{"IPv6 bind host", []string{"dfs.journalnode.rpc-address", "jn.invalid:0", "dfs.journalnode.rpc-bind-host", "::1",
			"dfs.journalnode.http-address", "jn.invalid:0", "dfs.journalnode.http-bind-host", "[::1]"}, "::1"},
		{"bind host", []string{"dfs.journalnode.rpc-address", "jn.invalid:0", "dfs.journalnode.rpc-bind-host", "127.0.0.1",
			"dfs.journalnode.http-address", "jn.invalid:0", "dfs.journalnode.http-bind-host", "127.0.0.1"}, "127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.host, ":") {
				needIPv6(t)
			}
			p := launch(t, nil, defines(with(loopback(t.TempDir()), c.more...))...).up()
			web, err := url.Parse(p.web)
			if err != nil || web.Hostname() != c.host {
				t.Fatalf("HTTP at %s, %v", p.web, err)
			}
			nn := dial(t, p.rpc, "ns1")
			must(t, nn.format())
			state, err := nn.state()
			must(t, err)
			if got := state.GetFromURL(); got != p.web {
				t.Errorf("fromURL %s, want %s", got, p.web)
			}
			if got, want := state.GetHttpPort(), web.Port(); want == "0" || want != uintText(got) {
				t.Errorf("httpPort %d, want %s", got, want)
			}
			rpc, err := url.Parse("rpc://" + p.rpc)
			if err != nil {
				t.Fatal(err)
			}
			said, _ := bean(t, p.web, "Hadoop:service=JournalNode,name=JournalNodeInfo")["HostAndPort"].(string)
			if !strings.HasSuffix(said, ":"+rpc.Port()) {
				t.Errorf("HostAndPort %q, RPC is at %s", said, p.rpc)
			}
			if strings.Contains(c.name, "bind") && !strings.HasPrefix(said, "jn.invalid:") {
				t.Errorf("HostAndPort %q: other nodes know this one as jn.invalid", said)
			}
		})
	}
}
