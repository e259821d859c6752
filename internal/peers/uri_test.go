package peers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseURI(t *testing.T) {
	for s, want := range map[string]string{
		"qjournal://a:1;b:2;c:3/ns1":                        "a:1 b:2 c:3 / ns1",
		"qjournal://a;b:2;[::1];[fe80::1%eth0]:9/ns1":       "a:8485 b:2 [::1]:8485 [fe80::1%eth0]:9 / ns1",
		"qjournal://a:1; b:2 ;\n\tc:3/ns1":                  "a:1 b:2 c:3 / ns1",
		"qjournal://a:1;b:2;/ns1":                           "a:1 b:2 / ns1",
		"qjournal://a:1/my%20jid":                           "a:1 / my jid",
		"qjournal://10.0.0.1:1;jn_2.local.:2;JN3/x?y=z#f":   "10.0.0.1:1 jn_2.local.:2 JN3:8485 / x",
		"qjournal://a:/ns1":                                 "a:8485 / ns1",
		"qjournal://[0:0::1]:1/ns1":                         "[::1]:1 / ns1",
		"qjournal://a:1;a:1;b/ns1":                          "a:1 a:1 b:8485 / ns1", // counted as the NameNode does
		"file:///mnt/edits":                                 "error",
		"":                                                  "error",
		"a:1;b:2/ns1":                                       "error",
		"QJOURNAL://a/ns1":                                  "error", // neither does a NameNode know it
		"qjournal:///ns1":                                   "error",
		"qjournal://;;/ns1":                                 "error",
		"qjournal://a;;b/ns1":                               "error",
		"qjournal://a:1":                                    "error",
		"qjournal://a:1/":                                   "error",
		"qjournal://a:1/x/y":                                "error",
		"qjournal://a:1/x%2Fy":                              "error",
		"qjournal://a:1/.x":                                 "error",
		"qjournal://a:1/%00":                                "error",
		"qjournal://a:1/%zz":                                "error",
		"qjournal://a:0/ns1":                                "error",
		"qjournal://a:65536/ns1":                            "error",
		"qjournal://a:-1/ns1":                               "error",
		"qjournal://a:+1/ns1":                               "error",
		"qjournal://a:1:2/ns1":                              "error",
		"qjournal://fe80::1/ns1":                            "error",
		"qjournal://[::1/ns1":                               "error",
		"qjournal://[10.0.0.1]:1/ns1":                       "error",
		"qjournal://[::1]x/ns1":                             "error",
		"qjournal://u@a:1/ns1":                              "error",
		"qjournal://a b:1/ns1":                              "error",
		"qjournal://-a:1/ns1":                               "error",
		"qjournal://a:1,b:2/ns1":                            "error",
		"qjournal://a:1;b:2/ns1,qjournal://a:1;b:2/ns1":     "error",
		"qjournal://" + strings.Repeat("a;", 3) + "a/ns1":   "a:8485 a:8485 a:8485 a:8485 / ns1",
		"qjournal://[::ffff:10.0.0.1]:1;[1::2]:65535/ns1.x": "[::ffff:10.0.0.1]:1 [1::2]:65535 / ns1.x",
	} {
		q, err := parseURI(s)
		if got := shown(q, err); got != want {
			t.Errorf("%q: %s (%v), want %s", s, got, err, want)
		}
		if err != nil && s != "" && !strings.Contains(err.Error(), s) {
			t.Errorf("%q: the error does not name it: %v", s, err)
		}
	}
}

func shown(q quorum, err error) string {
	if err != nil {
		return "error"
	}
	var b strings.Builder
	for _, n := range q.nodes {
		b.WriteString(n.String() + " ")
	}
	return b.String() + "/ " + q.journalID
}

// FuzzParseURI: what is read can be written and read again.
func FuzzParseURI(f *testing.F) {
	for _, s := range []string{"qjournal://a:1;b;[::1]:2/ns1", "qjournal://[fe80::1%25]:1/x", "qjournal://a/%41", "qjournal://;/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := parseURI(s)
		if err != nil {
			return
		}
		if len(q.nodes) == 0 || q.journalID == "" || strings.HasPrefix(q.journalID, ".") || strings.Contains(q.journalID, "/") {
			t.Fatalf("%q: %+v", s, q)
		}
		for _, n := range q.nodes {
			if n.Port < 1 || n.Port > 65535 || n.Host == "" {
				t.Fatalf("%q: %+v", s, n)
			}
		}
		again, err := parseURI(uriOf("j", q.nodes...))
		if err != nil {
			t.Fatalf("%q: %+v: %v", s, q, err)
		}
		if diff := cmp.Diff(q.nodes, again.nodes); diff != "" {
			t.Fatalf("%q: %s", s, diff)
		}
	})
}
