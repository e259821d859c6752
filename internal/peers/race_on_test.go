//go:build race

package peers

// raceEnabled tells that the race detector is on, which allocates, too.
const raceEnabled = true
