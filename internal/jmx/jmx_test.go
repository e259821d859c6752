package jmx_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gojn/internal/jmx"
)

func all(beans []jmx.Bean) string {
	text, err := jmx.Query(beans, "", false, jmx.Options{})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestJournalNodeInfoBytes: the bean of real nodes comes out byte for byte (captures of /jmx?qry=..JournalNodeInfo).
func TestJournalNodeInfoBytes(t *testing.T) {
	status := `{"err2":{"Formatted":"true"},"err1":{"Formatted":"true"},"ns1":{"Formatted":"true"},"nosuch":{"Formatted":"false"}}`
	ns := "{ClusterId=CID-11111111-2222-3333-4444-555555555555, CreationTime=1500000000000, NamespaceId=1073741825, LayoutVersion=-67}"
	for release, attrs := range map[string][]jmx.Attr{
		"2.7.7": {{"JournalsStatus", status}},
		"3.4.2": {
			{"Version", "3.4.2, r84e8b89ee2ebe6923691205b9e171badde7a495c"},
			{"JournalsStatus", status},
			{"HostAndPort", "localhost:21110"},
			{"ClusterIds", []string{"CID-11111111-2222-3333-4444-555555555555"}},
			{"JNStartedTimeInMillis", int64(1795300134756)},
			{"StorageInfos", []string{ns, ns, ns, "{ClusterId=, CreationTime=0, NamespaceId=0, LayoutVersion=0}"}},
		},
	} {
		got := all([]jmx.Bean{{
			Name:        "Hadoop:service=JournalNode,name=JournalNodeInfo",
			ModelerType: "org.apache.hadoop.hdfs.qjournal.server.JournalNode",
			Attrs:       attrs,
		}})
		want := string(readFile(t, "jmx-raw-JournalNodeInfo-"+release+".json"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Java +ours):\n%s", release, diff)
		}
	}
}

// TestHadoopBeansRoundTrip: all Hadoop beans of real nodes, read with their order and types, print to JSON that reads the
// same, token by token.
func TestHadoopBeansRoundTrip(t *testing.T) {
	for _, release := range []string{"2.7.7", "3.4.2"} {
		capture := readFile(t, "jmx-hadoop-beans-"+release+".json")
		beans := decodeBeans(t, capture)
		if len(beans) < 7 {
			t.Fatalf("%s: only %d beans read", release, len(beans))
		}
		got := all(beans)
		if diff := cmp.Diff(tokens(t, capture), tokens(t, []byte(got))); diff != "" {
			t.Errorf("%s (-Java +ours):\n%s", release, diff)
		}
		if !strings.HasPrefix(got, "{\n  \"beans\" : [ {\n    \"name\" : ") || !strings.HasSuffix(got, "\n  } ]\n}") {
			t.Errorf("%s: not Jackson's layout: %.60q", release, got)
		}
	}
}

// tokens is the sequence of JSON tokens; numbers are compared by value and by being integers or not.
func tokens(t *testing.T, text []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var list []string
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("not JSON: %v in %.200q", err, text)
		}
		if n, ok := tok.(json.Number); ok && strings.ContainsAny(n.String(), ".eE") {
			f, err := n.Float64()
			if err != nil {
				t.Fatal(err)
			}
			tok = f
		}
		list = append(list, fmt.Sprintf("%T %v", tok, tok))
	}
}

func decodeBeans(t *testing.T, text []byte) []jmx.Bean {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	next := func() json.Token {
		tok, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	var value func(tok json.Token) any
	value = func(tok json.Token) any {
		switch v := tok.(type) {
		case json.Delim:
			if v == '{' {
				attrs := jmx.Attrs{}
				for dec.More() {
					name := next().(string)
					attrs = append(attrs, jmx.Attr{Name: name, Value: value(next())})
				}
				next()
				return attrs
			}
			list := []any{}
			for dec.More() {
				list = append(list, value(next()))
			}
			next()
			return list
		case json.Number:
			if n, err := v.Int64(); err == nil {
				return n
			}
			f, err := v.Float64()
			if err != nil {
				t.Fatal(err)
			}
			return f
		default:
			return v
		}
	}
	root := value(next()).(jmx.Attrs)
	var beans []jmx.Bean
	for _, o := range root[0].Value.([]any) {
		attrs := o.(jmx.Attrs)
		beans = append(beans, jmx.Bean{Name: attrs[0].Value.(string), ModelerType: attrs[1].Value.(string), Attrs: attrs[2:]})
	}
	return beans
}

// TestValues: each kind of value as Jackson and Java's toString print it.
func TestValues(t *testing.T) {
	type named string
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, "null"},
		{true, "true"},
		{int32(-7), "-7"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{int64(1795300134756), "1795300134756"},
		{0.0, "0.0"},
		{math.Copysign(0, -1), "-0.0"},
		{1.0, "1.0"},
		{20.764705882352942, "20.764705882352942"},
		{0.001, "0.001"},
		{0.0001, "1.0E-4"},
		{1e7, "1.0E7"},
		{9999999.5, "9999999.5"},
		{1.25e300, "1.25E300"},
		{float32(-9.536743e-07), "-9.536743E-7"},
		{float32(35.996155), "35.996155"},
		{math.NaN(), "NaN"},
		{math.Inf(-1), "-Infinity"},
		{"a/b \"c\" \\ \b\t\n\f\r\x00\x1f\x7f ü€😀 <&>", "\"a/b \\\"c\\\" \\\\ \\b\\t\\n\\f\\r\\u0000\\u001F\x7f ü€😀 <&>\""},
		{"bad \xff utf8", "\"bad \uFFFD utf8\""},
		{named("n"), `"n"`},
		{[]string{}, "[ ]"},
		{[]int64{1, 2}, "[ 1, 2 ]"},
		{[][]int{{1}, {}}, "[ [ 1 ], [ ] ]"},
		{jmx.Attrs{}, "{ }"},
		{jmx.Attrs{{"k", jmx.Attrs{{"l", 1}}}, {"m", nil}},
			"{\n      \"k\" : {\n        \"l\" : 1\n      },\n      \"m\" : null\n    }"},
		{[]any{jmx.Attrs{{"k", 1}}, jmx.Attrs{}}, "[ {\n      \"k\" : 1\n    }, { } ]"},
		{3 * time.Second, `"3s"`},
	} {
		got := all([]jmx.Bean{{Name: "d:k=v", ModelerType: "m", Attrs: []jmx.Attr{{"A", c.value}}}})
		want := "{\n  \"beans\" : [ {\n    \"name\" : \"d:k=v\",\n    \"modelerType\" : \"m\",\n    \"A\" : " + c.want + "\n  } ]\n}"
		if got != want {
			t.Errorf("%#v:\ngot  %s\nwant %s", c.value, got, want)
		}
	}
}

func TestFilterNaN(t *testing.T) {
	beans := []jmx.Bean{{Name: "d:k=v", ModelerType: "m", Attrs: []jmx.Attr{{"A", math.NaN()}, {"B", float32(math.NaN())}}}}
	text, err := jmx.Query(beans, "", false, jmx.Options{FilterNaN: true})
	if err != nil || strings.Count(string(text), ": 0.0") != 2 {
		t.Errorf("%v %s", err, text)
	}
}

func sample() []jmx.Bean {
	mk := func(name string) jmx.Bean {
		return jmx.Bean{Name: name, ModelerType: "m", Attrs: []jmx.Attr{{"A", 1}, {"Null", nil}, {"bad name", 2}, {"x=y", 2},
			{"modelerType", "again"}}}
	}
	return []jmx.Bean{
		mk("Hadoop:service=JournalNode,name=JournalNodeInfo"),
		mk("Hadoop:service=JournalNode,name=Journal-ns1"),
		mk("Hadoop:service=JournalNode,name=Journal-ns2"),
		mk("Hadoop:service=JournalNode,name=MetricsSystem,sub=Stats"),
		mk("java.lang:type=Memory"),
		mk("java.lang:name=G1 Old Gen,type=MemoryPool"),
		mk(`q:name="a*b"`),
	}
}

// TestQuery: patterns as javax.management.ObjectName has them.
func TestQuery(t *testing.T) {
	for _, c := range []struct {
		qry  string
		want []int // indexes into sample
	}{
		{"*:*", []int{0, 1, 2, 3, 4, 5, 6}},
		{"", []int{0, 1, 2, 3, 4, 5, 6}},
		{"Hadoop:*", []int{0, 1, 2, 3}},
		{"H?doop:*", []int{0, 1, 2, 3}},
		{"*doop:service=JournalNode,*", []int{0, 1, 2, 3}},
		{"Hadoop:service=JournalNode,name=JournalNodeInfo", []int{0}},
		{"Hadoop:name=JournalNodeInfo,service=JournalNode", []int{0}},
		{"Hadoop:service=JournalNode,name=Journal-*", []int{1, 2}},
		{"Hadoop:service=JournalNode,name=Journal-ns?", []int{1, 2}},
		{"Hadoop:service=JournalNode,name=*", []int{0, 1, 2}},
		{"Hadoop:service=JournalNode,name=*,*", []int{0, 1, 2, 3}},
		{"Hadoop:*,sub=Stats", []int{3}},
		{"Hadoop:sub=*,*", []int{3}},
		{"java.lang:type=Memory", []int{4}},
		{"java.lang:type=Memory*", []int{4}},
		{"java.lang:type=Memory*,*", []int{4, 5}},
		{"java.lang:name=G1 Old Gen,type=MemoryPool", []int{5}},
		{"*:type=*,*", []int{4, 5}},
		{`q:name="a\*b"`, nil},
		{`q:name="a*"`, []int{6}},
		{"hadoop:*", nil},
		{"Hadoop:service=JournalNode", nil},
		{"Hadoop:service=JournalNode,name=Nope", nil},
	} {
		text, err := jmx.Query(sample(), c.qry, true, jmx.Options{})
		if err != nil {
			t.Errorf("%s: %v", c.qry, err)
			continue
		}
		var want []string
		for _, i := range c.want {
			want = append(want, sample()[i].Name)
		}
		if got := names(t, text); !slices.Equal(got, want) {
			t.Errorf("%s: got %q want %q", c.qry, got, want)
		}
	}
}

func names(t *testing.T, text []byte) []string {
	t.Helper()
	var doc struct{ Beans []struct{ Name string } }
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var list []string
	for _, b := range doc.Beans {
		list = append(list, b.Name)
	}
	return list
}

// TestMalformed: what Java's ObjectName refuses gives "{ }" (capture of ?qry=***bad).
func TestMalformed(t *testing.T) {
	for _, qry := range []string{"***bad", "bad", ":", "d:", "d:k", "d:=v", "d:k=", "d:k=v,", "d:,k=v", "d:k=v,k=w", "d:*,*",
		"d:*,", "d:k=a=b", "d:k=a:b", `d:k="a`, `d:k="a"b`, `d:k=a"b`, "d:k*=v", "a\nb:k=v", "d:k=a\nb", `d:k="a\`} {
		text, err := jmx.Query(sample(), qry, true, jmx.Options{})
		if !errors.Is(err, jmx.ErrMalformedName) || string(text) != "{ }" {
			t.Errorf("%q: %v %s", qry, err, text)
		}
	}
}

// TestGet: the odd results of ?get= (captures in servlets.txt; Java JMXJsonServlet.doGet and listBeans).
func TestGet(t *testing.T) {
	const notExpected = "{\n  \"result\" : \"ERROR\",\n  \"message\" : \"query format is not as expected.\"\n}"
	one := func(name, rest string) string {
		return "{\n    \"name\" : \"" + name + "\",\n    \"modelerType\" : \"m\",\n    " + rest + "\n  }"
	}
	missing := func(attr string) string {
		return "\"result\" : \"ERROR\",\n    \"message\" : \"No attribute with name " + attr + " was found.\""
	}
	info, ns1, ns2 := sample()[0].Name, sample()[1].Name, sample()[2].Name
	for _, c := range []struct{ get, want string }{
		{"bad", notExpected},
		{"", notExpected},
		{"::", notExpected},
		{info + "::", notExpected},
		{info + "::A::B", notExpected},
		{"Hadoop:service=JournalNode,name=Nope::X", "{\n  \"beans\" : [ ]\n}"},
		{info + "::A", "{\n  \"beans\" : [ " + one(info, `"A" : 1`) + " ]\n}"},
		{info + "::A::", "{\n  \"beans\" : [ " + one(info, `"A" : 1`) + " ]\n}"},
		{info + "::X", "{\n  \"beans\" : [ " + one(info, missing("X")) + " ]\n}"},
		{info + "::Null", "{\n  \"beans\" : [ " + one(info, missing("Null")) + " ]\n}"},
		{"Hadoop:service=JournalNode,name=Journal-*::A",
			"{\n  \"beans\" : [ " + one(ns1, `"A" : 1`) + ", " + one(ns2, `"A" : 1`) + " ]\n}"},
		// Java stops at the first bean without the attribute.
		{"Hadoop:service=JournalNode,name=Journal-*::X", "{\n  \"beans\" : [ " + one(ns1, missing("X")) + " ]\n}"},
	} {
		text, err := jmx.Get(sample(), c.get, jmx.Options{})
		if err != nil || string(text) != c.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", c.get, err, text, c.want)
		}
	}
	if text, err := jmx.Get(sample(), "***bad::X", jmx.Options{}); !errors.Is(err, jmx.ErrMalformedName) || string(text) != "{ }" {
		t.Errorf("malformed: %v %s", err, text)
	}
}

// TestHiddenAttributes: names that Java does not print (JMXJsonServlet.writeAttribute).
func TestHiddenAttributes(t *testing.T) {
	text := all(sample()[:1])
	if strings.Contains(text, "bad name") || strings.Contains(text, "x=y") || strings.Contains(text, "again") {
		t.Error(text)
	}
}

// TestRealNames: every name of real nodes parses, is no pattern, and is found by itself.
func TestRealNames(t *testing.T) {
	for _, release := range []string{"2.7.7", "3.4.2"} {
		var list []string
		if err := json.Unmarshal(readFile(t, "jmx-bean-names-"+release+".json"), &list); err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			n, err := jmx.ParseName(s)
			if err != nil || n.Pattern() || !n.Match(n) {
				t.Errorf("%s: %v pattern %v self %v", s, err, n.Pattern(), n.Match(n))
			}
		}
	}
}

// TestProcessBeans: the beans name what dashboards read, and the numbers are of this process.
func TestProcessBeans(t *testing.T) {
	started := time.UnixMilli(1795300134756)
	p := jmx.Process{Name: "JournalNode", Hostname: "h1", Started: started}
	text := all(p.Beans(started.Add(1500 * time.Millisecond)))
	var doc struct{ Beans []map[string]any }
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	byName := map[string]map[string]any{}
	for _, b := range doc.Beans {
		if b["modelerType"] == "" || b["modelerType"] == nil {
			t.Errorf("%v has no modelerType", b["name"])
		}
		byName[b["name"].(string)] = b
	}
	run := byName["java.lang:type=Runtime"]
	if run["StartTime"] != 1795300134756.0 || run["Uptime"] != 1500.0 || run["Name"] != fmt.Sprintf("%d@h1", os.Getpid()) {
		t.Error(run)
	}
	for name, keys := range map[string][]string{
		"java.lang:type=Memory":    {"HeapMemoryUsage", "NonHeapMemoryUsage"},
		"java.lang:type=Threading": {"ThreadCount", "GoroutineCount"},
		"Hadoop:service=JournalNode,name=JvmMetrics": {"tag.ProcessName", "MemHeapUsedM", "MemHeapCommittedM", "MemNonHeapUsedM",
			"GcCount", "GcTimeMillis", "ThreadsRunnable", "ThreadsWaiting"},
	} {
		for _, k := range keys {
			if byName[name][k] == nil {
				t.Errorf("%s has no %s", name, k)
			}
		}
	}
	heap := byName["java.lang:type=Memory"]["HeapMemoryUsage"].(map[string]any)
	if used, committed := heap["used"].(float64), heap["committed"].(float64); used <= 0 || committed < used {
		t.Error(heap)
	}
	jvm := byName["Hadoop:service=JournalNode,name=JvmMetrics"]
	if v, has := jvm["tag.SessionId"]; v != nil || !has {
		t.Error("tag.SessionId is not null")
	}
	if jvm["ThreadsRunnable"].(float64) < 1 {
		t.Error("this goroutine runs, but none is runnable")
	}
	if jvm["MemHeapUsedM"].(float64) <= 0 {
		t.Error(jvm)
	}
}

// TestOpenDescriptors: the count follows what this process opens.
func TestOpenDescriptors(t *testing.T) {
	count := func() float64 {
		text, err := jmx.Get(jmx.Process{}.Beans(time.Now()), "java.lang:type=OperatingSystem::OpenFileDescriptorCount", jmx.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Beans []struct{ OpenFileDescriptorCount *float64 }
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		if doc.Beans[0].OpenFileDescriptorCount == nil {
			t.Skip("this system does not tell")
		}
		return *doc.Beans[0].OpenFileDescriptorCount
	}
	before := count()
	for range 5 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
	}
	if after := count(); after != before+5 {
		t.Errorf("5 files more, %v became %v", before, after)
	}
}

// FuzzParseName: a text that parses matches itself, and so does every pattern made from it by putting "*" for its domain
// or ",*" behind it.
func FuzzParseName(f *testing.F) {
	for _, b := range sample() {
		f.Add(b.Name)
	}
	f.Add("*:*")
	f.Add("Hadoop:service=JournalNode,name=Journal-*")
	f.Add(`d:k="a\"b,c",*`)
	f.Fuzz(func(t *testing.T, s string) {
		n, err := jmx.ParseName(s)
		if err != nil {
			if !errors.Is(err, jmx.ErrMalformedName) {
				t.Fatal(err)
			}
			return
		}
		if !n.Match(n) {
			t.Fatalf("%q does not match itself", s)
		}
		if n.Pattern() || s == "" {
			return
		}
		_, list, _ := strings.Cut(s, ":")
		for _, pattern := range []string{"*:" + list, s + ",*", "*:*"} {
			p, err := jmx.ParseName(pattern)
			if err != nil || !p.Pattern() || !p.Match(n) {
				t.Fatalf("%q does not match %q: %v", pattern, s, err)
			}
		}
	})
}
