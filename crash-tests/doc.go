// Package crashtests proves docs/durability.md: it runs journals on a file system that loses what was not synced, fails
// or hangs, cuts the power at every operation, and compares what is left with a ledger of what was answered. It has no
// code but its tests; `make crash` runs them.
package crashtests
