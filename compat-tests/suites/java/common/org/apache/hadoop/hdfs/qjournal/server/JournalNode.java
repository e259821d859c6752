package org.apache.hadoop.hdfs.qjournal.server;

import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import javax.management.ObjectName;

import gojn.suites.Node;
import gojn.suites.Rpc;
import org.apache.hadoop.conf.Configurable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.server.common.HdfsServerConstants.StartupOption;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;
import org.apache.hadoop.metrics2.util.MBeans;
import org.apache.hadoop.net.NetUtils;
import org.apache.hadoop.security.SecurityUtil;

/**
 * Stands in for Hadoop's class of this name in the JVM of Hadoop's tests: a JournalNode that is a process of its own.
 * What a test asks of it is answered by the process, over RPC and /jmx, by its directory or by the kernel; what none
 * of these tells has no method here.
 */
public class JournalNode implements Configurable, JournalNodeMXBean {
  private Configuration conf;
  private volatile Node node; // stays after the stop
  private boolean running;
  private ObjectName bean;
  private final Map<String, JournalMetrics> metrics = new HashMap<>();
  private int resultCode;

  static {
    HdfsConfiguration.init();
  }

  @Override
  public void setConf(Configuration conf) {
    this.conf = conf;
  }

  @Override
  public Configuration getConf() {
    return conf;
  }

  /**
   * As Hadoop's, a start that fails stops the node with code 1, and the bound addresses of HTTP go into the
   * Configuration.
   */
  public void start() throws IOException {
    if (isStarted()) {
      throw new IllegalStateException("JN already running");
    }
    try {
      // As Hadoop's start does, for its own process and so for the test's; under simple authentication it does nothing.
      SecurityUtil.login(conf, "dfs.journalnode.keytab.file", "dfs.journalnode.kerberos.principal",
          NetUtils.createSocketAddr(conf.get("dfs.journalnode.rpc-address", "0.0.0.0:8485")).getHostName());
      start(Node.start(conf));
    } catch (IOException e) {
      this.stop(1);
      throw e;
    }
  }

  private synchronized void start(Node started) {
    node = started;
    running = true;
    DefaultMetricsSystem.initialize("JournalNode");
    bean = MBeans.register("JournalNode", "JournalNodeInfo", this);
    if (node.httpAddress() != null) {
      conf.set("dfs.journalnode.http-address", NetUtils.getHostPortString(node.httpAddress()));
    }
    if (node.httpsAddress() != null) {
      conf.set("dfs.journalnode.https-address", NetUtils.getHostPortString(node.httpsAddress()));
    }
  }

  /** True from the first start on, also of one that was stopped, as Hadoop's. */
  public boolean isStarted() {
    return node != null;
  }

  public synchronized void stop(int rc) {
    resultCode = rc;
    if (!running) {
      return;
    }
    running = false;
    DefaultMetricsSystem.shutdown();
    if (bean != null) {
      MBeans.unregister(bean);
      bean = null;
    }
    try {
      node.stop();
    } catch (IOException e) {
      throw new IllegalStateException("the JournalNode could not be stopped", e);
    }
  }

  int join() throws InterruptedException {
    return resultCode;
  }

  public void stopAndJoin(int rc) throws InterruptedException {
    stop(rc);
    join();
  }

  /** For a test that lets a node look at its storage anew: the process does so when it starts. */
  synchronized void restart() throws IOException {
    node.stop();
    node = node.again();
  }

  Node node() {
    return node;
  }

  Rpc rpc() {
    return new Rpc(conf, node.rpcAddress());
  }

  public InetSocketAddress getBoundIpcAddress() {
    return node.rpcAddress();
  }

  public String getHttpServerURI() {
    return node.httpUri();
  }

  public InetSocketAddress getBoundHttpAddress() {
    return node.httpAddress() != null ? node.httpAddress() : node.httpsAddress();
  }

  public InetSocketAddress getHttpAddress() {
    return confirmed(node.httpAddress());
  }

  public InetSocketAddress getHttpsAddress() {
    return confirmed(node.httpsAddress());
  }

  private InetSocketAddress confirmed(InetSocketAddress address) {
    try {
      return node.confirmed(address);
    } catch (IOException e) {
      throw new IllegalStateException("JournalNodeInfo", e);
    }
  }

  public JournalNodeRpcServer getRpcServer() {
    return new JournalNodeRpcServer(this);
  }

  public Journal getOrCreateJournal(String jid) throws IOException {
    return getOrCreateJournal(jid, null, StartupOption.REGULAR);
  }

  public Journal getOrCreateJournal(String jid, String nameServiceId) throws IOException {
    return getOrCreateJournal(jid, nameServiceId, StartupOption.REGULAR);
  }

  /** A node opens a journal at the first call that names it. */
  synchronized Journal getOrCreateJournal(String jid, String nameServiceId, StartupOption option) throws IOException {
    rpc().isFormatted(jid, nameServiceId);
    return journal(jid, nameServiceId);
  }

  /** The journal, or null if the process does not name it: not on its disk, and in no call so far. */
  public synchronized Journal getJournal(String jid) {
    return getJournalsStatus().contains("\"" + jid + "\"") ? journal(jid, null) : null;
  }

  private Journal journal(String jid, String nameServiceId) {
    return new Journal(this, jid, nameServiceId, metrics.computeIfAbsent(jid, id -> JournalMetrics.create(this, id)));
  }

  /**
   * Whether missing segments are fetched. Ours says so in a bean of its own, Java's node by its directory for
   * downloads, which it makes when the syncer starts.
   */
  public boolean getJournalSyncerStatus(String jid) throws IOException {
    if (node.isControl()) {
      File root = journal(jid, null).getStorage().getRoot();
      rpc().isFormatted(jid, null);
      return new File(root, "edits.sync").isDirectory();
    }
    return !node.bean("JournalNodeSync-" + jid).isEmpty();
  }

  // What follows is JournalNodeMXBean's, in 2.7 only the first.

  public String getJournalsStatus() {
    return (String) info("JournalsStatus");
  }

  public String getHostAndPort() {
    return (String) info("HostAndPort");
  }

  public List<String> getClusterIds() {
    return strings("ClusterIds");
  }

  public String getVersion() {
    return (String) info("Version");
  }

  public long getJNStartedTimeInMillis() {
    return ((Number) info("JNStartedTimeInMillis")).longValue();
  }

  public List<String> getStorageInfos() {
    return strings("StorageInfos");
  }

  private List<String> strings(String attribute) {
    List<String> list = new ArrayList<>();
    for (Object each : (Object[]) info(attribute)) {
      list.add((String) each);
    }
    return list;
  }

  private Object info(String attribute) {
    try {
      return node.bean("JournalNodeInfo").get(attribute);
    } catch (IOException e) {
      throw new IllegalStateException("JournalNodeInfo", e);
    }
  }
}
