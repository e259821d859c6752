package gojn.suites.own;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.concurrent.ExecutionException;

import gojn.suites.Rpc;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CommonConfigurationKeysPublic;
import org.apache.hadoop.hdfs.qjournal.MiniJournalCluster;
import org.apache.hadoop.hdfs.qjournal.QJMTestUtil;
import org.apache.hadoop.hdfs.qjournal.client.IPCLoggerChannel;
import org.apache.hadoop.hdfs.qjournal.client.QuorumJournalManager;
import org.apache.hadoop.hdfs.qjournal.server.JournalFaultInjector;
import org.apache.hadoop.hdfs.server.namenode.EditLogOutputStream;
import org.apache.hadoop.hdfs.server.namenode.NameNodeLayoutVersion;
import org.apache.hadoop.hdfs.server.protocol.NamespaceInfo;

/**
 * What no test of Hadoop asks a JournalNode. These are tests of ours, in the style of Hadoop's, with Hadoop's own client: the
 * victims of planted faults that Hadoop's tests cannot see. Each throws an AssertionError or returns.
 */
final class NodeRules {
  private static final NamespaceInfo NAMESPACE = new NamespaceInfo(12345, "mycluster", "my-bp", 0L);
  private static final String JID = "own-journal";

  private NodeRules() {
  }

  /**
   * The numbers of a writer's calls go on over all of its connections: a call that comes late, on another connection, with a
   * number that was there is refused (Journal.checkRequest), and the writer that goes on is not.
   */
  static void serialsOutliveConnections() throws Exception {
    Configuration conf = new Configuration();
    MiniJournalCluster cluster = new MiniJournalCluster.Builder(conf).numJournalNodes(1).build();
    try {
      InetSocketAddress node = cluster.getJournalNode(0).getBoundIpcAddress();
      new Rpc(conf, node).format(JID, null, NAMESPACE, false);
      IPCLoggerChannel writer = channel(conf, cluster, 0);
      epoch(writer, 1);
      writer.startLogSegment(1, NameNodeLayoutVersion.CURRENT_LAYOUT_VERSION).get();
      writer.sendEdits(1, 1, 1, QJMTestUtil.createTxnData(1, 1)).get();

      Configuration other = new Configuration(conf); // Hadoop's client shares a connection where all its settings agree
      other.setInt(CommonConfigurationKeysPublic.IPC_CLIENT_CONNECT_MAX_RETRIES_KEY, 7);
      IPCLoggerChannel late = new IPCLoggerChannel(other, NAMESPACE, JID, node); // it begins to count at 0
      late.setEpoch(1);
      try {
        late.sendEdits(1, 2, 1, QJMTestUtil.createTxnData(2, 1)).get();
        throw new AssertionError("a call with a number that was there was accepted on another connection");
      } catch (ExecutionException e) {
        mustSay(e, "was not higher than prior highest IPC serial");
      }
      writer.sendEdits(1, 2, 1, QJMTestUtil.createTxnData(2, 1)).get();
      late.close();
      writer.close();
    } finally {
      cluster.shutdown();
    }
  }

  /** What a quorum has acknowledged is there when all nodes were stopped, however that was done, and started again. */
  static void stopsLoseNothing() throws Exception {
    Configuration conf = new Configuration();
    conf.setInt(CommonConfigurationKeysPublic.IPC_CLIENT_CONNECT_MAX_RETRIES_KEY, 0);
    conf.setInt(CommonConfigurationKeysPublic.IPC_CLIENT_CONNECTION_MAXIDLETIME_KEY, 0); // nodes are started anew
    MiniJournalCluster cluster = new MiniJournalCluster.Builder(conf).build();
    try {
      URI uri = cluster.getQuorumJournalURI(JID);
      for (int i = 0; i < cluster.getNumNodes(); i++) {
        new Rpc(conf, cluster.getJournalNode(i).getBoundIpcAddress()).format(JID, null, NAMESPACE, false);
      }
      QuorumJournalManager writer = new QuorumJournalManager(conf, uri, NAMESPACE);
      writer.recoverUnfinalizedSegments();
      EditLogOutputStream stream = writer.startLogSegment(1, NameNodeLayoutVersion.CURRENT_LAYOUT_VERSION);
      QJMTestUtil.writeTxns(stream, 1, 3);
      QJMTestUtil.writeTxns(stream, 4, 2);
      stream.abort();
      writer.close();
      for (int i = 0; i < cluster.getNumNodes(); i++) {
        cluster.restartJournalNode(i);
      }
      QuorumJournalManager next = new QuorumJournalManager(conf, uri, NAMESPACE);
      long last = QJMTestUtil.recoverAndReturnLastTxn(next);
      next.close();
      if (last != 5) {
        throw new AssertionError("5 transactions were acknowledged, the recovery ended at " + last);
      }
    } finally {
      cluster.shutdown();
    }
  }

  /**
   * An accept that failed behind its record is finished: by the next prepareRecovery, which may be asked of the next process
   * (Journal.completeHalfDoneAcceptRecovery). The node then tells what it has accepted, and has it.
   */
  static void halfDoneAcceptIsFinished(boolean restarted) throws Exception {
    Configuration conf = new Configuration();
    conf.setInt(CommonConfigurationKeysPublic.IPC_CLIENT_CONNECTION_MAXIDLETIME_KEY, 0); // the node is started anew
    MiniJournalCluster cluster = new MiniJournalCluster.Builder(conf).numJournalNodes(2).build();
    try {
      IPCLoggerChannel behind = channel(conf, cluster, 0);
      IPCLoggerChannel ahead = channel(conf, cluster, 1);
      for (IPCLoggerChannel node : new IPCLoggerChannel[] {behind, ahead}) {
        new Rpc(conf, node.getRemoteAddress()).format(JID, null, NAMESPACE, false);
        epoch(node, 1);
        node.startLogSegment(1, NameNodeLayoutVersion.CURRENT_LAYOUT_VERSION).get();
        node.sendEdits(1, 1, 3, QJMTestUtil.createTxnData(1, 3)).get();
      }
      ahead.sendEdits(1, 4, 1, QJMTestUtil.createTxnData(4, 1)).get();
      epoch(behind, 2);
      epoch(ahead, 2);
      JournalFaultInjector.instance = new JournalFaultInjector() {
        @Override
        public void afterPersistPaxosData() throws IOException {
          throw new IOException("Injected");
        }
      };
      try {
        behind.prepareRecovery(1).get();
        behind.acceptRecovery(ahead.prepareRecovery(1).get().getSegmentState(), ahead.buildURLToFetchLogs(1)).get();
        throw new IOException("the accept did not fail");
      } catch (ExecutionException e) {
        mustSay(e, "Injected");
      } finally {
        JournalFaultInjector.instance = new JournalFaultInjector();
      }
      if (restarted) {
        behind.close();
        cluster.restartJournalNode(0);
        behind = channel(conf, cluster, 0);
      }
      epoch(behind, 3);
      try {
        long epoch = behind.prepareRecovery(1).get().getAcceptedInEpoch();
        if (epoch != 2) {
          throw new AssertionError("accepted in epoch 2, told is " + epoch);
        }
        behind.finalizeLogSegment(1, 4).get();
      } catch (ExecutionException e) {
        throw new AssertionError("the half-done accept was not finished: " + e.getCause(), e);
      }
      behind.close();
      ahead.close();
    } finally {
      cluster.shutdown();
    }
  }

  private static IPCLoggerChannel channel(Configuration conf, MiniJournalCluster cluster, int node) {
    return new IPCLoggerChannel(conf, NAMESPACE, JID, cluster.getJournalNode(node).getBoundIpcAddress());
  }

  private static void epoch(IPCLoggerChannel node, long epoch) throws Exception {
    node.newEpoch(epoch).get();
    node.setEpoch(epoch);
  }

  private static void mustSay(Exception e, String words) throws IOException {
    if (!String.valueOf(e.getMessage()).contains(words)) {
      throw new IOException("not refused with: " + words, e);
    }
  }
}
