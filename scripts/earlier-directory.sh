#!/usr/bin/env bash
# Adds to storage/testdata/earlier what a journalnode of a commit, HEAD if none is named, leaves on disk:
# scripts/earlier-directory.sh [commit].  What the node must write, and how it ends, is in compat-tests/earlier.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=$(git rev-parse --short=7 "${1:-HEAD}^{commit}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source"
git archive "$commit" | tar -x -C "$work/source"
(cd "$work/source" && CGO_ENABLED=0 go build -o "$work/journalnode" ./cmd/journalnode)
out=storage/testdata/earlier/$(git show -s --format=%cs "$commit")-$commit.tar.gz
mkdir -p "$(dirname "$out")"
go run ./compat-tests/earlier "$work/journalnode" "$commit" "$out"
echo "$out"
