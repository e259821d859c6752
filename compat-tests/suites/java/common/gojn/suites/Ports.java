package gojn.suites;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;

/**
 * Free ports for external processes. They lie between those that tests name themselves (8480, 10000 to 14000) and
 * those that the kernel gives to outgoing connections, so that none is taken before the process binds it.
 */
final class Ports {
  private static final int FIRST = 20000;
  private static final int END = 32000;
  private static int next = FIRST;

  private Ports() {}

  static synchronized int free() throws IOException {
    for (int tried = FIRST; tried < END; tried++) {
      int port = next++;
      if (next == END) {
        next = FIRST;
      }
      try (ServerSocket socket = new ServerSocket()) {
        socket.bind(new InetSocketAddress(port));
        return port;
      } catch (IOException e) {
        // in use: the next one
      }
    }
    throw new IOException("no free port from " + FIRST + " to " + END);
  }
}
