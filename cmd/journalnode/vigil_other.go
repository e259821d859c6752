//go:build !linux

package main

import "time"

// pauseInKernel only waits: elsewhere the runtime's habits have not been looked at.
func pauseInKernel(d time.Duration) { time.Sleep(d) }
