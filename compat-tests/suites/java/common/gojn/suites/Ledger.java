package gojn.suites;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Counts, for the method under way, the external processes that it started and the calls that external processes
 * received.
 */
final class Ledger {
  private static final Map<Node, Long> ALIVE = new LinkedHashMap<>(); // with the calls before the method
  private static String method = "";
  private static int started;
  private static long calls;
  private static final Set<String> FLAGS = new TreeSet<>();
  private static final Set<String> OUTSIDE = new TreeSet<>(); // what was flagged before and after the methods of a class

  /** A node had Kerberos on, or was refused for it. */
  static final String KERBEROS = "kerberos";
  /** A node was the build that asks the test at a recovery's record. */
  static final String HOOKED = "hooked";
  /** A node ended that nobody had stopped, or panicked, or did not end in good order when it was. */
  static final String DIED = "died";
  /** SIGTERM did not end a node in time. */
  static final String KILLED = "killed";
  /** The calls that a node received could not be read. */
  static final String UNCOUNTED = "uncounted";

  private Ledger() {}

  /** What a method did. */
  static final class Tally {
    final int started;
    final long calls;
    final String flags;

    private Tally() {
      started = Ledger.started;
      calls = Ledger.calls;
      flags = String.join(",", FLAGS);
    }
  }

  /** A method begins, named Class#method without package and parameters. */
  static synchronized void begin(String name) {
    method = name;
    started = 0;
    calls = 0;
    FLAGS.clear();
    if (OUTSIDE.contains(KERBEROS)) {
      FLAGS.add(KERBEROS); // the method uses that node
    }
    ALIVE.replaceAll((node, before) -> node.received());
  }

  static synchronized Tally end() {
    for (Map.Entry<Node, Long> each : ALIVE.entrySet()) {
      long now = each.getKey().received();
      calls += now - each.getValue();
      each.setValue(now);
    }
    Tally tally = new Tally();
    method = "";
    return tally;
  }

  static synchronized String method() {
    return method;
  }

  static synchronized void started(Node node) {
    ALIVE.put(node, 0L);
    started++;
  }

  static synchronized void flag(String flag) {
    (method.isEmpty() ? OUTSIDE : FLAGS).add(flag);
  }

  /** Tells, once, what went wrong with nodes before and after the methods of a class, "" if nothing did. */
  static synchronized String outside() {
    if (OUTSIDE.remove(DIED)) {
      return "outside the methods a JournalNode ended that nobody had stopped";
    }
    if (OUTSIDE.remove(KILLED) && !Settings.control()) {
      return "outside the methods SIGTERM did not end a JournalNode in time";
    }
    return "";
  }

  /** The process is about to be stopped. */
  static synchronized void stopping(Node node) {
    Long before = ALIVE.remove(node);
    if (before != null) {
      calls += node.received() - before;
    }
  }

  /** A getter of the shim asks the process over HTTP; an RPC counts by itself. */
  static synchronized void asked() {
    calls++;
  }
}
