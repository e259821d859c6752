package gojn.suites;

import java.util.concurrent.TimeUnit;

import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/** Writes a result when a method has ended, and for a class that failed before or after its methods, or a node of it. */
final class Listener implements TestExecutionListener {
  private final Skips skips;
  private final Results results;
  private TestPlan plan;
  private long began;
  private boolean any;

  Listener(Skips skips, Results results) {
    this.skips = skips;
    this.results = results;
  }

  /** Whether there was a method. */
  boolean any() {
    return any;
  }

  @Override
  public void testPlanExecutionStarted(TestPlan plan) {
    this.plan = plan;
  }

  @Override
  public void executionStarted(TestIdentifier id) {
    if (id.isTest()) {
      System.err.println("gojn.suites: begin " + Methods.display(plan, id));
      Ledger.begin(String.valueOf(Methods.key(id.getSource())));
      began = System.nanoTime();
    }
  }

  @Override
  public void executionFinished(TestIdentifier id, TestExecutionResult result) {
    boolean passed = result.getStatus() == TestExecutionResult.Status.SUCCESSFUL;
    if (!id.isTest()) {
      String outside = Ledger.outside();
      if (passed && !outside.isEmpty()) {
        any = true;
        results.add(Methods.className(id.getSource()), "(" + id.getDisplayName() + ")", "fail", 0, null, outside);
      }
      if (!passed) {
        any = true;
        results.add(Methods.className(id.getSource()), "(" + id.getDisplayName() + ")", outcome(result, null), 0, null,
            detail(result));
      }
      return;
    }
    any = true;
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
    Ledger.Tally tally = Ledger.end();
    String later = skips.later(String.valueOf(Methods.key(id.getSource())));
    System.err.println("gojn.suites: end " + Methods.display(plan, id) + " " + result.getStatus());
    result.getThrowable().ifPresent(Throwable::printStackTrace);
    results.add(Methods.className(id.getSource()), Methods.display(plan, id), outcome(result, later), millis, tally,
        detail(result));
  }

  @Override
  public void executionSkipped(TestIdentifier id, String reason) {
    if (id.isTest()) {
      any = true;
      results.add(Methods.className(id.getSource()), Methods.display(plan, id), "assumed", 0, null, reason);
      return;
    }
    plan.getChildren(id).forEach(child -> executionSkipped(child, reason));
  }

  private static String outcome(TestExecutionResult result, String later) {
    switch (result.getStatus()) {
      case SUCCESSFUL:
        return later == null ? "pass" : "later-passed";
      case ABORTED:
        return "assumed";
      default:
        return later == null ? "fail" : "later";
    }
  }

  private static String detail(TestExecutionResult result) {
    return result.getThrowable().map(Throwable::toString).orElse("");
  }
}
