#!/usr/bin/env bash
# Runs compat-tests/docker on a container engine, as root: docker-test.sh [release]. It uses the engine that `docker info`
# finds; without one it starts a dockerd of its own with its data in .cache/docker and ends it afterwards. What is missing
# is installed with apt-get and stays; only Go has to be there. All containers, networks and volumes that it makes are
# removed, also after a failure or Ctrl-C.
# Where it cannot be done it skips with the reason, and fails under COMPAT=required.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # `su` leaves them out, dockerd and debootstrap are there
RELEASE=${1:-3.4.2}
export RELEASE COMPOSE_PROJECT=gojn-test-$$
mkdir -p .cache/docker
state=$(cd .cache/docker && pwd -P) # runc takes no root that a link leads to
engine=''  # pid of the dockerd that was started here
sockets='' # its directory for sockets
tests=''   # pid of the tests, while they run

cannot() {
  if [ "${COMPAT:-}" = required ]; then
    echo "docker-test: $1" >&2
    exit 1
  fi
  echo "SKIPPED: the tests in containers: $1"
  exit 0
}

cleanup() {
  local code=$?
  trap '' INT TERM HUP
  if [ -n "$tests" ]; then kill -- "-$tests" 2>/dev/null || true; fi # their group: a compose that runs ends too
  if [ -n "$engine" ] || docker info >/dev/null 2>&1; then remove "label=com.docker.compose.project=$COMPOSE_PROJECT"; fi
  if [ -n "$engine" ]; then
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    if mountpoint -q "$state/data"; then umount "$state/data" || true; fi # vfs leaves it
  fi
  if [ -n "$sockets" ]; then rm -rf --one-file-system "$sockets"; fi
  exit "$code"
}

remove() { # remove <filter>: normally there is nothing, the tests have removed it
  local filter=$1 ids
  ids=$(docker ps -aq --filter "$filter") && [ -z "$ids" ] || docker rm -fv $ids >/dev/null || true
  ids=$(docker network ls -q --filter "$filter") && [ -z "$ids" ] || docker network rm $ids >/dev/null || true
  ids=$(docker volume ls -q --filter "$filter") && [ -z "$ids" ] || docker volume rm -f $ids >/dev/null || true
}

install() { # install <package for a program that is missing>...
  [ $# -gt 0 ] || return 0
  command -v apt-get >/dev/null || cannot "$* missing, and there is no apt-get to install them"
  echo "installing $*"
  # A machine just booted may be upgrading itself: then the lists may be locked, and dpkg for a while.
  apt-get update -q >"$state/apt.log" 2>&1 || true
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -yq --no-install-recommends "$@" \
    >>"$state/apt.log" 2>&1 ||
    cannot "apt-get install $* failed: $(tail -n 3 "$state/apt.log")"
}

start_engine() { # start_engine <storage driver>
  # No bridge of its own, no forwarding, no rules in the host's tables: the cluster's network is internal. The socket's path
  # has to be short. In a session of its own it outlives a Ctrl-C until everything is removed, but not this script.
  setsid setpriv --pdeathsig TERM dockerd --data-root "$state/data" --exec-root "$sockets/exec" --pidfile "$sockets/pid" \
    --host "unix://$sockets/docker.sock" --bridge=none --ip-forward=false --iptables=false --storage-driver "$1" \
    >"$state/dockerd.log" 2>&1 9>&- &
  engine=$!
  for _ in $(seq 300); do
    if docker info >/dev/null 2>&1; then
      echo "started dockerd with $1"
      return
    fi
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.2
  done
  kill "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  engine=''
  return 1
}

[ "$(id -u)" = 0 ] || cannot "only root can start an engine and look into the volumes of one that runs"
command -v go >/dev/null || cannot "no go in root's PATH (sudo has one of its own: sudo env PATH=\"\$PATH\" make docker-test)"
# git answers root about a user's clone, and go, which asks git, builds in it.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$PWD
missing=()
command -v docker >/dev/null || missing+=(docker.io)
docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || missing+=(docker-compose)
command -v debootstrap >/dev/null || missing+=(debootstrap)
command -v javac >/dev/null || missing+=(openjdk-17-jdk-headless) # the jars come by Maven, and their tools read the edits
command -v mvn >/dev/null || missing+=(maven)
if ! docker info >/dev/null 2>&1; then
  command -v dockerd >/dev/null || [[ " ${missing[*]} " == *" docker.io "* ]] || missing+=(docker.io)
  # Where the kernel has AppArmor, dockerd starts no container without this.
  if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
    command -v apparmor_parser >/dev/null || missing+=(apparmor)
  fi
fi
install "${missing[@]}"

trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if ! docker info >/dev/null 2>&1; then
  exec 9>"$state/lock"
  flock -n 9 || cannot "another docker-test has its engine on $state"
  sockets=$(mktemp -d --tmpdir gojn-docker.XXXXXX)
  export DOCKER_HOST=unix://$sockets/docker.sock
  start_engine overlay2 || start_engine vfs || cannot "dockerd does not start: $(tail -n 5 "$state/dockerd.log")"
  # What a run that was killed has left, and images that newer ones replaced: the engine is ours alone.
  docker ps -aq | xargs -r docker rm -fv >/dev/null
  docker network prune -f >/dev/null
  docker volume ls -q | xargs -r docker volume rm -f >/dev/null
  docker image prune -f >/dev/null
fi

export JOURNALNODE_IMAGE=gojn/journalnode
make docker-image IMAGE="$JOURNALNODE_IMAGE" # also where the environment has another IMAGE
JVM_IMAGE=$(./scripts/docker-jvm.sh) || cannot "no JVM image; DEBIAN_MIRROR may name a mirror in reach"
export JVM_IMAGE
go test -c -o "$state/docker.test" ./compat-tests/docker
cd compat-tests/docker
record=()
if [ -n "${RAN:-}" ]; then # for `make ran`
  mkdir -p "$RAN"
  record=(go run "$GOTESTSUM" --format standard-verbose --jsonfile "$RAN/docker-$RELEASE.json" --raw-command --
    go tool test2json -t -p gojn/compat-tests/docker)
fi
setsid "${record[@]}" "$state/docker.test" -test.v -test.timeout 12m &
tests=$!
wait "$tests" # a signal ends this wait, where it would not end a command in the foreground
tests=''
