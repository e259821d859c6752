package authorize_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"gojn/internal/authorize"
)

// Java AccessControlList, its constructor and isUserInList.
func TestACL(t *testing.T) {
	groups := map[string][]string{"ann": {"hadoop", "domain users"}, "bob": {"staff"}, "*": {"x"}}
	for _, c := range []struct {
		text    string
		allowed []string // of ann, bob, and one called *
	}{
		{"*", []string{"ann", "bob", "*"}},
		{" * ", []string{"ann", "bob", "*"}},
		{"ann *", []string{"ann", "bob", "*"}},
		{"* nobody", []string{"ann", "bob", "*"}},
		{"", nil},
		{" ", nil},
		{"  ", nil},
		{"ann", []string{"ann"}},
		{"ann,bob", []string{"ann", "bob"}},
		{"ann,,bob,", []string{"ann", "bob"}},
		{"ann, bob", []string{"ann"}}, // bob is a group: the first blank ends the users
		{"ann,\n bob", []string{"ann"}},
		{" hadoop", []string{"ann"}},
		{" hadoop,staff", []string{"ann", "bob"}},
		{"  hadoop , staff ", []string{"ann", "bob"}},
		{" hadoop staff", nil}, // one group with a blank in its name
		{" x,domain users", []string{"ann", "*"}},
		{"bob hadoop", []string{"ann", "bob"}},
		{"*,cat", []string{"*"}}, // a user of that name
		{"cat *,dogs", nil},
		{"Ann", nil},
		{"~ann", nil},
		{"\tann\t", []string{"ann"}},
	} {
		acl := authorize.ParseACL(c.text)
		var got []string
		for _, user := range []string{"ann", "bob", "*"} {
			if acl.Has(user, func(user string) []string { return groups[user] }) {
				got = append(got, user)
			}
		}
		if !slices.Equal(got, c.allowed) {
			t.Errorf("%q has %q, want %q", c.text, got, c.allowed)
		}
	}
	// Groups cost a process: nobody's are looked up without need.
	for _, text := range []string{"*", "bob", "ann hadoop"} {
		authorize.ParseACL(text).Has("ann", func(user string) []string {
			t.Errorf("%q: the groups of %s were looked up", text, user)
			return nil
		})
	}
}

// Java MachineList and SubnetUtils of commons-net, with inclusive host count.
func TestMachines(t *testing.T) {
	hosts := map[string][]netip.Addr{"jn1": {netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("2001:db8::3")},
		"mapped": {netip.MustParseAddr("::ffff:10.1.2.9")}, "zoned": {netip.MustParseAddr("fe80::2%eth0")}}
	for _, c := range []struct {
		text    string
		in, out []string
		bad     bool
		unknown string
	}{
		{text: "*", in: []string{"10.1.2.3", "::1"}},
		{text: " * ", in: []string{"10.1.2.3"}},
		{text: "", out: []string{"10.1.2.3", "::1"}},
		{text: " , ", out: []string{"10.1.2.3"}},
		{text: "10.1.2.3, ::1", in: []string{"10.1.2.3", "::1", "::ffff:10.1.2.3"}, out: []string{"10.1.2.4"}},
		{text: "10.1.2.0/24", in: []string{"10.1.2.0", "10.1.2.255"}, out: []string{"10.1.3.0", "::1"}},
		{text: "10.1.2.77/31", in: []string{"10.1.2.76", "10.1.2.77"}, out: []string{"10.1.2.78"}},
		{text: "010.001.2.3/32", in: []string{"10.1.2.3"}, out: []string{"10.1.2.4"}},
		{text: "0.0.0.0/0", in: []string{"10.1.2.3"}, out: []string{"::1"}},
		{text: "jn1,mapped", in: []string{"10.1.2.3", "2001:db8::3", "10.1.2.9"}, out: []string{"10.1.2.4"}},
		{text: "gone,jn1", in: []string{"10.1.2.3"}, unknown: "gone"},
		{text: "*,10.1.2.3", in: []string{"10.1.2.3"}, out: []string{"10.1.2.4"}, unknown: "*"},
		{text: "fe80::1%eth0,zoned", in: []string{"fe80::1", "fe80::1%eth1", "fe80::2"}, out: []string{"fe80::3%eth0"}},
		{text: "10.1.2.0/33", bad: true},
		{text: "10.1.2.256/24", bad: true},
		{text: "10.1.2/24", bad: true},
		{text: "10.1.2.0/", bad: true},
		{text: "jn1/24", bad: true},
		{text: "2001:db8::/32", bad: true},
		{text: "10.1.2.3,10.0.0.0/8x", bad: true},
	} {
		unknown := ""
		m, err := authorize.ParseMachines(c.text, func(host string) ([]netip.Addr, error) {
			if found := hosts[host]; found != nil {
				return found, nil
			}
			return nil, errors.New("no such host")
		}, func(host string, _ error) { unknown += host })
		if (err != nil) != c.bad || unknown != c.unknown {
			t.Errorf("%q: %v, unknown %q", c.text, err, unknown)
		}
		for want, list := range map[bool][]string{true: c.in, false: c.out} {
			for _, text := range list {
				if got := m.Includes(netip.MustParseAddr(text)); got != want {
					t.Errorf("%q has %s: %t", c.text, text, got)
				}
			}
		}
	}
	all, err := authorize.ParseMachines("*", nil, nil)
	if err != nil || !all.Includes(netip.Addr{}) {
		t.Errorf("everybody: %v", err)
	}
}
