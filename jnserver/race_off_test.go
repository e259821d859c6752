//go:build !race

package jnserver_test

// raceEnabled tells that the race detector is on.
const raceEnabled = false
