// Command bench measures our JournalNode beside Java's through Hadoop's own client, in one run and in alternating rounds, and
// writes the table in docs/performance.md. `make bench-java` runs it.
//
// A scenario (scenario.go, processes.go) knows how one round of it runs on one side (side.go). The runner (run.go) alternates
// the sides and collects one value per round and quantity; stats.go makes medians and ratios of them, verdict.go holds them
// against the limits, report.go writes them down. What the machine can do at best is measured by limits.go, and how often a
// node syncs by syncs.go, in a pass of its own that is not timed.
package main
