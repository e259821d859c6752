//go:build race

package hadooprpc_test

const raceEnabled = true
