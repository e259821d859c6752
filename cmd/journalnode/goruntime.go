package main

import "runtime"

// minProcs is how many goroutines may be in Go code or in a system call that has just begun. With as few as the machine has
// CPUs, writers of several journals wait for each other: a goroutine that sits in fdatasync keeps its place until the
// runtime notices, and 32 journals on two CPUs lost a third of their writes per second by that.
const minProcs = 8

// tuneGo sets what the Go runtime cannot know of a process that waits for disks. A GOMAXPROCS in the environment wins.
func tuneGo(lookupEnv func(string) (string, bool)) {
	if _, given := lookupEnv("GOMAXPROCS"); given {
		return
	}
	if runtime.GOMAXPROCS(0) < minProcs {
		runtime.GOMAXPROCS(minProcs)
	}
}
