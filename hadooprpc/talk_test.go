package hadooprpc_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
)

// A talk is a file of testdata/talks: "#" comments, "option sasl" to give the server a mechanism, then lines of
//
//	C> hex or "text"   bytes from the client
//	S> hex or "text"   bytes that the server must answer with, exactly
//	S> EOF             the server must close
//	S> SILENCE         nothing may come until the client closes
//
// In a line, blanks do not count and <name> stands for the bytes of a named value.
type talk struct {
	name  string
	sasl  bool
	lines []talkLine
}

type talkLine struct {
	client bool
	bytes  []byte
	word   string // EOF or SILENCE
}

var talkNames = map[string]string{
	"QJournalProtocol": "org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocol",
	"id":               "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
}

func readTalks(t testing.TB) []talk {
	t.Helper()
	files, err := filepath.Glob("testdata/talks/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no talks: %v", err)
	}
	var talks []talk
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		current := talk{name: strings.TrimSuffix(filepath.Base(f), ".txt")}
		sc := bufio.NewScanner(bytes.NewReader(b))
		for n := 1; sc.Scan(); n++ {
			line := strings.TrimSpace(sc.Text())
			switch {
			case line == "" || line[0] == '#':
			case line == "option sasl":
				current.sasl = true
			case strings.HasPrefix(line, "== "):
				if len(current.lines) > 0 {
					talks = append(talks, current)
				}
				current = talk{name: strings.TrimSuffix(filepath.Base(f), ".txt") + "/" + line[3:]}
			case strings.HasPrefix(line, "C> "), strings.HasPrefix(line, "S> "):
				l, err := parseTalkLine(line[3:])
				if err != nil {
					t.Fatalf("%s:%d: %v", f, n, err)
				}
				l.client = line[0] == 'C'
				current.lines = append(current.lines, l)
			default:
				t.Fatalf("%s:%d: cannot read %q", f, n, line)
			}
		}
		talks = append(talks, current)
	}
	return talks
}

func parseTalkLine(s string) (l talkLine, err error) {
	for s != "" {
		switch {
		case s[0] == ' ':
			s = s[1:]
		case s == "EOF" || s == "SILENCE":
			l.word = s
			return l, nil
		case s[0] == '<':
			end := strings.IndexByte(s, '>')
			value, ok := talkNames[s[1:max(end, 1)]]
			if !ok {
				return l, errors.New("unknown name in " + s)
			}
			l.bytes = append(l.bytes, value...)
			s = s[end+1:]
		case s[0] == '"':
			end := strings.IndexByte(s[1:], '"') + 1
			text := strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(s[1:end])
			l.bytes = append(l.bytes, text...)
			s = s[end+1:]
		default:
			end := strings.IndexAny(s, ` <"`)
			if end < 0 {
				end = len(s)
			}
			b, err := hex.DecodeString(s[:end])
			if err != nil {
				return l, err
			}
			l.bytes = append(l.bytes, b...)
			s = s[end:]
		}
	}
	return l, nil
}

// play sends the client's lines of a talk and compares what the server answers.
func (k talk) play(t *testing.T, nc net.Conn) {
	t.Helper()
	t.Cleanup(func() { _ = nc.Close() })
	deadline := time.Now().Add(20 * time.Second) // only a hang gets here
	if err := nc.SetDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	for i, l := range k.lines {
		switch {
		case l.client:
			if _, err := nc.Write(l.bytes); err != nil {
				t.Fatalf("line %d: %v", i, err)
			}
		case l.word == "EOF":
			rest, err := io.ReadAll(nc)
			if len(rest) > 0 {
				t.Fatalf("line %d: want the end, got %x %q", i, rest, rest)
			}
			if err != nil && !strings.Contains(err.Error(), "reset") {
				t.Fatalf("line %d: want the end, got %v", i, err)
			}
		case l.word == "SILENCE":
			if err := nc.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if rest, _ := io.ReadAll(nc); len(rest) > 0 {
				t.Fatalf("line %d: want nothing, got %x %q", i, rest, rest)
			}
		default:
			got := make([]byte, len(l.bytes))
			n, err := io.ReadFull(nc, got)
			if err != nil {
				t.Fatalf("line %d: got %x (%q), then %v\nwant %x (%q)", i, got[:n], got[:n], err, l.bytes, l.bytes)
			}
			if !bytes.Equal(got, l.bytes) {
				t.Fatalf("line %d: got\n%x\n%q\nwant\n%x\n%q", i, got, got, l.bytes, l.bytes)
			}
		}
	}
	_ = nc.Close()
}

// TestTalks replays recorded and constructed talks byte for byte (rpc.md 1.2 to 1.8, 4.2), in memory and over TCP.
func TestTalks(t *testing.T) {
	for _, k := range readTalks(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Run("memory", func(t *testing.T) {
				nc, err := rpctest.Serve(t, talkServer(k)).Dial(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				k.play(t, nc)
			})
			t.Run("tcp", func(t *testing.T) {
				nc, err := net.Dial("tcp", serveTCP(t, talkServer(k)))
				if err != nil {
					t.Fatal(err)
				}
				k.play(t, nc)
			})
			t.Run("byte by byte", func(t *testing.T) {
				nc, err := net.Dial("tcp", serveTCP(t, talkServer(k)))
				if err != nil {
					t.Fatal(err)
				}
				k.play(t, slowConn{nc.(*net.TCPConn)})
			})
		})
	}
}

// slowConn writes each byte by itself.
type slowConn struct{ *net.TCPConn }

func (c slowConn) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := c.TCPConn.Write(p[i : i+1]); err != nil {
			return i, nil //nolint:nilerr // the server may have closed on what it has seen; the next line tells
		}
	}
	return len(p), nil
}

func serveTCP(t testing.TB, s *hadooprpc.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-ended; !errors.Is(err, hadooprpc.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return l.Addr().String()
}
