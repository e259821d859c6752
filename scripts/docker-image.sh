#!/usr/bin/env bash
# Builds the image of the JournalNode from bin/journalnode: docker-image.sh <tag> <version> <revision>. Every file has the
# time of the commit, so that the same commit gives the same layer.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=$1 version=$2 revision=$3
uid=8485 # as in docker/Dockerfile

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
root=$context/root
mkdir -p "$root"/{etc/hadoop/conf,data}
install -m 755 bin/journalnode "$root/journalnode"
install -m 644 docker/hdfs-site.xml "$root/etc/hadoop/conf/hdfs-site.xml"
printf 'root:x:0:0:root:/:/\nhdfs:x:%d:%d:HDFS:/data:/\n' $uid $uid >"$root/etc/passwd"
printf 'root:x:0:\nhadoop:x:%d:\n' $uid >"$root/etc/group"
chmod 755 "$root"/etc{,/hadoop,/hadoop/conf}
chmod 644 "$root"/etc/{passwd,group}
chmod 750 "$root/data"

time=$(git log -1 --format=%ct 2>/dev/null || echo 0)
same=(--sort=name --format=gnu --numeric-owner --mtime="@$time" -C "$root")
tar "${same[@]}" --owner=0 --group=0 -cf "$context/rootfs.tar" journalnode etc
tar "${same[@]}" --owner=$uid --group=$uid -rf "$context/rootfs.tar" data
rm -rf "$root"
cp docker/Dockerfile "$context/"
docker build -q --build-arg VERSION="$version" --build-arg REVISION="$revision" -t "$tag" "$context"
docker image inspect -f "$tag: {{.Size}} bytes, user {{.Config.User}}" "$tag"
