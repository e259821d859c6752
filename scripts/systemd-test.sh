#!/usr/bin/env bash
# Boots a Debian (systemd-nspawn, its own network and cgroup name space), installs the JournalNode as docs/systemd.md says, and
# looks at what systemd makes of it: ready, stopped, killed, badly configured, hung. Arguments: Debian releases, by default
# bookworm. Needs root; the roots are made once, by debootstrap, in .cache/debian (GOJN_DEBIAN_CACHE). All that it starts ends
# with it, and nothing of the machine is changed but for packages that are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

unit=hadoop-hdfs-journalnode
patience=60 # seconds that something which must come may take

lacking() { # what is missing is a failure only where it may not be
  echo "SKIPPED the test under systemd: $1"
  [ "${COMPAT:-}" != required ] || exit 1
  exit 0
}
fail() { echo "FAILED: $1"; failed=$((failed + 1)); }
passed=0 failed=0

# inside runs a command in the booted system; in_net one of this machine's programs in its network.
inside() { nsenter -t "$leader" -m -u -i -n -p -C -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
in_net() { nsenter -t "$leader" -n -- "$@"; }

# steps runs a block of commands of docs/systemd.md, as root in the directory with bin and packaging.
steps() {
  local block
  block=$(awk -v mark="<!-- systemd-test: $1 -->" '$0 == mark {found = 1; next} found && /^```sh$/ {on = 1; next}
    on && /^```$/ {exit} on' docs/systemd.md)
  [ -n "$block" ] || { echo "docs/systemd.md has no block \"$1\""; exit 1; }
  inside bash -euc "cd /root/gojn; $block"
}

shows() { inside systemctl show -P "$1" "$unit"; } # one property of the unit
pid() { shows MainPID; }
log() { inside journalctl --no-pager -o cat -u "$unit"; }

# ask sends a request to a port of the node and prints the answer; the RPC port has one for HTTP, too.
ask() { # ask <port> <path>
  in_net timeout 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/$0; printf "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" "$1" >&3; cat <&3' \
    "$1" "$2" 2>/dev/null || true
}

# expect <what> <pattern> <command...>: the command's output matches (bash's [[ == ]]).
expect() {
  local what=$1 pattern=$2 got
  shift 2
  got=$("$@" 2>&1) || true
  # shellcheck disable=SC2053 # it is a pattern
  if [[ $got == $pattern ]]; then
    passed=$((passed + 1))
    echo "ok: $what"
  else
    fail "$what: want $pattern, got: $got"
  fi
}

# await is expect, once it comes true.
await() {
  local what=$1 pattern=$2 end=$((SECONDS + patience))
  # shellcheck disable=SC2053
  until [[ $("${@:3}" 2>&1 || true) == $pattern ]] || [ $SECONDS -ge $end ]; do sleep 0.1; done
  expect "$@"
}

# sysd is what systemctl says in one line, also where it ends with an error.
sysd() { inside systemctl "$@" 2>&1 | tr '\n' ' '; }

# debian makes the root of a release, once.
debian() {
  local root=$cache/$1
  [ ! -d "$root" ] || return 0
  local mirror
  mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(CREATED_BY)' |
    awk '$2 == "main" && $3 == "Packages" {print $1; exit}')}
  [ -n "$mirror" ] || lacking "no Debian mirror is known; name one in DEBIAN_MIRROR"
  echo "making a root of Debian $1 in $root"
  mkdir -p "$cache"
  rm -rf "$root.tmp"
  debootstrap --variant=minbase --include=systemd,systemd-sysv "$1" "$root.tmp" "$mirror" >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log"; exit 1; }
  chroot "$root.tmp" apt-get clean
  mv "$root.tmp" "$root"
}

# boot starts the release's copy in $work and waits until it is up.
boot() {
  cp -a "$cache/$1" "$work/root"
  mkdir -p "$work/root/root/gojn"
  cp -r bin packaging "$work/root/root/gojn/"
  # Our own view of the cgroups, in a group of our own: the machine may have none, or those of version 1.
  # shellcheck disable=SC2016
  unshare -m --propagation private bash -euc '
    umount -R /sys/fs/cgroup 2>/dev/null || true
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mkdir "/sys/fs/cgroup/$1"
    echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"
    exec setpriv --pdeathsig KILL systemd-nspawn --quiet --directory="$0/root" --boot --register=no --keep-unit \
      --private-network --link-journal=no --console=pipe --machine="$1"' "$work" "$name" </dev/null >"$work/console" 2>&1 &
  nspawn=$!
  local end=$((SECONDS + patience)) state=none
  leader=
  until [[ $state == running || $state == degraded ]]; do
    if ! kill -0 "$nspawn" 2>/dev/null || [ $SECONDS -ge $end ]; then
      cat "$work/console"
      fail "Debian $1 does not boot (state $state)"
      return 1
    fi
    sleep 0.2
    # shellcheck disable=SC2009
    leader=$(ps -o pid= --ppid "$nspawn" | head -n 1 | tr -d ' ')
    [ -z "$leader" ] || state=$(inside systemctl is-system-running 2>/dev/null || true)
  done
  echo "Debian $1 is up: $(inside systemctl --version | head -n 1)"
}

# halt ends what boot started and takes its traces away.
halt() {
  if [ -n "${nspawn:-}" ]; then
    # TERM is an orderly poweroff to nspawn, KILL the end of all that is in it.
    kill -TERM "$nspawn" 2>/dev/null || true
    local end=$((SECONDS + 20))
    while kill -0 "$nspawn" 2>/dev/null && [ $SECONDS -lt $end ]; do sleep 0.1; done
    kill -KILL "$nspawn" 2>/dev/null || true
    wait "$nspawn" 2>/dev/null || true
    nspawn=
    # shellcheck disable=SC2016
    unshare -m --propagation private bash -c '
      umount -R /sys/fs/cgroup 2>/dev/null
      mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 0
      [ ! -d "/sys/fs/cgroup/$0" ] || find "/sys/fs/cgroup/$0" -depth -type d -exec rmdir {} + 2>/dev/null' "$name" || true
  fi
  [ -z "${work:-}" ] || rm -rf --one-file-system "$work"
  work=
}

site_xml() { # site_xml <key> <value> ...: the node's hdfs-site.xml
  {
    echo '<configuration>'
    while [ $# -gt 1 ]; do
      echo "<property><name>$1</name><value>$2</value></property>"
      shift 2
    done
    echo '</configuration>'
  } | inside tee /etc/hadoop/conf/hdfs-site.xml >/dev/null
}

comes_up() {
  steps install
  steps configure
  steps start
  expect "it is active" "active running" sysd_state
  expect "the status has addresses" "*no journals yet; RPC 0.0.0.0:8485, HTTP 0.0.0.0:8480" shows StatusText
  expect "the status shows them" "*Status: \"no journals yet; RPC*" sysd status --no-pager "$unit"
  expect "it is the user's process" "hdfs hadoop" inside stat -c '%U %G' "/proc/$(pid)"
  expect "it has no capabilities" "0000000000000000" inside awk '/^CapBnd/ {print $2}' "/proc/$(pid)/status"
  if may_raise_limits; then
    expect "its descriptors" "131072" inside awk '/Max open files/ {print $5}' "/proc/$(pid)/limits"
    expect "it is spared by the kernel" "-900" inside cat "/proc/$(pid)/oom_score_adj"
  else
    echo "SKIPPED its limits: root has no CAP_SYS_RESOURCE here"
  fi
  expect "/health is 200" "HTTP/1.? 200*" ask 8480 /health
  expect "the RPC port answers" "*Hadoop IPC port*" ask 8485 /
  expect "the command finds it well" "*in order*" inside journalnode health --config /etc/hadoop/conf
}
may_raise_limits() { (($((16#$(awk '/^CapBnd/ {print $2}' /proc/self/status))) >> 24 & 1)); }
sysd_state() { echo "$(shows ActiveState) $(shows SubState)"; }

stops() {
  inside systemctl stop "$unit"
  expect "stopped, and well" "inactive success 143" state_result
  inside systemctl start "$unit"
  inside systemctl kill --kill-who=main -s TERM "$unit"
  await "ended by a signal, and well" "inactive success 143" state_result
  expect "it was not restarted" 0 shows NRestarts
}
state_result() { echo "$(shows ActiveState) $(shows Result) $(shows ExecMainStatus)"; }

# waits_for_journals: a journal whose segment does not open (a pipe that nobody writes) keeps it from being ready for a while,
# not from serving.
waits_for_journals() {
  local current=/data/1/journal/ns1/current
  inside mkdir -p "$current"
  inside tee "$current/VERSION" >/dev/null <<'END'
namespaceID=4711
clusterID=CID-test
cTime=0
storageType=JOURNAL_NODE
layoutVersion=-66
END
  inside mkfifo "$current/edits_inprogress_0000000000000000001"
  inside chown -R hdfs:hadoop /data/1/journal
  inside systemctl start --no-block "$unit"
  await "it serves while a journal opens" "HTTP/1.? 200*" ask 8480 /livez
  expect "and is not ready" "activating start" sysd_state
  expect "and says so" "opening journals;*" shows StatusText
  await "it is ready all the same" "active running" sysd_state
  expect "and says what it waits for" "no journals yet; waiting for the disk of ns1;*" shows StatusText
  inside timeout 20 dd if=/dev/null of="$current/edits_inprogress_0000000000000000001" 2>/dev/null || true
  await "then it has its journal" "1 journal*: ns1*" shows StatusText
  inside systemctl stop "$unit"
  inside rm -r /data/1/journal/ns1
}

restarts() {
  inside systemctl start "$unit"
  local before
  before=$(pid)
  inside systemctl kill --kill-who=main -s KILL "$unit"
  await "killed, it is restarted" "active running" sysd_state
  await "once" 1 shows NRestarts
  [ "$(pid)" != "$before" ] || fail "it has the same pid"
  await "and serves" "HTTP/1.? 200*" ask 8480 /health
  inside systemctl stop "$unit"
}

refuses() { # bad configuration: failed, with the reason, and left alone
  inside systemctl reset-failed "$unit" || true
  inside cp /etc/hadoop/conf/hdfs-site.xml /root/good.xml
  site_xml dfs.journalnode.edits.dir /data/1/journal dfs.journalnode.rpc-address 127.0.0.1:eight
  expect "a bad address fails the start" "*failed*" sysd start "$unit"
  expect "for good" "failed failed" sysd_state
  expect "with Java's code" "failed exit-code 255" state_result
  expect "and no restart" 0 shows NRestarts
  expect "the log has the reason" "*Failed to start journalnode: dfs.journalnode.rpc-address*" log
  expect "and the status" "failed to start: dfs.journalnode.rpc-address*" shows StatusText
  site_xml dfs.journalnode.edits.dir /etc/journal
  expect "a directory that cannot be written fails the start" "*failed*" sysd start "$unit"
  expect "with its name" "*/etc/journal*" shows StatusText
  inside mv /etc/hadoop/conf /etc/hadoop/away
  expect "so does a configuration directory that is not there" "*failed*" sysd start "$unit"
  expect "with its name" "*--config /etc/hadoop/conf*" shows StatusText
  expect "and no restart" "failed failed" sysd_state
  inside mv /etc/hadoop/away /etc/hadoop/conf
  inside mv /root/good.xml /etc/hadoop/conf/hdfs-site.xml
  inside systemctl reset-failed "$unit"
}

hardened() { # the documented drop-in, then a watchdog that is short enough to see
  inside install -d -o hdfs -g hadoop -m 700 /data/1/journal
  steps strict
  expect "it starts with a read-only file system" "active running" sysd_state
  site_xml dfs.journalnode.edits.dir /data/1/journal/below
  inside systemctl restart "$unit"
  expect "where it makes its directory" "hdfs hadoop" inside stat -c '%U %G' /data/1/journal/below
  inside mkdir -p "/etc/systemd/system/$unit.service.d"
  printf '[Service]\nWatchdogSec=3\n' | inside tee "/etc/systemd/system/$unit.service.d/zz-watchdog.conf" >/dev/null
  inside systemctl daemon-reload
  inside systemctl restart "$unit"
  local before seen
  before=$(pid) seen=$(shows WatchdogTimestampMonotonic)
  for _ in 1 2 3 4 5 6; do # longer than the watchdog's time, in all
    await "the watchdog hears of it" "true" later_than "$seen"
    seen=$(shows WatchdogTimestampMonotonic)
  done
  expect "and lets it be" "$before" pid
  inside systemctl kill --kill-who=main -s STOP "$unit"
  await "a process that hangs is killed" "*Watchdog timeout*" log
  await "and restarted" "active running 1" restarted
  expect "it left its stacks" "*SIGABRT: abort*goroutine*" log
}
later_than() { [ "$(shows WatchdogTimestampMonotonic)" -gt "$1" ] && echo true; }
restarted() { echo "$(sysd_state) $(shows NRestarts)"; }

goes() {
  steps remove
  expect "it is gone" "not-found" shows LoadState
  expect "the edits stay" "/data/1/journal/below" inside ls -d /data/1/journal/below
}

[ "$(id -u)" = 0 ] || lacking "it needs root"
missing=()
for pair in systemd-nspawn:systemd-container debootstrap:debootstrap ps:procps; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || lacking "there is no ${missing[*]}"
  echo "installing ${missing[*]}"
  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}"
fi

cache=${GOJN_DEBIAN_CACHE:-$PWD/.cache/debian}
name=gojn-systemd-$$
trap halt EXIT
trap 'exit 130' INT TERM HUP
make build
for release in "${@:-bookworm}"; do
  debian "$release"
  work=$(mktemp -d)
  began=$SECONDS
  if boot "$release"; then
    comes_up
    stops
    waits_for_journals
    restarts
    refuses
    hardened
    [ "$failed" = 0 ] || log | tail -n 60
    goes
  fi
  halt
  echo "Debian $release took $((SECONDS - began)) s"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
