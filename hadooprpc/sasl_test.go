package hadooprpc_test

import (
	"errors"
	"net"

	"gojn/hadooprpc"
)

// fakeMechanism authenticates nn/host@R in two steps: "one" is answered by "two", "three" ends it.
type fakeMechanism struct{}

func (fakeMechanism) Auth() hadooprpc.Auth {
	return hadooprpc.Auth{Method: "KERBEROS", Mechanism: "GSSAPI", Protocol: "jn", ServerID: "host"}
}

func (fakeMechanism) Start(net.Addr) (hadooprpc.Session, error) { return &fakeSession{}, nil }

type fakeSession struct{ user string }

func (s *fakeSession) Step(token []byte) ([]byte, bool, error) {
	switch string(token) {
	case "one":
		return []byte("two"), false, nil
	case "three":
		s.user = "nn/host@R"
		return nil, true, nil
	}
	return nil, false, errors.New("GSS initiate failed")
}

func (s *fakeSession) User() string { return s.user }
func (s *fakeSession) Close()       {}
