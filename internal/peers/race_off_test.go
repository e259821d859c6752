//go:build !race

package peers

// raceEnabled: see the other file.
const raceEnabled = false
