package main

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestVigil: it pauses while calls come fast and for one pause more, and not at all for calls that come slowly.
func TestVigil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pauses int
		v := newVigil(func(d time.Duration) { pauses++; time.Sleep(d) })
		done := make(chan struct{})
		go func() { defer close(done); v.run() }()
		calls := func(n int, every time.Duration) (paused int) {
			before := pauses
			for range n {
				v.called(time.Since(v.began))
				time.Sleep(every)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			return pauses - before
		}
		for range 2 { // it begins again after a silence
			if n := calls(1000, time.Millisecond); n < 120 || n > 130 {
				t.Errorf("%d pauses in a second of calls, want one each %v", n, vigilPause)
			}
			if n := calls(100, 2*fastCalls); n != 0 {
				t.Errorf("%d pauses for calls that came slowly", n)
			}
		}
		v.end()
		<-done
	})
}
