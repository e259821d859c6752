package servlet_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gojn/servlet"
)

func sampleConf() []servlet.Property {
	return []servlet.Property{
		{Name: "dfs.journalnode.rpc-address", Raw: "127.0.0.1:21110", Value: "127.0.0.1:21110", Resource: "hdfs-site.xml"},
		{Name: "hadoop.tmp.dir", Raw: "/x/${user.name}", Value: "/x/hdfs", Final: true, Resource: "core-site.xml"},
		{Name: "odd", Raw: "a<b>&\"c\"'d'\r\n\x01ü", Value: "a<b>&\"c\"", Resource: ""},
		{Name: "ssl.server.keystore.password", Raw: "hunter2", Value: "hunter2", Resource: "ssl-server.xml"},
		{Name: "fs.s3a.encryption.context", Raw: "hunter2", Value: "hunter2", Resource: "core-site.xml"}, // since 3.5
		{Name: "my.own.key", Raw: "hunter2", Value: "hunter2", Resource: "core-site.xml"},
		{Name: "empty", Resource: "core-site.xml"},
		{Name: "hadoop.security.sensitive-config-keys", Raw: "own.key$", Value: "own.key$", Resource: "core-site.xml"},
	}
}

// TestConfJSONBytes: a real node's whole JSON comes out byte for byte (capture conf.json; Configuration.dumpConfiguration).
// 2.7 does not redact; we do, so its one sensitive value is replaced first.
func TestConfJSONBytes(t *testing.T) {
	for release, query := range map[string]string{"2.7.7": "/conf?format=json", "3.4.2": "/conf"} {
		want := string(readFile(t, release+"/conf.json"))
		var doc struct {
			Properties []struct {
				Key, Value, Resource string
				IsFinal              bool
			}
		}
		if err := json.Unmarshal([]byte(want), &doc); err != nil {
			t.Fatal(err)
		}
		var props []servlet.Property
		for _, p := range doc.Properties {
			value := p.Value
			if p.Key == "hadoop.security.sensitive-config-keys" {
				want = strings.Replace(want, `"value":"`+value+`"`, `"value":"<redacted>"`, 1)
				value = "password$"
			}
			props = append(props, servlet.Property{Name: p.Key, Value: value, Final: p.IsFinal, Resource: p.Resource})
		}
		base := serve(t, servlet.Config{Journals: &journals{}, Release: releases[release],
			Conf: func() []servlet.Property { return props }})
		got := get(t, base+query, "Accept", "application/json")
		if string(got.body) != want {
			t.Errorf("%s (-Java +ours):\n%s", release,
				cmp.Diff(strings.Split(want, "},{"), strings.Split(string(got.body), "},{")))
		}
	}
}

// TestConfXMLBytes: the first properties of a real node's XML come out byte for byte (capture conf-head.xml).
func TestConfXMLBytes(t *testing.T) {
	for _, release := range []string{"2.7.7", "3.4.2"} {
		capture := string(readFile(t, release+"/conf-head.xml"))
		want := capture[:strings.LastIndex(capture, "<property>")]
		var doc struct {
			Property []struct {
				Name   string `xml:"name"`
				Value  string `xml:"value"`
				Source string `xml:"source"`
			} `xml:"property"`
		}
		if err := xml.Unmarshal([]byte(want+"</configuration>"), &doc); err != nil {
			t.Fatal(err)
		}
		var props []servlet.Property
		for _, p := range doc.Property {
			props = append(props, servlet.Property{Name: p.Name, Raw: p.Value, Value: "expanded", Resource: p.Source})
		}
		if len(props) < 10 {
			t.Fatal(len(props))
		}
		base := serve(t, servlet.Config{Journals: &journals{}, Release: releases[release],
			Conf: func() []servlet.Property { return props }})
		if diff := cmp.Diff(want+"</configuration>\n", string(get(t, base+"/conf").body)); diff != "" {
			t.Errorf("%s (-Java +ours):\n%s", release, diff)
		}
	}
}

// TestConfForms: how each release chooses the form and the property (ConfServlet of 2.7.7 and 3.4.2).
func TestConfForms(t *testing.T) {
	oneXML, oneJSON := oneProperty(t)
	const jsonType, xmlType = "application/json; charset=utf-8", "text/xml; charset=utf-8"
	for _, c := range []struct {
		release      servlet.Release
		url, accept  string
		status       int
		contentType  string
		start        string
		whole        string
		notContained string
	}{
		{servlet.Hadoop34, "/conf", "", 200, xmlType, "<?xml", "", "${nothing}"},
		{servlet.Hadoop34, "/conf", "application/json", 200, jsonType, `{"properties":[{"key":`, "", ""},
		{servlet.Hadoop34, "/conf", "text/html, application/json;q=0.9", 200, jsonType, `{"properties"`, "", ""},
		{servlet.Hadoop34, "/conf?format=json", "", 200, xmlType, "<?xml", "", ""},
		{servlet.Hadoop34, "/conf?format=yaml", "", 200, xmlType, "<?xml", "", ""},
		{servlet.Hadoop34, "/conf?name=", "", 200, xmlType, "<?xml", "", ""},
		{servlet.Hadoop34, "/conf?name=dfs.journalnode.rpc-address", "", 200, xmlType, "", oneXML, ""},
		{servlet.Hadoop34, "/conf?name=dfs.journalnode.rpc-address", "application/json", 200, jsonType, "", oneJSON, ""},
		{servlet.Hadoop34, "/conf?name=nosuch", "", 404, xmlType, "", "", "<"},
		{servlet.Hadoop34, "/conf?name=empty", "application/json", 404, xmlType, "", "", "<"},
		{servlet.Hadoop27, "/conf", "application/json", 200, xmlType, "<?xml", "", "<final>"},
		{servlet.Hadoop27, "/conf?format=json", "", 200, jsonType, `{"properties"`, "", ""},
		{servlet.Hadoop27, "/conf?format=xml", "", 200, xmlType, "<?xml", "", ""},
		{servlet.Hadoop27, "/conf?name=nosuch", "", 200, xmlType, "<?xml", "", ""},
		{servlet.Hadoop27, "/conf?format=y<aml", "", 400, "text/html; charset=iso-8859-1", "<html>", "", "y<aml"},
	} {
		base := serve(t, servlet.Config{Journals: &journals{}, Release: c.release, Conf: sampleConf})
		got := get(t, base+c.url, "Accept", c.accept)
		body := string(got.body)
		if got.status != c.status || got.header.Get("Content-Type") != c.contentType || !strings.HasPrefix(body, c.start) ||
			c.whole != "" && body != c.whole || c.notContained != "" && strings.Contains(body, c.notContained) {
			t.Errorf("%v %s Accept %q: %d %s\n%s", c.release, c.url, c.accept, got.status, got.header.Get("Content-Type"), body)
		}
	}
}

// oneProperty cuts the two bodies out of the capture conf-one-property.txt.
func oneProperty(t *testing.T) (asXML, asJSON string) {
	t.Helper()
	capture := strings.ReplaceAll(string(readFile(t, "3.4.2/conf-one-property.txt")), "\r\n", "\n")
	parts := strings.SplitN(capture, "\n\n", 3)
	asXML, _, _ = strings.Cut(parts[1], "HTTP/1.1")
	return asXML, parts[2]
}

// TestConfHidesSecrets: neither form of either release shows a value whose key is sensitive by default or by
// configuration (ConfigRedactor), nor any value when a configured pattern cannot be understood.
func TestConfHidesSecrets(t *testing.T) {
	bad := func() []servlet.Property {
		return append(sampleConf(), servlet.Property{Name: "hadoop.security.sensitive-config-keys", Value: "(?<=x)y"},
			servlet.Property{Name: "plain", Raw: "hunter2", Value: "hunter2"})
	}
	for _, release := range []servlet.Release{servlet.Hadoop27, servlet.Hadoop34} {
		for name, conf := range map[string]func() []servlet.Property{"good": sampleConf, "bad": bad} {
			base := serve(t, servlet.Config{Journals: &journals{}, Release: release, Conf: conf})
			for _, url := range []string{"/conf", "/conf?format=json", "/conf?name=my.own.key"} {
				for _, accept := range []string{"", "application/json"} {
					got := get(t, base+url, "Accept", accept)
					if got.status != http.StatusOK || strings.Contains(string(got.body), "hunter2") {
						t.Errorf("%v %s %s: %d %s", release, name, url, got.status, got.body)
					}
				}
			}
		}
	}
	base := serve(t, servlet.Config{Journals: &journals{}, Conf: sampleConf})
	if body := string(get(t, base+"/conf").body); !strings.Contains(body, "<name>my.own.key</name><value>******</value>") ||
		!strings.Contains(body, "<value>/x/${user.name}</value><final>true</final>") ||
		!strings.Contains(body, "<value>a&lt;b&gt;&amp;\"c\"'d'&#13;\nü</value><final>false</final><source>Unknown</source>") {
		t.Error(body)
	}
	if body := string(get(t, base+"/conf", "Accept", "application/json").body); !strings.Contains(body,
		`{"key":"my.own.key","value":"<redacted>","isFinal":false,"resource":"core-site.xml"}`) ||
		!strings.Contains(body, `"value":"/x/hdfs"`) {
		t.Error(body)
	}
}

func TestNoConf(t *testing.T) {
	if got := get(t, serve(t, servlet.Config{Journals: &journals{}})+"/conf"); got.status != http.StatusNotFound {
		t.Error(got.status)
	}
}
