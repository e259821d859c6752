package wire_test

import (
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"gojn/compat-tests/wire"
)

// send sends the answer and no more, and waits for the client to close. The test sees errors on its own side.
func send(conn net.Conn, answer []byte) {
	_, _ = conn.Write(answer)
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}

// serve accepts one connection, reads n bytes of request and sends the answer.
func serve(t *testing.T, n int, answer []byte) (address string, request <-chan []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		data := make([]byte, n)
		if _, err := io.ReadFull(conn, data); err == nil {
			got <- data
			send(conn, answer)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String(), got
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestCall_Example sends the recorded call of rpc.md 1.7 (with another client id) and reads the recorded answer.
func TestCall_Example(t *testing.T) {
	name := hex.EncodeToString([]byte(wire.QJournalProtocol))
	id := hex.EncodeToString([]byte("compat-test-wire"))
	want := unhex(t, "68727063090000"+
		"0000005f 1a 080210001805 2210"+id+"2801 43 12060a0468646673 1a39"+name+
		"0000006e 1a 080210001800 2210"+id+"2800 4a 0a0b6973466f726d6174746564 1239"+name+"1801 07 0a050a036e7331")
	answer := unhex(t, "0000001e 1a 08001000 1809 3a10"+id+"4000 02 0800")
	address, request := serve(t, len(want), answer)
	c, err := wire.Dial(t.Context(), address, wire.QJournalProtocol, "hdfs")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := c.Call("isFormatted", wire.Message{}.Bytes(1, wire.JournalID("ns1")))
	if sent := <-request; string(sent) != string(want) {
		t.Errorf("sent %x\n want %x", sent, want)
	}
	if err != nil || hex.EncodeToString(got) != "0800" {
		t.Errorf("Call = %x, %v; want 0800", got, err)
	}
}

// TestCall_Error reads an error answer: status 1, version 9, class, message with a stack, code 1.
func TestCall_Error(t *testing.T) {
	header := wire.Message{}.Int(1, 0).Int(2, 1).Int(3, 9).String(4, "java.io.IOException").String(5, "no\n\tat X").Int(6, 1)
	frame := append([]byte{0, 0, 0, byte(len(header) + 1), byte(len(header))}, header...)
	address, _ := serve(t, 1, frame)
	c, err := wire.Dial(t.Context(), address, wire.QJournalProtocol, "hdfs")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Call("format", nil)
	var remote *wire.RemoteError
	if !errors.As(err, &remote) {
		t.Fatalf("Call: %v, want a RemoteError", err)
	}
	want := wire.RemoteError{Status: 1, Detail: 1, Class: "java.io.IOException", Message: "no\n\tat X"}
	if *remote != want || remote.FirstLine() != "no" {
		t.Errorf("Call: %+v, first line %q; want %+v", *remote, remote.FirstLine(), want)
	}
}

// TestCall_BadAnswers: an answer to another call, bytes after the result and a cut answer are errors, no results.
func TestCall_BadAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"other call":         "00000007 04 08071000 01 00",
		"bytes after result": "00000007 04 08001000 00 00",
		"no result":          "00000005 04 08001000",
		"cut":                "00000007 04 0800",
	} {
		t.Run(name, func(t *testing.T) {
			address := serveAndClose(t, unhex(t, answer))
			c, err := wire.Dial(t.Context(), address, wire.QJournalProtocol, "hdfs")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got, err := c.Call("isFormatted", nil); err == nil {
				t.Errorf("Call = %x, want an error", got)
			}
		})
	}
}

// serveAndClose reads the preamble, sends the answer and says no more.
func serveAndClose(t *testing.T, answer []byte) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		send(conn, answer)
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}
