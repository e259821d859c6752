package org.apache.hadoop.hdfs.qjournal.server;

import java.io.IOException;
import java.net.InetSocketAddress;

import org.apache.hadoop.ipc.RPC;
import org.apache.hadoop.ipc.metrics.RpcMetrics;
import org.mockito.Mockito;

/** What tests ask of a JournalNode's RPC server. */
public class JournalNodeRpcServer {
  private final JournalNode jn;

  JournalNodeRpcServer(JournalNode jn) {
    this.jn = jn;
  }

  public InetSocketAddress getAddress() {
    return jn.getBoundIpcAddress();
  }

  /** A server only by its class: it knows its process's address and how many calls that has processed. */
  RPC.Server getRpcServer() throws IOException {
    RpcMetrics metrics = Mockito.mock(RpcMetrics.class);
    Mockito.when(metrics.getTotalRequests()).thenAnswer(call -> Long.parseLong(
        jn.node().metrics("RpcActivityForPort" + getAddress().getPort()).get("RpcProcessingTimeNumOps").toString()));
    RPC.Server server = Mockito.mock(RPC.Server.class);
    Mockito.when(server.getRpcMetrics()).thenReturn(metrics);
    Mockito.when(server.getListenerAddress()).thenAnswer(call -> jn.node().confirmed(getAddress()));
    return server;
  }
}
