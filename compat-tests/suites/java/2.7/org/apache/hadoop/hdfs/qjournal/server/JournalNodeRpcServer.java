package org.apache.hadoop.hdfs.qjournal.server;

import java.net.InetSocketAddress;

/** The address of a JournalNode's RPC server; tests of 2.7 ask nothing else. */
public class JournalNodeRpcServer {
  private final JournalNode jn;

  JournalNodeRpcServer(JournalNode jn) {
    this.jn = jn;
  }

  public InetSocketAddress getAddress() {
    return jn.getBoundIpcAddress();
  }
}
