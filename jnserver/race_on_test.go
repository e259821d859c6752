//go:build race

package jnserver_test

// raceEnabled tells that the race detector is on, which makes reading files in memory slow.
const raceEnabled = true
