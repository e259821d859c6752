package org.apache.hadoop.hdfs.qjournal.server;

import java.io.IOException;

import org.apache.hadoop.metrics2.lib.Interns;
import org.apache.hadoop.metrics2.lib.MutableCounterLong;

/** The getters of JournalMetrics that tests of 3.x call. */
abstract class JournalMetricsGetters {
  abstract long value(String name) throws IOException;

  public MutableCounterLong getNumEditLogsSynced() throws IOException {
    return new MutableCounterLong(Interns.info("NumEditLogsSynced", ""), value("NumEditLogsSynced"));
  }
}
