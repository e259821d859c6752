package gojn.suites;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

import org.apache.hadoop.hdfs.qjournal.server.JournalFaultInjector;

/**
 * Lets an external process ask this JVM's JournalFaultInjector, which a test has replaced, where a node in this JVM
 * would. A question is a line on a connection of its own, "before" or "after"; the answer is "ok" or "throw" and the
 * message.
 */
final class FaultHook {
  /** Where a test's injector does something: only there our binary with the hook runs. */
  private static final Set<String> METHODS = new HashSet<>(Arrays.asList(
      "TestQuorumJournalManager#testCrashBetweenSyncLogAndPersistPaxosData",
      "TestQJMWithFaults#testRandomized",
      "TestNodeRules#testHalfDoneAcceptIsFinished",
      "TestNodeRules#testHalfDoneAcceptIsFinishedByTheNextProcess"));

  private static FaultHook instance;

  private final ServerSocket server;

  private FaultHook() throws IOException {
    server = new ServerSocket(0, 64, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}));
    Thread thread = new Thread(this::serve, "gojn fault hook");
    thread.setDaemon(true);
    thread.start();
  }

  static boolean wanted(String method) {
    return METHODS.contains(method);
  }

  /** Where it listens, as host:port; it does from the first call on. */
  static synchronized String address() throws IOException {
    if (instance == null) {
      instance = new FaultHook();
    }
    return "127.0.0.1:" + instance.server.getLocalPort();
  }

  private void serve() {
    while (true) {
      try {
        Socket socket = server.accept();
        Thread thread = new Thread(() -> answer(socket), "gojn fault hook question");
        thread.setDaemon(true);
        thread.start();
      } catch (IOException e) {
        return; // closed with the JVM
      }
    }
  }

  private static void answer(Socket socket) {
    try (Socket s = socket) {
      BufferedReader in = new BufferedReader(new InputStreamReader(s.getInputStream(), StandardCharsets.UTF_8));
      s.getOutputStream().write((ask(in.readLine()) + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      // who asked is gone
    }
  }

  private static String ask(String question) {
    try {
      if ("before".equals(question)) {
        JournalFaultInjector.get().beforePersistPaxosData();
      } else if ("after".equals(question)) {
        JournalFaultInjector.get().afterPersistPaxosData();
      } else {
        return "not a question: " + question;
      }
      return "ok";
    } catch (IOException | RuntimeException e) {
      return "throw " + String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
    }
  }
}
