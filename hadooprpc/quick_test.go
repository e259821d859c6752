package hadooprpc_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gojn/hadooprpc"
	"gojn/hadooprpc/rpctest"
)

// TestQuickCalls: of the calls that have just begun at most Handlers run, the others in the order in which they came, the
// writer's too; those that last make room for others, so that calls that hang hold up none for long.
func TestQuickCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		var mu sync.Mutex
		var began []string
		release := make(chan struct{})
		look := func() (int32, []string) {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return running.Load(), slices.Clone(began)
		}
		s := serverOf(map[string]handler{"work": func(_ context.Context, c *hadooprpc.Call, r *request) (*response, error) {
			mu.Lock()
			began = append(began, r.GetProtocol())
			mu.Unlock()
			c.MarkWriter(r.GetProtocol())
			running.Add(1)
			defer running.Add(-1)
			<-release
			return reply("done"), nil
		}})
		s.Handlers = 2
		l := rpctest.Serve(t, s)
		const calls = 6
		done := make(chan error, calls)
		for i := range calls {
			c := rpctest.Dial(t, l, hadooprpc.ClientConfig{Protocol: "test", User: "hdfs", PingInterval: -1})
			go func() {
				_, err := call(c, "work", strconv.Itoa(i))
				done <- err
			}()
			synctest.Wait()
		}
		if n, _ := look(); n != 2 {
			t.Fatalf("%d calls run at once, want 2", n)
		}
		release <- struct{}{} // one of them ends quickly: the next has its turn
		if n, began := look(); n != 2 || began[len(began)-1] != "2" {
			t.Fatalf("%d calls run, %v have begun", n, began)
		}
		time.Sleep(4 * time.Millisecond) // slowAfter, twice
		if n, began := look(); n != 4 || !slices.Contains(began, "3") || !slices.Contains(began, "4") {
			t.Fatalf("%d calls run, %v have begun: those that hang hold the others up", n, began)
		}
		time.Sleep(4 * time.Millisecond)
		if n, _ := look(); n != 5 {
			t.Fatalf("%d calls run, want all of them", n)
		}
		for range calls - 1 {
			release <- struct{}{}
		}
		for range calls {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
