package gojn.suites;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * The file of results, a line for each method, written at once: class, method, outcome, milliseconds, external
 * processes started, calls that external processes received, flags (of Ledger), detail; separated by tabs.
 */
final class Results implements AutoCloseable {
  private static final int DETAIL_LIMIT = 2000;

  private final OutputStream out;

  Results(String file) throws IOException {
    out = new FileOutputStream(file, true);
  }

  synchronized void add(
      String className, String method, String outcome, long millis, Ledger.Tally tally, String detail) {
    String line = String.join("\t", className, oneLine(method), outcome, Long.toString(millis),
        Integer.toString(tally == null ? 0 : tally.started), Long.toString(tally == null ? 0 : tally.calls),
        tally == null ? "" : tally.flags, oneLine(detail));
    try {
      out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new IllegalStateException("results", e);
    }
  }

  private static String oneLine(String text) {
    String line = text.replaceAll("\\s+", " ").trim();
    return line.length() > DETAIL_LIMIT ? line.substring(0, DETAIL_LIMIT) : line;
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
