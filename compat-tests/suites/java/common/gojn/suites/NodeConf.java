package gojn.suites;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.Map;

import org.apache.hadoop.conf.Configuration;

/** The configuration of an external process: a test's, with free ports where that says 0. */
final class NodeConf {
  private static final String RPC = "dfs.journalnode.rpc-address";
  private static final String HTTP = "dfs.journalnode.http-address";
  private static final String HTTPS = "dfs.journalnode.https-address";
  private static final String EDITS = "dfs.journalnode.edits.dir";
  private static final String SHARED_EDITS = "dfs.namenode.shared.edits.dir";
  private static final int CLUSTER_SIZE = 3;

  /** RPC ports of the nodes of the MiniQJMHACluster that was begun last in a directory. */
  private static final Map<String, int[]> CLUSTERS = new HashMap<>();

  final int rpcPort;
  final int httpPort; // 0: the policy has none
  final int httpsPort;
  final boolean kerberos;
  private final Configuration conf;

  NodeConf(Configuration given) throws IOException {
    conf = new Configuration(given);
    quorum();
    rpcPort = port(RPC, "0.0.0.0:8485");
    String policy = conf.get("dfs.http.policy", "HTTP_ONLY");
    httpPort = policy.equals("HTTPS_ONLY") ? 0 : port(HTTP, "0.0.0.0:8480");
    httpsPort = policy.equals("HTTP_ONLY") ? 0 : port(HTTPS, "0.0.0.0:8481");
    kerberos = "kerberos".equalsIgnoreCase(conf.get("hadoop.security.authentication"));
  }

  private int port(String key, String otherwise) throws IOException {
    String address = conf.getTrimmed(key, otherwise);
    int colon = address.lastIndexOf(':');
    int port = Integer.parseInt(address.substring(colon + 1));
    if (port == 0) {
      port = Ports.free();
      conf.set(key, address.substring(0, colon + 1) + port);
    }
    return port;
  }

  /**
   * MiniQJMHACluster gives the quorum's URI to nodes that run already, in their Configuration, before it uses them
   * (MiniJournalCluster.setNamenodeSharedEditsConf, not in 2.7). A process has to know it when it starts, so the ports
   * of all three are chosen with the first.
   */
  private void quorum() throws IOException {
    File edits = new File(conf.get(EDITS, ""));
    boolean fresh = conf.getTrimmed(RPC, "").endsWith(":0") && edits.getName().matches("journalnode-[0-2]");
    if (!fresh || !ofQuorumCluster()) {
      return;
    }
    int index = Integer.parseInt(edits.getName().substring("journalnode-".length()));
    synchronized (CLUSTERS) {
      if (index == 0) {
        int[] chosen = new int[CLUSTER_SIZE];
        for (int i = 0; i < CLUSTER_SIZE; i++) {
          chosen[i] = Ports.free();
        }
        CLUSTERS.put(edits.getParent(), chosen);
      }
      int[] ports = CLUSTERS.get(edits.getParent());
      conf.set(RPC, conf.getTrimmed(RPC).replaceFirst("0$", Integer.toString(ports[index])));
      conf.set(SHARED_EDITS,
          String.format("qjournal://127.0.0.1:%d;127.0.0.1:%d;127.0.0.1:%d/ns1", ports[0], ports[1], ports[2]));
    }
  }

  private static boolean ofQuorumCluster() {
    for (StackTraceElement caller : new Throwable().getStackTrace()) {
      if (caller.getClassName().equals("org.apache.hadoop.hdfs.qjournal.MiniQJMHACluster")) {
        try {
          Class.forName("org.apache.hadoop.hdfs.qjournal.MiniJournalCluster")
              .getMethod("setNamenodeSharedEditsConf", String.class);
          return true;
        } catch (ReflectiveOperationException e) {
          return false; // 2.7
        }
      }
    }
    return false;
  }

  /**
   * Writes core-site.xml and hdfs-site.xml: what is not a default, the same in both, and the files of TLS that it
   * names.
   */
  void write(File dir) throws IOException {
    Files.createDirectories(dir.toPath());
    Configuration site = new Configuration(false);
    for (Map.Entry<String, String> each : conf) {
      if (!isDefault(each.getKey())) {
        site.set(each.getKey(), value(each));
      }
    }
    for (String name : new String[] {"core-site.xml", "hdfs-site.xml"}) {
      try (OutputStream out = new FileOutputStream(new File(dir, name))) {
        site.writeXml(out);
      }
    }
    if (httpsPort != 0) {
      copy(conf.get("dfs.https.server.keystore.resource", "ssl-server.xml"), dir);
      copy(conf.get("dfs.https.client.keystore.resource", conf.get("hadoop.ssl.client.conf", "ssl-client.xml")), dir);
    }
  }

  private boolean isDefault(String key) {
    String[] sources = conf.getPropertySources(key);
    return sources != null && sources.length > 0 && sources[sources.length - 1].endsWith("-default.xml");
  }

  private String value(Map.Entry<String, String> each) {
    try {
      String value = conf.get(each.getKey());
      return value == null ? each.getValue() : value;
    } catch (RuntimeException e) {
      return each.getValue(); // what cannot be substituted stays as it is
    }
  }

  private static void copy(String resource, File dir) throws IOException {
    try (InputStream in = Thread.currentThread().getContextClassLoader().getResourceAsStream(resource)) {
      if (in != null) {
        Files.copy(in, new File(dir, resource).toPath());
      }
    }
  }
}
