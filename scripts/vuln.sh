#!/usr/bin/env bash
# Runs govulncheck ($1: module@version). Where the vulnerability database cannot be reached that is said, and is no failure.
set -u
out=$(go run "$1" ./... 2>&1)
code=$?
printf '%s\n' "$out"
[ $code -eq 0 ] && exit 0
if printf '%s' "$out" | grep -qE 'fetching vulnerabilities|vuln\.go\.dev|no such host|connection refused|dial tcp|Forbidden'; then
  echo "SKIPPED govulncheck: the vulnerability database cannot be reached from here"
  exit 0
fi
exit $code
