package servlet_test

import (
	"bufio"
	"bytes"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gojn/internal/jmx"
	"gojn/servlet"
)

var releases = map[string]servlet.Release{"2.7.7": servlet.Hadoop27, "3.4.2": servlet.Hadoop34, "3.5.0": servlet.Hadoop34}

// exchange is one request of a capture and what the Java node answered.
// frames is what a JournalNode of a release sends as X-FRAME-OPTIONS.
var frames = map[string]string{"3.5.0": "SAMEORIGIN"}

type exchange struct {
	url    string
	status int
	header http.Header
	size   int
	start  string // of the body, blanks squeezed
}

func readExchanges(t *testing.T, text []byte) []exchange {
	t.Helper()
	bodyLine := regexp.MustCompile(`^\[body bytes: (\d+), head: (.*)\]$`)
	var list []exchange
	sc := bufio.NewScanner(bytes.NewReader(text))
	for sc.Scan() {
		line := strings.TrimRight(sc.Text(), "\r")
		switch {
		case strings.HasPrefix(line, "--- GET "):
			list = append(list, exchange{url: strings.TrimPrefix(line, "--- GET "), header: http.Header{}})
		case strings.HasPrefix(line, "HTTP/1.1 "):
			status, err := strconv.Atoi(line[9:12])
			if err != nil {
				t.Fatal(err)
			}
			list[len(list)-1].status = status
		case bodyLine.MatchString(line):
			m := bodyLine.FindStringSubmatch(line)
			list[len(list)-1].size, _ = strconv.Atoi(m[1])
			list[len(list)-1].start = m[2]
		case line != "":
			name, value, ok := strings.Cut(line, ": ")
			if !ok {
				t.Fatalf("line %q", line)
			}
			list[len(list)-1].header.Add(name, value)
		}
	}
	return list
}

// without blanks and case, as Jetty's releases differ in both.
func norm(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }

// TestReplayGetJournal sends every request of the captures and compares status, the headers that matter, size and, for an
// error, its words (GetJournalEditServlet, spec 4.1).
func TestReplayGetJournal(t *testing.T) {
	title := regexp.MustCompile(`<title>Error (.*?)(?: at [a-z].*|</title>.*)`)
	for release, form := range releases {
		list := readExchanges(t, readFile(t, release+"/getJournal-http.txt"))
		if len(list) != 13 {
			t.Fatalf("%s: %d requests", release, len(list))
		}
		base := serve(t, servlet.Config{Journals: capturedJournal(t, release), Release: form, FrameOptions: frames[release]})
		for _, want := range list {
			if form == servlet.Hadoop27 && strings.Contains(want.url, "inProgressOk=false") {
				// 2.7 does not know the parameter and serves the open segment. We obey it always: only a 3.x JournalNode sends it.
				if got := get(t, base+want.url); got.status != http.StatusNotFound {
					t.Errorf("%s %s: status %d", release, want.url, got.status)
				}
				continue
			}
			got := get(t, base+want.url)
			where := release + " " + want.url
			if got.status != want.status || got.err != nil {
				t.Errorf("%s: status %d want %d, %v", where, got.status, want.status, got.err)
				continue
			}
			for _, h := range []string{"Content-Disposition", "X-Image-Edits-Name", "Content-Type", "Cache-Control", "Pragma",
				"X-Content-Type-Options", "X-XSS-Protection", "X-FRAME-OPTIONS"} {
				if norm(got.header.Get(h)) != norm(want.header.Get(h)) {
					t.Errorf("%s: %s is %q want %q", where, h, got.header.Get(h), want.header.Get(h))
				}
			}
			if got.length != int64(len(got.body)) {
				t.Errorf("%s: Content-Length %d, %d bytes", where, got.length, len(got.body))
			}
			if want.status == http.StatusOK || form == servlet.Hadoop34 && want.status < 500 {
				if len(got.body) != want.size {
					t.Errorf("%s: %d bytes want %d: %s", where, len(got.body), want.size, got.body[:min(len(got.body), 500)])
				}
			}
			if want.status == http.StatusOK {
				name := want.header.Get("X-Image-Edits-Name")
				if len(got.header.Values("Expires")) != 1 || got.header.Get("Expires") != got.header.Get("Date") {
					t.Errorf("%s: Expires %q Date %q", where, got.header.Values("Expires"), got.header.Get("Date"))
				}
				if !bytes.HasPrefix(got.body, readFile(t, release+"/edits_0000000000000000001-0000000000000000003")[:4]) ||
					!strings.HasPrefix(name, "edits_") {
					t.Errorf("%s: not the file", where)
				}
				continue
			}
			// The words, without Java's stack trace; 2.7 escapes less.
			words := title.FindStringSubmatch(want.start)[1]
			ours := title.FindStringSubmatch(strings.ReplaceAll(string(got.body), "\n", " "))[1]
			unquote := strings.NewReplacer("&apos;", "'", "&quot;", `"`)
			if unquote.Replace(ours) != unquote.Replace(words) {
				t.Errorf("%s:\ngot  %s\nwant %s", where, ours, words)
			}
		}
	}
}

// TestReplayServlets asks every other URL of the captures. The rows that differ are listed with the reason.
func TestReplayServlets(t *testing.T) {
	different := map[string]string{ // "release path" -> status and why
		"2.7.7 /":                 "200 the capture's node had no web pages; probes need < 400",
		"2.7.7 /index.html":       "200 the capture's node had no web pages",
		"2.7.7 /journalnode.html": "200 the capture's node had no web pages",
		"2.7.7 /metrics":          "404 not built",
		"* /logLevel":             "404 not built",
		"* /logs/":                "404 not built",
		"* /logs":                 "404 not built",
		"* /static/hadoop.css":    "404 no such pages",
		"* /static/":              "404 no such pages",
	}
	for release, form := range releases {
		base := serve(t, servlet.Config{Journals: capturedJournal(t, release), Release: form, Conf: sampleConf,
			Beans: sampleBeans(t, release)})
		rows := 0
		for line := range strings.SplitSeq(string(readFile(t, release+"/servlets.txt")), "\n") {
			head, start, ok := strings.Cut(line, " :: ")
			if strings.HasPrefix(line, "#") || !ok {
				continue
			}
			rows++
			f := strings.Split(head, " | ")
			status, err := strconv.Atoi(f[0][9:12])
			if err != nil {
				t.Fatal(err)
			}
			contentType, url := strings.TrimPrefix(f[1], "Content-Type: "), f[4]
			path, _, _ := strings.Cut(url, "?")
			got := get(t, base+url)
			why, differs := different[release+" "+path]
			if !differs {
				why, differs = different["* "+path]
			}
			if differs {
				if strconv.Itoa(got.status) != why[:3] {
					t.Errorf("%s %s: status %d, should be %s", release, url, got.status, why)
				}
				continue
			}
			if got.status != status {
				t.Errorf("%s %s: status %d want %d", release, url, got.status, status)
			}
			// A page of ours says its charset, Java's do not.
			if !strings.HasPrefix(norm(got.header.Get("Content-Type")), norm(contentType)) {
				t.Errorf("%s %s: type %q want %q", release, url, got.header.Get("Content-Type"), contentType)
			}
			if wantSize := f[3]; path == "/jmx" && url != "/jmx" && strconv.Itoa(len(got.body)) != wantSize {
				t.Errorf("%s %s: %d bytes want %s: %s", release, url, len(got.body), wantSize, got.body)
			}
			if path == "/jmx" && !strings.HasPrefix(squeeze(got.body), strings.TrimSpace(start)[:min(19, len(strings.TrimSpace(start)))]) {
				t.Errorf("%s %s: %s want %s", release, url, got.body, start)
			}
			if loc := strings.TrimPrefix(f[2], "Location: "); loc != "" && !strings.HasSuffix(loc, got.header.Get("Location")) {
				t.Errorf("%s %s: Location %q want %q", release, url, got.header.Get("Location"), loc)
			}
		}
		if rows < 25 {
			t.Errorf("%s: only %d rows", release, rows)
		}
	}
}

func squeeze(b []byte) string { return strings.ReplaceAll(string(b), "\n", " ") }

// sampleBeans has the JournalNodeInfo of the moment when servlets.txt was captured, for its exact sizes.
func sampleBeans(t *testing.T, release string) func() []jmx.Bean {
	t.Helper()
	const ns = "{ClusterId=CID-11111111-2222-3333-4444-555555555555, CreationTime=1500000000000, NamespaceId=1073741825, LayoutVersion=-67}"
	b := jmx.Bean{Name: "Hadoop:service=JournalNode,name=JournalNodeInfo",
		ModelerType: "org.apache.hadoop.hdfs.qjournal.server.JournalNode"}
	status := jmx.Attr{Name: "JournalsStatus",
		Value: `{"err1":{"Formatted":"true"},"ns1":{"Formatted":"true"},"nosuch":{"Formatted":"false"}}`}
	if releases[release] == servlet.Hadoop27 {
		b.Attrs = []jmx.Attr{status}
	} else {
		b.Attrs = []jmx.Attr{
			{Name: "Version", Value: "3.4.2, r84e8b89ee2ebe6923691205b9e171badde7a495c"},
			status,
			{Name: "HostAndPort", Value: "localhost:21110"},
			{Name: "ClusterIds", Value: []string{captured.ClusterID}},
			{Name: "JNStartedTimeInMillis", Value: int64(1795300134756)},
			{Name: "StorageInfos", Value: []string{ns, ns, "{ClusterId=, CreationTime=0, NamespaceId=0, LayoutVersion=0}"}},
		}
	}
	return func() []jmx.Bean { return []jmx.Bean{b} }
}

// TestJmxHeaders compares the head of /jmx with the captures.
func TestJmxHeaders(t *testing.T) {
	for release, form := range releases {
		capture := string(readFile(t, release+"/jmx-headers.txt"))
		base := serve(t, servlet.Config{Journals: &journals{}, Release: form, FrameOptions: frames[release]})
		got := get(t, base+"/jmx")
		for line := range strings.SplitSeq(capture, "\n") {
			name, want, ok := strings.Cut(strings.TrimRight(line, "\r"), ": ")
			switch name {
			case "Content-Type", "Cache-Control", "Pragma", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin",
				"X-Content-Type-Options", "X-XSS-Protection", "X-FRAME-OPTIONS":
				if got.header.Get(name) != want || !ok {
					t.Errorf("%s %s: %q want %q", release, name, got.header.Get(name), want)
				}
			}
		}
	}
}
