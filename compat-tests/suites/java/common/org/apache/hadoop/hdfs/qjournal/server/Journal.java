package org.apache.hadoop.hdfs.qjournal.server;

import java.io.File;
import java.io.IOException;

import org.apache.hadoop.hdfs.server.protocol.NamespaceInfo;
import org.apache.hadoop.hdfs.util.BestEffortLongFile;

/**
 * A journal of a JournalNode that is a process of its own. Made anew for each question, so that nothing it has read is
 * old.
 */
public class Journal {
  private static final String COMMITTED = "committed-txid";
  private static final long NONE = -12345; // HdfsConstants.INVALID_TXID

  private final JournalNode jn;
  private final String jid;
  private final String nameServiceId;
  private final JournalMetrics metrics;

  /** TestDFSUpgradeWithHA reads this field by its name, Hadoop's; the file is read when its value is asked for. */
  private final BestEffortLongFile committedTxnId;

  Journal(JournalNode jn, String jid, String nameServiceId, JournalMetrics metrics) {
    this.jn = jn;
    this.jid = jid;
    this.nameServiceId = nameServiceId;
    this.metrics = metrics;
    File current = new File(getStorage().getRoot(), "current");
    this.committedTxnId = new BestEffortLongFile(new File(current, COMMITTED), NONE);
  }

  /** 2.7's; others have a parameter. */
  void format(NamespaceInfo info) throws IOException {
    format(info, false);
  }

  void format(NamespaceInfo info, boolean force) throws IOException {
    jn.rpc().format(jid, nameServiceId, info, force);
  }

  public boolean isFormatted() throws IOException {
    return jn.rpc().isFormatted(jid, nameServiceId);
  }

  long getLastPromisedEpoch() throws IOException {
    return jn.rpc().lastPromisedEpoch(jid, nameServiceId);
  }

  String getJournalId() {
    return jid;
  }

  JNStorage getStorage() {
    return new JNStorage(jn, jid, nameServiceId);
  }

  JournalMetrics getMetrics() {
    return metrics;
  }

  /** 2.7's name of getMetrics. */
  JournalMetrics getMetricsForTests() {
    return metrics;
  }
}
