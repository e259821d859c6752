package crashtests

import (
	"os"
	"runtime/debug"
	"testing"
)

// The heap is small and the garbage are disks of megabytes: at the default the collector is what runs most.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(800)
	}
	os.Exit(m.Run())
}
