package gojn.suites;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.net.NetUtils;

/** An external JournalNode that serves, and what it says of itself. A node that was stopped still has its addresses. */
public final class Node {
  private static final String BEAN = "Hadoop:service=JournalNode,name=";

  private final NodeConf conf;
  private final NodeProcess process;
  private InetSocketAddress rpc;
  private InetSocketAddress http; // null: the policy has none
  private InetSocketAddress https;
  private long received;
  private boolean died; // by itself
  private volatile boolean stopped;

  private Node(NodeConf conf, NodeProcess process) {
    this.conf = conf;
    this.process = process;
  }

  /**
   * Starts a process with the configuration and returns when its RPC port and /jmx answer.
   *
   * @throws IOException with the process's own words if it ended instead
   */
  public static Node start(Configuration given) throws IOException {
    return start(new NodeConf(given));
  }

  /** Starts a process anew with the configuration and at the addresses of one that was stopped. */
  public Node again() throws IOException {
    return start(conf);
  }

  private static Node start(NodeConf conf) throws IOException {
    boolean hook = FaultHook.wanted(Ledger.method());
    if (conf.kerberos) {
      Ledger.flag(Ledger.KERBEROS);
    }
    if (hook && !Settings.control()) {
      Ledger.flag(Ledger.HOOKED);
    }
    Node node = new Node(conf, NodeProcess.start(conf, hook));
    try {
      node.process.await(node::serves);
    } catch (IOException e) {
      node.process.stop(false);
      throw e;
    }
    Ledger.started(node);
    return node;
  }

  private boolean serves() throws IOException {
    rpc = bound(conf.rpcPort);
    http = named(bound(conf.httpPort));
    https = named(bound(conf.httpsPort));
    boolean listens = rpc != null && (http != null) == (conf.httpPort != 0) && (https != null) == (conf.httpsPort != 0);
    return listens && Http.answers(httpUri() + "/jmx?qry=" + BEAN + "JournalNodeInfo");
  }

  private InetSocketAddress bound(int port) throws IOException {
    InetAddress address = port == 0 ? null : Listening.address(process.pid(), port);
    return address == null ? null : new InetSocketAddress(address, port);
  }

  /** With its host name, as Hadoop's HTTP server has it; the RPC server has the socket's address, without. */
  private static InetSocketAddress named(InetSocketAddress address) {
    if (address != null) {
      address.getHostName();
    }
    return address;
  }

  public InetSocketAddress rpcAddress() {
    return rpc;
  }

  public InetSocketAddress httpAddress() {
    return http;
  }

  public InetSocketAddress httpsAddress() {
    return https;
  }

  /** Returns an address at which the process listens by the kernel, once it has said of itself that it is this node. */
  public InetSocketAddress confirmed(InetSocketAddress address) throws IOException {
    String says = (String) bean("JournalNodeInfo").get("HostAndPort");
    if (says == null || !says.endsWith(":" + rpc.getPort())) {
      throw new IOException("the node at " + httpUri() + " has its RPC server at " + says + ", not at " + rpc);
    }
    return address;
  }

  /** The directory of a journal that the process has open, by the lock file that it holds, or null. */
  public File directory(String jid) {
    return stopped ? null : process.holder("/" + jid + "/in_use.lock");
  }

  /** HTTP's, or HTTPS's where the policy has only that. */
  public String httpUri() {
    return (http != null ? "http://" : "https://") + NetUtils.getHostPortString(http != null ? http : https);
  }

  /** The attributes of a bean of /jmx below Hadoop:service=JournalNode, none if there is no such bean. */
  public Map<String, Object> bean(String name) throws IOException {
    Ledger.asked();
    return beanUncounted(name);
  }

  /**
   * The metrics of a source as they are now. Of ours /jmx has them. Java's node keeps those of /jmx for up to ten
   * seconds; tests that read metrics right after a call see fresh ones in their own JVM, so the control's main program
   * is asked for those.
   */
  public Map<String, Object> metrics(String source) throws IOException {
    Ledger.asked();
    return metricsUncounted(source);
  }

  /** Whether our node's /jmx or Java's directory edits.sync is to be asked for signs of a syncer. */
  public boolean isControl() {
    return Settings.control();
  }

  Map<String, Object> metricsUncounted(String source) throws IOException {
    return Settings.control() ? process.ask("metrics " + source) : beanUncounted(source);
  }

  private Map<String, Object> beanUncounted(String name) throws IOException {
    Map<?, ?> answer = (Map<?, ?>) Json.parse(Http.get(httpUri() + "/jmx?qry=" + BEAN + name));
    Map<String, Object> attributes = new HashMap<>();
    Object[] beans = (Object[]) answer.get("beans");
    if (beans != null && beans.length > 0) {
      ((Map<?, ?>) beans[0]).forEach((key, value) -> attributes.put((String) key, value));
    }
    return attributes;
  }

  /** RPC calls processed since the start, the last known number of a process that has ended. */
  synchronized long received() {
    if (stopped || died) {
      return received;
    }
    try {
      received = Long.parseLong(
          metricsUncounted("RpcActivityForPort" + conf.rpcPort).get("RpcProcessingTimeNumOps").toString());
    } catch (IOException | RuntimeException e) {
      died = !process.isAlive();
      Ledger.flag(died ? Ledger.DIED : Ledger.UNCOUNTED);
      System.err.println("gojn.suites: calls of the process at port " + conf.rpcPort + " could not be read: " + e);
    }
    return received;
  }

  /** Ends the process, at once or as gojn.suites.stop says, and returns when it has ended. */
  public void stop() throws IOException {
    Ledger.stopping(this);
    stopped = true;
    process.stop(true);
  }
}
