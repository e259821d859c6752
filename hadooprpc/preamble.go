package hadooprpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

const (
	preambleLen      = 7
	magic            = "hrpc"
	ipcVersion       = 9
	authNone    int8 = 0
	authSasl    int8 = -33
)

// httpAnswer is Java's Server.RECEIVED_HTTP_REQ_RESPONSE.
const httpAnswer = "HTTP/1.1 404 Not Found\r\n" +
	"Content-type: text/plain\r\n\r\n" +
	"It looks like you are making an HTTP request to a Hadoop IPC port. " +
	"This is not the correct port for the web interface on this daemon.\r\n"

var errPreamble = errors.New("bad preamble")

// preamble judges the first seven bytes of a connection (Java Server.Connection.readAndProcess): "hrpc", version, service
// class, authentication protocol. A good one is not answered.
func (c *conn) preamble(p [preambleLen]byte) {
	version, auth := int8(p[4]), int8(p[6])
	switch {
	case string(p[:4]) == "GET ":
		c.finish([]byte(httpAnswer))
	case string(p[:4]) != magic || version != ipcVersion:
		c.versionMismatch(version)
	case auth != authNone && auth != authSasl:
		c.fatal(callIDNone, -1, fatalf(CodeFatalUnauthorized, ClassIPC, "Unknown auth protocol:%d", auth))
	case auth == authSasl:
		c.sasl.on = true
	case len(c.srv.cfg.Mechanisms) > 0:
		err := fatalf(CodeFatalUnauthorized, ClassAccessControl,
			"SIMPLE authentication is not enabled.  Available:[%s]", strings.Join(c.srv.mechanismNames(), ", "))
		c.srv.cfg.Observer.Authenticated("", c.remote, err)
		c.fatal(callIDNone, -1, err)
	}
}

// versionMismatch answers in the form that a client of that version understands (Java Server.Connection.setupBadVersionResponse).
func (c *conn) versionMismatch(version int8) {
	c.srv.told.say(c.srv.told.versions, slog.LevelWarn, "connection closed: not Hadoop IPC version 9", c.remote, "version", version)
	err := fatalf(CodeFatalVersionMismatch, ClassVersionMismatch,
		"Server IPC version %d cannot communicate with client version %d", ipcVersion, version)
	var b []byte
	switch {
	case version >= ipcVersion:
		c.fatal(callIDNone, -1, err)
		return
	case version >= 3:
		b = binary.BigEndian.AppendUint32(b, 0xFFFFFFFF) // call id -1
		b = binary.BigEndian.AppendUint32(b, 0xFFFFFFFF) // status FATAL of that time
	case version == 2:
		b = binary.BigEndian.AppendUint32(b, 0) // call id
		b = append(b, 1)                        // error
	default:
		c.cut(fmt.Errorf("%w: version %d", errPreamble, version))
		return
	}
	for _, s := range []string{err.Class, err.Message} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	c.finish(b)
}

// finish sends b as it is and closes the connection.
func (c *conn) finish(b []byte) {
	c.send(answer{buf: &b, last: true})
}
