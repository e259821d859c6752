package gojn.suites.own;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** See {@link NodeRules}. */
@Timeout(60)
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
