package hadooprpc

import (
	"fmt"
	"net"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc/rpcpb"
)

// Auth describes a mechanism as the server advertises it (RpcSaslProto.SaslAuth).
type Auth struct {
	Method    string // Hadoop's name, such as "KERBEROS"
	Mechanism string // SASL's name, such as "GSSAPI"
	Protocol  string // first part of the server's principal
	ServerID  string // second part
}

// Mechanism is one SASL mechanism that the server offers. It may be used by many connections at a time.
type Mechanism interface {
	// Auth is what is advertised; it must not change.
	Auth() Auth
	// Start begins an exchange with the client at remote. The session belongs to one connection.
	Start(remote net.Addr) (Session, error)
}

// Session is one exchange. Security layers (integrity, privacy) are not built: a session must settle on authentication only.
type Session interface {
	// Step takes the client's token and returns the server's. done means that the client is authenticated; the SUCCESS
	// message then carries no token. An error with no Java class goes out as a SaslException.
	Step(token []byte) (reply []byte, done bool, err error)
	// User is the authenticated name, valid once Step has reported done.
	User() string
	// Close releases what the session holds. It is called once, also after errors.
	Close()
}

// saslState is a connection's place in the negotiation. It belongs to the reader.
type saslState struct {
	on        bool // the client asked for SASL and was not switched to SIMPLE
	offered   bool // NEGOTIATE was answered
	done      bool // authenticated
	session   Session
	method    string
	user      string
	shortUser string
}

func (s *saslState) dispose() {
	if s.session != nil {
		s.session.Close()
		s.session = nil
	}
}

func saslError(format string, args ...any) *Error {
	return fatalf(CodeFatalUnauthorized, ClassSasl, format, args...)
}

const (
	// maxSasl is the longest RpcSaslProto in bytes. A Kerberos token of a user of many groups passes 64 KiB.
	maxSasl = 1 << 20
	// maxAuths bounds the entries of RpcSaslProto.auths: an empty one takes two bytes on the wire and a hundred in memory. A
	// client names one, the mechanism it has chosen.
	maxAuths   = 16
	authsField = protowire.Number(4)
)

// parseSasl parses an RpcSaslProto after a look at what it would cost.
func parseSasl(payload []byte) (*rpcpb.RpcSaslProto, *Error) {
	const name = "RpcSaslProto"
	if msg, _, err := delimited(payload); err == nil && len(msg) <= maxSasl {
		if n := countFields(msg, authsField); n > maxAuths {
			return nil, undecodable(name, errorf(0, ClassInvalidProtobuf, "%d auths, limit %d", n, maxAuths))
		}
	}
	m := &rpcpb.RpcSaslProto{}
	if err := parseShort(payload, m, name, maxSasl); err != nil {
		return nil, err
	}
	if rpcpb.RpcSaslProto_SaslState_name[int32(m.GetState())] == "" { // in Java an absent field
		m.State = nil
		return nil, undecodable(name, errorf(0, ClassInvalidProtobuf, "%s", missingText(m)))
	}
	return m, nil
}

// countFields is how often the field num occurs at the top level of b, up to where b ceases to be well formed.
func countFields(b []byte, num protowire.Number) int {
	count := 0
	for len(b) > 0 {
		got, _, n := protowire.ConsumeField(b)
		if n < 0 {
			break
		}
		if got == num {
			count++
		}
		b = b[n:]
	}
	return count
}

// readSasl handles one message of the negotiation (Java Server.Connection.saslReadAndProcess, processSaslMessage).
func (c *conn) readSasl(payload []byte) *Error {
	m, err := parseSasl(payload)
	if err != nil {
		return err
	}
	if m.GetState() == rpcpb.RpcSaslProto_WRAP && c.sasl.done {
		return invalidHeader("Server is not wrapping data")
	}
	if c.sasl.done {
		return invalidHeader("Negotiation is already complete")
	}
	reply, err := c.saslMessage(m)
	if err != nil {
		c.srv.cfg.Observer.Authenticated(c.sasl.user, c.remote, err)
		return err
	}
	if reply != nil {
		c.saslReply(reply)
	}
	return nil
}

func (c *conn) saslMessage(m *rpcpb.RpcSaslProto) (*rpcpb.RpcSaslProto, *Error) {
	switch m.GetState() {
	case rpcpb.RpcSaslProto_NEGOTIATE:
		if c.sasl.offered {
			return nil, fatalf(CodeFatalUnauthorized, ClassAccessControl, "Client already attempted negotiation")
		}
		if len(c.srv.cfg.Mechanisms) == 0 {
			c.sasl.on = false // SUCCESS without a token tells the client to go on as SIMPLE
		}
		return c.offer(), nil
	case rpcpb.RpcSaslProto_INITIATE:
		if len(m.GetAuths()) != 1 {
			return nil, saslError("Client mechanism is malformed")
		}
		return c.initiate(m)
	case rpcpb.RpcSaslProto_RESPONSE:
		if c.sasl.session == nil {
			c.cut(fmt.Errorf("SASL response before an initiate")) // Java fails with a null pointer: no answer
			return nil, nil
		}
		return c.saslToken(m)
	}
	return nil, saslError("Client sent unsupported state %s", m.GetState())
}

// offer is Java's buildSaslNegotiateResponse.
func (c *conn) offer() *rpcpb.RpcSaslProto {
	if len(c.srv.cfg.Mechanisms) == 0 {
		return &rpcpb.RpcSaslProto{State: rpcpb.RpcSaslProto_SUCCESS.Enum()}
	}
	c.sasl.offered = true
	out := &rpcpb.RpcSaslProto{State: rpcpb.RpcSaslProto_NEGOTIATE.Enum()}
	for _, mech := range c.srv.cfg.Mechanisms {
		out.Auths = append(out.Auths, mech.Auth().proto())
	}
	return out
}

func (c *conn) initiate(m *rpcpb.RpcSaslProto) (*rpcpb.RpcSaslProto, *Error) {
	var chosen Mechanism
	for _, mech := range c.srv.cfg.Mechanisms {
		if proto.Equal(mech.Auth().proto(), m.GetAuths()[0]) {
			chosen = mech
		}
	}
	if chosen == nil {
		if c.sasl.offered {
			return nil, fatalf(CodeFatalUnauthorized, ClassAccessControl, "%s authentication is not enabled.  Available:[%s]",
				m.GetAuths()[0].GetMethod(), strings.Join(c.srv.mechanismNames(), ", "))
		}
		return c.offer(), nil
	}
	c.sasl.dispose()
	session, err := chosen.Start(c.remote)
	if err != nil {
		return nil, saslFailure(err)
	}
	c.sasl.session, c.sasl.method = session, chosen.Auth().Method
	return c.saslToken(m)
}

func (c *conn) saslToken(m *rpcpb.RpcSaslProto) (*rpcpb.RpcSaslProto, *Error) {
	if m.Token == nil {
		return nil, saslError("Client did not send a token")
	}
	token, done, err := c.sasl.session.Step(m.Token)
	if err != nil {
		return nil, saslFailure(err)
	}
	if !done {
		if token == nil {
			token = []byte{}
		}
		return &rpcpb.RpcSaslProto{State: rpcpb.RpcSaslProto_CHALLENGE.Enum(), Token: token}, nil
	}
	c.sasl.user = c.sasl.session.User()
	if c.sasl.shortUser, err = c.srv.cfg.ResolveUser(c.sasl.user); err != nil {
		c.refuseName("principal", c.sasl.user, err)
		return nil, nil
	}
	c.sasl.done = true
	c.srv.cfg.Observer.Authenticated(c.sasl.user, c.remote, nil)
	return &rpcpb.RpcSaslProto{State: rpcpb.RpcSaslProto_SUCCESS.Enum()}, nil
}

func saslFailure(err error) *Error {
	e := wireError(err)
	if e.Class == ClassIOException {
		e.Class = ClassSasl
	}
	e.Code, e.Fatal = CodeFatalUnauthorized, true
	return e
}

func (c *conn) saslReply(m *rpcpb.RpcSaslProto) {
	if !c.admit() {
		return
	}
	r := response{callID: callIDSasl, retry: -1}
	buf, err := r.encode(m)
	if err != nil { // a token of 2 GiB
		c.cut(err)
		return
	}
	c.send(answer{buf: buf, owed: true})
}

func (a Auth) proto() *rpcpb.RpcSaslProto_SaslAuth {
	return &rpcpb.RpcSaslProto_SaslAuth{
		Method: &a.Method, Mechanism: &a.Mechanism, Protocol: &a.Protocol, ServerId: &a.ServerID,
	}
}

func (s *Server) mechanismNames() []string {
	var names []string
	for _, m := range s.cfg.Mechanisms {
		names = append(names, m.Auth().Method)
	}
	return names
}
