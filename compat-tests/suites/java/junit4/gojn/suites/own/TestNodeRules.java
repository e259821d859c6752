package gojn.suites.own;

import org.junit.Test;

/** See {@link NodeRules}. */
public class TestNodeRules {
  @Test
  public void testSerialsOutliveConnections() throws Exception {
    NodeRules.serialsOutliveConnections();
  }

  @Test
  public void testStopsLoseNothing() throws Exception {
    NodeRules.stopsLoseNothing();
  }

  @Test
  public void testHalfDoneAcceptIsFinished() throws Exception {
    NodeRules.halfDoneAcceptIsFinished(false);
  }

  @Test
  public void testHalfDoneAcceptIsFinishedByTheNextProcess() throws Exception {
    NodeRules.halfDoneAcceptIsFinished(true);
  }
}
