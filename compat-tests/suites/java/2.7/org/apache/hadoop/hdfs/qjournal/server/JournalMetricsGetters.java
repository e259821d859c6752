package org.apache.hadoop.hdfs.qjournal.server;

import java.io.IOException;

/** The getters of JournalMetrics that tests of 2.7 call: none. */
abstract class JournalMetricsGetters {
  abstract long value(String name) throws IOException;
}
