#!/bin/bash
# What a container of the JVM image runs: hadoop.sh zookeeper | namenode | zkfc | datanode, or a Java class with arguments.
# The release's jars are mounted at /opt/hadoop, the site files at /etc/hadoop/conf. On an empty volume nn1 formats the
# name system and nn2 copies it, so that `up` is all there is to do.
set -euo pipefail

hdfs=org.apache.hadoop.hdfs
run() { java -Xmx"${HEAP:-128m}" -cp '/etc/hadoop/conf:/opt/hadoop:/opt/hadoop/lib/*' "$@"; }
start() { exec java -Xmx"${HEAP:-128m}" -cp '/etc/hadoop/conf:/opt/hadoop:/opt/hadoop/lib/*' "$@"; }
await() { # await <host> <port>
  until (: <"/dev/tcp/$1/$2") 2>/dev/null; do sleep 0.2; done
}

case $1 in
zookeeper) start org.apache.zookeeper.server.quorum.QuorumPeerMain /etc/hadoop/conf/zoo.cfg ;;
namenode)
  if [ ! -e /data/name/current/VERSION ]; then
    if [ "$(hostname)" = nn1 ]; then
      run $hdfs.server.namenode.NameNode -format -nonInteractive -clusterId CID-docker || {
        echo "hadoop.sh: nn1 could not format; if the JournalNodes hold edits of another release: make docker-down" >&2
        exit 1
      }
    else
      await nn1 8020
      run $hdfs.server.namenode.NameNode -bootstrapStandby -nonInteractive
    fi
  fi
  start $hdfs.server.namenode.NameNode
  ;;
zkfc)
  await zk 2181
  # 2 says that the parent node is there already.
  run $hdfs.tools.DFSZKFailoverController -formatZK -nonInteractive || [ $? -eq 2 ]
  start $hdfs.tools.DFSZKFailoverController
  ;;
datanode) start $hdfs.server.datanode.DataNode ;;
*) start "$@" ;;
esac
