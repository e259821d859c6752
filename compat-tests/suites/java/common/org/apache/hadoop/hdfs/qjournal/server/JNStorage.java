package org.apache.hadoop.hdfs.qjournal.server;

import java.io.File;
import java.io.IOException;
import java.util.Properties;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.server.common.HdfsServerConstants.NodeType;
import org.apache.hadoop.hdfs.server.common.Storage;
import org.apache.hadoop.hdfs.server.protocol.NamespaceInfo;

/** The directory of a journal that another process has open; it takes no lock and writes nothing. */
class JNStorage extends Storage {
  private static final String EDITS_DIR = "dfs.journalnode.edits.dir";
  private static final String DEFAULT_EDITS_DIR = "/tmp/hadoop/dfs/journalnode/";

  private final JournalNode jn;
  private final File root;

  JNStorage(JournalNode jn, String jid, String nameServiceId) {
    super(NodeType.JOURNAL_NODE);
    this.jn = jn;
    File open = jn.node().directory(jid);
    this.root = open != null ? open : configured(jn.getConf(), jid, nameServiceId);
  }

  /** Where a journal that is not on the disk yet will be. */
  private static File configured(Configuration conf, String jid, String nameServiceId) {
    String dir = nameServiceId == null ? null : conf.get(EDITS_DIR + "." + nameServiceId);
    return new File(dir != null ? dir : conf.get(EDITS_DIR, DEFAULT_EDITS_DIR), jid);
  }

  File getRoot() {
    return root;
  }

  /** From VERSION, which has no block pool. */
  public NamespaceInfo getNamespaceInfo() {
    try {
      readProperties(new StorageDirectory(root));
    } catch (IOException e) {
      throw new IllegalStateException("VERSION in " + root, e);
    }
    return new NamespaceInfo(getNamespaceID(), getClusterID(), "", getCTime());
  }

  void analyzeStorage() throws IOException {
    jn.restart();
  }

  @Override
  protected void setLayoutVersion(Properties props, StorageDirectory sd) {
    layoutVersion = Integer.parseInt(props.getProperty("layoutVersion")); // any, as Hadoop's
  }

  @Override
  public boolean isPreUpgradableLayout(StorageDirectory sd) {
    return false;
  }
}
