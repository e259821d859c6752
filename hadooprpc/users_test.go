package hadooprpc_test

import (
	"maps"
	"testing"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
)

// TestUsers: each connection counts for its user by the short name, once it has told it, until it ends; one without a user
// counts for nobody (Java Server.ConnectionManager).
func TestUsers(t *testing.T) {
	s := serverOf(map[string]handler{"echo": echo})
	l := rpctest.Serve(t, s)
	var open []*hadooprpc.Client
	for _, user := range []string{"hdfs", "hdfs/nn1@REALM", "om", ""} {
		c := rpctest.Dial(t, l, hadooprpc.ClientConfig{Protocol: "test", User: user})
		if _, err := call(c, "echo", "x"); err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	dialRaw(t, l).send([]byte(hello)) // says nobody's name
	is := func(want map[string]int) func() bool {
		return func() bool { return maps.Equal(s.Users(), want) }
	}
	if want := map[string]int{"hdfs": 2, "om": 1}; !is(want)() {
		t.Errorf("%v, want %v", s.Users(), want)
	}
	s.Users()["om"] = 7 // a copy
	for _, c := range open[1:] {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, is(map[string]int{"hdfs": 1}))
	if err := open[0].Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, is(map[string]int{}))
}
