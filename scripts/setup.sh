#!/usr/bin/env bash
# Installs what the tests need and a machine may lack: a JDK 17, Maven, a C compiler for the race detector. It does nothing
# where they are there.
set -euo pipefail
missing=()
command -v java >/dev/null || missing+=(openjdk-17-jdk-headless)
command -v mvn >/dev/null || missing+=(maven)
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}"
fi
go version
java -version 2>&1 | head -n 1
mvn -version 2>&1 | head -n 1
