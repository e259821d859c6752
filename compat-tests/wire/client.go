// Package wire is a minimal client of Hadoop's IPC version 9, written from rpc.md for the compatibility tests alone,
// so that they drive a JournalNode with code that shares nothing with it.
package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The protocols that a JournalNode serves.
const (
	QJournalProtocol      = "org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocol"
	InterQJournalProtocol = "org.apache.hadoop.hdfs.qjournal.protocol.InterQJournalProtocol"
)

// callTimeout bounds one call.
const callTimeout = 60 * time.Second

// RemoteError is an error answer.
type RemoteError struct {
	Status  int64 // 1 ERROR, 2 FATAL
	Detail  int64 // RpcErrorCodeProto
	Class   string
	Message string // with the Java stack, if there is one
}

// FirstLine is the message without what follows the first line.
func (e *RemoteError) FirstLine() string {
	line, _, _ := strings.Cut(e.Message, "\n")
	return line
}

func (e *RemoteError) Error() string { return e.Class + ": " + e.FirstLine() }

// Client is a connection for calls one at a time.
type Client struct {
	conn     net.Conn
	protocol string
	id       [16]byte
	next     int64
}

// Dial connects and sends the preamble and the connection context.
func Dial(ctx context.Context, address, protocol, user string) (*Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, protocol: protocol}
	copy(c.id[:], "compat-test-wire")
	userInfo := Message{}.String(1, user)
	context := Message{}.Bytes(2, userInfo).String(3, protocol)
	out := append([]byte("hrpc\x09\x00\x00"), frame(c.header(-3, -1), context)...)
	if _, err := conn.Write(out); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// header is RpcRequestHeaderProto.
func (c *Client) header(callID, retry int64) Message {
	return Message{}.Int(1, 2).Int(2, 0).Sint(3, callID).Bytes(4, c.id[:]).Sint(5, retry)
}

// frame is a length and varint-delimited messages.
func frame(messages ...Message) []byte {
	var body []byte
	for _, m := range messages {
		body = protowire.AppendBytes(body, m)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// Call makes one call and returns the bytes of the result message, or a [RemoteError].
func (c *Client) Call(method string, request Message) ([]byte, error) {
	return c.CallAs(c.protocol, 1, method, request)
}

// CallAs makes a call that names another protocol or version than the connection's.
func (c *Client) CallAs(protocol string, version int64, method string, request Message) ([]byte, error) {
	if err := c.conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return nil, err
	}
	callID := c.next
	c.next++
	name := Message{}.String(1, method).String(2, protocol).Int(3, version)
	if _, err := c.conn.Write(frame(c.header(callID, 0), name, request)); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	var length [4]byte
	if _, err := io.ReadFull(c.conn, length[:]); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	body := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(c.conn, body); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return c.answer(method, callID, body)
}

// answer splits a response frame.
func (c *Client) answer(method string, callID int64, body []byte) ([]byte, error) {
	head, n := protowire.ConsumeBytes(body)
	if n < 0 {
		return nil, fmt.Errorf("%s: response header: %w", method, protowire.ParseError(n))
	}
	header, err := Parse(head)
	if err != nil {
		return nil, fmt.Errorf("%s: response header: %w", method, err)
	}
	if status, _ := header.Int(2); status != 0 {
		detail, _ := header.Int(6)
		return nil, &RemoteError{Status: status, Detail: detail, Class: header.Text(4), Message: header.Text(5)}
	}
	if got, _ := header.Int(1); got != callID {
		return nil, fmt.Errorf("%s: answer to call %d, want %d", method, got, callID)
	}
	result, m := protowire.ConsumeBytes(body[n:])
	if m < 0 {
		return nil, fmt.Errorf("%s: result: %w", method, protowire.ParseError(m))
	}
	if rest := len(body) - n - m; rest != 0 {
		return nil, fmt.Errorf("%s: %d bytes after the result", method, rest)
	}
	return result, nil
}
