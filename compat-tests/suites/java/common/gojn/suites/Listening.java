package gojn.suites;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.HashSet;
import java.util.Set;

/** At which address a process listens, as the kernel knows it (proc(5): /proc/PID/net/tcp, tcp6 and /proc/PID/fd). */
final class Listening {
  private static final String LISTEN = "0A";
  private static final int WORD = 8; // hex digits of four bytes, in the machine's order

  private Listening() {}

  /** The address at which the process listens on the port, or null. */
  static InetAddress address(long pid, int port) throws IOException {
    Set<String> sockets = sockets(pid);
    for (String table : new String[] {"tcp", "tcp6"}) {
      for (String line : Files.readAllLines(Paths.get("/proc", Long.toString(pid), "net", table))) {
        String[] field = line.trim().split("\\s+");
        if (field.length < 10 || !field[3].equals(LISTEN) || !sockets.contains(field[9])) {
          continue;
        }
        int colon = field[1].indexOf(':');
        if (Integer.parseInt(field[1].substring(colon + 1), 16) == port) {
          return parse(field[1].substring(0, colon));
        }
      }
    }
    return null;
  }

  private static Set<String> sockets(long pid) throws IOException {
    Set<String> inodes = new HashSet<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(Paths.get("/proc", Long.toString(pid), "fd"))) {
      for (Path file : files) {
        try {
          String target = Files.readSymbolicLink(file).toString();
          if (target.startsWith("socket:[")) {
            inodes.add(target.substring("socket:[".length(), target.length() - 1));
          }
        } catch (NoSuchFileException e) {
          // closed meanwhile
        }
      }
    }
    return inodes;
  }

  private static InetAddress parse(String hex) throws IOException {
    byte[] bytes = new byte[hex.length() / 2];
    for (int word = 0; word < hex.length(); word += WORD) {
      for (int i = 0; i < WORD; i += 2) { // little endian
        int at = word + WORD - 2 - i;
        bytes[(word + i) / 2] = (byte) Integer.parseInt(hex.substring(at, at + 2), 16);
      }
    }
    InetAddress address = InetAddress.getByAddress(bytes); // makes IPv4 of a mapped one
    if (address instanceof Inet6Address && address.isAnyLocalAddress()) {
      return InetAddress.getByAddress(new byte[4]); // a socket of both families
    }
    return address;
  }
}
