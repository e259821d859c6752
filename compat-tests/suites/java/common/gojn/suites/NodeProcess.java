package gojn.suites;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** An operating system process that runs a JournalNode. It does not outlive this JVM, however that ends. */
final class NodeProcess {
  private static final long START_LIMIT = TimeUnit.SECONDS.toNanos(120);
  private static final long POLL_MILLIS = 20;
  private static final long TERM_SECONDS = 10;
  private static final int ENDED_BY_TERM = 128 + 15; // ours ends with it as a JVM does; the control may see its input end first
  private static final AtomicInteger COUNT = new AtomicInteger();
  private static final Set<Process> ALIVE = ConcurrentHashMap.newKeySet();

  /**
   * The kernel ends a process with the thread that started it (prctl(2), PR_SET_PDEATHSIG): one that lives as long as
   * the JVM.
   */
  private static final ExecutorService PARENT = Executors.newSingleThreadExecutor(task -> {
    Thread thread = new Thread(task, "gojn parent of processes");
    thread.setDaemon(true);
    return thread;
  });

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> ALIVE.forEach(Process::destroyForcibly)));
  }

  private final Process process;
  private final File log;
  private final BufferedReader out; // the control's answers

  private NodeProcess(Process process, File log) {
    this.process = process;
    this.log = log;
    this.out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  static NodeProcess start(NodeConf conf, boolean hook) throws IOException {
    File dir = new File(Settings.dir(), "node-" + COUNT.incrementAndGet());
    File confDir = new File(dir, "conf");
    conf.write(confDir);
    List<String> argv = new ArrayList<>(List.of("setpriv", "--pdeathsig", "KILL", "--"));
    argv.addAll(Settings.control() ? control(confDir) : List.of(
        Settings.required(hook ? "node.hooked" : "node"), "--config", confDir.getPath()));
    File log = new File(dir, "log");
    ProcessBuilder builder = new ProcessBuilder(argv).redirectError(ProcessBuilder.Redirect.appendTo(log));
    if (!Settings.control()) {
      builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log));
    }
    builder.environment().keySet().retainAll(Set.of("PATH"));
    if (hook) {
      builder.environment().put("GOJN_SUITES_HOOK", FaultHook.address());
    }
    try {
      Process process = PARENT.submit(builder::start).get();
      ALIVE.add(process);
      return new NodeProcess(process, log);
    } catch (ExecutionException e) {
      throw new IOException("start " + argv, e.getCause());
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  /** The control's command line, with the configuration directory last on its class path. */
  private static List<String> control(File confDir) throws IOException {
    List<String> argv = Files.readAllLines(Paths.get(Settings.required("java.args")));
    int path = argv.indexOf("-cp") + 1;
    if (path == 0) {
      throw new IOException("gojn.suites.java.args has no -cp");
    }
    argv.set(path, argv.get(path) + File.pathSeparator + confDir); // behind the jars of the JVM's archive of classes
    String kerberos = System.getProperty("java.security.krb5.conf"); // a test's KDC sets it in the test's JVM only
    if (kerberos != null) {
      argv.add("-Djava.security.krb5.conf=" + kerberos);
    }
    argv.add("gojn.suites.ControlNode");
    return argv;
  }

  interface Condition {
    boolean holds() throws IOException;
  }

  /** Returns when the node serves. */
  void await(Condition serves) throws IOException {
    if (Settings.control()) {
      String line = out.readLine();
      if (!"started".equals(line)) {
        throw new IOException("the JournalNode did not start: " + (line == null ? complaint() : line));
      }
    }
    long end = System.nanoTime() + START_LIMIT;
    while (!holds(serves)) {
      if (System.nanoTime() > end) {
        throw new IOException("the JournalNode does not serve: " + complaint());
      }
      try {
        if (process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
          throw new IOException("the JournalNode did not start: " + complaint());
        }
      } catch (InterruptedException e) {
        throw interrupted(e);
      }
    }
  }

  private static boolean holds(Condition serves) {
    try {
      return serves.holds();
    } catch (IOException e) {
      return false; // its files in /proc go before its exit shows
    }
  }

  /** The lines of its log that are neither information nor warnings. */
  private String complaint() throws IOException {
    StringBuilder words = new StringBuilder();
    logged()
        .filter(line -> !line.contains(" level=INFO ") && !line.contains(" level=WARN ") && !line.contains(" INFO "))
        .forEach(line -> words.append(line).append('\n'));
    return words.toString().trim();
  }

  private Stream<String> logged() throws IOException {
    return new String(Files.readAllBytes(log.toPath()), StandardCharsets.UTF_8).lines();
  }

  /** Asks the control's main program; the answer's lines are name and value. */
  synchronized Map<String, Object> ask(String question) throws IOException {
    process.getOutputStream().write((question + "\n").getBytes(StandardCharsets.UTF_8));
    process.getOutputStream().flush();
    Map<String, Object> answer = new HashMap<>();
    for (String line = out.readLine(); !".".equals(line); line = out.readLine()) {
      if (line == null) {
        throw new IOException("the JournalNode ended: " + complaint());
      }
      int tab = line.indexOf('\t');
      answer.put(line.substring(0, tab), line.substring(tab + 1));
    }
    return answer;
  }

  /** The directory of a file that the process has open and whose path ends so, or null. */
  File holder(String end) {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(Paths.get("/proc", Long.toString(pid()), "fd"))) {
      for (Path file : files) {
        String target = target(file);
        if (target.endsWith(end)) {
          return new File(target).getParentFile();
        }
      }
    } catch (IOException e) {
      // it has ended
    }
    return null;
  }

  private static String target(Path file) {
    try {
      return Files.readSymbolicLink(file).toString();
    } catch (IOException e) {
      return ""; // closed meanwhile
    }
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Ends the process; one that has served should end in good order. */
  void stop(boolean served) throws IOException {
    try {
      if (!Settings.stopByKill()) {
        boolean ran = served && process.isAlive();
        process.destroy();
        if (!process.waitFor(TERM_SECONDS, TimeUnit.SECONDS)) {
          Ledger.flag(Ledger.KILLED);
        } else if (ran && process.exitValue() != ENDED_BY_TERM && !(Settings.control() && process.exitValue() == 0)) {
          System.err.println("gojn.suites: exit status " + process.exitValue() + " after SIGTERM, see " + log);
          Ledger.flag(Ledger.DIED);
        }
      }
      process.destroyForcibly().waitFor();
      ALIVE.remove(process);
      if (panicked()) {
        Ledger.flag(Ledger.DIED);
      }
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  /** Whether the Go runtime has said so in the log. */
  private boolean panicked() throws IOException {
    return logged().anyMatch(line -> line.startsWith("panic: ") || line.startsWith("fatal error: "));
  }

  private static IOException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new IOException("interrupted", e);
  }
}
