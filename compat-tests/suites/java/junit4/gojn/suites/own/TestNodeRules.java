package gojn.suites.own;

import org.junit.Test;

/** See {@link NodeRules}. */
public class TestNodeRules {
  @Test(timeout = 60000)
  public void testSerialsOutliveConnections() throws Exception {
    NodeRules.serialsOutliveConnections();
  }

  @Test(timeout = 60000)
  public void testStopsLoseNothing() throws Exception {
    NodeRules.stopsLoseNothing();
  }

  @Test(timeout = 60000)
  public void testHalfDoneAcceptIsFinished() throws Exception {
    NodeRules.halfDoneAcceptIsFinished(false);
  }

  @Test(timeout = 60000)
  public void testHalfDoneAcceptIsFinishedByTheNextProcess() throws Exception {
    NodeRules.halfDoneAcceptIsFinished(true);
  }
}
