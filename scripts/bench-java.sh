#!/usr/bin/env bash
# Measures our JournalNode beside Java's: see compat-tests/bench. The one argument is "quick" for a run that only shows that
# everything works, or empty for the whole, whose table goes into docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."

./scripts/setup.sh
if ! command -v strace >/dev/null; then
  echo "installing strace"
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends strace
fi
case "${1:-}" in
quick) exec go run ./compat-tests/bench -quick ;;
'') exec go run ./compat-tests/bench -check -write docs/performance.md ;;
*)
  echo "BENCH is '$1'; it must be quick or empty" >&2
  exit 2
  ;;
esac
