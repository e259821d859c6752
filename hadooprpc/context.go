package hadooprpc

import (
	"errors"
	"fmt"
	"log/slog"
	"net"

	"gojn/hadooprpc/rpcpb"
)

// maxContext is the longest IpcConnectionContextProto in bytes, maxName the longest name of a user or protocol in it: these stay
// for as long as the connection, and no budget counts them.
const (
	maxContext = 64 << 10
	maxName    = 1 << 10
)

var errName = errors.New("name refused")

// outOfBand handles calls with negative ids (Java Server.Connection.processRpcOutOfBandRequest).
func (c *conn) outOfBand(h *requestHeader, payload []byte) {
	var err *Error
	switch h.callID {
	case callIDContext:
		err = c.readContext(payload)
	case callIDSasl:
		if !c.sasl.on {
			err = invalidHeader("SASL protocol not requested by client")
		} else {
			err = c.readSasl(payload)
		}
	case callIDPing:
	default:
		err = invalidHeader("Unknown out of band call #%d", h.callID)
	}
	if err != nil {
		c.fatal(h.callID, h.retry, err)
	}
}

// readContext is Java's Server.Connection.processConnectionContext and authorizeConnection. It answers nothing if all is
// well, and closes without an answer on a user name that Java cannot make a user of, or a name that is too long.
func (c *conn) readContext(payload []byte) *Error {
	if c.sasl.on && !c.sasl.done {
		return invalidHeader("Connection header sent during SASL negotiation")
	}
	if c.context {
		return invalidHeader("Connection context already processed")
	}
	var m rpcpb.IpcConnectionContextProto
	if err := parseShort(payload, &m, "IpcConnectionContextProto", maxContext); err != nil {
		return err
	}
	for _, of := range [...]struct{ what, name string }{
		{"user", m.GetUserInfo().GetEffectiveUser()}, {"real user", m.GetUserInfo().GetRealUser()}, {"protocol", m.GetProtocol()},
	} {
		if len(of.name) > maxName {
			c.refuseName(of.what, of.name, fmt.Errorf("%d bytes long, at most %d", len(of.name), maxName))
			return nil
		}
	}
	id := Identity{Protocol: m.GetProtocol(), Method: "SIMPLE", Address: addressOf(c.remote)}
	if c.sasl.session != nil {
		id.Method, id.User = c.sasl.method, c.sasl.user
	}
	if info := m.GetUserInfo(); info.GetEffectiveUser() != "" || info != nil && info.EffectiveUser != nil {
		switch {
		case c.sasl.session == nil:
			id.RealUser = info.GetRealUser()
		case info.GetEffectiveUser() != c.sasl.user:
			id.RealUser = c.sasl.user
		}
		id.User = info.GetEffectiveUser()
		for _, name := range []string{id.User, id.RealUser} {
			if name == "" && name != id.User {
				continue // no real user
			}
			short, err := c.srv.cfg.ResolveUser(name)
			if err != nil {
				c.refuseName("user", name, err)
				return nil
			}
			if name == id.User {
				id.ShortUser = short
			}
		}
	} else if id.User != "" {
		id.ShortUser = c.sasl.shortUser
	}
	err := c.srv.cfg.Authorize(c.srv.admit, id)
	if c.srv.admit.Err() != nil {
		c.cut(ErrServerClosed) // it can make no call any more, and a refusal need not be one
		return nil             //nolint:nilerr // there is no answer
	}
	c.srv.cfg.Observer.Authorized(id.User, c.remote, err)
	if err != nil {
		e := fatalf(CodeFatalUnauthorized, ClassAuthorization, "%s", err)
		return e
	}
	c.identity = id
	c.context = true
	c.srv.named(id.ShortUser)
	return nil
}

// refuseName closes the connection without an answer. what the name is of: a user, or a protocol.
func (c *conn) refuseName(what, name string, err error) {
	c.srv.told.say(c.srv.told.names, slog.LevelWarn, "connection closed: bad "+what+" name", c.remote,
		"name", ShownName(name), "error", err)
	c.cut(fmt.Errorf("%w: %w", errName, err))
}

func addressOf(a net.Addr) string {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.IP.String()
	}
	return a.String()
}
