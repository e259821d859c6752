package hadoopconf_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gojn/internal/hadoopconf"
)

// TestMalformedFiles: the error names the file and the line, in one line.
func TestMalformedFiles(t *testing.T) {
	deep := strings.Repeat("<a>", 600)
	for name, c := range map[string]struct {
		text, want string
		line       int
	}{
		"cut off":        {"<configuration>\n<property>\n", "unexpected EOF", 3},
		"not XML":        {"dfs.nameservices=ns1\n", "text outside the root element", 1},
		"wrong nesting":  {"<configuration>\n<property>\n</configuration>", "closed by </configuration>", 3},
		"empty":          {"", "no root element", 1},
		"two roots":      {"<configuration/>\n<configuration/>", "a second root element", 2},
		"entity":         {"<configuration>\n&x;</configuration>", "invalid character entity", 2},
		"late prolog":    {"\n<?xml version=\"1.0\"?><configuration/>", "not at the start", 2},
		"encoding":       {"<?xml version=\"1.0\" encoding=\"EBCDIC\"?><configuration/>", "unsupported encoding EBCDIC", 1},
		"bad UTF-8":      {"<configuration>\xff</configuration>", "not valid UTF-8", 1},
		"attributes":     {"<configuration>\n<property name='a' name='b'/></configuration>", "attribute name twice", 2},
		"prefix":         {"<configuration>\n<xi:include href='x'/></configuration>", "undeclared name space prefix xi", 2},
		"deep":           {"<configuration>\n" + deep, "nested more than", 2},
		"odd UTF-16":     {"\xff\xfe<", "odd length", 1},
		"entity markup":  {"<!DOCTYPE c [<!ENTITY a \"<b/>\">]>\n<c/>", "contains markup", 1},
		"entity bomb":    {bomb(), "too much text", 1},
		"late doctype":   {"<c>\n<!DOCTYPE c></c>", "DOCTYPE after", 2},
		"http include":   {include("http://h/x.xml"), "only local files are included", 2},
		"include itself": {include("hdfs-site.xml"), "does a file include itself?", 2},
		"include a dir":  {include("."), "is a directory", 2},
		"missing":        {include("nosuch.xml"), "Fetch fail on include for 'nosuch.xml'", 2},
	} {
		for _, release := range []hadoopconf.Release{r27, r34} {
			dir := confDir(t, map[string]string{"hdfs-site.xml": c.text})
			_, err := hadoopconf.Load(hadoopconf.Options{ConfDir: dir, Release: release})
			var load *hadoopconf.LoadError
			if !errors.As(err, &load) {
				t.Errorf("%s: error %v", name, err)
				continue
			}
			path := filepath.Join(dir, "hdfs-site.xml")
			for _, part := range []string{c.want, path, "line " + strconv.Itoa(c.line)} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s, %v: %q lacks %q", name, release, err, part)
				}
			}
			if load.File != path || load.Line != c.line || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %v: %q, line %d", name, release, err, load.Line)
			}
		}
	}
}

func include(href string) string {
	return "<configuration xmlns:xi='http://www.w3.org/2001/XInclude'>\n<xi:include href='" + href + "'/></configuration>"
}

// bomb is a document whose entities double thirty times.
func bomb() string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE c [<!ENTITY a0 'x'>")
	for i := range 30 {
		n, m := strconv.Itoa(i+1), strconv.Itoa(i)
		b.WriteString("<!ENTITY a" + n + " '&a" + m + ";&a" + m + ";'>")
	}
	return b.String() + "]><c>&a30;</c>"
}

func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "core-site.xml"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := hadoopconf.Load(hadoopconf.Options{ConfDir: dir})
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "core-site.xml")) {
		t.Errorf("a directory as core-site.xml: %v", err)
	}
	_, err = hadoopconf.Load(hadoopconf.Options{Files: []string{os.DevNull}})
	if err == nil {
		t.Error("an empty -conf file is accepted")
	}
	_, err = hadoopconf.Load(hadoopconf.Options{Files: []string{"/dev/zero"}})
	if err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("an endless file: %v", err)
	}
}

func TestMissingFiles(t *testing.T) {
	c := mustLoad(t, hadoopconf.Options{ConfDir: t.TempDir()})
	if w := c.Warnings(); len(w) != 0 {
		t.Errorf("an empty directory draws %v", w)
	}
	c = mustLoad(t, hadoopconf.Options{ConfDir: filepath.Join(t.TempDir(), "none"), Files: []string{"nosuch.xml"}})
	if w := c.Warnings(); len(w) != 2 || !strings.Contains(w[0].String(), "does not exist") ||
		!strings.Contains(w[1].String(), "nosuch.xml: no such file") {
		t.Errorf("warnings %v", w)
	}
}

// TestOrder is rpc.md 5.1: each place replaces those before it, final closes a key to all but -D.
func TestOrder(t *testing.T) {
	dir := confDir(t, map[string]string{
		"core-site.xml": site("a", "core", "b", "core", "c", "core", "d", "core", "io.file.buffer.size", "1"),
		"hdfs-site.xml": site("b", "hdfs", "c", "hdfs", "d", "hdfs") + "<!-- end -->",
		"one.xml":       site("c", "one", "d", "one"),
		"two.xml": "<configuration><property><name>d</name><value>two</value><final>true</final></property>\n" +
			"<property><name>e</name><value>1</value></property></configuration>",
		"three.xml": site("d", "three"),
	})
	c := mustLoad(t, hadoopconf.Options{ConfDir: dir, Defines: defines("e", "cmd", "e", "cmd2"),
		Files: []string{filepath.Join(dir, "one.xml"), filepath.Join(dir, "two.xml"), filepath.Join(dir, "three.xml")}})
	for key, want := range map[string]hadoopconf.Property{
		"a": {Value: "core", Sources: []string{"core-site.xml"}, Origin: filepath.Join(dir, "core-site.xml") + ":3"},
		"b": {Value: "hdfs", Sources: []string{"hdfs-site.xml"}, Origin: filepath.Join(dir, "hdfs-site.xml") + ":3"},
		"c": {Value: "one", Sources: []string{filepath.Join(dir, "one.xml")}, Origin: filepath.Join(dir, "one.xml") + ":3"},
		"d": {Value: "two", Sources: []string{filepath.Join(dir, "two.xml")}, Origin: filepath.Join(dir, "two.xml") + ":1",
			Final: true},
		"e": {Value: "cmd2", Sources: []string{"from command line"}},
	} {
		want.Key = key
		got, ok := c.Property(key)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	if w := warningsFor(c.Warnings(), "d"); len(w) != 1 || !strings.Contains(w[0].String(), "override final parameter") {
		t.Errorf("override of a final value: %v", w)
	}
	if v, err := c.Int("io.file.buffer.size", 0); v != 1 || err != nil {
		t.Errorf("core-site.xml against core-default.xml: %d, %v", v, err)
	}
}

func TestPropertiesAreSorted(t *testing.T) {
	c := mustLoad(t, hadoopconf.Options{Defines: defines("zz", "1", "aa", "${zz}")})
	list := c.Properties()
	for i := 1; i < len(list); i++ {
		if list[i-1].Key >= list[i].Key {
			t.Errorf("%s before %s", list[i-1].Key, list[i].Key)
		}
	}
	if len(list) < 50 || list[0].Key != "aa" || list[0].Value != "${zz}" || list[0].IsDefault() {
		t.Errorf("%d properties, first %+v", len(list), list[0])
	}
	if p, ok := c.Property("dfs.journalnode.handler.count"); !ok || !p.IsDefault() || p.Source() != "hdfs-default.xml" {
		t.Errorf("a default: %+v", p)
	}
	list[0].Sources[0] = "changed"
	if p, _ := c.Property("aa"); p.Source() != "from command line" {
		t.Error("a caller can change the configuration")
	}
}

func TestSystemProperties(t *testing.T) {
	env := map[string]string{"HADOOP_LOG_DIR": "/l", "HADOOP_IDENT_STRING": "id", "HADOOP_POLICYFILE": "p.xml",
		"HADOOP_HOME": "/h"}
	c := mustLoad(t, hadoopconf.Options{Env: func(k string) (string, bool) { v, ok := env[k]; return v, ok },
		System: map[string]string{"user.name": "u", "user.home": "/u"}, Defines: defines("k",
			"${user.name} ${user.home} ${hadoop.log.dir} ${hadoop.id.str} ${hadoop.policy.file} ${hadoop.home.dir}",
			"user.name", "not this")})
	if v, _, err := c.Get("k"); v != "u /u /l id p.xml /h" || err != nil {
		t.Errorf("got %q, %v", v, err)
	}
	c = mustLoad(t, hadoopconf.Options{Defines: defines("k", "${hadoop.log.dir}", "l", "${user.name}")})
	if v, _, _ := c.Get("k"); v != "${hadoop.log.dir}" {
		t.Errorf("without environment: %q", v)
	}
	if v, _, _ := c.Get("l"); strings.Contains(v, "$") {
		t.Errorf("user.name of this process: %q", v)
	}
}

// TestExpansionIsBounded: twenty replacements may not fill the memory, and a loop is a *KeyError.
func TestExpansionIsBounded(t *testing.T) {
	c := mustLoad(t, hadoopconf.Options{Defines: defines("big", strings.Repeat("x", 200<<10),
		"k", strings.Repeat("${big}", 10), "p", "${q}", "q", "${p}")})
	if _, _, err := c.Get("k"); err == nil || !strings.Contains(err.Error(), "expands to more than") {
		t.Errorf("2 MB of expansion: %v", err)
	}
	for _, key := range []string{"p", "q"} {
		_, _, err := c.Get(key)
		wantKeyError(t, err, key, map[string]string{"p": "${q}", "q": "${p}"}[key],
			"Variable substitution depth too large: 20", false)
	}
	_, _, err := tryRead(t, r34, "ipc.client.kill.max", "${p}", "p", "${q}", "q", "${p}")
	wantKeyError(t, err, "ipc.client.kill.max", "${p}", "Variable substitution depth too large: 20", false)
}

// GenericOptionsParser; TestJava has more cases.
func TestParseGenericOptions(t *testing.T) {
	for _, c := range []struct {
		args     []string
		want     hadoopconf.Options
		rest     []string
		warnings int
	}{
		{nil, hadoopconf.Options{}, nil, 0},
		{[]string{"-D", "a=b,c", "-Dd=e", "-conf", "f", "--conf=g"},
			hadoopconf.Options{Defines: defines("a", "b,c", "d", "e"), Files: []string{"f", "g"}}, nil, 0},
		{[]string{"-Da=1", "x", "-D", "b=2"}, hadoopconf.Options{Defines: defines("a", "1")},
			[]string{"x", "-D", "b=2"}, 0},
		{[]string{"-help"}, hadoopconf.Options{}, []string{"-help"}, 0},
		{[]string{"-Da=1", "-D"}, hadoopconf.Options{}, nil, 1},
		{[]string{"-conf", "-Da=1"}, hadoopconf.Options{}, nil, 1},
		{[]string{"-files", "x", "-jt", "local", "-Da=1"}, hadoopconf.Options{Defines: defines("a", "1")}, nil, 2},
		{[]string{"-D", "a"}, hadoopconf.Options{}, nil, 1},
		{[]string{"-D", "a="}, hadoopconf.Options{Defines: defines("a", "")}, nil, 0},
		{[]string{""}, hadoopconf.Options{}, []string{""}, 0},
		{[]string{"-", "y"}, hadoopconf.Options{}, []string{"y"}, 0},
	} {
		o, rest, warnings := hadoopconf.ParseGenericOptions(c.args)
		if diff := cmp.Diff([]any{c.want.Defines, c.want.Files, c.rest}, []any{o.Defines, o.Files, rest}); diff != "" ||
			len(warnings) != c.warnings {
			t.Errorf("%q: warnings %v\n%s", c.args, warnings, diff)
		}
	}
	c := mustLoad(t, hadoopconf.Options{Defines: defines("", "x", " k ", "v")})
	if v, _, _ := c.Get("k"); v != "v" || len(c.Warnings()) != 1 {
		t.Errorf("k = %q, warnings %v", v, c.Warnings())
	}
}

// FuzzLoadXML: whatever a site file holds, under either release Load answers without panicking, the same each time, and
// an answer is either an error or a configuration whose every value can be read or gives a *KeyError.
func FuzzLoadXML(f *testing.F) {
	seeds, err := filepath.Glob("testdata/java/*/hdfs-site.xml")
	if err != nil || len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, name := range seeds {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(bomb()))
	f.Add([]byte(include("site")))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, release := range []hadoopconf.Release{r27, r34} {
			first, err1 := loadBytes(data, release)
			second, err2 := loadBytes(data, release)
			if (err1 == nil) != (err2 == nil) || (err1 != nil && err1.Error() != err2.Error()) {
				t.Fatalf("%v, then %v", err1, err2)
			}
			var load *hadoopconf.LoadError
			if err1 != nil {
				if !errors.As(err1, &load) || strings.Contains(err1.Error(), "\n") {
					t.Fatalf("error %v", err1)
				}
				continue
			}
			if diff := cmp.Diff(first.Properties(), second.Properties()); diff != "" {
				t.Fatal(diff)
			}
			for _, p := range first.Properties() {
				_, _, err := first.Get(p.Key)
				var bad *hadoopconf.KeyError
				if err != nil && !errors.As(err, &bad) {
					t.Fatalf("%s: %v", p.Key, err)
				}
			}
			j, _, err := hadoopconf.ReadJournalNode(first)
			if (j == nil) == (err == nil) {
				t.Fatalf("JournalNode %v, error %v", j, err)
			}
		}
	})
}

// loadBytes loads a -conf file that exists in memory only and may include itself.
func loadBytes(data []byte, release hadoopconf.Release) (*hadoopconf.Configuration, error) {
	return hadoopconf.Load(hadoopconf.Options{Release: release, Files: []string{"site"},
		Env: func(string) (string, bool) { return "", false },
		ReadFile: func(name string) ([]byte, error) {
			if name != "site" {
				return nil, fs.ErrNotExist
			}
			return data, nil
		}})
}
