#!/usr/bin/env bash
# Makes the image that every Hadoop process of docker/compose.yaml runs in and prints its name: Debian with a headless JRE,
# made with debootstrap on the spot, because a registry is not always in reach. The jars are mounted. It is made anew only
# when this recipe changes. DEBIAN_MIRROR may name another mirror than debootstrap's own.
set -euo pipefail
cd "$(dirname "$0")/.."
image=gojn/jvm:$(sha256sum scripts/docker-jvm.sh | cut -c1-12)
if docker image inspect "$image" >/dev/null 2>&1; then
  docker tag "$image" gojn/jvm
  echo "$image"
  exit
fi
mkdir -p .cache/docker
root=$(mktemp -d .cache/docker/jvm.XXXXXX)
chmod 755 "$root" # it becomes the root of the image
cleanup() { # an interrupted debootstrap leaves mounts
  for mount in proc sys; do
    if mountpoint -q "$root/$mount"; then umount -l "$root/$mount" || true; fi
  done
  rm -rf --one-file-system "$root" "$root.log"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

echo "making $image with debootstrap" >&2
if ! debootstrap --variant=minbase --include=openjdk-17-jre-headless bookworm "$root" ${DEBIAN_MIRROR:-} >"$root.log" 2>&1; then
  tail -n 30 "$root.log" >&2
  exit 1
fi
uid=8485 # as in docker/Dockerfile
echo "hdfs:x:$uid:$uid:HDFS:/data:/bin/sh" >>"$root/etc/passwd"
echo "hadoop:x:$uid:" >>"$root/etc/group"
install -d -o $uid -g $uid -m 750 "$root/data" # a new volume gets its owner from here
tar -C "$root" --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
  --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./proc/*' --exclude='./sys/*' \
  --exclude='./dev/*' -c . |
  docker import -c "USER $uid:$uid" -c 'VOLUME /data' -c 'WORKDIR /tmp' - "$image" >/dev/null
docker tag "$image" gojn/jvm
echo "$image"
