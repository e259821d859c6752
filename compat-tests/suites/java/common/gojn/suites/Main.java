package gojn.suites;

import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs tests of Hadoop, JUnit 4's or 5's, and writes a line for each method. Arguments are classes with their package,
 * or Class#method. Exit codes: 0 when all was run, whatever its outcome; 2 for wrong arguments; 3 if there was no
 * test.
 */
public final class Main {
  private static final String[] SHIM = {"JournalNode", "Journal", "JNStorage", "JournalMetrics", "JournalNodeRpcServer"};

  private Main() {}

  public static void main(String[] args) {
    System.exit(run(args));
  }

  private static int run(String[] args) {
    List<DiscoverySelector> selectors = new ArrayList<>();
    for (String arg : args) {
      selectors.add(arg.contains("#") ? DiscoverySelectors.selectMethod(arg) : DiscoverySelectors.selectClass(arg));
    }
    try (Results results = new Results(Settings.required("results"))) {
      Settings.control(); // refuses before a test does
      requireShim();
      Skips skips = Skips.read(Paths.get(Settings.required("skip")));
      AtomicBoolean skipped = new AtomicBoolean();
      LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
          .selectors(selectors)
          .filters((PostDiscoveryFilter) test -> filter(test, skips, results, skipped))
          .build();
      Launcher launcher = LauncherFactory.create();
      Listener listener = new Listener(skips, results);
      launcher.execute(launcher.discover(request), listener);
      return listener.any() || skipped.get() ? 0 : 3;
    } catch (Exception e) {
      e.printStackTrace();
      return 2;
    }
  }

  /** Hadoop's own classes would run in this JVM and ask no process anything: they must not be the ones that are found. */
  private static void requireShim() throws ClassNotFoundException {
    for (String name : SHIM) {
      Class<?> found = Class.forName("org.apache.hadoop.hdfs.qjournal.server." + name);
      if (!Main.class.getProtectionDomain().getCodeSource().equals(found.getProtectionDomain().getCodeSource())) {
        throw new IllegalStateException(found + " comes from " + found.getProtectionDomain().getCodeSource());
      }
    }
  }

  private static FilterResult filter(TestDescriptor test, Skips skips, Results results, AtomicBoolean skipped) {
    String key = Methods.key(test.getSource());
    String reason = key == null ? null : skips.skip(key);
    if (reason == null) {
      return FilterResult.included("");
    }
    skipped.set(true);
    results.add(Methods.className(test.getSource()), Methods.display(test), "skip", 0, null, reason);
    return FilterResult.excluded(reason);
  }
}
