package main

import (
	"runtime"
	"testing"
)

// TestTuneGo: places for goroutines in system calls, unless the operator has said how many.
func TestTuneGo(t *testing.T) {
	before := runtime.GOMAXPROCS(2)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	env := func(set bool) func(string) (string, bool) {
		return func(name string) (string, bool) { return "2", set && name == "GOMAXPROCS" }
	}
	tuneGo(env(true))
	if got := runtime.GOMAXPROCS(0); got != 2 {
		t.Errorf("GOMAXPROCS is %d although the environment sets it to 2", got)
	}
	tuneGo(env(false))
	if got := runtime.GOMAXPROCS(0); got != minProcs {
		t.Errorf("GOMAXPROCS is %d, want %d", got, minProcs)
	}
	runtime.GOMAXPROCS(minProcs + 1)
	tuneGo(env(false))
	if got := runtime.GOMAXPROCS(0); got != minProcs+1 {
		t.Errorf("GOMAXPROCS is %d, which is fewer than the machine has CPUs", got)
	}
}
