//go:build !linux

package jmx

import "time"

func openDescriptors() (int64, bool) { return 0, false }
func maxDescriptors() (int64, bool)  { return 0, false }
func cpuTime() (time.Duration, bool) { return 0, false }
func loadAverage() (float64, bool)   { return 0, false }
