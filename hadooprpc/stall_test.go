package hadooprpc_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
)

// markable is a server whose method "mark" makes the caller the writer of the key that it names.
func markable() *hadooprpc.Server {
	return serverOf(map[string]handler{
		"echo": echo,
		"mark": func(_ context.Context, c *hadooprpc.Call, r *request) (*response, error) {
			c.MarkWriter(r.GetProtocol())
			return reply(""), nil
		},
	})
}

func (r *raw) mark(key string) {
	r.t.Helper()
	r.send(callFrame(1000, "mark", key))
	r.answer()
}

// TestStallingWriter: a writer that stalls within a frame, as a NameNode in a long garbage collection does, keeps its
// connection for PurgeInterval, even while others wait for the memory that it holds; another writer does not wait.
func TestStallingWriter(t *testing.T) {
	const size = 2<<20 - 100
	for name, crowded := range map[string]bool{"alone": false, "while others wait": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := small(markable())
				s.AnswerMemory, s.AnswersPerConn = -1, -1
				s.PurgeInterval = 5 * time.Minute
				l := rpctest.Serve(t, s)
				writer := dialRaw(t, l)
				writer.greet()
				writer.mark("ns1")
				f := bigCall(1, size)
				writer.send(f[:100<<10])
				synctest.Wait()
				if crowded {
					other := dialRaw(t, l)
					other.greet()
					go func() { _, _ = other.Write(bigCall(2, size)) }()
				}
				time.Sleep(5*time.Minute - 10*time.Second)
				second := rpctest.Dial(t, l, testClient)
				if _, err := call(second, "mark", "ns2"); err != nil {
					t.Fatal(err)
				}
				arg := strings.Repeat("y", size-200)
				if got, err := call(second, "echo", arg); got != arg || err != nil {
					t.Errorf("the second writer: %v", err)
				}
				go func() { _, _ = writer.Write(f[100<<10:]) }()
				if h, _, err := readAnswer(writer); err != nil || h.GetCallId() != 1 {
					t.Fatalf("the writer went on after nearly five minutes: %v, %v", h, err)
				}
				writer.send(f[:100<<10])
				began := time.Now()
				writer.closed()
				if d := time.Since(began); d < 5*time.Minute || d > 5*time.Minute+5*time.Second {
					t.Errorf("cut after %v, want PurgeInterval", d)
				}
			})
		})
	}
}

// TestWriterNoMore: who has lost the mark stalls as anybody.
func TestWriterNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rpctest.Serve(t, small(markable()))
		old, next := dialRaw(t, l), dialRaw(t, l)
		for _, r := range []*raw{old, next} {
			r.greet()
			r.mark("ns1")
		}
		old.send(bigCall(1, 2<<20-100)[:100<<10])
		began := time.Now()
		old.closed()
		if d := time.Since(began); d > 15*time.Second {
			t.Errorf("cut after %v, want StallTimeout", d)
		}
	})
}
