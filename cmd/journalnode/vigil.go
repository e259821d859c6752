package main

import (
	"runtime"
	"sync/atomic"
	"time"

	"gojn/hadooprpc"
)

// vigil keeps the Go runtime from going to sleep as a whole between the calls of a busy writer. When no goroutine runs, the
// runtime's monitor thread goes to sleep too, and the next call has to wake it; it then looks after everything each 20 us
// for a while, on the CPUs that the caller, the disk and the answer want. On two CPUs that was a fifth of the time of a
// small journal call, and a third of its CPU. A goroutine that is in a system call counts as running, so while calls come
// fast there is one that pauses in a system call, again and again. The monitor then slows down to once in 10 ms by itself.
//
// It costs a hundred wake-ups a second, and only while the node gets several hundred calls a second.
type vigil struct {
	pause func(time.Duration) // in a system call; time.Sleep would leave no trace of a running goroutine
	began time.Time
	last  atomic.Int64 // when a call was done, in nanoseconds since began
	fast  atomic.Bool  // since the last look two calls came within fastCalls
	kept  atomic.Bool
	begin chan struct{}
	quit  chan struct{}
}

const (
	fastCalls = 5 * time.Millisecond
	// vigilPause is less than the 10 ms after which the monitor takes the place of a goroutine that sits in a system call.
	vigilPause = 8 * time.Millisecond
)

func newVigil(pause func(time.Duration)) *vigil {
	return &vigil{pause: pause, began: time.Now(), begin: make(chan struct{}, 1), quit: make(chan struct{})}
}

// callDone is an observer of calls.
func (v *vigil) callDone(hadooprpc.CallInfo) { v.called(time.Since(v.began)) }

func (v *vigil) called(now time.Duration) {
	if now-time.Duration(v.last.Swap(int64(now))) > fastCalls {
		return
	}
	v.fast.Store(true)
	if !v.kept.Load() && v.kept.CompareAndSwap(false, true) {
		select {
		case v.begin <- struct{}{}:
		default: // it has been told, and has not looked yet
		}
	}
}

// run returns after end.
func (v *vigil) run() {
	for {
		select {
		case <-v.quit:
			return
		case <-v.begin:
		}
		for v.fast.Swap(false) {
			v.pause(vigilPause)
			runtime.Gosched() // else the monitor takes it for one that has run for too long
		}
		v.kept.Store(false)
	}
}

func (v *vigil) end() { close(v.quit) }
