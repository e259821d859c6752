package gojn.suites;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.qjournal.server.JournalFaultInjector;
import org.apache.hadoop.hdfs.qjournal.server.JournalNode;
import org.apache.hadoop.metrics2.AbstractMetric;
import org.apache.hadoop.metrics2.MetricsRecord;
import org.apache.hadoop.metrics2.MetricsSource;
import org.apache.hadoop.metrics2.MetricsTag;
import org.apache.hadoop.metrics2.impl.MetricsCollectorImpl;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;

/**
 * The control's process: Hadoop's own JournalNode, started as its main method does, with the site files of the class
 * path. It says on its standard output "started" or "failed" with the reason, and answers there what it is asked on
 * its standard input: "metrics NAME" with the metrics of a source as they are now (those of /jmx are up to ten seconds
 * old), one a line, then a dot. It ends with its standard input.
 */
public final class ControlNode {
  private ControlNode() {}

  public static void main(String[] args) throws Exception {
    PrintStream out = System.out;
    System.setOut(System.err); // log lines must not come between the answers
    String hook = System.getenv("GOJN_SUITES_HOOK");
    if (hook != null) {
      JournalFaultInjector.instance = new Asker(hook);
    }
    String code = String.valueOf(JournalNode.class.getProtectionDomain().getCodeSource().getLocation());
    if (!code.endsWith(".jar")) {
      out.println("failed JournalNode comes from " + code + ", not from Hadoop's jar");
      out.flush();
      Runtime.getRuntime().halt(255);
    }
    JournalNode node = new JournalNode();
    try {
      node.setConf(new HdfsConfiguration());
      node.start();
    } catch (Throwable e) {
      e.printStackTrace();
      out.println("failed " + e.toString().replaceAll("\\s+", " "));
      out.flush();
      Runtime.getRuntime().halt(255);
    }
    out.println("started");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      if (line.startsWith("metrics ")) {
        tell(out, line.substring("metrics ".length()));
      }
      out.println(".");
      out.flush();
    }
    Runtime.getRuntime().halt(0);
  }

  private static void tell(PrintStream out, String name) {
    MetricsSource source = DefaultMetricsSystem.instance().getSource(name);
    if (source == null) {
      return;
    }
    MetricsCollectorImpl collector = new MetricsCollectorImpl();
    source.getMetrics(collector, true);
    for (Object each : collector.getRecords()) {
      MetricsRecord record = (MetricsRecord) each;
      for (MetricsTag tag : record.tags()) {
        out.println("tag." + tag.name() + "\t" + tag.value());
      }
      for (AbstractMetric metric : record.metrics()) {
        out.println(metric.name() + "\t" + metric.value());
      }
    }
  }

  /** Asks the test's JVM at the two points at which Java's node asks its JournalFaultInjector. */
  private static final class Asker extends JournalFaultInjector {
    private final String address;

    Asker(String address) {
      this.address = address;
    }

    @Override
    public void beforePersistPaxosData() throws IOException {
      ask("before");
    }

    @Override
    public void afterPersistPaxosData() throws IOException {
      ask("after");
    }

    private void ask(String question) throws IOException {
      int colon = address.lastIndexOf(':');
      try (Socket socket = new Socket(InetAddress.getByName(address.substring(0, colon)),
          Integer.parseInt(address.substring(colon + 1)))) {
        socket.getOutputStream().write((question + "\n").getBytes(StandardCharsets.UTF_8));
        String answer = new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8)).readLine();
        if (!"ok".equals(answer)) {
          throw new IOException(answer == null ? "the fault hook did not answer" : answer.replaceFirst("^throw ", ""));
        }
      }
    }
  }
}
