#!/usr/bin/env bash
# Runs every fuzz target of the module for $1 each.  The minimiser is kept short: on long inputs it would take the whole time.
set -eu
found=0
for pkg in $(go list ./...); do
  dir=$(go list -f '{{.Dir}}' "$pkg")
  for target in $(grep -hoE '^func (Fuzz[A-Za-z0-9_]+)' "$dir"/*_test.go 2>/dev/null | awk '{print $2}' | sort -u); do
    found=$((found + 1))
    echo "== $pkg $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 3x "$pkg"
  done
done
echo "$found fuzz targets"
[ "$found" -gt 0 ]
