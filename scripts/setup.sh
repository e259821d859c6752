#!/usr/bin/env bash
# Installs what the tests need and a machine may lack: a JDK 17 or later, Maven, a C compiler for the race detector,
# systemd-analyze for the unit file, what the runbook's commands need, and file systems to format. It does nothing where
# they are there.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin # mkfs

has_jdk() {
  local major
  major=$(javac -version 2>&1 | sed -nE 's/^javac ([0-9]+).*/\1/p') || return 1
  [ -n "$major" ] && [ "$major" -ge 17 ]
}

missing=()
has_jdk || missing+=(openjdk-17-jdk-headless)
for pair in mvn:maven gcc:gcc git:git make:make curl:curl scp:openssh-client systemd-analyze:systemd \
  mkfs.ext4:e2fsprogs mkfs.xfs:xfsprogs mkfs.btrfs:btrfs-progs mkfs.f2fs:f2fs-tools; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}"
fi
go version
javac -version
mvn -version | sed -n 1p
