package peers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFormsOfConfiguration: the forms that JournalNodeSyncer.getOtherJournalNodeAddrs knows (HDFS-12498, HDFS-16157), and a
// nameservice that nobody has told.
func TestFormsOfConfiguration(t *testing.T) {
	const (
		a = "qjournal://a;b;c/ns1"
		b = "qjournal://d;e;f/ns2"
	)
	type values = map[string]string
	twoNN := map[string][]string{"ns1": {"nn1", "nn2"}}
	for _, c := range []struct {
		name  string
		conf  SharedEdits
		j     Journal
		want  string // hosts, or part of the error
		key   string
		named string // journal of the URI if it is not j's
	}{
		{name: "nothing", j: Journal{ID: "ns1"}, want: "no key names"},
		{name: "one for all", conf: SharedEdits{Base: a}, j: Journal{ID: "ns1"}, want: "a b c"},
		{name: "one for all wins", conf: SharedEdits{Base: a, BySuffix: values{"ns2": b}}, j: Journal{"ns2", "ns2"},
			want: "a b c", named: "ns1"},
		{name: "of the nameservice", conf: SharedEdits{BySuffix: values{"ns1": a, "ns2": b}}, j: Journal{"ns2", "ns2"},
			want: "d e f", key: ".ns2"},
		{name: "of the nameservice, another journal, as Java", conf: SharedEdits{BySuffix: values{"ns1": a, "ns2": b}},
			j: Journal{"ns1", "ns2"}, want: "d e f", key: ".ns2", named: "ns2"},
		{name: "of the NameNodes", conf: SharedEdits{BySuffix: values{"ns1.nn1": a, "ns1.nn2": a}, NameNodes: twoNN},
			j: Journal{"ns1", "ns1"}, want: "a b c", key: ".ns1.nn1"},
		{name: "of the nameservice before those of the NameNodes", conf: SharedEdits{
			BySuffix: values{"ns1": b, "ns1.nn1": a, "ns1.nn2": a}, NameNodes: twoNN},
			j: Journal{"ns1", "ns1"}, want: "d e f", key: ".ns1", named: "ns2"},
		{name: "of the NameNodes, different", conf: SharedEdits{BySuffix: values{"ns1.nn1": a, "ns1.nn2": b}, NameNodes: twoNN},
			j: Journal{"ns1", "ns1"}, want: "name different JournalNodes"},
		{name: "of one NameNode only, which Java refuses", conf: SharedEdits{BySuffix: values{"ns1.nn1": a}, NameNodes: twoNN},
			j: Journal{"ns1", "ns1"}, want: "name different JournalNodes"},
		{name: "of a NameNode of no nameservice", conf: SharedEdits{BySuffix: values{"ns1.nn1": a}}, j: Journal{"ns1", "ns1"},
			want: "no key names"},
		{name: "2.x: by the path", conf: SharedEdits{BySuffix: values{"x": a, "y": b}}, j: Journal{ID: "ns2"}, want: "d e f", key: ".y"},
		{name: "2.x: by the path, of the NameNodes", conf: SharedEdits{
			BySuffix:  values{"x.1": a, "x.2": a, "y.1": b, "y.2": b},
			NameNodes: map[string][]string{"x": {"1", "2"}, "y": {"1", "2"}}}, j: Journal{ID: "ns2"}, want: "d e f", key: ".y.1"},
		{name: "an unknown nameservice: by the path", conf: SharedEdits{BySuffix: values{"x": a, "y": b}},
			j: Journal{"ns2", "z"}, want: "d e f", key: ".y"},
		{name: "by the path: none", conf: SharedEdits{BySuffix: values{"x": a, "y": b}}, j: Journal{ID: "ns3"}, want: "no key names"},
		{name: "by the path: two that agree", conf: SharedEdits{BySuffix: values{"x": a, "y": a}}, j: Journal{ID: "ns1"},
			want: "a b c", key: ".x"},
		{name: "by the path: two that do not", conf: SharedEdits{BySuffix: values{"x": a, "y": "qjournal://d/ns1"}},
			j: Journal{ID: "ns1"}, want: "name different nodes of journal ns1"},
		{name: "by the path: beside one that is wrong", conf: SharedEdits{BySuffix: values{"x": a, "y": "qjournal://d"}},
			j: Journal{ID: "ns1"}, want: "a b c", key: ".x"},
		{name: "by the path: only one that is wrong", conf: SharedEdits{BySuffix: values{"y": "qjournal://d"}},
			j: Journal{ID: "ns1"}, want: ".y: 'qjournal://d': bad journal id"},
		{name: "no quorum", conf: SharedEdits{Base: "file:///mnt/shared"}, j: Journal{ID: "ns1"}, want: "is no qjournal://"},
		{name: "a nameservice with a dot", conf: SharedEdits{BySuffix: values{"n.s": a}, Nameservices: []string{"n.s"}},
			j: Journal{ID: "ns1"}, want: "a b c", key: ".n.s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := newNames()
			for i, host := range []string{"a", "b", "c", "d", "e", "f"} {
				names.put(host, "10.0.0."+string(rune('1'+i)))
			}
			list, err := client(t, Config{SharedEdits: c.conf, Resolver: names}).Of(context.Background(), c.j)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %s", err, c.want)
				}
				if want := strings.Contains(c.want, "no key names"); errors.Is(err, ErrNotConfigured) != want && want {
					t.Errorf("%v is no ErrNotConfigured", err)
				}
				return
			}
			if c.named == "" {
				c.named = c.j.ID
			}
			want := List{Nodes: len(strings.Fields(c.want)), JournalID: c.named, Key: keySharedEdits + c.key}
			for _, host := range strings.Fields(c.want) {
				want.Peers = append(want.Peers, Peer{host, 8485})
			}
			if diff := cmp.Diff(want, list); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// The nameservice that NameNodes have told counts for a question that names none.
func TestNameserviceOfAJournal(t *testing.T) {
	p := client(t, Config{
		SharedEdits: SharedEdits{BySuffix: map[string]string{"x": "qjournal://1.0.0.1/ns1", "y": "qjournal://1.0.0.2/ns1"}},
		Nameservice: func(jid string) string { return map[string]string{"ns1": "y"}[jid] },
	})
	list, err := p.Of(context.Background(), Journal{ID: "ns1"})
	if err != nil || !slices.Equal(list.Peers, []Peer{{"1.0.0.2", 8485}}) {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestJournals(t *testing.T) {
	for _, c := range []struct {
		name   string
		conf   SharedEdits
		want   []Journal
		errors int
	}{
		{name: "none"},
		{name: "one", conf: SharedEdits{Base: "qjournal://a/j", BySuffix: map[string]string{"ns1": "qjournal://a/k"}},
			want: []Journal{{ID: "j"}}},
		{name: "one of one nameservice", conf: SharedEdits{Base: "qjournal://a/j", Nameservices: []string{"ns1"}},
			want: []Journal{{"j", "ns1"}}},
		{name: "federation", conf: SharedEdits{BySuffix: map[string]string{
			"ns1": "qjournal://a/j", "ns2.nn1": "qjournal://a/k", "ns2.nn2": "qjournal://a/k", "ns3": "file:///x", "ns5.nn1": "qjournal://a/l"},
			NameNodes:    map[string][]string{"ns2": {"nn1", "nn2"}, "ns4": {"nn1"}},
			Nameservices: []string{"ns1", "ns2", "ns3", "ns4"}},
			want: []Journal{{"j", "ns1"}, {"k", "ns2"}}, errors: 1},
		{name: "a resolver that is not built", conf: SharedEdits{Base: "qjournal://a/j", ResolveNames: true, Resolver: "com.acme.R"},
			want: []Journal{{ID: "j"}}, errors: 1},
	} {
		got, errs := client(t, Config{SharedEdits: c.conf}).Journals()
		if diff := cmp.Diff(c.want, got); diff != "" || len(errs) != c.errors {
			t.Errorf("%s: %v, -want +got\n%s", c.name, errs, diff)
		}
	}
}
