package org.apache.hadoop.hdfs.qjournal.server;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

import org.apache.hadoop.metrics2.MetricsCollector;
import org.apache.hadoop.metrics2.MetricsRecordBuilder;
import org.apache.hadoop.metrics2.MetricsSource;
import org.apache.hadoop.metrics2.impl.MetricsCollectorImpl;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;
import org.apache.hadoop.metrics2.lib.Interns;

/** A journal's metrics as its process has them when they are asked for, under the name that Hadoop's node registers. */
class JournalMetrics extends JournalMetricsGetters implements MetricsSource {
  private static final Set<String> GAUGES = new HashSet<>(Arrays.asList("LastWriterEpoch", "LastPromisedEpoch",
      "LastWrittenTxId", "CurrentLagTxns", "LastJournalTimestamp"));
  private static final String TAG = "tag.";

  private final JournalNode jn;
  private final String jid;

  private JournalMetrics(JournalNode jn, String jid) {
    this.jn = jn;
    this.jid = jid;
  }

  static JournalMetrics create(JournalNode jn, String jid) {
    JournalMetrics metrics = new JournalMetrics(jn, jid);
    return DefaultMetricsSystem.instance().register(metrics.getName(), "Journal metrics", metrics);
  }

  String getName() {
    return "Journal-" + jid;
  }

  @Override
  long value(String name) throws IOException {
    return Long.parseLong(jn.node().metrics(getName()).get(name).toString());
  }

  /**
   * The metrics system asks too, now and then; only what a test asks (its collector is a mock) is told by the process.
   */
  @Override
  public void getMetrics(MetricsCollector collector, boolean all) {
    if (collector instanceof MetricsCollectorImpl) {
      return;
    }
    MetricsRecordBuilder record = collector.addRecord(Interns.info("JournalNode", "Journal metrics"));
    try {
      for (Map.Entry<String, Object> each : jn.node().metrics(getName()).entrySet()) {
        String name = each.getKey();
        if (name.startsWith(TAG)) {
          record.tag(Interns.info(name.substring(TAG.length()), name), each.getValue().toString());
        } else if (each.getValue().toString().matches("-?\\d+")) {
          long value = Long.parseLong(each.getValue().toString());
          if (GAUGES.contains(name)) {
            record.addGauge(Interns.info(name, name), value);
          } else {
            record.addCounter(Interns.info(name, name), value);
          }
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException(getName(), e);
    }
  }
}
